"""Maxima whose forward and backward are made of additions and comparisons with zero alone.

PyTorch's pooling on a CPU searches indices: for lines of three it takes some fifty times longer than `torch.maximum` of
shifted views. These functions give the same values and the same gradient, ties included.
"""

from typing import Any, no_type_check

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def line_maximum(x: Tensor, axis: int) -> Tensor:
    """Maximum over each pixel and its two neighbours along one axis; the gradient goes to the first largest."""
    return x if x.shape[axis] == 1 else _LineMaximum.apply(x, axis)


def maximum(x: Tensor, y: Tensor) -> Tensor:
    """`torch.maximum`: the gradient goes to the larger, and half to each if they are equal."""
    return _Maximum.apply(x, y)  # type: ignore[no-any-return]


def block_maximum(x: Tensor, size: int) -> Tensor:
    """Maximum in blocks of ``size`` pixels, of which the first is centred on the first pixel; without gradient."""
    for axis in range(2, x.ndim):
        found = x[_every(axis, 0, size)].clone(memory_format=torch.contiguous_format)
        for step in range(1, size // 2 + 1):
            for first, shift in ((0, step), (1, -step)):  # the first block has nothing before its centre
                shifted = x[_every(axis, first * size + shift, size)]
                count = min(shifted.shape[axis], found.shape[axis] - first)
                here = found.narrow(axis, first, count)
                torch.maximum(here, shifted.narrow(axis, 0, count), out=here)
        x = found
    return x


def _every(axis: int, first: int, step: int) -> tuple[slice, ...]:
    return (*[slice(None)] * axis, slice(first, None, step))


def _where_positive(gradient: Tensor, x: Tensor) -> Tensor:
    """The gradient where x is above 0, else 0: one pass, where a comparison and a choice are two slow ones."""
    found: Tensor = torch.ops.aten.threshold_backward(gradient, x, 0)
    return found


def _with_previous(x: Tensor, axis: int) -> Tensor:
    """Maximum of each pixel and the one before it."""
    size = x.shape[axis] - 1
    found = x.clone(memory_format=torch.contiguous_format)
    torch.maximum(x.narrow(axis, 0, size), x.narrow(axis, 1, size), out=found.narrow(axis, 1, size))
    return found


@no_type_check
class _LineMaximum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, axis: int) -> Tensor:
        ctx.axis = axis
        ctx.save_for_backward(x)
        size = x.shape[axis] - 1
        found = _with_previous(x, axis)
        first = found.narrow(axis, 0, size)
        torch.maximum(first, x.narrow(axis, 1, size), out=first)
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (x,), axis = ctx.saved_tensors, ctx.axis
        size = x.shape[axis] - 1
        before, after = x.narrow(axis, 0, size), x.narrow(axis, 1, size)
        pair = _with_previous(x, axis)
        to_next = _where_positive(gradient.narrow(axis, 0, size), after - pair.narrow(axis, 0, size))
        to_pair = gradient.clone(memory_format=torch.contiguous_format)
        to_pair.narrow(axis, 0, size).sub_(to_next)
        to_own = _where_positive(to_pair.narrow(axis, 1, size), after - before)
        # the pair's share goes to its own pixel where that is larger, else to the one before
        found = to_pair
        to_previous = to_pair.narrow(axis, 1, size) - to_own
        found.narrow(axis, 1, size).copy_(to_own).add_(to_next)
        found.narrow(axis, 0, size).add_(to_previous)
        return found, None


@no_type_check
class _Maximum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        return torch.maximum(x, y)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, y = ctx.saved_tensors
        share = torch.sign(x - y).add_(1).mul_(0.5).mul_(gradient)
        return share, gradient - share
