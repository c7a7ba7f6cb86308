"""Mutual information of the subbands of two images, from their covariances."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from subband._check import positive
from subband.transforms.spectrum import SubbandCovariances

_EMPTY = 1e-6
"""A level whose target has less energy than this, or than 1e-11 of the prediction's, tells nothing."""
_JITTERS = (0.0, 1e-10, 1e-8, 1e-6, 1e-4)
_FLOOR = 1e-8
"""Added to the diagonal of the Cholesky factor before its logarithm, as published."""


@dataclass(frozen=True)
class MutualInformation:
    """The measure ``"mi"`` of CWMI with its two regularisers, in units of summed squared subband values.

    Attributes:
        alpha: Added to the covariance of the prediction before it is inverted.
        ridge: Added to the conditional covariance before its logarithm; None is 0 on the authors' grid, else 5e-4.
    """

    alpha: float = 5e-4
    ridge: float | None = None

    def __post_init__(self) -> None:
        positive(alpha=self.alpha)
        if self.ridge is not None and not self.ridge >= 0:
            raise ValueError(f"ridge is {self.ridge}, but must be at least 0, or None")


def conditional_entropy(covariances: SubbandCovariances, *, alpha: float, ridge: float) -> tuple[Tensor, Tensor]:
    r"""Log-determinant of the target's covariance given the prediction, and where it means something.

    .. math:: M = \Sigma_{ee} - \Sigma_{ep} A \Sigma_{ep}^H + \alpha (A \Sigma_{pp} + A \Sigma_{ep}^H + \Sigma_{ep} A),
              \quad A = (\Sigma_{pp} + \alpha I)^{-1}

    which is :math:`\Sigma_{yy} - \Sigma_{yp} A \Sigma_{yp}^H` for :math:`y = p + e`, without its cancellation.

    Returns:
        The log-determinants (N, B, C), 0 where dropped, and a mask (N, B, C) of the items kept: those whose target has
        energy in the level.
    """
    pp, ep, ee = covariances.prediction, covariances.cross, covariances.error
    target = _trace(covariances.target).detach()
    kept = target > _EMPTY + 1e-11 * (_trace(pp) + _trace(ee)).detach()
    keep = kept[..., None, None]
    pp, ep, ee = (torch.where(keep, x, torch.zeros_like(x)) for x in (pp, ep, ee))
    value: Tensor = _LogDeterminant.apply(pp, ep, ee, torch.where(kept, target, 1) / pp.shape[-1], alpha, ridge)
    return torch.where(kept, value, torch.zeros_like(value)), kept


class _LogDeterminant(torch.autograd.Function):
    r"""Twice the sum of log diag chol M, the matrix M as above and as :math:`\Sigma_{ee} + (\alpha + \rho) I - Z Y^H`.

    There :math:`Y = \Sigma_{ep} - \alpha I` and :math:`Z = Y A`. Fast because its gradient is three products with the
    inverse W of M: W for the error, -2 W Z for the cross term, Z^H W Z for the prediction.
    """

    @staticmethod
    def forward(ctx: Any, pp: Tensor, ep: Tensor, ee: Tensor, scale: Tensor, alpha: float, ridge: float) -> Tensor:
        """Solve, subtract, factorise; the jitter is in units of ``scale``."""
        eye = torch.eye(pp.shape[-1], dtype=ep.dtype, device=ep.device)
        shifted = ep - alpha * eye
        factor = torch.linalg.cholesky_ex(pp + alpha * eye.real).L.to(ep.dtype)
        solved = torch.cholesky_solve(shifted.mH, factor).mH
        matrix = ee + (alpha + ridge) * eye - solved @ shifted.mH
        root = _root((matrix + matrix.mH) / 2, scale)
        diagonal = root.diagonal(dim1=-2, dim2=-1).real
        inverse = torch.linalg.solve_triangular(root, eye.expand_as(root), upper=False)
        ctx.save_for_backward(inverse.mH @ ((diagonal / (diagonal + _FLOOR)).unsqueeze(-1) * inverse), solved)
        return 2 * (diagonal + _FLOOR).log().sum(-1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Three products."""
        weight, solved = ctx.saved_tensors
        weight = gradient[..., None, None] * weight
        cross = weight @ solved
        own, error = (x.real if x.is_complex() else x for x in (solved.mH @ cross, weight))
        return own, -2 * cross, error, None, None, None


def _root(matrix: Tensor, scale: Tensor) -> Tensor:
    """The Cholesky factor with the least of a few jitters with which each matrix has one; chosen without a sync."""
    sizes = torch.tensor(_JITTERS, dtype=scale.dtype, device=scale.device).reshape(-1, *[1] * (scale.ndim + 2))
    eye = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    found = torch.linalg.cholesky_ex(matrix + sizes * scale[..., None, None] * eye)
    first = (found.info != 0).int().argmin(0)
    root: Tensor = found.L.gather(0, first[None, ..., None, None].expand(1, *matrix.shape))[0]
    return root


def _trace(matrix: Tensor) -> Tensor:
    return matrix.diagonal(dim1=-2, dim2=-1).sum(-1)


def level_mean(value: Tensor, kept: Tensor) -> Tensor:
    """Mean (N,) over the kept classes of each image, then over the images that keep any; 0 if none does."""
    classes = kept.sum(2)
    image = value.sum(2) / classes.clamp_min(1)
    return image.sum(1) / (classes > 0).sum(1).clamp_min(1)
