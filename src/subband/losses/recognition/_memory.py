"""A remembered embedding of each class, and losses against it whose gradient does not wait for backward."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def newest(rows: Tensor) -> Tensor:
    """Positions of the last occurrence of each number, in the order of the numbers.

    Args:
        rows: Whole numbers (k,), repeated or not.

    Example:
        >>> newest(torch.tensor([7, 3, 7, 5]))
        tensor([1, 3, 2])
    """
    ordered, order = torch.sort(rows, stable=True)
    last = torch.ones_like(ordered, dtype=torch.bool)
    last[:-1] = ordered[1:] != ordered[:-1]
    return order[last]


def usable(filled: Tensor) -> Tensor | None:
    """Rows of a memory that may be used; None, which costs nothing, once they all may."""
    return None if bool(filled.all()) else filled


def with_gradient_now(loss: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """``loss(*inputs)``, a scalar, whose gradient is computed at once and scaled in backward.

    The memory may then be overwritten before backward, and what the loss has stored is freed.

    Args:
        loss: Gives a scalar.
        inputs: What it is differentiated by, in float32 at least: gradients in half precision would be lost here,
            before a gradient scaler can lift them.

    Example:
        >>> x = torch.ones(2, requires_grad=True)
        >>> (3 * with_gradient_now(lambda x: x.square().sum(), x)).backward()
        >>> x.grad
        tensor([6., 6.])
    """
    if not (torch.is_grad_enabled() and any(value.requires_grad for value in inputs)):
        return loss(*inputs)
    value: Tensor = _Now.apply(loss, *inputs)
    return value


class _Now(torch.autograd.Function):
    """See `with_gradient_now`."""

    @staticmethod
    def forward(ctx: Any, loss: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        needed = ctx.needs_input_grad[1:]
        with torch.enable_grad():
            leaves = [value.detach().requires_grad_(need) for value, need in zip(inputs, needed, strict=True)]
            value = loss(*leaves)
        wanted = [leaf for leaf, need in zip(leaves, needed, strict=True) if need]
        gradients = iter(torch.autograd.grad(value, wanted, materialize_grads=True))
        ctx.save_for_backward(*(next(gradients) if need else None for need in needed))
        return value.detach()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return None, *(None if stored is None else stored * gradient for stored in ctx.saved_tensors)
