"""Where data and recorded outputs lie, and one thread for each test process."""

import os
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
torch.set_num_threads(1)


def _folder(variable: str, name: str, *parts: str) -> Path:
    base = Path(os.environ.get(variable) or ROOT.parent / "shared" / name)
    folder = base.joinpath(*parts)
    if not folder.exists():
        pytest.skip(f"{'/'.join((name, *parts))} is not there: set {variable} or lay shared/{name} beside the project")
    return folder


@pytest.fixture(scope="session")
def parity() -> Path:
    """Folder of the authors' recorded outputs."""
    return _folder("SUBBAND_PARITY", "parity")


@pytest.fixture(scope="session")
def realdata() -> Path:
    """Folder of real data."""
    return _folder("SUBBAND_DATA", "data")


@pytest.fixture
def generator() -> torch.Generator:
    """A seeded generator."""
    return torch.Generator().manual_seed(20261)
