"""Part by part through a large tensor, so that what is made on the way stays in the cache."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

PART_BYTES = 2**21
"""Size of a part. Larger temporary tensors go back to the system each time, and come again page by page."""


def in_parts(
    function: Callable[[Sequence[Tensor]], Sequence[Tensor]], inputs: Sequence[Tensor], axis: int
) -> tuple[Tensor, ...]:
    """Outputs of a function that works along ``axis`` alone, taken over parts of the longest axis in front of it."""
    leading = inputs[0].shape[:axis]
    size = sum(x.numel() * x.element_size() for x in inputs) if inputs[0].is_cpu else 0
    if torch.compiler.is_compiling() or not leading or size < 2 * PART_BYTES or max(leading) == 1:
        return tuple(function(inputs))
    along = leading.index(max(leading))
    step = max(1, leading[along] * PART_BYTES // size)
    wholes: list[Tensor] = []
    for start in range(0, leading[along], step):
        count = min(step, leading[along] - start)
        parts = function([x.narrow(along, start, count) for x in inputs])
        if not wholes:
            shapes = [(*part.shape[:along], leading[along], *part.shape[along + 1 :]) for part in parts]
            wholes = [part.new_empty(shape) for part, shape in zip(parts, shapes, strict=True)]
        for whole, part in zip(wholes, parts, strict=True):
            whole.narrow(along, start, count).copy_(part)
    return tuple(wholes)
