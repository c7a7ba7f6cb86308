"""The files of ``benchmarks/gpu.py``, and what its sections are given."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from subband.data.images import write_png

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    """Imports ``gpu`` or one of its files."""
    monkeypatch.syspath_prepend(FOLDER)
    yield importlib.import_module
    for name in list(sys.modules):
        if name.partition(".")[0] in ("gpu", "_gpu", "_authors", "_head_peers"):
            del sys.modules[name]


@pytest.fixture
def given(script):
    """What a section is told in a trial."""
    clock = script("_gpu.clock")
    return clock.Given("cpu", True, clock.Clock("cpu"))


@pytest.fixture
def prepared(tmp_path):
    """A folder of data with six small images as ``subband prepare drive`` writes them."""
    for number in range(6):
        mask = np.zeros((48, 64), np.uint8)
        mask[10:30, 10 + number : 40] = 255
        write_png(tmp_path / f"data/drive/masks/{number:03d}.png", mask)
        write_png(tmp_path / f"data/drive/images/{number:03d}.png", np.stack([255 - mask] * 3, -1))
    return tmp_path / "data"
