"""Alignment by five points: scikit-image's similarity and warp, worked cases, what is wrong."""

import numpy as np
import pytest
from skimage import transform

from subband.data.face_alignment import TEMPLATE, align_face, five_points, similarity


def skimage_similarity(points, target):
    return transform.SimilarityTransform.from_estimate(points, target).params[:2]


@pytest.mark.parametrize("seed", range(5))
def test_similarity_is_scikit_images(seed):
    generator = np.random.default_rng(seed)
    points = TEMPLATE * generator.uniform(0.5, 3) + generator.normal(0, 8, (5, 2)) + generator.uniform(-50, 50, 2)
    np.testing.assert_allclose(similarity(points, TEMPLATE), skimage_similarity(points, TEMPLATE), atol=1e-9)


def test_a_quarter_turn_by_hand():
    """(x, y) -> (-2 y + 3, 2 x - 1)."""
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    target = np.stack([-2 * points[:, 1] + 3, 2 * points[:, 0] - 1], 1)
    np.testing.assert_allclose(similarity(points, target), [[0, -2, 3], [2, 0, -1]], atol=1e-12)


def test_a_mirrored_face_is_not_mirrored_back():
    mirrored = TEMPLATE * [-1, 1]
    matrix = similarity(mirrored, TEMPLATE)
    assert np.linalg.det(matrix[:, :2]) > 0


@pytest.mark.parametrize("size", [112, 56])
def test_warp_is_scikit_images(size):
    generator = np.random.default_rng(3)
    image = generator.integers(0, 256, (3, 90, 130)).astype(np.uint8)
    points = TEMPLATE @ [[0.8, 0.3], [-0.3, 0.8]] + [20, -6] + generator.normal(0, 2, (5, 2))
    matrix = np.vstack([skimage_similarity(points, TEMPLATE * (size / 112)), [0, 0, 1]])
    padded = np.pad(image, ((0, 0), (2, 2), (2, 2)))
    shift = np.array([[1.0, 0, 2], [0, 1, 2], [0, 0, 1]])
    theirs = [
        transform.warp(one.astype(float), shift @ np.linalg.inv(matrix), output_shape=(size, size), order=1)
        for one in padded
    ]
    ours = align_face(image, points, size=size)
    assert ours.shape == (3, size, size)
    assert (ours == 0).any(), "the face lies partly outside"
    assert np.abs(ours - np.stack(theirs)).max() <= 0.5 + 1e-6


def test_a_shift_by_whole_pixels_is_exact():
    image = np.random.default_rng(0).integers(0, 256, (1, 140, 130)).astype(np.uint8)
    np.testing.assert_array_equal(align_face(image, TEMPLATE + np.array([7, 11])), image[:, 11:123, 7:119])


def test_five_points_of_68_by_hand():
    landmarks = np.zeros((68, 2))
    landmarks[[36, 39, 42, 45]] = [[10, 20], [14, 22], [30, 21], [36, 19]]
    landmarks[[30, 48, 54]] = [[22, 30], [15, 40], [31, 41]]
    np.testing.assert_array_equal(five_points(landmarks), [[12, 21], [33, 20], [22, 30], [15, 40], [31, 41]])


@pytest.mark.message
def test_says_what_is_wrong():
    image = np.zeros((3, 8, 8), np.uint8)
    with pytest.raises(ValueError, match=r"must be 68 points \(68, 2\)"):
        five_points(np.zeros((5, 2)))
    with pytest.raises(ValueError, match=r"points have shape \(68, 2\), but must be five"):
        align_face(image, np.zeros((68, 2)))
    with pytest.raises(ValueError, match="are not finite or lie at one place"):
        align_face(image, np.ones((5, 2)))
    with pytest.raises(ValueError, match="are not finite or lie at one place"):
        similarity(np.array([[0.0, np.nan], [1.0, 1.0]]), TEMPLATE[:2])
    with pytest.raises(ValueError, match="give both"):
        similarity(TEMPLATE[:1], TEMPLATE[:1])
    with pytest.raises(ValueError, match="size is 0"):
        align_face(image, TEMPLATE, size=0)
