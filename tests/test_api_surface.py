"""The public names, so that removing one is a deliberate act.

After a wanted change: ``SUBBAND_REFRESH_API=1 .venv/bin/python -m pytest tests/test_api_surface.py``.
"""

import importlib
import os
from pathlib import Path

import pytest

RECORD = Path(__file__).with_name("api_surface.txt")
PACKAGES = (
    "subband",
    "subband.transforms",
    "subband.layers",
    "subband.losses.segmentation",
    "subband.losses.recognition",
    "subband.losses.registration",
    "subband.tracing",
    "subband.corrupt",
    "subband.maps",
    "subband.metrics",
    "subband.models",
    "subband.data",
    "subband.data.readers",
    "subband.report",
)


def _surface(package: str) -> list[str]:
    return [f"{package}.{name}" for name in sorted(importlib.import_module(package).__all__)]


@pytest.fixture(scope="module")
def recorded() -> list[str]:
    """The recorded names, written anew if the environment asks for it."""
    if os.environ.get("SUBBAND_REFRESH_API") == "1":
        lines = [line for package in PACKAGES for line in _surface(package)]
        RECORD.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return RECORD.read_text(encoding="utf-8").split()


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_the_recorded_ones(package, recorded):
    assert _surface(package) == [line for line in recorded if line.rpartition(".")[0] == package]


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_exist(package):
    module = importlib.import_module(package)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.message
def test_an_unknown_name_is_told_the_packages():
    import subband

    with pytest.raises(AttributeError, match="no attribute 'lossess'; it has corrupt, data, layers, losses, "):
        _ = subband.lossess
    assert {"data", "losses", "transforms"} <= set(dir(subband))
