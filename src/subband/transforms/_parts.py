"""Part by part through a large tensor, so that what is made on the way stays in the cache."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

PART_BYTES = 2**21
"""Size of a part. Larger temporary tensors go back to the system each time, and come again page by page."""


def in_parts(
    function: Callable[[Sequence[Tensor]], Sequence[Tensor]], inputs: Sequence[Tensor], axis: int
) -> tuple[Tensor, ...]:
    """Outputs of a function that works from ``axis`` on, taken over parts of an axis in front of it.

    That is the outermost one that makes the parts small enough, since its parts lie in one piece, or else the longest.
    All parts are equal, since a compiled function is made for each shape: the last may reach into the one before it.
    """
    leading = inputs[0].shape[:axis]
    size = sum(x.numel() * x.element_size() for x in inputs) if inputs[0].is_cpu else 0
    if torch.compiler.is_compiling() or not leading or size < 2 * PART_BYTES or max(leading) == 1:
        return tuple(function(inputs))
    enough = (at for at, count in enumerate(leading) if count * PART_BYTES >= size)
    along = next(enough, leading.index(max(leading)))
    step = max(1, leading[along] * PART_BYTES // size)
    wholes: list[Tensor] = []
    for begin in range(0, leading[along], step):
        start = min(begin, leading[along] - step)
        parts = function([x.narrow(along, start, step) for x in inputs])
        if not wholes:
            shapes = [(*part.shape[:along], leading[along], *part.shape[along + 1 :]) for part in parts]
            wholes = [part.new_empty(shape) for part, shape in zip(parts, shapes, strict=True)]
        for whole, part in zip(wholes, parts, strict=True):
            whole.narrow(along, start, step).copy_(part)
    return tuple(wholes)
