"""Data preparation against what the authors' script wrote."""

import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from subband.data import prepare
from subband.data._pages import Pages

DATAPREP_SETS = {"snemi": "snemi3d", "drive": "drive", "glas": "glas", "mass": "roads"}


@pytest.fixture(scope="module")
def dataprep(parity):
    with np.load(parity / "segmentation" / "dataprep.npz", allow_pickle=False) as stored:
        return dict(stored)


def dataprep_lay_raw(key, stored, folder):
    """Write the raw arrays as the download has them."""
    images = stored[f"{key}_raw_image"]
    masks = stored["snemi_raw_label" if key == "snemi" else f"{key}_raw_mask"]
    masks = masks.reshape(len(images), *masks.shape[-2:])
    if key == "snemi":
        tifffile.imwrite(folder / "train-input.tif", images, photometric="minisblack")
        tifffile.imwrite(folder / "train-labels.tif", masks, photometric="minisblack")
        return
    names = {
        "drive": ("training/images/{:02d}_training.tif", "training/1st_manual/{:02d}_manual1.gif"),
        "glas": ("Warwick_QU_Dataset/train_{:02d}.bmp", "Warwick_QU_Dataset/train_{:02d}_anno.bmp"),
        "mass": ("tiff/train/n{:02d}.tiff", "tiff/train_labels/n{:02d}.tif"),
    }[key]
    for number, pair in enumerate(zip(images, masks, strict=True), 1):
        for name, array in zip(names, pair, strict=True):
            path = folder / name.format(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(path)


@pytest.mark.parametrize("key", DATAPREP_SETS)
def test_dataprep(dataprep, tmp_path, key):
    raw = tmp_path / "raw"
    raw.mkdir()
    dataprep_lay_raw(key, dataprep, raw)
    made = prepare(DATAPREP_SETS[key], raw, tmp_path / "out")
    images, masks = dataprep[f"{key}_image"], dataprep[f"{key}_mask"]
    assert made["n"] == len(images)
    for kind, expected in (("images", images), ("masks", masks)):
        written = sorted((tmp_path / "out" / kind).iterdir())
        assert [path.name for path in written] == [f"{i:03d}.png" for i in range(len(expected))]
        for path, array in zip(written, expected, strict=True):
            np.testing.assert_array_equal(Pages(path)[0], array)
    np.testing.assert_array_equal(made["mean"], dataprep[f"{key}_mean"])
    np.testing.assert_array_equal(made["std"], dataprep[f"{key}_std"])
    assert json.loads((tmp_path / "out" / "dataset.json").read_text())["mean"] == dataprep[f"{key}_mean"].tolist()
