"""Sums of shifted slices along one axis, the inner loop of every wavelet transform, and the samples in turn."""

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor

Term: TypeAlias = tuple[int, int, float | Tensor]
"""Which input, from which sample on, times what."""
Terms: TypeAlias = tuple[tuple[Term, ...], ...]
"""For each output its terms."""


def correlate(inputs: Sequence[Tensor], axis: int, terms: Terms, count: int) -> tuple[Tensor, ...]:
    """Outputs of ``count`` samples along ``axis``, each the sum of its terms."""
    outputs = []
    for (first, start, factor), *others in terms:
        total = inputs[first].narrow(axis, start, count) * factor
        for number, shift, weight in others:
            part = inputs[number].narrow(axis, shift, count)
            total = total + part * weight if isinstance(weight, Tensor) else total.add_(part, alpha=weight)
        outputs.append(total)
    return tuple(outputs)


def every(x: Tensor, axis: int, first: int, step: int, end: int | None = None) -> Tensor:
    """Samples ``first``, ``first + step``, ... of x along ``axis``, those before ``end``."""
    index: list[slice] = [slice(None)] * x.ndim
    index[axis] = slice(first, end, step)
    return x[tuple(index)]


def in_turn(planes: Sequence[Tensor], axis: int, first: int, count: int) -> Tensor:
    """Samples ``first`` to ``first + count`` of what the planes hold sample by sample in turn along ``axis``."""
    step = len(planes)
    if isinstance(planes[0].shape[axis], torch.SymInt):  # an exported size
        return _stacked(planes, axis).narrow(axis, first, count).contiguous()
    if step == 1:
        return planes[0].narrow(axis, first, count).contiguous()
    if torch.compiler.is_compiling() or planes[0].requires_grad:
        rows = -(-count // step)
        starts = [((first + number) // step, (first + number) % step) for number in range(step)]
        whole = _stacked([planes[plane].narrow(axis, row, rows) for row, plane in starts], axis)
        return whole if rows * step == count else whole.narrow(axis, 0, count).contiguous()
    shape = list(planes[0].shape)
    shape[axis] = count
    whole = planes[0].new_empty(shape)
    for number in range(step):  # the loop of torch.stack over short runs is several times slower
        row, plane = divmod(first + number, step)
        own = every(whole, axis, number, step)
        own.copy_(planes[plane].narrow(axis, row, own.shape[axis]))
    return whole


def _stacked(planes: Sequence[Tensor], axis: int) -> Tensor:
    stacked = torch.stack(tuple(planes), axis + 1)
    shape = stacked.shape  # not flatten, which has no rule for batched gradients
    return stacked.reshape(*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :])
