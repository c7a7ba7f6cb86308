"""The loss of a registration: its parts by hand, and what it says of missing labels."""

import pytest
import torch

from subband.config import Recipe, Registration
from subband.losses.registration import BendingLoss, DiffusionLoss, MSELoss, NCCLoss
from subband.tasks.registration_loss import RegistrationLoss, build_loss
from subband.transforms.exponential import exponential
from subband.transforms.field import Field
from subband.transforms.warp import warp


def pair():
    generator = torch.Generator().manual_seed(3)
    return torch.rand((2, 1, 1, 6, 7), generator=generator)


def shear(kind="displacement"):
    """Row y is shifted by y / 2 voxels along the row."""
    rows = torch.arange(6.0).view(1, 1, 6, 1).expand(1, 1, 6, 7) / 2
    return Field(torch.cat([torch.zeros_like(rows), rows], 1), "voxel", kind)


def test_the_loss_is_the_sum_of_its_parts():
    moving, fixed = pair()
    field = shear()
    expected = (warp(moving, field) - fixed).square().mean() + 3 * 0.25 / 4  # one of four slopes is 1/2
    assert RegistrationLoss(MSELoss(), DiffusionLoss(), weight=3)(field, moving, fixed) == pytest.approx(expected)


def test_a_velocity_is_smoothed_itself_and_its_exponential_warps():
    moving, fixed = pair()
    velocity = shear("velocity")
    expected = (warp(moving, exponential(velocity)) - fixed).square().mean() + 0.25 / 4
    assert RegistrationLoss(MSELoss(), DiffusionLoss())(velocity, moving, fixed) == pytest.approx(expected.item())


def test_labels_that_lie_together_cost_nothing():
    moving, _ = pair()
    labels = (moving[:, 0] > 0.5).long()
    still = Field(torch.zeros(1, 2, 6, 7), "voxel")
    plain, with_labels = (
        RegistrationLoss(MSELoss(), DiffusionLoss(), dice=dice, classes=2)(
            still, moving, moving, labels=(labels, labels)
        )
        for dice in (0.0, 5.0)
    )
    assert with_labels == pytest.approx(plain.item(), abs=1e-5)
    apart = RegistrationLoss(MSELoss(), DiffusionLoss(), dice=5.0, classes=2)
    assert apart(still, moving, moving, labels=(labels, 1 - labels)) == pytest.approx(5, abs=1e-4)


def test_a_recipe_names_similarity_and_smoothness():
    asked = Registration(smoothness="bending", weight=0.5, unit="voxel", dice=0.1)
    recipe = Recipe(task="registration", registration=asked, loss_options={"ncc": {"window": 7}})
    found = build_loss(recipe, "ncc", classes=4)
    assert isinstance(found.similarity, NCCLoss)
    assert isinstance(found.smoothness, BendingLoss)
    assert (found.similarity.window, found.smoothness.unit, found.weight, found.dice, found.classes) == (
        7,
        "voxel",
        0.5,
        0.1,
        4,
    )
    assert build_loss(recipe, "ncc-authors").similarity.padding == "zeros"


@pytest.mark.message
def test_errors_are_sentences():
    moving, fixed = pair()
    with pytest.raises(ValueError, match=r"registration.dice trains with labels, but a volume has none"):
        RegistrationLoss(MSELoss(), DiffusionLoss(), dice=1.0)(shear(), moving, fixed)
    with pytest.raises(ValueError, match="weight is -1"):
        RegistrationLoss(MSELoss(), DiffusionLoss(), weight=-1)
    with pytest.raises(ValueError, match="there is no similarity called 'nc'; did you mean 'ncc'"):
        build_loss(Recipe(), "nc")
    with pytest.raises(ValueError, match=r"loss_options of mse: .*unexpected keyword argument 'window'"):
        build_loss(Recipe(loss_options={"mse": {"window": 3}}), "mse")
