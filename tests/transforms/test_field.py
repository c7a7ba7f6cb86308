"""Units by hand, and grids against nibabel's affines."""

import numpy as np
import pytest
import torch
from nibabel.affines import apply_affine, voxel_sizes
from scipy.spatial.transform import Rotation

from subband.transforms.field import Field, Grid

TURN = tuple(map(tuple, Rotation.from_euler("xyz", [0.3, -0.2, 0.5]).as_matrix().tolist()))
OBLIQUE = Grid((5, 9, 3), (1.0, 2.0, 0.5), (10.0, -20.0, 5.0), TURN)
UNITS = ["normalised", "voxel", "mm"]


@pytest.mark.parametrize("unit", UNITS)
def test_one_displacement_in_all_units_by_hand(unit):
    """A whole axis is 2 normalised, N - 1 voxels, and N - 1 spacings."""
    whole = {"normalised": [2, 2, 2], "voxel": [4, 8, 2], "mm": [4, 16, 1]}
    vectors = torch.tensor(whole[unit], dtype=torch.float64).view(1, 3, 1, 1, 1).expand(1, 3, *OBLIQUE.shape)
    field = Field(vectors, unit, grid=OBLIQUE)
    for other in UNITS:
        found = field.to_unit(other)
        assert (found.unit, found.kind, found.grid) == (other, "displacement", OBLIQUE)
        assert found.vectors[0, :, 1, 2, 0].tolist() == pytest.approx(whole[other], abs=1e-15)


@pytest.mark.parametrize("space", [(16, 16, 16), (40, 31, 57), (57, 20, 31), (7, 12), (1, 5, 4)])
def test_units_come_back(space, generator):
    vectors = torch.randn(2, len(space), *space, generator=generator, dtype=torch.float64)
    field = Field(vectors, "voxel", "velocity", Grid(space, tuple(range(1, len(space) + 1))))
    back = field.to_unit("normalised").to_unit("mm").to_unit("voxel")
    assert (back.vectors - vectors).abs().max() < 1e-14
    assert back.kind == "velocity"
    assert field.space == space


def test_half_precision_is_converted_in_single():
    field = Field(torch.ones(1, 2, 300, 4, dtype=torch.bfloat16), "normalised")
    assert field.to_unit("normalised") is field
    assert field.to_unit("voxel").vectors.dtype == torch.float32
    assert field.to_unit("voxel").vectors[0, 0, 0, 0] == 149.5


def test_units_are_differentiable():
    vectors = torch.rand(1, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    grid = Grid((3, 4), (0.5, 2.0))
    assert torch.autograd.gradcheck(lambda v: Field(v, "mm", grid=grid).to_unit("normalised").vectors, vectors)


def test_grids_are_affines_as_nibabel_has_them():
    index = np.array([[0, 0, 0], [4, 8, 2], [1, 5, 2]])
    turned = np.array(TURN) @ (index * OBLIQUE.spacing).T
    assert np.abs(apply_affine(OBLIQUE.affine, index) - turned.T - OBLIQUE.origin).max() < 1e-13
    assert np.abs(voxel_sizes(OBLIQUE.affine) - OBLIQUE.spacing).max() < 1e-14
    back = Grid.from_affine((5, 9, 3), OBLIQUE.affine)
    assert np.abs(back.affine - OBLIQUE.affine).max() < 1e-13
    mirrored = Grid.from_affine((4, 6), np.diag([-2.0, 3.0, 1.0]))
    assert (mirrored.spacing, mirrored.direction[0][0]) == ((2.0, 3.0), -1.0)


def test_grids_that_are_not_told_more_have_unit_spacing():
    assert Grid.of((3, 4)) == Grid((3, 4), (1, 1), (0, 0), ((1, 0), (0, 1)))
    assert (Grid.of((3, 4, 5)).affine == np.eye(4)).all()


@pytest.mark.message
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((4,),), r"the grid has shape \(4,\), but must have 2 or 3 axes"),
        (((4, 0),), r"the grid has shape \(4, 0\)"),
        (((4, 4), (1, 0)), r"spacing is \(1.0, 0.0\), but must be 2 lengths in mm"),
        (((4, 4), (1, 1, 1)), "spacing is"),
        (((4, 4), (1, 1), (float("nan"), 0)), "origin is .* but must be 2 finite numbers"),
        (((4, 4), (1, 1), (0, 0), ((1, 0.5), (0, 1))), "direction is .* perpendicular unit vectors; resample"),
        (((4, 4), (1, 1), (0, 0), ((float("nan"), 0), (0, 1))), "direction is"),
    ],
)
def test_grids_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        Grid(*arguments)


@pytest.mark.message
def test_affines_that_do_not_fit():
    with pytest.raises(ValueError, match=r"affine has shape \(3, 3\), but must be \(4, 4\)"):
        Grid.from_affine((4, 4, 4), np.eye(3))
    with pytest.raises(ValueError, match="spacing is"):
        Grid.from_affine((4, 4), np.diag([1.0, 0.0, 1.0]))


@pytest.mark.message
@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((1, 3, 4, 4), {}, r"vectors have shape \(1, 3, 4, 4\) .* \(B, 3, D, H, W\) or \(B, 2, H, W\)"),
        ((1, 1, 4), {}, "vectors have shape"),
        ((1, 2, 4, 4), {"unit": "voxels"}, "unit is 'voxels', .* did you mean 'voxel'"),
        ((1, 2, 4, 4), {"kind": "speed"}, "kind is 'speed'"),
        ((1, 2, 4, 4), {"grid": Grid.of((4, 5))}, r"has \(4, 4\) voxels, but its grid \(4, 5\)"),
        ((1, 2, 4, 4), {"unit": "mm"}, r"is in mm and has no grid, .* give grid=Grid\(...\)"),
    ],
)
def test_fields_that_do_not_fit(shape, options, message):
    with pytest.raises(ValueError, match=message):
        Field(torch.zeros(shape), **{"unit": "voxel", **options})


@pytest.mark.message
def test_integers_and_millimetres_without_a_grid():
    with pytest.raises(ValueError, match=r"dtype torch.int64, but must be floating point"):
        Field(torch.zeros(1, 2, 4, 4, dtype=torch.long), "voxel")
    with pytest.raises(ValueError, match="has no grid, which says how many mm a voxel has"):
        Field(torch.zeros(1, 2, 4, 4), "voxel").to_unit("mm")
    with pytest.raises(ValueError, match="unit is 'cm'"):
        Field(torch.zeros(1, 2, 4, 4), "voxel").to_unit("cm")
