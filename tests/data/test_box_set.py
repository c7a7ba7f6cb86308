"""Parts of a set as one: names, images, the split that the names say."""

import numpy as np
import pytest

from subband.data.box_set import BoxSet
from subband.data.splits import Split
from subband.data.synthetic_shapes import Shapes


def shapes(count, seed=0):
    return Shapes(count=count, size=(32, 40), seed=seed)


def test_images_of_parts_follow_one_another():
    parts = {"train2017": shapes(2), "val2017": shapes(3, seed=1)}
    both = BoxSet(parts)
    assert (len(both), both.classes, both.channels) == (5, 3, 3)
    assert both.names[:3] == ["train2017/shapes-0000", "train2017/shapes-0001", "val2017/shapes-0000"]
    for index, (part, place) in enumerate([("train2017", 0), ("train2017", 1), ("val2017", 0), ("val2017", 1)]):
        mine, theirs = both[index], parts[part][place]
        assert mine.name == both.names[index]
        for key in ("image", "boxes", "labels", "crowd", "area"):
            assert np.array_equal(getattr(mine, key), getattr(theirs, key)), key
    assert np.array_equal(both[-1].image, parts["val2017"][2].image)
    with pytest.raises(IndexError):
        both[5]


@pytest.mark.parametrize(
    ("names", "split"),
    [
        (["train", "val"], Split([0, 1], [], [2, 3])),
        (["train", "valid", "test"], Split([0, 1], [2, 3], [4, 5])),
        (["test", "train2014", "Train2017"], Split([2, 3, 4, 5], [], [0, 1])),
        (["train"], None),
        (["all"], None),
    ],
)
def test_names_say_the_split(names, split):
    assert BoxSet({name: shapes(2) for name in names}).split == split


def test_a_single_part_keeps_its_names():
    assert BoxSet({"train": shapes(2)}).names == shapes(2).names


@pytest.mark.message
def test_says_what_is_wrong():
    other, twice = shapes(2), shapes(2)
    other.class_names = ["dog", "cat", "cow", "hen", "pig"]
    twice.names = ["x", "x"]
    with pytest.raises(ValueError, match=r"'val' has other classes \(dog, cat, cow, hen and 1 more\) than 'train'"):
        BoxSet({"train": shapes(2), "val": other})
    with pytest.raises(ValueError, match="two images are called 'x'; give every image a name of its own"):
        BoxSet({"all": twice})
    with pytest.raises(ValueError, match=r"the part 'more' \(train, more\) is none of train, val and test; rename it"):
        BoxSet({"train": shapes(2), "more": shapes(2)})
    with pytest.raises(ValueError, match=r"no part of the set trains \(val, test\); call one train"):
        BoxSet({"val": shapes(2), "test": shapes(2)})
    with pytest.raises(ValueError, match="there is no part of a set; give at least one"):
        BoxSet({})
