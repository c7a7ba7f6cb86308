"""Synthetic classes: the same for a seed, in any order, of every class in every part."""

from collections import Counter

import numpy as np
import pytest

from subband.data.synthetic_classes import CLASSES, SyntheticClasses, coverage


def test_an_image_depends_on_seed_size_and_number_alone():
    first, again = SyntheticClasses(size=24, count=64), SyntheticClasses(size=24, count=640)
    for index in (40, 3):
        np.testing.assert_array_equal(first[index].pixels, again[index].pixels)
    assert (SyntheticClasses(size=24, count=64, seed=1)[3].pixels != first[3].pixels).any()


def test_every_part_has_every_class_alike():
    shapes = SyntheticClasses(count=128)
    for part, count in ((shapes.split.train, 12), (shapes.split.test, 4)):
        assert set(Counter(shapes.labels[index] for index in part).values()) == {count}
    assert sorted(shapes.split.train + shapes.split.test) == list(range(128))


@pytest.mark.parametrize("label", range(len(CLASSES)))
def test_a_shape_is_seen_and_leaves_ground(label):
    for seed in range(20):
        shade = np.clip(coverage(np.random.default_rng(seed), label, 32), 0, 1)
        assert 0.02 < shade.mean() < 0.5
        assert shade[0].max() == shade[:, 0].max() == 0, "it does not touch the border"


def test_a_disc_has_its_area():
    """Filled shapes of one radius: pi / 4 of the square's area."""
    areas = {
        name: coverage(np.random.default_rng(5), CLASSES.index(name), 256).clip(0, 1).mean()
        for name in ("disc", "square")
    }
    assert areas["disc"] / areas["square"] == pytest.approx(np.pi / 4, rel=0.02)


@pytest.mark.message
def test_too_small_or_too_few():
    with pytest.raises(ValueError, match="size is 8 and count 640, but must be at least 16 and 32"):
        SyntheticClasses(size=8)
