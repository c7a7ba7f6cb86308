"""The authors' preparation, worked by hand on small files; the recorded outputs are in tests/parity."""

import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from subband.data import prepare, statistics
from subband.data.readers import EmStack, Folder

RNG = np.random.default_rng(5)


@pytest.fixture
def stack(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    tifffile.imwrite(
        folder / "train-volume.tif", RNG.integers(0, 256, (3, 20, 33)).astype(np.uint8), photometric="minisblack"
    )
    labels = RNG.integers(0, 2, (3, 20, 33)).astype(np.uint8) * 255
    tifffile.imwrite(folder / "train-labels.tif", labels, photometric="minisblack")
    return folder


def test_what_is_written_reads_back_the_same(stack, tmp_path):
    seen = []
    made = prepare("isbi2012", stack, tmp_path / "out", progress=lambda done, total: seen.append((done, total)))
    raw, back = EmStack(stack), Folder(tmp_path / "out")
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert back.names == ["000", "001", "002"]
    for left, right in zip(raw, back, strict=True):
        assert (left.image == right.image).all()
        assert (left.mask == right.mask).all()
    assert json.loads((tmp_path / "out" / "dataset.json").read_text()) == made
    assert (made["n"], made["names"], made["sizes"]) == (3, ["000", "001", "002"], [[20, 33]] * 3)
    mean, std = statistics(back)
    np.testing.assert_allclose([made["mean"], made["std"]], [mean, std], rtol=1e-12)


def test_drive_repeats_its_border(tmp_path, lay_drive):
    vessels = {1: RNG.integers(0, 2, (6, 5)).astype(np.uint8)}
    raw = lay_drive(tmp_path / "raw", vessels)
    made = prepare("drive", raw, tmp_path / "out")
    sample = Folder(tmp_path / "out")[0]
    assert sample.image.shape == (3, 32, 32)
    assert (sample.mask[13:19, 13:18] == vessels[1]).all(), "13 of 26 rows and 13 of 27 columns go before"
    assert (sample.mask[:13, 13:18] == vessels[1][0]).all()
    assert (sample.mask[13:19, 18:] == vessels[1][:, -1:]).all()
    assert (sample.image[:, :13, 13:18] == sample.image[:, 13:14, 13:18]).all()
    assert made["sizes"] == [[6, 5]]


def test_glas_is_padded_with_white_that_is_not_gland(tmp_path):
    image, labels = RNG.integers(0, 200, (30, 32, 3)).astype(np.uint8), RNG.integers(0, 3, (30, 32)).astype(np.uint8)
    (tmp_path / "raw").mkdir()
    Image.fromarray(image).save(tmp_path / "raw" / "a.bmp")
    Image.fromarray(labels).save(tmp_path / "raw" / "a_anno.bmp")
    prepare("glas", tmp_path / "raw", tmp_path / "out")
    sample = Folder(tmp_path / "out")[0]
    assert (sample.image[:, [0, 31]] == 1).all()
    assert (sample.mask[[0, 31]] == 1).all()
    assert (sample.mask[1:31] == (labels == 0)).all()


def test_roads_depend_on_the_seed(tmp_path, monkeypatch, lay_roads):
    lay_roads(tmp_path / "raw", 3)
    assert prepare("roads", tmp_path / "raw", tmp_path / "out", seed=3)["seed"] == 3
    assert Folder(tmp_path / "out")[0].mask.shape == (32, 32)
    monkeypatch.setattr(np.random, "default_rng", lambda seed: pytest.fail(f"seed {seed}"))
    with pytest.raises(pytest.fail.Exception, match="seed 8"):
        prepare("roads", tmp_path / "raw", tmp_path / "other", seed=8)


@pytest.mark.message
def test_nothing_is_written_over_unless_asked(stack, tmp_path):
    prepare("isbi2012", stack, tmp_path / "out")
    before = (tmp_path / "out" / "images" / "000.png").stat().st_mtime_ns
    with pytest.raises(
        FileExistsError, match=r"out holds images or masks already; choose another target, or overwrite"
    ):
        prepare("isbi2012", stack, tmp_path / "out")
    assert (tmp_path / "out" / "images" / "000.png").stat().st_mtime_ns == before
    prepare("isbi2012", stack, tmp_path / "out", overwrite=True)
    assert (tmp_path / "out" / "images" / "000.png").stat().st_mtime_ns > before


@pytest.mark.message
def test_bad_sets(stack, tmp_path):
    with pytest.raises(ValueError, match="did you mean 'snemi3d'"):
        prepare("snemi", stack, tmp_path / "out")
    deep = RNG.integers(0, 65536, (3, 20, 33)).astype(np.uint16)
    tifffile.imwrite(stack / "train-volume.tif", deep, photometric="minisblack")
    with pytest.raises(ValueError, match="000 has more than 8 bits, but the published sets have 8"):
        prepare("isbi2012", stack, tmp_path / "out")
    with pytest.raises(ValueError, match=r"there is no train-input.tif"):
        prepare("snemi3d", stack, tmp_path / "out")
