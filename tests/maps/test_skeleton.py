"""Skeleton-aware maps: the definition on whole images as oracle, hand arithmetic, edge cases."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import label
from skimage.morphology import skeletonize

from subband.maps import skea_topo_maps


def plain_skea_maps(mask):
    """Every object on the whole image, with loops over nothing but objects."""
    labels = label(mask, background=1, connectivity=1)
    depth = ndimage.distance_transform_edt(mask == 0)
    weight, skeletons, distances = np.zeros(mask.shape), np.zeros(mask.shape, bool), []
    for i in range(1, labels.max() + 1):
        inside = labels == i
        skeleton = skeletonize(inside, method="lee") > 0
        skeletons |= skeleton
        d0, nearest = ndimage.distance_transform_edt(~skeleton, return_indices=True)
        r = depth[tuple(nearest)]
        weight[inside] = (1 - np.minimum(d0, r) / np.maximum(r, 1e-9))[inside]
        distances.append(ndimage.distance_transform_edt(~inside))
    two = np.sort(np.stack(distances), 0)[:2].sum(0)
    largest = ndimage.distance_transform_edt(mask).max()
    border = np.maximum(0, 1 + (2 * largest - two) / (2 * largest)) * mask
    dilated = ndimage.binary_dilation(skeletons, np.ones((3,) * mask.ndim))
    return np.stack([weight, border, dilated, skeletonize(mask > 0, method="lee") > 0])


@pytest.mark.parametrize(
    ("shape", "sigma", "level"), [((59, 43), 2.0, 0.02), ((80, 61), 4.0, -0.01), ((13, 21, 17), 1.5, 0)]
)
def test_equals_the_definition(shape, sigma, level):
    mask = (ndimage.gaussian_filter(np.random.default_rng(8).normal(size=shape), sigma) > level).astype(np.uint8)
    assert label(mask, background=1, connectivity=1).max() >= 2
    found = skea_topo_maps(mask, dtype=np.float64)
    np.testing.assert_allclose(found, plain_skea_maps(mask), rtol=0, atol=1e-12)


def test_by_hand():
    # Rows of 5: the skeleton of the 3-row object is its middle row, 2 pixels from the border above.
    mask = np.zeros((9, 7), np.uint8)
    mask[0] = mask[4] = mask[8] = 1
    weight, border, dilated, fore = skea_topo_maps(mask, dtype=np.float64)
    assert weight[2, 3] == 1
    assert weight[1, 3] == weight[3, 3] == 0.5
    # D = 1. Row 4 lies one pixel from both objects: 1 + (2 - 2) / 2. Row 0: 1 + (2 - 1 - 5) / 2 < 0.
    np.testing.assert_allclose(border[4], 1)
    assert not border[0].any()
    assert dilated[1:4, 3].all()
    np.testing.assert_array_equal(fore, skeletonize(mask, method="lee") > 0)


def test_diagonal_neighbours_keep_their_own_skeletons():
    mask = np.ones((8, 8), np.uint8)
    mask[:4, :4] = mask[4:, 4:] = 0
    np.testing.assert_allclose(skea_topo_maps(mask, dtype=np.float64), plain_skea_maps(mask), rtol=0, atol=1e-12)


def test_one_object_counts_as_its_own_second():
    mask = np.ones((5, 9), np.uint8)
    mask[2, 2] = 0
    d = ndimage.distance_transform_edt(mask)
    wanted = np.maximum(0, 2 - d / d.max()) * mask
    np.testing.assert_allclose(skea_topo_maps(mask, dtype=np.float64)[1], wanted, atol=1e-12)


def test_no_object_and_no_border():
    no_object = skea_topo_maps(np.ones((7, 9)))
    assert not no_object[:3].any()
    assert no_object[3].any()
    no_border = skea_topo_maps(np.zeros((7, 9)))
    assert (no_border[0] == 1).all()
    assert not no_border[[1, 3]].any()
    assert no_border[2].any()
    assert no_border.dtype == np.float32


def test_border_weight_does_not_depend_on_the_unit():
    mask = np.array([[0, 0, 0, 1, 1, 0, 0]])
    np.testing.assert_allclose(skea_topo_maps(mask, spacing=(1, 4.0))[1], skea_topo_maps(mask)[1], rtol=1e-6)


def test_one_pixel_objects():
    mask = np.ones((5, 5), np.uint8)
    mask[1, 1] = mask[3, 3] = 0
    found = skea_topo_maps(mask)
    assert found[0, 1, 1] == found[0, 3, 3] == 1
    assert np.isfinite(found).all()


@pytest.mark.message
def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="but must be"):
        skea_topo_maps(np.zeros((2, 2, 2, 2)))
