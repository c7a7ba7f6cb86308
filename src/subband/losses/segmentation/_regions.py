"""How uncertain neighbourhoods of a target are given the same neighbourhoods of a prediction."""

import itertools
import math
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
    """Covariances (B, C, 2 d, 2 d), times the number of windows, of the windows of p and t, in float64.

    Two pixels of a window are a number of rows apart. So the products of each row with the next ones, summed over the
    rows that the window's pixels run over, give all covariances, with a third of the multiplications (2-D, radius 3)
    that all windows laid side by side would take, and a third of their memory.
    """

    @staticmethod
    def forward(ctx: Any, p: Tensor, t: Tensor, lengths: tuple[int, ...]) -> Tensor:
        rows, span, high = _rows(p, t, lengths)
        inner, size = lengths[0] - 1, rows.shape[2]
        own = rows[:, inner : rows.shape[1] - inner]
        after = _slabs(rows[:, inner:], lengths[0])
        lags = torch.stack([torch.bmm(a, b.mT) for a, b in zip(own, after, strict=True)])
        lags = lags.reshape(*lags.shape[:3], lengths[0], size)
        means = torch.stack([own[:, a : a + high].mean((1, 3)) for a in range(lengths[0])], 1)
        moments = rows.new_empty(len(rows), lengths[0], size, lengths[0], size)
        for a in range(lengths[0]):
            for b in range(a, lengths[0]):
                block = lags[:, a : a + high, :, b - a].sum(1)
                moments[:, a, :, b], moments[:, b, :, a] = block, block.mT
        moments -= high * rows.shape[3] * means[:, :, :, None, None] * means[:, None, None]
        ctx.save_for_backward(rows, means)
        ctx.lengths, ctx.span, ctx.high, ctx.shape, ctx.dtype = lengths, span, high, p.shape, p.dtype
        split, edge = (lengths[0], 2, size // 2), 2 * math.prod(lengths)
        moments = moments.reshape(-1, *split, *split).permute(0, 2, 1, 3, 5, 4, 6)  # all of p, then all of t
        return moments.reshape(*p.shape[:2], edge, edge)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (rows, means), first, high = ctx.saved_tensors, ctx.lengths[0], ctx.high
        size = rows.shape[2] // 2
        both = (gradient + gradient.mT).reshape(-1, 2, first, size, 2, first, size)[:, 0]
        both = both.permute(0, 1, 2, 4, 3, 5).flatten(4)  # row and place in the window: of p, then of both
        kernels = rows.new_zeros(len(rows), ctx.shape[2], size, 2 * first - 1, rows.shape[2])
        level = rows.new_zeros(*kernels.shape[:3], 1)
        for a in range(first):
            for b in range(first):
                kernels[:, a : a + high, :, b - a + first - 1] += both[:, None, a, :, b]
            level[:, a : a + high] -= (both[:, a].flatten(2) @ means.flatten(1).unsqueeze(2)).unsqueeze(1)
        around = _slabs(rows, 2 * first - 1)
        images = [torch.baddbmm(*image) for image in zip(level, kernels.flatten(3), around, strict=True)]
        slopes = torch.stack(images).to(ctx.dtype).reshape(*kernels.shape[:3], *ctx.span)
        found = slopes.new_zeros(ctx.shape).flatten(0, 1)
        for index, box in enumerate(_boxes(ctx.shape[3:], ctx.lengths[1:])):
            found[(..., *box)] += slopes[:, :, index]
        return found.reshape(ctx.shape), None, None


def _rows(p: Tensor, t: Tensor, lengths: tuple[int, ...]) -> tuple[Tensor, tuple[int, ...], int]:
    """Windows along all axes but the first, about mean 0: (B C, rows, pixels of p then of t, positions) in float64.

    There are ``lengths[0] - 1`` rows of zeros before and after. Also returns the number of positions along each axis,
    and that of windows along the first one.
    """
    both = torch.stack([p, t], 2).flatten(0, 1).double()
    both = (both - both.flatten(2).mean(2)[(..., *[None] * (p.ndim - 2))]).transpose(1, 2)
    boxes = _boxes(p.shape[3:], lengths[1:])
    span, outer = tuple(both[(..., *boxes[0])].shape[3:]), lengths[0] - 1
    rows = both.new_zeros(len(both), p.shape[2] + 2 * outer, 2, len(boxes), *span)
    for index, box in enumerate(boxes):
        rows[:, outer : outer + p.shape[2], :, index] = both[(..., *box)]
    return rows.flatten(4).flatten(2, 3), span, p.shape[2] - outer


def _slabs(rows: Tensor, count: int) -> Tensor:
    """``count`` rows from each row on, one under the other, (B C, rows, count pixels, positions); a view."""
    return rows.unfold(1, count, 1).movedim(-1, 2).flatten(2, 3)


def _boxes(space: tuple[int, ...], lengths: tuple[int, ...]) -> list[tuple[Any, ...]]:
    """For each pixel of a window, the part of the image that it runs over."""
    spans = [size - length + 1 for size, length in zip(space, lengths, strict=True)]
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
