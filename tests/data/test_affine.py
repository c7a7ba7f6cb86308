"""Affine registration: known maps are found again, in two and three axes and with any spacing."""

import numpy as np
import pytest
import torch

from subband.data.affine import affine_field, affine_register, itk_image
from subband.data.common_grid import fit, onto
from subband.data.phantoms import Phantoms
from subband.data.registration_sample import Volume
from subband.transforms.field import Grid
from subband.transforms.warp import warp

sitk = pytest.importorskip("SimpleITK")


def phantom(size, spacing, origin):
    volume = Phantoms(count=1, size=size)[0]
    return Volume("m", volume.image, volume.labels, Grid(size, spacing, origin))


def about_the_centre(grid, linear, shift):
    """Matrix of x to c + L (x - c) + t in mm."""
    centre = (grid.affine @ [*((np.array(grid.shape) - 1) / 2), 1])[:-1]
    matrix = np.eye(len(centre) + 1)
    matrix[:-1, :-1], matrix[:-1, -1] = linear, centre - linear @ centre + shift
    return matrix


def corner_error(found, true, grid):
    """Largest distance in mm between the two maps over the corners of the grid."""
    ends = np.stack(np.meshgrid(*[[0, n - 1] for n in grid.shape], indexing="ij"), -1).reshape(-1, len(grid.shape))
    places = np.c_[ends, np.ones(len(ends))] @ grid.affine.T
    return np.sqrt(((places @ (found - true).T) ** 2).sum(1)).max()


CASES = [("translation", 0.0, 1.0), ("rigid", 0.15, 1.0), ("affine", 0.1, 1.06)]


@pytest.mark.parametrize(("motion", "angle", "scale"), CASES)
@pytest.mark.parametrize("similarity", ["mutual-information", "correlation", "mean-squares"])
def test_finds_the_map_again(motion, angle, scale, similarity):
    moving = phantom((64, 60), (1.0, 1.2), (5.0, -20.0))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    true = about_the_centre(moving.grid, turn @ np.diag([scale, 1 / scale]), np.array([3.0, -2.0]))
    fixed = onto(moving, moving.grid, matrix=true)
    found = affine_register(moving, fixed, motion=motion, similarity=similarity)
    assert corner_error(np.eye(3), true, moving.grid) > 3.5
    assert corner_error(found, true, moving.grid) < 0.5


@pytest.mark.slow
def test_finds_the_map_between_volumes_of_other_grids():
    moving = phantom((32, 36, 30), (1.0, 1.2, 0.9), (5.0, -20.0, 7.0))
    turn = np.array([[np.cos(0.2), -np.sin(0.2), 0], [np.sin(0.2), np.cos(0.2), 0], [0, 0, 1]])
    true = about_the_centre(moving.grid, turn, np.array([2.0, -1.5, 1.0]))
    coarse = Grid((28, 30, 26), (1.2, 1.4, 1.1), (4.0, -19.0, 6.5))
    fixed = onto(moving, coarse, matrix=true)
    found = affine_register(moving, fixed, motion="rigid")
    assert corner_error(found, true, coarse) < 0.5
    threads = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    np.testing.assert_array_equal(found, affine_register(moving, fixed, motion="rigid"))
    assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == threads


def test_begins_at_the_centres_of_mass():
    moving = phantom((64, 64), (1.0, 1.0), (0.0, 0.0))
    far = Volume("f", moving.image, None, Grid((64, 64), (1.0, 1.0), (500.0, -300.0)))
    found = affine_register(moving, far, motion="translation")
    np.testing.assert_allclose(found[:2, 2], (-500, 300), atol=0.1)


def test_a_part_finds_its_place_in_the_whole():
    whole = phantom((64, 60), (1.0, 1.2), (5.0, -20.0))
    part = fit(whole, (40, 36))
    moved = Volume("part", part.image, None, Grid(part.grid.shape, part.grid.spacing, (18.0, 1.0)))
    shift = np.array(moved.grid.origin) - part.grid.origin
    for moving, fixed, sign in ((moved, whole, 1), (whole, moved, -1)):
        found = affine_register(moving, fixed, motion="translation", start="middle")
        np.testing.assert_allclose(
            found, np.array([[1, 0, sign * shift[0]], [0, 1, sign * shift[1]], [0, 0, 1]]), atol=0.1
        )


def test_the_start_is_where_it_is_said_to_be():
    volume = phantom((64, 64), (1.0, 1.0), (0.0, 0.0))
    near = Volume("f", volume.image, None, Grid((64, 64), (1.0, 1.0), (2.0, -3.0)))
    found = affine_register(volume, near, motion="translation", start="place")
    np.testing.assert_allclose(found[:2, 2], (-2, 3), atol=0.1)


def test_the_field_is_the_map():
    moving = phantom((40, 36), (1.0, 1.5), (5.0, -20.0))
    matrix = about_the_centre(moving.grid, np.array([[1.05, 0.1], [-0.08, 0.97]]), np.array([2.0, 1.0]))
    image = torch.from_numpy(moving.image)[None, None]
    warped = warp(image, affine_field(matrix, moving.grid))[0, 0].numpy()
    np.testing.assert_allclose(warped, onto(moving, moving.grid, matrix=matrix).image, atol=1e-4)
    wider = fit(moving, (48, 48))
    fixed = Grid((48, 48), (1.0, 1.0), (0.0, -25.0))
    warped = warp(torch.from_numpy(wider.image)[None, None], affine_field(matrix, fixed, wider.grid))[0, 0].numpy()
    np.testing.assert_allclose(warped, onto(wider, fixed, matrix=matrix).image, atol=1e-4)


def test_itk_sees_every_voxel_at_its_place():
    rng = np.random.default_rng(0)
    grid = Grid((3, 4, 5), (1.0, 2.0, 0.5), (3.0, -4.0, 5.0), ((0, -1, 0), (1, 0, 0), (0, 0, 1)))
    values = rng.random((3, 4, 5)).astype(np.float32)
    image = itk_image(values, grid)
    for index in ((0, 0, 0), (2, 1, 4), (0, 3, 2)):
        right, front, up = (grid.affine @ [*index, 1])[:3]
        np.testing.assert_allclose(image.TransformIndexToPhysicalPoint(index), (-right, -front, up), atol=1e-9)
        assert image[index] == values[index]


@pytest.mark.message
def test_says_what_cannot_be_registered():
    volume = phantom((32, 32), (1.0, 1.0), (0.0, 0.0))
    flat = Volume("flat", np.zeros((32, 32), np.float32), None, volume.grid)
    with pytest.raises(ValueError, match="flat has 2 axes and values from 0 to 0; expected 2 axes, as m has, and two"):
        affine_register(flat, volume)
    tiny = Volume("tiny", np.eye(3, dtype=np.float32), None, Grid.of((3, 3)))
    with pytest.raises(ValueError, match=r"tiny could not be brought onto tiny \(.*\); check that both show the same"):
        affine_register(tiny, tiny)
    with pytest.raises(ValueError, match=r"motion is 'rigit', but must be one of .*; did you mean 'rigid'\?"):
        affine_register(volume, volume, motion="rigit")
    with pytest.raises(ValueError, match=r"the moving grid is .* bring both to one with fit"):
        affine_field(np.eye(3), volume.grid, Grid.of((4, 4)))


def test_it_is_the_same_each_time():
    """Mutual information over several threads differs in its last digits, and the descent spreads that."""
    volumes = Phantoms(count=2, size=(40, 44, 36))
    first, *others = [affine_register(volumes[0], volumes[1]) for _ in range(4)]
    assert all((each == first).all() for each in others)
