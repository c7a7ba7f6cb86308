"""Readers and preparation on real data; expected figures are read from the README beside the data."""

import re

import numpy as np
import pytest
import tifffile

from subband.data import Augment, CropStream, check_samples, folds, prepare, statistics
from subband.data.images import list_images
from subband.data.readers import EmStack, Folder, Snemi3d
from subband.maps import unet_weight_map


@pytest.fixture(scope="module")
def figures(realdata):
    """Figures that the README promises for the authors' preparation."""
    text = (realdata / "README.md").read_text(encoding="utf-8")
    pattern = r"n (\d+), mean ([\d.]+), std ([\d.]+), padded size (\d+) x (\d+), fraction of mask > 0 ([\d.]+)"
    found = re.search(pattern, text)
    assert found, "the README no longer states the figures"
    n, mean, std, height, width, fraction = found.groups()
    return {"n": int(n), "mean": float(mean), "std": float(std), "size": [int(height), int(width)], "part": fraction}


@pytest.fixture(scope="module")
def membranes(realdata):
    return Snemi3d(realdata / "em_vnc_snemi_layout")


def test_snemi_layout_has_the_promised_figures(membranes, figures):
    mean, std = statistics(membranes)
    assert len(membranes) == figures["n"]
    np.testing.assert_allclose((mean[0], std[0]), (figures["mean"], figures["std"]), rtol=1e-14)
    part = np.mean([sample.mask.mean() for sample in membranes])
    assert f"{part:.{len(figures['part']) - 2}f}" == figures["part"]
    assert check_samples(membranes) == []


@pytest.mark.slow
def test_preparation_has_the_promised_figures(realdata, figures, tmp_path, membranes):
    made = prepare("snemi3d", realdata / "em_vnc_snemi_layout", tmp_path)
    assert (made["n"], made["mean"], made["std"]) == (figures["n"], [figures["mean"]], [figures["std"]])
    assert made["sizes"] == [figures["size"]] * figures["n"]
    back = Folder(tmp_path)
    assert back.classes == 2
    for index in (0, len(back) - 1):
        assert (back[index].image == membranes[index].image).all()
        assert (back[index].mask == membranes[index].mask).all()


def test_isbi_membranes_are_the_dark_pixels(realdata):
    data = EmStack(realdata / "isbi2012_em")
    stored = tifffile.imread(realdata / "isbi2012_em" / "train-labels.tif")
    assert len(data) == len(stored)
    for index in range(0, len(data), 10):
        sample = data[index]
        assert (sample.mask == (stored[index] == 0)).all()
        assert sample.image[0][sample.mask == 1].mean() < sample.image[0][sample.mask == 0].mean() - 0.1
    assert check_samples(data) == []


def test_street_scenes_have_twelve_classes(realdata):
    folder = realdata / "CamVid"
    data = Folder(images=folder / "train", masks=folder / "trainannot")
    assert len(data) == len(list_images(folder / "train"))
    assert (data.classes, data.channels) == (12, 3)
    split = folds(len(data))[0]
    stream = CropStream(data, indices=split.train, length=4, augment=Augment.named("full", crop=(96, 96)))
    assert stream[3]["class_weight"].shape == (12,)
    assert stream[3]["image"].shape == (3, 96, 96)


def test_whole_image_maps_are_cropped_with_the_image(realdata, membranes, tmp_path):
    options = {"indices": [4], "length": 2, "map_kind": "unet", "map_folder": tmp_path}
    crop = CropStream(membranes, augment=Augment((128, 160)), **options)[1]
    full = unet_weight_map(membranes[4].mask)
    image = membranes[4].image[0]
    found = crop["image"].numpy()[0]
    corners = np.argwhere(image == found[0, 0])
    places = [(y, x) for y, x in corners if (image[y : y + 128, x : x + 160].shape == (128, 160))]
    matching = [(y, x) for y, x in places if (image[y : y + 128, x : x + 160] == found).all()]
    assert len(matching) == 1
    y, x = matching[0]
    assert (crop["weight_map"].numpy()[0] == full[y : y + 128, x : x + 160]).all()
