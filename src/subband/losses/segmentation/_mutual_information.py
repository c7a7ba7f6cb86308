"""Mutual information of the subbands of two images, from their covariances."""

from dataclasses import dataclass

import torch
from torch import Tensor

from subband._check import positive
from subband.transforms.spectrum import SubbandCovariances

_EMPTY = 1e-6
"""A level whose target has less energy than this, or than 1e-11 of the prediction's, tells nothing."""
_JITTERS = (0.0, 1e-10, 1e-8, 1e-6, 1e-4)


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
    eye = torch.eye(pp.shape[-1], dtype=ep.dtype, device=ep.device)
    keep = kept[..., None, None]
    pp, ep, ee = (torch.where(keep, x, torch.zeros_like(x)).to(ep.dtype) for x in (pp, ep, ee))
    factor = torch.linalg.cholesky_ex(pp + alpha * eye).L
    solved = torch.cholesky_solve(torch.cat([pp, ep.mH], -1), factor)
    own, other = solved.chunk(2, -1)
    matrix = ee - ep @ other + alpha * (own + other + other.mH)
    matrix = torch.where(keep, (matrix + matrix.mH) / 2 + ridge * eye, eye)
    jitter = _jitter(matrix.detach(), torch.where(kept, target, 1) / pp.shape[-1])
    diagonal = torch.linalg.cholesky_ex(matrix + jitter * eye).L.diagonal(dim1=-2, dim2=-1).real
    value = 2 * (diagonal + 1e-8).log().sum(-1)
    return torch.where(kept, value, torch.zeros_like(value)), kept


def _jitter(matrix: Tensor, scale: Tensor) -> Tensor:
    """The least of a few jitters with which each matrix has a Cholesky factor, (..., 1, 1); chosen without a sync."""
    sizes = torch.tensor(_JITTERS, dtype=scale.dtype, device=scale.device).reshape(-1, *[1] * (scale.ndim + 2))
    jitters = sizes * scale[..., None, None]
    eye = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    failed = torch.linalg.cholesky_ex(matrix + jitters * eye).info != 0
    first = failed.int().argmin(0)
    return jitters.gather(0, first[None, ..., None, None])[0]


def _trace(matrix: Tensor) -> Tensor:
    return matrix.diagonal(dim1=-2, dim2=-1).sum(-1)


def level_mean(value: Tensor, kept: Tensor) -> Tensor:
    """Mean (N,) over the kept classes of each image, then over the images that keep any; 0 if none does."""
    classes = kept.sum(2)
    image = value.sum(2) / classes.clamp_min(1)
    return image.sum(1) / (classes > 0).sum(1).clamp_min(1)
