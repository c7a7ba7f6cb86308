"""Splits of a recipe: all images for everything, in each task; what the set itself says."""

import pytest

from subband.config import Data
from subband.data import Split
from subband.data.synthetic_classes import SyntheticClasses
from subband.tasks import classification, segmentation
from subband.tasks.splitting import split_images

ALL = [Split(*[list(range(32))] * 3)]


@pytest.mark.parametrize("split_samples", [classification.split_samples, segmentation.split_samples])
def test_all_images_train_validate_and_test(split_samples):
    assert split_samples(SyntheticClasses(size=16, count=32), Data(split="same")) == ALL


def test_a_given_split_without_validation_lends_some_of_the_training():
    class Six:
        split = Split([0, 1, 2, 3], [], [4, 5])

    assert split_images(Six(), [0] * 6, Data(split="given", validation=0)) == [Six.split]
    (found,) = split_images(Six(), [0, 0, 1, 1, 0, 0], Data(split="given", validation=0.5))
    assert sorted([*found.train, *found.validation]) == [0, 1, 2, 3]
    assert len({index // 2 for index in found.validation}) == 2, "one of each class"
    assert found.test == [4, 5]
