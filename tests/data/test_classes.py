"""Names, colours and splits of sets that have their own, and of sets that have none."""

import colorsys

import numpy as np
import pytest

from subband.data import Reader, Sample, Split, class_names, given_split, palette
from subband.data._colours import readable_palette


class Plain:
    """What `Samples` asks for, and no more."""

    names, classes, channels = ("a",), 3, 1

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return Sample("a", np.zeros((1, 2, 2), np.float32), np.zeros((2, 2), np.uint8))


def test_plain_samples_have_numbers_and_fixed_colours():
    assert class_names(Plain()) == ["0", "1", "2"]
    assert (palette(Plain()) == readable_palette(3)).all()


def test_readers_have_the_same_by_default():
    reader = Reader(["a"], classes=3)
    assert (reader.class_names, reader.split) == (["0", "1", "2"], None)
    assert (reader.palette == readable_palette(3)).all()
    assert palette(reader).dtype == np.uint8


def test_own_names_and_colours():
    colours = [(1, 2, 3), (4, 5, 6)]
    reader = Reader(["a"], class_names=("sky", "road"), palette=colours, split=Split([0], [], [0]))
    assert class_names(reader) == ["sky", "road"]
    assert palette(reader).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert given_split(reader) == Split([0], [], [0])


@pytest.mark.parametrize("classes", [1, 2, 12, 13, 40, 254])
def test_colours_are_fixed_and_differ(classes):
    colours = readable_palette(classes)
    assert colours.shape == (classes, 3)
    assert (colours == readable_palette(255)[:classes]).all()
    assert len(np.unique(colours, axis=0)) == classes


def test_first_colours_are_told_apart():
    """All but the background are bright or saturated, unlike the grey of void, and no two are near."""
    colours = readable_palette(12).astype(float)
    away = np.abs(colours[:, None] - colours[None]).sum(-1) + 1000 * np.eye(len(colours))
    assert away.min() > 75
    assert min(colorsys.rgb_to_hsv(*(colour / 255))[1] for colour in colours[1:]) > 0.4


@pytest.mark.message
def test_names_and_colours_must_fit():
    with pytest.raises(ValueError, match="class_names has 3 entries for 2 classes"):
        Reader(["a"], class_names=["x", "y", "z"])
    with pytest.raises(ValueError, match="palette has 1 entries for 2 classes"):
        Reader(["a"], palette=[(0, 0, 0)])
    few = Plain()
    few.class_names, few.palette = ["x"], np.zeros((3, 4))
    with pytest.raises(ValueError, match="3 classes, but names 1: x"):
        class_names(few)
    with pytest.raises(ValueError, match=r"palette is \(3, 4\), but must be \(3, 3\)"):
        palette(few)


@pytest.mark.message
def test_given_split_needs_one():
    with pytest.raises(ValueError, match=r"Plain has no official split; take folds or holdout .*camvid, voc"):
        given_split(Plain())
    with pytest.raises(ValueError, match="Reader has no official split"):
        given_split(Reader(["a"]))
    with pytest.raises(ValueError, match="split of Reader has no image to train"):
        given_split(Reader(["a"], split=Split([], [], [0])))
    with pytest.raises(ValueError, match="split of Reader has no image to test"):
        given_split(Reader(["a"], split=Split([0], [], [])))
