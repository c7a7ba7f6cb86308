"""Sums over a box around each voxel."""

import torch.nn.functional as F
from torch import Tensor


def box_sum(x: Tensor, window: int) -> Tensor:
    """Sum over the box of ``window`` (odd) voxels along each axis of space around each voxel; zeros beyond the edge.

    Axis by axis, and along an axis from sums of 1, 2, 4, 8, ... neighbours: 4 additions for 9. All terms are added,
    never subtracted, so float32 keeps its digits on large volumes, where a cumulative sum loses one.
    """
    for axis in range(2, x.ndim):
        x = _axis_sum(x, axis, window)
    return x


def _axis_sum(x: Tensor, axis: int, window: int) -> Tensor:
    size = x.shape[axis]
    sums = F.pad(
        x, [0, 0] * (x.ndim - 1 - axis) + [window // 2, window // 2]
    )  # of `span` neighbours, from each voxel on
    total, start, span = None, 0, 1
    while span <= window:
        if window & span:
            part = sums.narrow(axis, start, size)
            total = part if total is None else total + part
            start += span
        if 2 * span <= window:
            length = sums.shape[axis] - span
            sums = sums.narrow(axis, 0, length) + sums.narrow(axis, span, length)
        span *= 2
    assert total is not None
    return total
