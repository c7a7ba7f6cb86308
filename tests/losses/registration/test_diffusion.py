from dataclasses import replace

import numpy as np
import pytest
import torch

from subband.losses.registration import DiffusionLoss, diffusion_loss
from subband.transforms.field import Field, Grid

UNITS = ["mm", "voxel", "normalised", "authors"]


def random_field(generator, space=(6, 7, 5), unit="voxel", dtype=torch.double):
    spacing = (3.0, 1.0, 0.5)[: len(space)]
    vectors = torch.randn(2, len(space), *space, generator=generator, dtype=dtype)
    return Field(vectors, unit, grid=Grid(space, spacing=spacing))


def affine_field(matrix, space, unit, grid=None):
    """u = A x with x in voxels; components and axes in their order."""
    axes = torch.meshgrid(*(torch.arange(size, dtype=torch.double) for size in space), indexing="ij")
    return Field(torch.einsum("ij,j...->i...", matrix, torch.stack(axes))[None], unit, grid=grid)


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence:UserWarning")
@pytest.mark.parametrize("space", [(6, 7, 5), (8, 9)])
def test_central_differences_are_monai(generator, space):
    from monai.losses import DiffusionLoss as Oracle

    field = random_field(generator, space)
    found = diffusion_loss(field, unit="voxel", differences="central")
    torch.testing.assert_close(found, Oracle()(field.vectors) / len(space))


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("space", [(6, 7, 5), (8, 9)])
def test_is_numpys_differences_in_mm(generator, space, power):
    field = random_field(generator, space)
    spacing = np.array(field.grid.spacing)
    u = field.vectors.numpy() * spacing.reshape(-1, *[1] * len(space))
    slopes = [np.diff(u, axis=axis + 2) / spacing[axis] for axis in range(len(space))]
    expected = np.mean([(np.abs(slope) ** power).mean() for slope in slopes])
    assert diffusion_loss(field, power=power).item() == pytest.approx(expected)


def test_by_hand_one_slope_in_each_unit():
    """Component 0 grows by a voxel with each voxel of axis 1."""
    matrix = torch.tensor([[0.0, 1.0], [0.0, 0.0]], dtype=torch.double)
    field = affine_field(matrix, (3, 5), "voxel", Grid((3, 5), spacing=(2.0, 0.5)))
    slopes = {"voxel": 1, "mm": 2 / 0.5, "normalised": (2 / 2) / (2 / 4), "authors": (2 / 2) / (2 / 5)}
    for unit, slope in slopes.items():
        for differences in ("compact", "central"):
            for power in (1, 2):
                found = diffusion_loss(field, unit=unit, differences=differences, power=power)
                assert found.item() == pytest.approx(slope**power / 4)


@pytest.mark.parametrize("unit", UNITS)
def test_does_not_depend_on_the_unit_of_the_field(generator, unit):
    field = random_field(generator)
    for other in ("mm", "normalised"):
        torch.testing.assert_close(diffusion_loss(field.to_unit(other), unit=unit), diffusion_loss(field, unit=unit))


def test_units_agree_on_a_cube(generator):
    field = random_field(generator, (6, 6, 6))
    voxel = diffusion_loss(field, unit="voxel")
    equal = replace(field, grid=Grid((6, 6, 6), spacing=(0.7, 0.7, 0.7)))
    for found in (
        diffusion_loss(equal),
        diffusion_loss(replace(field, grid=None)),
        diffusion_loss(field, unit="normalised"),
    ):
        torch.testing.assert_close(found, voxel)
    torch.testing.assert_close(diffusion_loss(field, unit="authors"), voxel * 36 / 25)


def test_constant_fields_cost_nothing_and_alternating_ones_do():
    assert diffusion_loss(Field(torch.full((1, 3, 4, 5, 6), 7.0), "voxel")) == 0
    row = torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0])
    alternating = Field(row.expand(1, 2, 5, 5), "voxel")
    assert diffusion_loss(alternating) == 0.5
    assert diffusion_loss(alternating, differences="central") == 0


@pytest.mark.parametrize("differences", ["compact", "central"])
@pytest.mark.parametrize("unit", UNITS)
def test_gradient(generator, unit, differences):
    field = random_field(generator, (4, 5, 3))
    assert torch.autograd.gradcheck(
        lambda u: diffusion_loss(replace(field, vectors=u), unit=unit, differences=differences),
        field.vectors.requires_grad_(),
        fast_mode=True,
    )


def test_half_precision_and_velocities(generator):
    vectors = random_field(generator).vectors.half()
    velocity = Field(vectors, "voxel", kind="velocity")
    assert diffusion_loss(velocity).dtype == torch.float32
    torch.testing.assert_close(diffusion_loss(velocity), diffusion_loss(Field(vectors.float(), "voxel")))


def test_the_module_remembers_its_options(generator):
    field = random_field(generator)
    options = {"unit": "normalised", "differences": "central", "power": 1}
    found = DiffusionLoss(**options)(field)
    assert found == diffusion_loss(field, **options)
    for name in options:
        assert found != diffusion_loss(field, **{key: value for key, value in options.items() if key != name})


@pytest.mark.message
def test_refuses():
    with pytest.raises(
        ValueError, match="unit is 'voxels', but must be one of mm, voxel, normalised, authors; did you m"
    ):
        DiffusionLoss(unit="voxels")
    with pytest.raises(ValueError, match="differences is 'forward', but must be one of compact, central"):
        DiffusionLoss(differences="forward")
    with pytest.raises(ValueError, match="power is 3, but must be 1 or 2"):
        DiffusionLoss(power=3)
    flat = Field(torch.zeros(1, 3, 1, 8, 8), "voxel")
    with pytest.raises(
        ValueError, match=r"the field has \(1, 8, 8\) voxels, but its differences need 2 along each axis"
    ):
        diffusion_loss(flat)
