"""What a registration minimises: how unlike the images are, and how rough the field is."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from subband import catalog
from subband._check import not_negative
from subband.config import Recipe
from subband.losses.registration import BendingLoss, DiffusionLoss, dice_loss
from subband.transforms.exponential import exponential
from subband.transforms.field import Field
from subband.transforms.warp import warp


class RegistrationLoss(nn.Module):
    r"""Similarity of the warped image, smoothness of the field, and overlap of the warped labels if asked for.

    .. math:: S(m \circ \varphi, f) + \lambda R(u) + \mu D(l_m \circ \varphi, l_f)

    The smoothness is that of the velocity where the field is one, as in the WiNet authors' training.

    Args:
        similarity: Module ``loss(warped, fixed)``.
        smoothness: Module ``loss(field)``.
        weight: :math:`\lambda`.
        dice: :math:`\mu`; it needs the labels of both images.
        classes: Number of labels, background included.

    Raises:
        ValueError: If a weight is below 0; from a call, if labels are missing.
    """

    def __init__(
        self,
        similarity: nn.Module,
        smoothness: nn.Module,
        *,
        weight: float = 1.0,
        dice: float = 0.0,
        classes: int = 1,
    ) -> None:
        not_negative(weight=weight, dice=dice)
        super().__init__()
        self.similarity, self.smoothness = similarity, smoothness
        self.weight, self.dice, self.classes = weight, dice, classes

    def forward(
        self,
        field: Field,
        moving: Float[Tensor, "batch channels *space"],
        fixed: Float[Tensor, "batch channels *space"],
        *,
        labels: tuple[Int[Tensor, "batch *space"], Int[Tensor, "batch *space"]] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss; ``labels`` are those of the moving and the fixed image."""
        displacement = exponential(field) if field.kind == "velocity" else field
        with torch.autocast(fixed.device.type, enabled=False):
            total: Tensor = self.similarity(warp(moving, displacement), fixed.float())
            total = total + self.weight * self.smoothness(field)
            if self.dice:
                total = total + self.dice * self._overlap(displacement, labels)
        return total

    def _overlap(self, displacement: Field, labels: tuple[Tensor, Tensor] | None) -> Tensor:
        if labels is None:
            raise ValueError("registration.dice trains with labels, but a volume has none; set it to 0, or give labels")
        moving, fixed = (each.long() for each in labels)
        onehot = F.one_hot(moving, self.classes).movedim(-1, 1).float()
        return dice_loss(fixed, warp(onehot, displacement))


def build_loss(recipe: Recipe, name: str, *, classes: int = 2) -> RegistrationLoss:
    """Similarity of the catalogue with the recipe's options and smoothness.

    Raises:
        ValueError: If the name or an option is unknown.
    """
    entry, asked = catalog.find("similarity", name), recipe.registration
    try:
        similarity = entry.load()(**{**entry.options, **recipe.loss_options.get(name, {})})
    except TypeError as error:
        raise ValueError(f"loss_options of {name}: {error}") from error
    smoothness = (DiffusionLoss if asked.smoothness == "diffusion" else BendingLoss)(unit=asked.unit)
    return RegistrationLoss(similarity, smoothness, weight=asked.weight, dice=asked.dice, classes=classes)
