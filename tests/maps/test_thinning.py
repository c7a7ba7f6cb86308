"""Skeletons: scikit-image's thinning as oracle, objects one at a time, sizes around a word of 64 rows."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.morphology import skeletonize

from subband.maps import thinning
from subband.maps.thinning import dilated, object_skeletons, skeleton


def lee(mask):
    return skeletonize(mask, method="lee") > 0


def blobs(shape, sigma, share, seed=0):
    """A mask with about ``share`` of its pixels in it, in pieces as large as ``sigma``."""
    noise = np.random.default_rng(seed).normal(size=shape)
    smooth = ndimage.gaussian_filter(noise, sigma)
    return smooth > np.quantile(smooth, 1 - share)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 2), (63, 17), (64, 31), (65, 30), (128, 9), (150, 71)])
@pytest.mark.parametrize("sigma", [0, 0.7, 3])
def test_is_scikit_image(shape, sigma):
    for seed, share in enumerate((0.1, 0.4, 0.6, 0.9)):
        mask = blobs(shape, sigma, share, seed)
        np.testing.assert_array_equal(skeleton(mask), lee(mask))


def every_image(height, width):
    """All images of a size, side by side with an empty line between them."""
    pixels = height * width
    bits = (np.arange(1 << pixels)[:, None] >> np.arange(pixels)) & 1
    images = np.pad(bits.reshape(-1, height, width).astype(bool), ((0, 0), (0, 1), (0, 1)))
    rows = 1 << pixels // 2
    return images.reshape(rows, -1, height + 1, width + 1).swapaxes(1, 2).reshape(rows * (height + 1), -1)


def test_every_image_of_four_by_four():
    mask = every_image(4, 4)
    np.testing.assert_array_equal(skeleton(mask), lee(mask))


@pytest.mark.parametrize("shape", [(9, 10), (70, 5), (5, 6, 7)])
@pytest.mark.parametrize("value", [False, True])
def test_empty_and_full(shape, value):
    mask = np.full(shape, value)
    found = skeleton(mask)
    assert found.any() == value
    assert found.dtype == bool
    if value:
        np.testing.assert_array_equal(found, lee(mask))


def test_volume_is_scikit_image():
    mask = blobs((12, 13, 14), 1.5, 0.5)
    np.testing.assert_array_equal(skeleton(mask), lee(mask))


def test_any_memory_layout_and_input_untouched():
    mask = blobs((80, 90), 2, 0.6)
    kept = mask.copy()
    mask.flags.writeable = False
    np.testing.assert_array_equal(skeleton(mask.T), lee(kept.T))
    np.testing.assert_array_equal(skeleton(mask[::2, ::-1]), lee(kept[::2, ::-1]))
    np.testing.assert_array_equal(mask, kept)


@pytest.mark.parametrize("shape", [(60, 75), (1, 30), (9, 10, 11)])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_each_object_as_if_alone(shape, share):
    labels, count = ndimage.label(blobs(shape, 0, share))
    wanted = np.zeros(shape, bool)
    for index in range(1, count + 1):
        wanted |= lee(labels == index)
    np.testing.assert_array_equal(object_skeletons(labels, count), wanted)


def test_four_objects_at_one_corner_have_two_colours():
    labels = np.kron([[1, 2], [3, 4]], np.ones((5, 5), int))
    labels[5], labels[:, 5] = 0, 0  # 4 touches no other, the others do not touch at a corner
    labels[4, 4] = 0
    colours = thinning._colours(np.array([[1, 0], [0, 2]]), 2)
    assert colours.tolist() in ([0, 1, 2], [0, 2, 1])
    assert thinning._colours(labels, 4).tolist() == [0, 1, 1, 1, 1]


def test_no_objects():
    assert not object_skeletons(np.zeros((4, 5), int), 0).any()


@pytest.mark.parametrize("shape", [(7,), (6, 1), (20, 21), (6, 7, 8)])
def test_dilated_is_scipy(shape):
    mask = blobs(shape, 0, 0.2)
    np.testing.assert_array_equal(dilated(mask), ndimage.binary_dilation(mask, np.ones((3,) * mask.ndim)))
