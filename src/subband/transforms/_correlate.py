"""Sums of shifted slices along one axis: the inner loop of every wavelet transform."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from types import FunctionType
from typing import TypeAlias

import torch
from torch import Tensor

Terms: TypeAlias = tuple[tuple[tuple[int, int, float | Tensor], ...], ...]
"""For each output its terms: which input, from which sample on, times what."""


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


def interleave_planes(planes: Sequence[Tensor], axis: int) -> Tensor:
    """Planes sample by sample in turn along ``axis``."""
    if len(planes) == 1:
        return planes[0]
    if not (torch.compiler.is_compiling() or planes[0].requires_grad):
        return _copied_in_turn(planes, axis)
    stacked = torch.stack(tuple(planes), axis + 1)
    shape = stacked.shape  # not flatten, which has no rule for batched gradients
    return stacked.reshape(*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :])


def _copied_in_turn(planes: Sequence[Tensor], axis: int) -> Tensor:
    """As torch.stack, whose loop over short runs is several times slower than these copies."""
    shape = list(planes[0].shape)
    shape[axis] *= len(planes)
    whole = planes[0].new_empty(shape)
    place: list[slice] = [slice(None)] * len(shape)
    for number, plane in enumerate(planes):
        place[axis] = slice(number, None, len(planes))
        whole[tuple(place)].copy_(plane)
    return whole


@lru_cache(maxsize=512)
def compiled_correlate(
    terms: Terms, axis: int, ndim: int, *, interleave: bool = False
) -> Callable[[Sequence[Tensor], int], tuple[Tensor, ...]]:
    """`correlate` as one fused kernel, compiled at its first call; ``interleave`` makes one output of the planes.

    Every filter and axis gets a code object of its own: torch.compile counts recompilations by code object, and after
    eight of them goes back to the slow path without a word.
    """

    def sums(inputs: Sequence[Tensor], count: int) -> tuple[Tensor, ...]:
        outputs = correlate(inputs, axis, terms, count)
        return (interleave_planes(outputs, axis),) if interleave else outputs

    own = FunctionType(sums.__code__.replace(co_name=f"sums_{axis}_of_{ndim}"), globals(), closure=sums.__closure__)
    return torch.compile(own, fullgraph=True)
