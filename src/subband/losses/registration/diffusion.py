"""Smoothness by first derivatives."""

from typing import Literal, get_args

from jaxtyping import Float
from torch import Tensor, nn

from subband._check import one_of
from subband.losses.registration._field import Differences, SmoothnessUnit, moved, vectors_and_steps
from subband.transforms.field import Field

Power = Literal[1, 2]


def diffusion_loss(
    field: Field, *, unit: SmoothnessUnit = "mm", differences: Differences = "compact", power: Power = 2
) -> Float[Tensor, ""]:
    r"""Mean squared first derivative of a field.

    .. math:: \frac{1}{d} \sum_{a=1}^{d} \operatorname{mean}_{i, x}
        \left| \frac{\partial u_i}{\partial x_a} \right|^q

    A slope has no unit, so mm and voxels give one number where the spacing is equal. Constant fields cost nothing.

    Args:
        field: A displacement or a velocity.
        unit: In which both :math:`u` and :math:`x` are measured: ``mm`` (a field without a grid has voxels of 1 mm);
            ``voxel``; ``normalised``, where the slope of component i along axis a is :math:`(N_a - 1) / (N_i - 1)` of
            that in voxels; or ``authors``, where it is :math:`N_a / (N_i - 1)` of it. On a cube of equal spacing the
            first three agree and ``authors`` gives :math:`N^2 / (N - 1)^2` (q = 2) of them.
        differences: ``compact`` between neighbours; ``central`` over two voxels, in the interior, which does not see a
            field that alternates from voxel to voxel.
        power: q.

    Returns:
        A scalar, 0 or more, without unit.

    Raises:
        ValueError: If an option is unknown or an axis has too few voxels (2, for central differences 3).

    Source:
        Balakrishnan et al., VoxelMorph, 2019 (arXiv:1809.05231); x-xc/WiNet, ``loss.py``: ``smoothloss`` is
        ``unit="authors"``; ``DisplacementRegularizer``, unused there, is ``unit="voxel", differences="central"`` of 64
        times the field. Departure: the unit.

    Example:
        >>> import torch
        >>> row = torch.tensor([0.0, 2.0, 4.0])
        >>> shear = torch.stack([row.expand(3, 3), torch.zeros(3, 3)])[None]
        >>> diffusion_loss(Field(shear, "voxel"))  # (0 + 0 + 4 + 0) / 4
        tensor(1.)
    """
    _check(unit, differences, power)
    u, steps = vectors_and_steps(field, unit, 2 if differences == "compact" else 3)
    total = u.new_zeros(())
    for axis, step in enumerate(steps):
        if differences == "compact":
            slope = u.diff(dim=axis + 2) / step
        else:
            slope = (moved(u, 1, {axis: 1}) - moved(u, 1, {axis: -1})) / (2 * step)
        total = total + (slope.square() if power == 2 else slope.abs()).mean()
    return total / len(steps)


class DiffusionLoss(nn.Module):
    """Module form of `diffusion_loss`, called with a field."""

    def __init__(self, *, unit: SmoothnessUnit = "mm", differences: Differences = "compact", power: Power = 2) -> None:
        _check(unit, differences, power)
        super().__init__()
        self.unit: SmoothnessUnit = unit
        self.differences: Differences = differences
        self.power: Power = power

    def forward(self, field: Field) -> Float[Tensor, ""]:
        """Return `diffusion_loss`."""
        return diffusion_loss(field, unit=self.unit, differences=self.differences, power=self.power)


def _check(unit: str, differences: str, power: int) -> None:
    one_of("unit", unit, get_args(SmoothnessUnit))
    one_of("differences", differences, get_args(Differences))
    if power not in get_args(Power):
        raise ValueError(f"power is {power}, but must be 1 or 2")
