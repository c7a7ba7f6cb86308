from dataclasses import replace

import pytest
import torch

from subband.losses.registration import BendingLoss, bending_loss
from subband.transforms.field import Field, Grid

UNITS = ["mm", "voxel", "normalised", "authors"]
DIFFERENCES = pytest.mark.parametrize("differences", ["compact", "central"])


def random_field(generator, space=(6, 7, 5), dtype=torch.double):
    vectors = torch.randn(2, len(space), *space, generator=generator, dtype=dtype)
    return Field(vectors, "voxel", grid=Grid(space, spacing=(3.0, 1.0, 0.5)[: len(space)]))


def polynomial_field(function, space, grid=None):
    """Component 0 is a function of the voxel's numbers, the others are 0."""
    axes = torch.meshgrid(*(torch.arange(size, dtype=torch.double) for size in space), indexing="ij")
    vectors = torch.zeros(1, len(space), *space, dtype=torch.double)
    vectors[0, 0] = function(*axes)
    return Field(vectors, "voxel", grid=grid)


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence:UserWarning")
@pytest.mark.parametrize("space", [(6, 7, 5), (8, 9), (3, 3, 3)])
def test_is_monai(generator, space):
    from monai.losses import BendingEnergyLoss as Oracle

    field = random_field(generator, space)
    torch.testing.assert_close(bending_loss(field, unit="voxel"), Oracle()(field.vectors))


@DIFFERENCES
def test_by_hand_one_curve_and_one_twist_in_each_unit(differences):
    """u_0 = x_1^2 has the second derivative 2; u_0 = x_0 x_1 has 1, and both orders of it count."""
    grid = Grid((5, 9), spacing=(2.0, 0.5))
    curve = polynomial_field(lambda x, y: y * y, (5, 9), grid)
    twist = polynomial_field(lambda x, y: x * y, (5, 9), grid)
    size = {"voxel": 1, "mm": 2.0, "normalised": 2 / 4, "authors": 2 / 4}
    steps = {"voxel": (1, 1), "mm": (2.0, 0.5), "normalised": (2 / 4, 2 / 8), "authors": (2 / 5, 2 / 9)}
    for unit in UNITS:
        a, b = steps[unit]
        options = {"unit": unit, "differences": differences}
        assert bending_loss(curve, **options).item() == pytest.approx((2 * size[unit] / b**2) ** 2 / 2)
        assert bending_loss(twist, **options).item() == pytest.approx(2 * (size[unit] / (a * b)) ** 2 / 2)


@DIFFERENCES
def test_affine_fields_cost_nothing(differences):
    field = polynomial_field(
        lambda x, y, z: 3 + x - 2 * y + 0.5 * z, (6, 5, 7), Grid((6, 5, 7), spacing=(3.0, 1.0, 2.0))
    )
    assert bending_loss(field, differences=differences) < 1e-20


def test_central_differences_do_not_see_an_alternating_field():
    row = torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0])
    alternating = Field(row.expand(1, 2, 5, 5), "voxel")
    assert bending_loss(alternating) == 4
    assert bending_loss(alternating, differences="central") == 0


@DIFFERENCES
def test_gradient(generator, differences):
    field = random_field(generator, (5, 5, 6))
    assert torch.autograd.gradcheck(
        lambda u: bending_loss(replace(field, vectors=u), differences=differences),
        field.vectors.requires_grad_(),
        fast_mode=True,
    )


def test_the_module_remembers_its_options(generator):
    field = random_field(generator)
    found = BendingLoss(unit="voxel", differences="central")(field)
    assert found == bending_loss(field, unit="voxel", differences="central")
    assert found not in (bending_loss(field, unit="voxel"), bending_loss(field, differences="central"))


@pytest.mark.message
def test_refuses():
    with pytest.raises(ValueError, match="unit is 'cm', but must be one of mm, voxel, normalised, authors"):
        BendingLoss(unit="cm")
    field = Field(torch.zeros(1, 2, 4, 8), "voxel")
    with pytest.raises(ValueError, match=r"the field has \(4, 8\) voxels, but its differences need 5 along each axis"):
        bending_loss(field, differences="central")
