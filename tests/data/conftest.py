"""Small files in the raw layouts of the published sets."""

import numpy as np
import pytest
from PIL import Image


def _save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


@pytest.fixture
def lay_drive():
    """Write images of DRIVE with the given vessels, ``{number: mask of 0 and 1}``."""

    def lay(folder, vessels):
        rng = np.random.default_rng(0)
        for number, mask in vessels.items():
            half = "training" if number > 20 else "test"
            image = rng.integers(0, 256, (*mask.shape, 3)).astype(np.uint8)
            _save(folder / half / "images" / f"{number:02d}_{half}.tif", image)
            _save(folder / half / "1st_manual" / f"{number:02d}_manual1.gif", mask * 255)
        return folder

    return lay


@pytest.fixture
def lay_roads():
    """Write images with 1, 2, ... road pixels each, none of them pure white."""

    def lay(folder, count, shape=(8, 9)):
        rng = np.random.default_rng(0)
        for number in range(count):
            mask = np.zeros(shape, np.uint8)
            mask.ravel()[: number + 1] = 255
            _save(folder / "tiff" / "train" / f"n{number:02d}.tiff", rng.integers(0, 255, (*shape, 3)).astype(np.uint8))
            _save(folder / "tiff" / "train_labels" / f"n{number:02d}.tif", mask)
        return folder

    return lay
