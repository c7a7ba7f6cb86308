"""Class folders: numbering as torchvision's, splits, and what is wrong said plainly."""

import numpy as np
import pytest
from PIL import Image

from subband.data import Split
from subband.data.readers.class_folder import ClassFolder


def save(path, value=0, *, mode="RGB", size=(6, 5)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path)


@pytest.fixture
def folders(tmp_path):
    for part, count in (("train", 3), ("test", 2)):
        for label, name in enumerate(("cat", "ant")):
            for number in range(count):
                save(tmp_path / part / name / f"{number}.png", (40 * label, number, 7))
    return tmp_path


def test_numbers_classes_as_torchvision(folders):
    datasets = pytest.importorskip("torchvision").datasets
    reader = ClassFolder(folders)
    for part, indices in (("train", reader.split.train), ("test", reader.split.test)):
        theirs = datasets.ImageFolder(str(folders / part))
        assert theirs.classes == reader.class_names == ["ant", "cat"]
        assert [label for _, label in theirs.samples] == [reader.labels[i] for i in indices]
        for place, index in enumerate(indices):
            np.testing.assert_array_equal(np.moveaxis(reader[index].pixels, 0, -1), np.asarray(theirs[place][0]))


def test_the_only_other_part_tests(folders):
    reader = ClassFolder(folders)
    assert reader.split == Split(list(range(6)), [], list(range(6, 10)))
    assert reader.names[0] == "train/ant/0.png"
    assert (reader.classes, reader.channels, len(reader)) == (2, 3, 10)


def test_val_validates_beside_test(folders):
    save(folders / "val" / "cat" / "v.png")
    reader = ClassFolder(folders)
    assert reader.split == Split(list(range(6)), [6], [7, 8, 9, 10])
    assert reader.names[6] == "val/cat/v.png"


def test_without_parts_there_is_no_split(tmp_path):
    for name in ("a", "b"):
        save(tmp_path / name / "x.png")
    assert ClassFolder(tmp_path).split is None


def test_files_are_not_opened_before_they_are_asked_for(folders):
    (folders / "train" / "cat" / "1.png").write_bytes(b"no image")
    reader = ClassFolder(folders)
    broken = reader.names.index("train/cat/1.png")
    with pytest.raises(ValueError, match=r"1\.png cannot be read as an image"):
        reader[broken]


def test_grey_stays_grey_and_the_rest_follows_the_first(tmp_path):
    save(tmp_path / "a" / "0.png", 9, mode="L")
    save(tmp_path / "b" / "0.png", (255, 255, 255))
    reader = ClassFolder(tmp_path)
    assert reader.channels == 1
    assert reader[0].pixels.shape == reader[1].pixels.shape == (1, 5, 6)
    assert reader[0].image.max() == np.float32(9 / 255)
    assert ClassFolder(tmp_path, channels=3)[0].pixels.shape == (3, 5, 6)


def test_known_classes_may_be_missing(tmp_path):
    save(tmp_path / "cat" / "0.png")
    reader = ClassFolder(tmp_path, class_names=["ant", "bee", "cat"])
    assert (reader.labels, reader.classes) == ([2], 3)


def test_an_image_that_was_read_may_be_changed(folders):
    reader = ClassFolder(folders)
    reader[0].pixels[:] = 1
    assert reader[0].pixels.max() == 40


@pytest.mark.message
def test_says_what_is_missing(folders, tmp_path_factory):
    empty = tmp_path_factory.mktemp("none")
    with pytest.raises(ValueError, match="holds no class folders"):
        ClassFolder(empty)
    (empty / "a").mkdir()
    with pytest.raises(ValueError, match=r"a holds no image \(it is empty\); expected \.tif"):
        ClassFolder(empty)
    save(empty / "a" / "x.png")
    with pytest.raises(ValueError, match=r"has the class 'a' only .* expected 2 or more"):
        ClassFolder(empty)
    with pytest.raises(ValueError, match=r"has a class 'a', but the run's classes has not"):
        ClassFolder(empty, class_names=["b", "c"])
    save(folders / "test" / "cats" / "x.png")
    with pytest.raises(ValueError, match=r"has a class 'cats', but train/ has not; did you mean 'cat'"):
        ClassFolder(folders)
    save(empty / "train" / "a" / "x.png")
    with pytest.raises(ValueError, match=r"expected train/ and val/ or test/ of class folders"):
        ClassFolder(empty)
    (folders / "train" / "ant" / "0.png").write_bytes(b"")
    (folders / "test" / "cats" / "x.png").unlink()
    (folders / "test" / "cats").rmdir()
    with pytest.raises(ValueError, match="cannot be read as an image"):
        ClassFolder(folders)
