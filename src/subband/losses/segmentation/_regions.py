"""How uncertain neighbourhoods of a target are given the same neighbourhoods of a prediction."""

import itertools
from typing import Any, no_type_check

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

ALPHA = 5e-4
"""Added to the covariance of the prediction and to the conditional covariance."""
_JITTERS = (0.0, 1e-10, 1e-8, 1e-6, 1e-4)


def region_entropy(p: Tensor, t: Tensor, radius: int) -> Tensor:
    """Half the log-determinant, per pixel of a window, of the conditional covariance of t given p.

    Args:
        p: Prediction (B, C, *space).
        t: Target of the same shape, which gets no gradient.
        radius: Pixels along each axis of a window, fewer where the image is smaller.

    Returns:
        (B, C) in float64.
    """
    lengths = tuple(min(radius, size) for size in p.shape[2:])
    moments = _Moments.apply(p, t, lengths)
    size = moments.shape[-1] // 2
    pp, tp, tt = moments[..., :size, :size], moments[..., size:, :size], moments[..., size:, size:]
    eye = torch.eye(size, dtype=moments.dtype, device=moments.device)
    matrix = tt - tp @ torch.cholesky_solve(tp.mT, _factor(pp + ALPHA * eye))
    diagonal = _factor((matrix + matrix.mT) / 2 + ALPHA * eye).diagonal(dim1=-2, dim2=-1)
    entropy: Tensor = (diagonal + 1e-8).log().sum(-1) / size
    return entropy


@no_type_check
class _Moments(torch.autograd.Function):
    """Covariances (B, C, 2 d, 2 d), times the number of windows, of the windows of p and t, in float64."""

    @staticmethod
    def forward(ctx: Any, p: Tensor, t: Tensor, lengths: tuple[int, ...]) -> Tensor:
        boxes = _boxes(p, lengths)
        span = p[(..., *boxes[0])].shape
        p, t, dtype = p.double(), t.double(), p.dtype
        windows = p.new_empty((*p.shape[:2], 2 * len(boxes), *span[2:]))
        for index, box in enumerate(boxes):
            windows[:, :, index] = p[(..., *box)]
            windows[:, :, index + len(boxes)] = t[(..., *box)]
        vectors = windows.flatten(3)
        vectors -= vectors.mean(-1, keepdim=True)
        ctx.save_for_backward(vectors)
        ctx.boxes, ctx.span, ctx.shape, ctx.dtype = boxes, span, p.shape, dtype
        return vectors @ vectors.mT

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (vectors,) = ctx.saved_tensors
        both = (gradient + gradient.mT)[:, :, : len(ctx.boxes)]
        slopes = (both @ vectors).to(ctx.dtype).unflatten(-1, ctx.span[2:])
        found = slopes.new_zeros(ctx.shape)
        for index, box in enumerate(ctx.boxes):
            found[(..., *box)] += slopes[:, :, index]
        return found, None, None


def _boxes(x: Tensor, lengths: tuple[int, ...]) -> list[tuple[Any, ...]]:
    """For each pixel of a window, the part of the image that it runs over."""
    spans = [size - length + 1 for size, length in zip(x.shape[2:], lengths, strict=True)]
    corners = itertools.product(*(range(length) for length in lengths))
    return [tuple(slice(at, at + span) for at, span in zip(corner, spans, strict=True)) for corner in corners]


def _factor(matrix: Tensor) -> Tensor:
    """Cholesky factor of a matrix plus the least of a few jitters, relative to its size, that gives it one."""
    scale = matrix.detach().diagonal(dim1=-2, dim2=-1).abs().amax(-1)[..., None, None]
    eye = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    jitters = torch.tensor(_JITTERS, dtype=matrix.dtype, device=matrix.device).reshape(-1, *[1] * matrix.ndim) * scale
    failed = torch.linalg.cholesky_ex(matrix.detach() + jitters * eye).info != 0
    jitter = jitters.gather(0, failed.int().argmin(0)[None, ..., None, None])[0]
    factor: Tensor = torch.linalg.cholesky_ex(matrix + jitter * eye).L
    return factor
