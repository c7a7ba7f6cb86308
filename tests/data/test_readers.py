"""Readers of the published sets, on small files in the raw layout; scikit-image is the oracle for membranes."""

import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage.segmentation import find_boundaries

from subband.data.readers import Drive, EmStack, Glas, Roads, Snemi3d
from subband.data.readers.roads import road_pixels
from subband.data.readers.snemi3d import membrane

RNG = np.random.default_rng(11)


def grey(*shape):
    return RNG.integers(0, 256, shape).astype(np.uint8)


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (20, 31), (5, 6, 7)])
@pytest.mark.parametrize("ids", [2, 5, 70000])
def test_membrane_is_find_boundaries_and_zero(shape, ids):
    labels = np.kron(RNG.integers(0, ids, shape), np.ones((2,) * len(shape), np.int64))
    oracle = find_boundaries(labels, connectivity=1, background=0, mode="thick") | (labels == 0)
    found = membrane(labels)
    assert found.dtype == np.uint8
    assert (found == oracle).all()


def test_snemi3d(tmp_path):
    images, labels = grey(3, 10, 12), np.kron(RNG.integers(0, 500, (3, 2, 3)), np.ones((1, 5, 4))).astype(np.uint16)
    tifffile.imwrite(tmp_path / "train-input.tif", images, photometric="minisblack", compression="zlib")
    tifffile.imwrite(tmp_path / "train-labels.tif", labels, photometric="minisblack", compression="zlib")
    data = Snemi3d(tmp_path)
    assert (data.names, data.classes, data.channels) == (["000", "001", "002"], 2, 1)
    assert (data[1].image[0] == images[1] / np.float32(255)).all()
    assert (data[1].mask == membrane(labels[1])).all()


def test_em_stack_marks_membranes_with_zero(tmp_path):
    images, labels = grey(2, 6, 7), (grey(2, 6, 7) > 100).astype(np.uint8) * 255
    tifffile.imwrite(tmp_path / "train-volume.tif", images, photometric="minisblack")
    tifffile.imwrite(tmp_path / "train-labels.tif", labels, photometric="minisblack")
    assert all((sample.mask == (labels[i] == 0)).all() for i, sample in enumerate(EmStack(tmp_path)))


@pytest.mark.message
@pytest.mark.parametrize("reader", [Snemi3d, EmStack])
def test_missing_stack_names_file_and_page(tmp_path, reader):
    with pytest.raises(ValueError, match=rf"no {reader.images} in .* \(it is empty\); get it from {reader.page}"):
        reader(tmp_path)
    tifffile.imwrite(tmp_path / reader.images, grey(2, 6, 7), photometric="minisblack")
    with pytest.raises(ValueError, match=rf"no train-labels.tif in .* \(it holds {reader.images}\)"):
        reader(tmp_path)
    with pytest.raises(ValueError, match=r"\(there is no such folder\)"):
        reader(tmp_path / "none")


@pytest.mark.message
def test_stacks_of_different_length(tmp_path):
    tifffile.imwrite(tmp_path / "train-input.tif", grey(3, 6, 7), photometric="minisblack")
    tifffile.imwrite(tmp_path / "train-labels.tif", grey(2, 6, 7), photometric="minisblack")
    with pytest.raises(ValueError, match=r"train-input.tif has 3 pages, but train-labels.tif has 2"):
        Snemi3d(tmp_path)


@pytest.mark.parametrize("inside", [True, False])
def test_glas(tmp_path, inside):
    folder = tmp_path / "Warwick_QU_Dataset"
    images = {name: grey(6, 8, 3) for name in ("train_2", "testA_1")}
    labels = {name: grey(6, 8) % 4 for name in images}
    for name, image in images.items():
        save(folder / f"{name}.bmp", image)
        save(folder / f"{name}_anno.bmp", labels[name])
    (folder / "Grade.csv").touch()
    data = Glas(folder if inside else tmp_path)
    assert data.names == ["testA_1", "train_2"]
    assert data.channels == 3
    for sample in data:
        assert (sample.mask == (labels[sample.name] == 0)).all()
        assert (sample.image == images[sample.name].transpose(2, 0, 1) / np.float32(255)).all()


