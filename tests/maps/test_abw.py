"""Adaptive boundary weights: the formula object by object as oracle, hand arithmetic, edge cases."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import label

from subband.maps import abw_weight_maps


def plain_abw_maps(mask, spacing=None):
    labels = label(mask, background=1, connectivity=1)
    d = ndimage.distance_transform_edt(mask == 0, sampling=spacing)
    background, border = np.ones(mask.shape), 30.0 * mask
    for i in range(1, labels.max() + 1):
        inside = labels == i
        m = d[inside].max()
        s = m / 2.58
        background[inside] += 10 * np.exp(-((m - d[inside]) ** 2) / (2 * s**2))
        border[inside] += 10 * np.exp(-(d[inside] ** 2) / (2 * s**2))
    return np.stack([background, border])


@pytest.mark.parametrize(("shape", "spacing"), [((53, 40), None), ((11, 17, 14), None), ((31, 30), (3.0, 1.0))])
def test_equals_the_formula(shape, spacing):
    rng = np.random.default_rng(5)
    mask = (ndimage.gaussian_filter(rng.normal(size=shape), 1.5) > 0.05).astype(np.uint8)
    found = abw_weight_maps(mask, spacing=spacing, dtype=np.float64)
    np.testing.assert_allclose(found, plain_abw_maps(mask, spacing), rtol=0, atol=1e-12)


def test_by_hand():
    found = abw_weight_maps(np.array([[1, 0, 0, 0, 1]]), weight=4, border_weight=9, dtype=np.float64)
    near, middle = 4 * np.exp(-(2.58**2) / 8), 4 * np.exp(-(2.58**2) / 2)
    np.testing.assert_allclose(found[0], [[1, 1 + near, 5, 1 + near, 1]], rtol=1e-12)
    np.testing.assert_allclose(found[1], [[9, near, middle, near, 9]], rtol=1e-12)


def test_without_objects_and_without_border():
    only_border = abw_weight_maps(np.ones((4, 5)))
    assert (only_border[0] == 1).all()
    assert (only_border[1] == 30).all()
    only_object = abw_weight_maps(np.zeros((4, 5)), dtype=np.float64)
    np.testing.assert_allclose(only_object[0], 11)
    np.testing.assert_allclose(only_object[1], 10 * np.exp(-(2.58**2) / 2))


def test_float32_and_input_untouched():
    mask = np.eye(6, dtype=np.uint8)
    mask.flags.writeable = False
    assert abw_weight_maps(mask).dtype == np.float32


@pytest.mark.message
def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="border_weight is -1, but must be greater than 0"):
        abw_weight_maps(np.eye(3), border_weight=-1)
