"""Cityscapes on small files in the raw layout; torchvision's table is the oracle of the train ids."""

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import Cityscapes as Official

from subband.data import VOID, class_names, given_split, palette
from subband.data.readers import Cityscapes

RNG = np.random.default_rng(6)


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array, np.uint8)).save(path)


def photo(*shape):
    return RNG.integers(0, 256, (*shape, 3))


@pytest.fixture
def cityscapes(tmp_path):
    """Images of two cities to train on, of one to validate; between them their labels hold every id."""
    ids = np.concatenate([np.arange(34), [255, 7]]).reshape(6, 6)
    for part, city, count in (
        ("train", "aachen", 4),
        ("train", "bochum", 2),
        ("val", "munster", 3),
        ("test", "bonn", 1),
    ):
        for number in range(count):
            name = f"{city}_{number:06d}_000019"
            save(tmp_path / "leftImg8bit" / part / city / f"{name}_leftImg8bit.png", photo(6, 6))
            save(tmp_path / "gtFine" / part / city / f"{name}_gtFine_labelIds.png", np.roll(ids, number))
            save(tmp_path / "gtFine" / part / city / f"{name}_gtFine_color.png", photo(6, 6))
    return tmp_path


def test_cityscapes_train_ids_are_the_official_ones(cityscapes):
    data = Cityscapes(cityscapes)
    official = {label.id: label.train_id for label in Official.classes if 0 <= label.train_id < 255}
    folder = cityscapes / "gtFine" / "train" / "aachen"
    for index in range(4):
        stored = np.array(Image.open(folder / f"{data.names[index]}_gtFine_labelIds.png"))
        expected = np.vectorize(lambda label: official.get(label, VOID))(stored)
        assert (data[index].mask == expected).all()
        assert set(np.unique(data[index].mask)) == {*range(19), VOID}
    by_train_id = {label.train_id: label for label in Official.classes if 0 <= label.train_id < 255}
    assert class_names(data) == [by_train_id[number].name for number in range(19)]
    assert palette(data).tolist() == [list(by_train_id[number].color) for number in range(19)]


def test_cityscapes_tests_on_val(cityscapes):
    data = Cityscapes(cityscapes, validation=0.34, seed=3)
    split = given_split(data)
    assert [data.names[index][:7] for index in split.test] == ["munster"] * 3
    assert len(split.validation) == 2
    assert sorted(split.train + split.validation) == list(range(6))
    assert not any("bonn" in name for name in data.names), "the labels of the test are not public"
    assert split == Cityscapes(cityscapes, validation=0.34, seed=3).split


def test_cityscapes_reads_train_ids_as_well(cityscapes):
    folder = cityscapes / "gtFine" / "val" / "munster"
    name = "munster_000001_000019"
    (folder / f"{name}_gtFine_labelIds.png").unlink()
    labels = np.where(np.arange(36) < 19, np.arange(36), 255).reshape(6, 6)
    save(folder / f"{name}_gtFine_labelTrainIds.png", labels)
    data = Cityscapes(cityscapes)
    assert (data[data.names.index(name)].mask == labels).all()


@pytest.mark.message
def test_cityscapes_without_files(cityscapes):
    folder = cityscapes / "gtFine" / "train" / "bochum"
    save(folder / "bochum_000001_000019_gtFine_labelIds.png", np.full((6, 6), 34))
    with pytest.raises(ValueError, match=r"labelIds\.png holds the label 34"):
        Cityscapes(cityscapes)[5]
    (folder / "bochum_000001_000019_gtFine_labelIds.png").unlink()
    sentence = r"no bochum_000001_000019_gtFine_labelIds.png in .*get it from https://www.cityscapes-dataset.com"
    with pytest.raises(ValueError, match=sentence):
        Cityscapes(cityscapes)
    save(folder / "bochum_000001_000019_gtFine_labelIds.png", np.full((6, 6), 7))
    with pytest.raises(ValueError, match=r"no leftImg8bit in .*get it from https://www.cityscapes"):
        Cityscapes(cityscapes / "gtFine")
    for path in (cityscapes / "leftImg8bit" / "val" / "munster").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=r"no CITY/\*_leftImg8bit.png in .*val \(it holds munster/\)"):
        Cityscapes(cityscapes)
