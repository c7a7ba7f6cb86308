"""Overlap, surfaces and landmarks: MONAI as oracle, hand arithmetic, missing structures."""

import math

import numpy as np
import pytest
import torch
from monai.metrics import compute_dice
from monai.metrics.utils import (
    create_table_neighbour_code_to_contour_length,
    create_table_neighbour_code_to_surface_area,
    get_edge_surface_distance,
)
from scipy import ndimage

from subband.metrics._surfels import neighbour_codes, piece_areas
from subband.metrics.registration import (
    SurfaceDistance,
    dice_per_structure,
    surface_distances,
    target_registration_error,
)
from subband.transforms.field import Field, Grid


def label_maps(space, classes=5):
    """Blobs, and the same a little elsewhere."""
    rng = np.random.default_rng(7)
    first = ndimage.gaussian_filter(rng.normal(size=(classes, *space)), [0, *[2] * len(space)])
    second = first + 0.4 * ndimage.gaussian_filter(rng.normal(size=(classes, *space)), [0, *[1] * len(space)])
    return second.argmax(0), first.argmax(0)


def onehot(labels, classes):
    return torch.nn.functional.one_hot(torch.tensor(labels), classes).movedim(-1, 0)[None]


@pytest.mark.parametrize("space", [(31, 47), (13, 21, 20)])
def test_dice_equals_monai(space):
    warped, fixed = label_maps(space)
    theirs = compute_dice(onehot(warped, 7), onehot(fixed, 7), include_background=False)[0].numpy()
    found = dice_per_structure(warped, torch.tensor(fixed), {label: f"s{label}" for label in range(1, 7)})
    assert list(found) == [f"s{label}" for label in range(1, 7)]
    assert np.array(list(found.values())) == pytest.approx(theirs, rel=1e-6, nan_ok=True)
    assert np.isnan(theirs).sum() == 2


def test_dice_by_hand():
    warped, fixed = np.array([[0, 0, 1, 1, 2, 4]]), np.array([[0, 1, 1, 1, 2, 0]])
    found = dice_per_structure(warped, fixed, {1: "a", 2: "b", 3: "c", 4: "d"})
    assert [found[name] for name in "abd"] == [4 / 5, 1, 0]
    assert math.isnan(found["c"])
    assert dice_per_structure(warped, fixed) == {"1": 4 / 5, "2": 1, "4": 0}
    assert dice_per_structure(warped, fixed, {0: "background"}) == {"background": 2 / 4}
    assert dice_per_structure(np.zeros((2, 2), int), np.zeros((2, 2), int)) == {}


@pytest.mark.parametrize("spacing", [(1, 1, 1), (1, 2, 3.5), (0.3, 0.3, 2)])
def test_areas_of_pieces_equal_the_published_table(spacing):
    wanted = create_table_neighbour_code_to_surface_area(spacing)[0].numpy()
    assert piece_areas(tuple(map(float, spacing))) == pytest.approx(wanted, rel=1e-6)
    wanted = create_table_neighbour_code_to_contour_length(spacing[1:])[0].numpy()
    assert piece_areas(tuple(map(float, spacing[1:]))) == pytest.approx(wanted, rel=1e-6)


def test_neighbour_codes_by_hand():
    assert neighbour_codes(np.array([[True, False]])).tolist() == [[1, 2, 0], [4, 8, 0]]
    codes = neighbour_codes(np.ones((1, 1, 1), bool))
    assert sorted(codes.ravel().tolist()) == [1, 2, 4, 8, 16, 32, 64, 128]


def distances_by_monai(warped, fixed, spacing):
    """Distances from one surface to the other with the areas of the pieces, both ways."""
    masks = [torch.tensor(mask) for mask in (warped, fixed)]
    edges, distances, areas = get_edge_surface_distance(*masks, spacing=spacing, use_subvoxels=True, symmetric=True)
    return [
        (distance.numpy(), area[edge].numpy()) for distance, area, edge in zip(distances, areas, edges, strict=True)
    ]


@pytest.mark.filterwarnings("ignore:monai.metrics.utils get_mask_edges:FutureWarning")
@pytest.mark.parametrize("spacing", [None, (2.0, 0.5, 1.0)])
@pytest.mark.parametrize("space", [(31, 47), (13, 21, 20)])
def test_surfaces_equal_monai_pieces(space, spacing):
    warped, fixed = label_maps(space)
    spacing = spacing and spacing[: len(space)]
    found = surface_distances(warped, fixed, spacing=spacing)
    for label in range(1, 5):
        both = distances_by_monai(warped == label, fixed == label, spacing or (1.0,) * len(space))
        percentiles = []
        for distance, area in both:
            order = np.argsort(distance)
            reached = np.cumsum(area[order]) / area.sum()
            percentiles.append(distance[order][np.argmax(reached >= 0.95)])
        assert found[str(label)].hd95 == pytest.approx(max(percentiles), rel=1e-6)
        mean = sum((d * a).sum() for d, a in both) / sum(a.sum() for _, a in both)
        assert found[str(label)].asd == pytest.approx(mean, rel=1e-5)
        assert found[str(label)].asd > 0


