"""Change of volume under a field: Jacobian determinant, folds, and how uneven it is."""

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from subband._check import one_of
from subband.transforms.field import Field

JacobianConvention = Literal["default", "authors"]
LogConvention = Literal["default", "learn2reg"]


def jacobian_determinant(field: Field, *, convention: JacobianConvention = "default") -> Float[Tensor, "batch *space"]:
    r"""Local change of volume under a field, 1 where nothing changes, at or below 0 where the field folds.

    .. math:: |J|(x) = \det\left(I + \nabla u(x)\right)

    Derivatives are differences between the two neighbours, at the border to the one neighbour there is. The unit and
    the spacing do not matter.

    Args:
        field: Displacements.
        convention: ``"authors"`` takes a normalised length of 2 for N voxels instead of N - 1.

    Returns:
        (B, *space), without unit, float32 at least; differentiable.

    Raises:
        ValueError: If the field is a velocity, or the convention is unknown.

    Source:
        ``eval.py`` of x-xc/WiNet (``np.gradient``); voxelmorph's ``jacobian_determinant``; Learn2Reg's on the inside.

    Example:
        >>> import torch
        >>> from subband.transforms.field import Field
        >>> x = torch.arange(5.0).view(1, 1, 5, 1).expand(1, 1, 5, 4)
        >>> double = Field(torch.cat([x, torch.zeros_like(x)], 1), "voxel")
        >>> jacobian_determinant(double)[0, 0].tolist()
        [2.0, 2.0, 2.0, 2.0]
    """
    one_of("convention", convention, get_args(JacobianConvention))
    if field.kind != "displacement":
        raise ValueError("the field is a velocity, but must be a displacement; pass exponential(field)")
    if convention == "authors":
        half = torch.tensor([size / 2 for size in field.space], device=field.vectors.device)
        u = field.to_unit("normalised").vectors * half.view(-1, *[1] * len(field.space))
    else:
        u = field.to_unit("voxel").vectors
    u = u.to(torch.promote_types(u.dtype, torch.float32))
    columns = [_difference(u, axis) for axis in range(2, u.ndim)]
    j = [[column[:, a] + float(a == b) for b, column in enumerate(columns)] for a in range(len(columns))]
    if len(j) == 2:
        return j[0][0] * j[1][1] - j[0][1] * j[1][0]
    return (
        j[0][0] * (j[1][1] * j[2][2] - j[1][2] * j[2][1])
        - j[0][1] * (j[1][0] * j[2][2] - j[1][2] * j[2][0])
        + j[0][2] * (j[1][0] * j[2][1] - j[1][1] * j[2][0])
    )


def folding_percentage(field: Field, *, convention: JacobianConvention = "default") -> float:
    r"""Part of the voxels at which a field folds, :math:`|J| \le 0`.

    Args:
        field: Displacements; all voxels of all fields count, the background too.
        convention: As for `jacobian_determinant`.

    Returns:
        Per cent, in [0, 100].

    Raises:
        ValueError: As `jacobian_determinant`.

    Source:
        ``eval.py`` of x-xc/WiNet.

    Example:
        >>> import torch
        >>> from subband.transforms.field import Field
        >>> folding_percentage(Field(torch.zeros(1, 3, 4, 4, 4), "voxel"))
        0.0
    """
    determinant = jacobian_determinant(field, convention=convention)
    return 100 * float((determinant <= 0).double().mean())


def sd_log_jacobian(field: Field, *, convention: LogConvention = "default") -> float:
    r"""Standard deviation of :math:`\log |J|` over the voxels: how unevenly a field changes the volume.

    Args:
        field: Displacements; all voxels of all fields count.
        convention: ``"learn2reg"``: :math:`\log(|J| + 3)` without the two voxels next to each border, as that
            challenge computes it.

    Returns:
        A number from 0 on. Voxels that fold have no logarithm and are left out: `folding_percentage` counts them. NaN
        if no voxel is left.

    Raises:
        ValueError: As `jacobian_determinant`.

    Source:
        Leow et al., Statistical properties of Jacobian maps, IEEE TMI 2007; the evaluation code of Learn2Reg.

    Example:
        >>> import torch
        >>> from subband.transforms.field import Field
        >>> sd_log_jacobian(Field(torch.zeros(1, 3, 4, 4, 4), "voxel"))
        0.0
    """
    one_of("convention", convention, get_args(LogConvention))
    determinant = jacobian_determinant(field).detach().double()
    if convention == "learn2reg":
        inside = (slice(None), *[slice(2, -2)] * len(field.space))
        logarithms = (determinant[inside] + 3).clamp(1e-9, 1e9).log()
    else:
        logarithms = determinant[determinant > 0].log()
    return float(logarithms.std(correction=0)) if logarithms.numel() else float("nan")


def _difference(u: Tensor, axis: int) -> Tensor:
    """Central differences, one-sided at the border; 0 along an axis of one voxel."""
    return torch.gradient(u, dim=axis)[0] if u.shape[axis] > 1 else torch.zeros_like(u)