@pytest.mark.message
def test_glas_without_files(tmp_path):
    with pytest.raises(ValueError, match=r"no .bmp image in .* \(it is empty\); get Warwick-QU from https://warwick"):
        Glas(tmp_path)
    save(tmp_path / "train_1.bmp", grey(4, 4, 3))
    with pytest.raises(ValueError, match=r"no train_1_anno.bmp in .* \(it holds train_1.bmp\); get it from https"):
        Glas(tmp_path)


def test_drive(tmp_path, lay_drive):
    vessels = {number: grey(6, 5) % 2 for number in (21, 2, 1)}
    data = Drive(lay_drive(tmp_path, vessels))
    assert data.names == ["01", "02", "21"]
    assert all((sample.mask == vessels[int(sample.name)]).all() for sample in data)
    assert data[0].image.shape == (3, 6, 5)


def test_drive_without_test_labels_has_the_other_half(tmp_path, lay_drive):
    vessels = {number: grey(6, 5) % 2 for number in (21, 22)}
    lay_drive(tmp_path, vessels)
    save(tmp_path / "test" / "images" / "01_test.tif", grey(6, 5, 3))
    assert Drive(tmp_path).names == ["21", "22"]


def test_drive_mask_in_colour(tmp_path):
    save(tmp_path / "training" / "images" / "21_training.tif", grey(6, 5, 3))
    vessels = grey(6, 5) % 2
    save(
        tmp_path / "training" / "1st_manual" / "21_manual1.png", np.stack([vessels * 255, vessels * 9, vessels * 0], -1)
    )
    assert (Drive(tmp_path)[0].mask == vessels).all()


@pytest.mark.message
def test_drive_without_files(tmp_path, lay_drive):
    with pytest.raises(
        ValueError, match=r"no training/1st_manual or test/1st_manual in .*get DRIVE from https://drive"
    ):
        Drive(tmp_path)
    lay_drive(tmp_path, {21: grey(6, 5) % 2})
    save(tmp_path / "training" / "images" / "22_training.tif", grey(6, 5, 3))
    with pytest.raises(
        ValueError, match=r"22_training.tif has no mask 22_\* in .*1st_manual \(it holds 21_manual1.gif\)"
    ):
        Drive(tmp_path)


def test_roads_are_drawn_among_the_highest_rank(tmp_path, lay_roads):
    lay_roads(tmp_path, 20)
    found = {seed: Roads(tmp_path, seed=seed, top=10, count=6).names for seed in range(8)}
    assert all(len(set(names)) == 6 and names == sorted(names) for names in found.values())
    assert {name for names in found.values() for name in names} == {f"n{number:02d}" for number in range(10, 20)}
    assert Roads(tmp_path / "tiff", seed=3, top=10, count=6).names == found[3]


def test_roads_under_pure_white_do_not_count(tmp_path, lay_roads):
    lay_roads(tmp_path, 3)
    white = np.full((8, 9, 3), 255, np.uint8)
    white[0, 0] = (255, 255, 254)
    save(tmp_path / "tiff" / "train" / "n02.tiff", white)
    assert Roads(tmp_path, top=1).names == ["n01"]
    files = [tmp_path / "tiff" / kind for kind in ("train/n02.tiff", "train_labels/n02.tif")]
    assert road_pixels(*files) == 1


def test_roads_by_default(tmp_path, lay_roads):
    data = Roads(lay_roads(tmp_path, 3))
    assert (len(data), data.channels, data.classes) == (3, 3, 2)
    assert [int(sample.mask.sum()) for sample in data] == [1, 2, 3]


@pytest.mark.message
def test_roads_without_files(tmp_path):
    with pytest.raises(ValueError, match=r"no train_labels in .*get it from https://www.cs.toronto.edu/~vmnih/data/"):
        Roads(tmp_path)
    (tmp_path / "tiff" / "train_labels").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"no .tif mask in .*train_labels"):
        Roads(tmp_path)
    save(tmp_path / "tiff" / "train_labels" / "a.tif", grey(4, 4) % 2)
    with pytest.raises(ValueError, match=r"no a.tiff in .*train "):
        Roads(tmp_path)