def test_distances_by_hand():
    """A plane of 1 x 20 x 20 voxels and the same four planes further on."""
    warped, fixed = np.zeros((2, 12, 20, 20), int)
    warped[2], fixed[6] = 1, 1
    found = surface_distances(warped, fixed, {1: "plane"})["plane"]
    assert found.hd95 == 4
    # the far side of the plane is 4, the near one 3: the rims weigh a little more than nothing
    assert found.asd == pytest.approx(3.5, abs=0.02)
    assert surface_distances(warped, fixed, {1: "plane"}, spacing=(2, 1, 1))["plane"].hd95 == 8
    assert surface_distances(warped, warped, {1: "plane"})["plane"] == SurfaceDistance(0, 0)


def test_missing_structures():
    warped, fixed = np.zeros((2, 3, 4), int)
    warped[0, 0], fixed[2, 3] = 1, 2
    found = surface_distances(warped, fixed, {1: "a", 2: "b", 3: "c"}, spacing=(1, 2))
    assert found["a"] == found["b"] == SurfaceDistance(math.hypot(3, 8), math.hypot(3, 8))
    assert math.isnan(found["c"].hd95)
    assert math.isnan(found["c"].asd)


def test_symmetric_and_inputs_left_as_they_are():
    warped, fixed = label_maps((20, 22))
    warped.flags.writeable = fixed.flags.writeable = False
    there, back = surface_distances(warped, fixed), surface_distances(fixed, warped)
    assert all(there[name].asd == pytest.approx(back[name].asd, rel=1e-12) for name in there)
    assert [there[name].hd95 for name in there] == [back[name].hd95 for name in there]
    assert dice_per_structure(warped, fixed) == dice_per_structure(fixed, warped)


def test_landmarks_by_hand():
    space = (5, 7, 9)
    points = torch.tensor([[[0.0, 0.0, 0.0], [4.0, 6.0, 8.0], [1.5, 2.0, 3.0]]])
    still = Field(torch.zeros(1, 3, *space), "voxel")
    assert target_registration_error(still, points, points).tolist() == [[0, 0, 0]]
    moved = points + torch.tensor([0.0, 3.0, 4.0])
    assert target_registration_error(still, points, moved).tolist() == [[5, 5, 5]]
    vectors = torch.tensor([0.0, 3.0, 4.0]).view(1, 3, 1, 1, 1).expand(1, 3, *space)
    grid = Grid(space, (1.0, 2.0, 0.5))
    field = Field(vectors, "voxel", grid=grid)
    for unit in ("voxel", "normalised", "mm"):
        assert target_registration_error(field.to_unit(unit), points, moved).abs().max() < 1e-5
        error = target_registration_error(field.to_unit(unit), points, points)
        assert error[0].tolist() == pytest.approx([math.hypot(6, 2)] * 3, rel=1e-6)


def test_landmarks_between_voxels_and_beyond_the_image():
    """The field grows by one half per row; in between it is linear, beyond the image that of the border."""
    vectors = torch.zeros(1, 2, 4, 3, dtype=torch.float64)
    vectors[0, 1] = torch.arange(4.0).view(4, 1) / 2
    points = torch.tensor([[[1.5, 1.0], [9.0, 0.0]]], dtype=torch.float64)
    error = target_registration_error(Field(vectors, "voxel"), points, points)
    assert error[0].tolist() == pytest.approx([0.75, 1.5], abs=1e-13)
    assert torch.autograd.gradcheck(
        lambda v: target_registration_error(Field(v, "voxel"), points, points + 1), vectors.requires_grad_()
    )


@pytest.mark.message
def test_errors_say_what_to_do():
    labels, field = np.zeros((4, 5), int), Field(torch.zeros(2, 2, 4, 5), "voxel")
    with pytest.raises(ValueError, match=r"shape \(4, 4\)"):
        dice_per_structure(labels, labels[:, :4])
    with pytest.raises(ValueError, match="two structures have the name 'Left', but each must have its own"):
        dice_per_structure(labels, labels, {1: "Left", 2: "Left"})
    with pytest.raises(ValueError, match=r"spacing is \(1.0, 0.0\)"):
        surface_distances(labels, labels, spacing=(1, 0))
    with pytest.raises(ValueError, match=r"label maps have shape \(4,\), but must be \(H, W\) or \(D, H, W\)"):
        surface_distances(labels[:, 0], labels[:, 0])
    points = torch.zeros(2, 6, 2)
    for first, second in ((points, points[:, :5]), (points[:1], points[:1]), (points[..., :1], points[..., :1])):
        with pytest.raises(ValueError, match=r"but must both be \(2, N, 2\) for this field, in voxels"):
            target_registration_error(field, first, second)
    with pytest.raises(ValueError, match=r"is a velocity, .* pass exponential\(field\)"):
        target_registration_error(Field(field.vectors, "voxel", "velocity"), points, points)
