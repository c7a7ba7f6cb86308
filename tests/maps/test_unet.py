"""U-Net border weights: a plain restatement as oracle, hand arithmetic, edge cases."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import label

from subband.maps import unet_weight_map


def cells(shape, count, seed, width=1):
    """Membranes between the Voronoi cells of random points."""
    rng = np.random.default_rng(seed)
    points = np.stack([rng.integers(0, n, count) for n in shape], 1)
    where = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1)
    nearest = np.square(where[..., None, :] - points).sum(-1).argmin(-1)
    edge = ndimage.maximum_filter(nearest, 3) != ndimage.minimum_filter(nearest, 3)
    return ndimage.binary_dilation(edge, iterations=width).astype(np.uint8)


def plain_unet_map(mask, weight=10.0, sigma=5.0, spacing=None):
    """Every object's distance map over the whole image, sorted: the definition."""
    labels = label(mask, background=1, connectivity=1)
    distances = [ndimage.distance_transform_edt(labels != i, sampling=spacing) for i in range(1, labels.max() + 1)]
    two = np.sort(np.stack(distances), 0)[:2].sum(0)
    return weight * np.exp(-(two**2) / (2 * sigma**2)) * mask


@pytest.mark.parametrize(("shape", "count"), [((61, 47), 9), ((128, 96), 4), ((17, 23, 19), 6), ((40, 1), 3)])
@pytest.mark.parametrize("sigma", [1.5, 5.0])
def test_equals_the_definition(shape, count, sigma):
    mask = cells(shape, count, seed=3)
    assert label(mask, background=1, connectivity=1).max() >= 2
    found = unet_weight_map(mask, sigma=sigma, dtype=np.float64)
    np.testing.assert_allclose(found, plain_unet_map(mask, sigma=sigma), rtol=0, atol=1e-13)


def test_spacing_scales_the_distances():
    mask = cells((12, 40, 33), 5, seed=0)
    found = unet_weight_map(mask, sigma=20.0, spacing=(30.0, 6.0, 6.0), dtype=np.float64)
    np.testing.assert_allclose(found, plain_unet_map(mask, sigma=20.0, spacing=(30, 6, 6)), rtol=0, atol=1e-13)


def test_by_hand():
    mask = np.array([[0, 1, 1, 0]])
    wanted = 7 * np.exp(-((1 + 2) ** 2) / (2 * 2.0**2))
    np.testing.assert_allclose(unet_weight_map(mask, weight=7, sigma=2), [[0, wanted, wanted, 0]], rtol=1e-6)


def test_objects_that_touch_at_a_corner_are_two():
    mask = np.array([[0, 1], [1, 0]])
    np.testing.assert_allclose(unet_weight_map(mask), np.float32(10 * np.exp(-4 / 50)) * mask, rtol=1e-6)


@pytest.mark.parametrize("mask", [np.ones((9, 7), bool), np.zeros((9, 7), bool), np.eye(9, dtype=bool)[:1]])
def test_fewer_than_two_objects_have_nothing_between(mask):
    assert not unet_weight_map(mask).any()


def test_authors_with_one_and_two_objects_take_the_first():
    mask = np.array([[0, 1, 1, 1, 0]])
    d = np.array([0, 1, 2, 3, 4])
    wanted = 10 * np.exp(-((2 * d) ** 2) / 50) * mask
    np.testing.assert_allclose(unet_weight_map(mask, convention="authors"), wanted, rtol=1e-6)
    np.testing.assert_allclose(unet_weight_map(mask[:, :4], convention="authors"), wanted[:, :4], rtol=1e-6)


def test_authors_with_more_objects_stop_at_row_1024():
    mask = np.zeros((1030, 9), np.uint8)
    mask[:, 2] = mask[:, 5] = 1
    found = unet_weight_map(mask, convention="authors")
    exact = unet_weight_map(mask)
    np.testing.assert_array_equal(found[:1024], exact[:1024])
    np.testing.assert_array_equal(found[1024:], 10.0 * mask[1024:])
    assert exact[1024:].max() < 10


def test_authors_without_objects_is_zero():
    assert not unet_weight_map(np.ones((5, 5)), convention="authors").any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_weights_left_out_are_below_the_resolution(dtype):
    mask = cells((90, 90), 4, seed=1, width=9)
    found = unet_weight_map(mask, sigma=2.0, dtype=dtype)
    assert found.dtype == dtype
    bound = 10 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(found, plain_unet_map(mask, sigma=2.0), rtol=0, atol=bound)


def test_input_is_left_as_it_is_and_its_dtype_does_not_matter():
    mask = cells((31, 29), 5, seed=2)
    before = mask.copy()
    found = [unet_weight_map(mask.astype(kind)) for kind in (bool, np.uint8, np.int64, np.float32)]
    unet_weight_map(mask)
    np.testing.assert_array_equal(mask, before)
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)


@pytest.mark.message
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mask": np.zeros(5)}, r"mask has shape \(5,\), but must be \(H, W\)"),
        ({"mask": np.array([[0, 255]])}, r"holds the values 0, 255 .*pass mask == class or mask > 0"),
        ({"mask": np.zeros((2, 2)), "sigma": 0}, "sigma is 0, but must be greater"),
        ({"mask": np.zeros((2, 2)), "convention": "author"}, "did you mean 'authors'"),
        ({"mask": np.zeros((2, 2)), "spacing": (1, 2, 3)}, "must be 2 lengths greater than 0"),
    ],
)
def test_errors_say_what_to_do(arguments, message):
    with pytest.raises(ValueError, match=message):
        unet_weight_map(**arguments)
