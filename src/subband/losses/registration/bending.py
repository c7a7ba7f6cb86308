"""Smoothness by second derivatives."""

from itertools import combinations
from typing import get_args

from jaxtyping import Float
from torch import Tensor, nn

from subband._check import one_of
from subband.losses.registration._field import Differences, SmoothnessUnit, moved, vectors_and_steps
from subband.transforms.field import Field


def bending_loss(
    field: Field, *, unit: SmoothnessUnit = "mm", differences: Differences = "compact"
) -> Float[Tensor, ""]:
    r"""Bending energy of a field, the mean of its squared second derivatives.

    .. math:: \operatorname{mean}_{i, x} \sum_{a, b} \left( \frac{\partial^2 u_i}{\partial x_a \partial x_b} \right)^2

    over the voxels whose neighbours all lie in the image. Affine fields cost nothing.

    Args:
        field: A displacement or a velocity.
        unit: As in `diffusion_loss`.
        differences: ``compact``, over neighbours; ``central``, over two voxels for the second derivative along one
            axis, which does not see a field that alternates from voxel to voxel.

    Returns:
        A scalar, 0 or more, in 1 / unit squared.

    Raises:
        ValueError: If an option is unknown or an axis has too few voxels (3, for central differences 5).

    Source:
        Rueckert et al., 1999; MONAI 1.6 ``BendingEnergyLoss`` is ``unit="voxel"``; x-xc/WiNet, ``loss.py``,
        ``DisplacementRegularizer``, unused there, is ``unit="voxel", differences="central"`` of 64 times the field.

    Example:
        >>> import torch
        >>> row = torch.tensor([0.0, 1.0, 4.0])
        >>> bent = torch.stack([row.expand(3, 3), torch.zeros(3, 3)])[None]
        >>> bending_loss(Field(bent, "voxel"))  # (2^2 + 0) / 2
        tensor(2.)
    """
    _check(unit, differences)
    far = 1 if differences == "compact" else 2
    u, steps = vectors_and_steps(field, unit, 2 * far + 1)
    total = u.new_zeros(())
    for a, step in enumerate(steps):
        curve = moved(u, far, {a: far}) - 2 * moved(u, far, {}) + moved(u, far, {a: -far})
        total = total + (curve / (far * step) ** 2).square().mean()
    for a, b in combinations(range(len(steps)), 2):
        twist = (
            moved(u, far, {a: 1, b: 1})
            - moved(u, far, {a: 1, b: -1})
            - moved(u, far, {a: -1, b: 1})
            + moved(u, far, {a: -1, b: -1})
        )
        total = total + 2 * (twist / (4 * steps[a] * steps[b])).square().mean()
    return total


class BendingLoss(nn.Module):
    """Module form of `bending_loss`, called with a field."""

    def __init__(self, *, unit: SmoothnessUnit = "mm", differences: Differences = "compact") -> None:
        _check(unit, differences)
        super().__init__()
        self.unit: SmoothnessUnit = unit
        self.differences: Differences = differences

    def forward(self, field: Field) -> Float[Tensor, ""]:
        """Return `bending_loss`."""
        return bending_loss(field, unit=self.unit, differences=self.differences)


def _check(unit: str, differences: str) -> None:
    one_of("unit", unit, get_args(SmoothnessUnit))
    one_of("differences", differences, get_args(Differences))
