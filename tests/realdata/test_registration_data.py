"""Hippocampi and MR / ultrasound pairs; counts and sizes are read from the READMEs beside them and the files."""

import re

import numpy as np
import pytest

from subband.data.check_volumes import check_volumes, file_facts
from subband.data.common_grid import OnGrid, fit
from subband.data.nifti import list_nifti
from subband.data.readers.nifti_folder import NiftiFolder, NiftiPairs
from subband.data.registration_sample import label_ids

nibabel = pytest.importorskip("nibabel")


@pytest.fixture(scope="module")
def hippocampi(realdata):
    return NiftiFolder(realdata / "Task04_Hippocampus", structures={1: "anterior", 2: "posterior"})


def stored(path):
    return np.asanyarray(nibabel.load(path).dataobj)


def test_hippocampi_are_those_of_the_readme(hippocampi, realdata):
    text = (realdata / "Task04_Hippocampus" / "README.md").read_text(encoding="utf-8")
    count = re.search(r"(\d+) of the \d+ usable pairs", text)
    ranges = re.search(r"Shapes vary, (\d+)\.\.(\d+) x (\d+)\.\.(\d+) x (\d+)\.\.(\d+), spacing (\d+) mm", text)
    assert count, "the README no longer states the count"
    assert ranges, "the README no longer states the shapes"
    assert len(hippocampi) == int(count[1])
    assert len({volume.image.shape for volume in hippocampi}) > 1
    for volume in hippocampi:
        bounds = zip(volume.image.shape, ranges.groups()[:6:2], ranges.groups()[1:6:2], strict=True)
        assert all(int(low) <= size <= int(high) for size, low, high in bounds)
        assert volume.grid.spacing == (float(ranges[7]),) * 3


def test_hippocampi_keep_values_labels_and_place(hippocampi):
    for index in range(0, len(hippocampi), 9):
        volume, file = hippocampi[index], hippocampi.files[index]
        values = stored(file).astype(np.float64)
        np.testing.assert_array_equal(volume.labels, stored(hippocampi.label_files[index]))
        np.testing.assert_allclose(volume.grid.affine, nibabel.load(file).affine)
        low, high = np.percentile(values, (0.5, 99.5))
        np.testing.assert_allclose(volume.image, np.clip((values - low) / (high - low), 0, 1), atol=1e-4)
        facts = file_facts(file)
        assert (facts.shape, facts.orientation) == (volume.image.shape, "RAS")
        assert (facts.low, facts.high) == pytest.approx((values.min(), values.max()))


def test_hippocampi_on_one_grid_lose_no_label(hippocampi):
    common = OnGrid(hippocampi)
    assert all(size % 16 == 0 for size in common.shape)
    sizes = np.array([volume.image.shape for volume in hippocampi]).max(0)
    assert all(size - 16 < most <= size for size, most in zip(common.shape, sizes, strict=True))
    for index in range(0, len(hippocampi), 9):
        own, placed = hippocampi[index], common[index]
        assert np.bincount(placed.labels.ravel())[1:].tolist() == np.bincount(own.labels.ravel())[1:].tolist()
        again = fit(placed, own.image.shape)
        np.testing.assert_array_equal(again.image, own.image)
        np.testing.assert_allclose(again.grid.affine, own.grid.affine, atol=1e-9)


def test_hippocampi_can_be_registered(hippocampi):
    assert check_volumes(hippocampi) == []
    assert {tuple(label_ids(volume.labels)) for volume in hippocampi} == {tuple(hippocampi.structures)}


@pytest.mark.parametrize("part", ["train", "test"])
def test_mr_and_ultrasound_are_pairs(realdata, part):
    root = realdata / "prostate_mr_us" / part
    sides = {"moving": "us_images", "fixed": "mr_images", "moving_labels": "us_labels", "fixed_labels": "mr_labels"}
    volumes = NiftiPairs(root, **sides)
    text = (realdata / "prostate_mr_us" / "README.md").read_text(encoding="utf-8")
    shapes = re.search(r"mr_images (\S+), us_images (\S+) uint8, ([\d.]+) mm", text)
    assert shapes, "the README no longer states the shapes"
    assert len(volumes.pairs) == len(list_nifti(root / "mr_images"))
    for moving, fixed in volumes.pairs:
        for index, shape in ((fixed, shapes[1]), (moving, shapes[2])):
            volume = volumes[index]
            assert volume.image.shape == tuple(map(int, shape.split("x")))
            assert volume.grid.spacing == pytest.approx((float(shapes[3]),) * 3)
            layers = stored(volumes.label_files[index]).reshape(*volume.image.shape, -1)
            assert set(label_ids(volume.labels)) == set(range(1, layers.shape[-1] + 1))
            np.testing.assert_array_equal(volume.labels > 0, layers.any(-1))
            np.testing.assert_array_equal(volume.labels == layers.shape[-1], layers[..., -1] == 1)
        assert volumes[moving].name.removeprefix("moving") == volumes[fixed].name.removeprefix("fixed")
