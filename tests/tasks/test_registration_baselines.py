"""Registrations without training: known motions come back, and SimpleITK's fields are turned to ours."""

import numpy as np
import pytest
import torch

from subband.data.affine import itk_image
from subband.losses.registration import DiffusionLoss, MSELoss
from subband.tasks.registration_baselines import Affine, BSpline, Demons, Identity, PairFit, field_of
from subband.tasks.registration_loss import RegistrationLoss
from subband.transforms.field import Field, Grid
from subband.transforms.warp import warp

LOSS = RegistrationLoss(MSELoss(), DiffusionLoss(), weight=0.01)


def blob(shape, centre, radius=4.0):
    """A smooth ball."""
    places = np.indices(shape) - np.reshape(centre, (-1, *[1] * len(shape)))
    return torch.from_numpy(np.exp(-(places**2).sum(0) / (2 * radius**2)).astype(np.float32))[None, None]


def test_identity_is_zero():
    x = torch.rand(1, 1, 5, 6, 7)
    field = Identity().register(x, x, LOSS, Grid.of((5, 6, 7)))
    assert field.space == (5, 6, 7)
    assert not field.vectors.any()


@pytest.mark.parametrize(
    "model",
    [Affine("translation"), BSpline(affine=False, iterations=20), Demons(affine=False)],
    ids=["affine", "b-spline", "demons"],
)
@pytest.mark.parametrize("shape", [(24, 28), (20, 22, 24)], ids=["2-d", "3-d"])
def test_a_ball_comes_back(model, shape):
    middle = [(size - 1) / 2 for size in shape]
    fixed, moving = blob(shape, middle), blob(shape, [middle[0] + 2, *middle[1:]])
    direction = ((0, -1, 0), (1, 0, 0), (0, 0, 1)) if len(shape) == 3 else ()
    grid = Grid(shape, spacing=(0.5, 2.0, 1.0)[: len(shape)], origin=(3, -7, 11)[: len(shape)], direction=direction)
    field = model.register(moving, fixed, LOSS, grid).to_unit("voxel")
    assert (warp(moving, field) - fixed).abs().mean() < 0.35 * (moving - fixed).abs().mean()
    at = tuple(round(each) for each in middle)
    assert field.vectors[0][:, *at][0] > 0.8  # to where the moving ball lies, two voxels on along the first axis


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_field_of_simpleitk_has_our_axes(axis):
    """Written from our field with the grid's directions, its first two components to the left and to the back."""
    import SimpleITK

    grid = Grid((4, 5, 6), (0.5, 2.0, 1.5), (3, -7, 11), ((0, -1, 0), (1, 0, 0), (0, 0, 1)))
    along = np.zeros((3, 4, 5, 6))
    along[axis] = np.arange(120.0).reshape(4, 5, 6) / 60  # voxels
    world = np.tensordot(np.array(grid.direction) * grid.spacing, along, axes=1) * np.array([-1, -1, 1]).reshape(
        3, 1, 1, 1
    )
    components = [itk_image(each, grid) for each in world]
    found = field_of(SimpleITK.Compose(*components), grid)
    np.testing.assert_allclose(found.vectors[0].numpy(), along, atol=1e-6)


def test_simpleitk_maps_points_as_the_field_says():
    import SimpleITK

    grid = Grid((8, 9, 7), (0.5, 2.0, 1.5), (3, -7, 11), ((0, -1, 0), (1, 0, 0), (0, 0, 1)))
    image = itk_image(np.zeros(grid.shape), grid)
    shift = SimpleITK.TranslationTransform(3, (0.5, 2.0, -1.5))
    options = (
        SimpleITK.sitkVectorFloat64,
        image.GetSize(),
        image.GetOrigin(),
        image.GetSpacing(),
        image.GetDirection(),
    )
    field = field_of(SimpleITK.TransformToDisplacementField(shift, *options), grid)
    voxel = (3, 4, 2)
    place = image.TransformContinuousIndexToPhysicalPoint([float(each) for each in voxel])
    there = image.TransformPhysicalPointToContinuousIndex(shift.TransformPoint(place))
    np.testing.assert_allclose(np.array(voxel) + field.vectors[0][:, *voxel].numpy(), there, atol=1e-5)


def test_affine_comes_before_what_bends():
    """A shift that the deformation alone would not find."""
    shape = (32, 32)
    fixed, moving = blob(shape, [16, 12], 3.0), blob(shape, [16, 21], 3.0)
    field = Demons(iterations=20).register(moving, fixed, LOSS, Grid.of(shape))
    assert field.vectors[0, 1, 16, 12] == pytest.approx(9, abs=1)


def test_what_is_random_is_told_apart():
    assert PairFit().seeded
    assert not any(each.seeded for each in (Identity(), Affine(), BSpline(), Demons(), PairFit("field")))


def test_pair_fit_takes_the_rate_of_what_it_moves():
    fixed, moving = blob((16, 16), [8, 8]), blob((16, 16), [9, 8])
    heard = []
    field = PairFit("field", steps=4).register(moving, fixed, LOSS, Grid.of((16, 16)), heard.append)
    assert [now.step for now in heard] == [1, 2, 3, 4]
    assert isinstance(field, Field)
    assert 0 < field.vectors.abs().max() <= 4 * 1.01e-2


@pytest.mark.message
def test_errors_are_sentences():
    with pytest.raises(ValueError, match="similarity is 'ncc', but must be one of mutual-information"):
        BSpline(similarity="ncc")
    with pytest.raises(ValueError, match="iterations is 0"):
        Demons(iterations=0)
