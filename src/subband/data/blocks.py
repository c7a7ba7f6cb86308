"""A volume cut into blocks, and blocks put together again: the authors' union, and blended probabilities."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband._check import positive
from subband.data.lazy_volume import Sliced
from subband.data.tiles import blending_window

CUBE = (32, 128, 128)
"""The authors' cube, in voxels (z, y, x)."""
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Block:
    """A box of a volume, in voxels.

    Args:
        start: First voxel along each axis.
        stop: One after the last voxel of the volume that lies in it.
        size: Its size; what exceeds ``stop`` lies outside the volume.

    Example:
        >>> Block((0, 96), (20, 150), (32, 128)).slices
        (slice(0, 20, None), slice(96, 150, None))
    """

    start: Shape
    stop: Shape
    size: Shape

    @property
    def slices(self) -> tuple[slice, ...]:
        """What it takes of the volume."""
        return tuple(slice(a, b) for a, b in zip(self.start, self.stop, strict=True))

    @property
    def shape(self) -> Shape:
        """Voxels of the volume that lie in it, along each axis."""
        return tuple(b - a for a, b in zip(self.start, self.stop, strict=True))

    @property
    def inside(self) -> tuple[slice, ...]:
        """Its own voxels that lie in the volume."""
        return tuple(slice(0, length) for length in self.shape)

    def grown(self, halo: Sequence[int], shape: Shape) -> "Block":
        """The block with ``halo`` voxels on both sides of each axis, as far as the volume of ``shape`` goes."""
        start = tuple(max(0, a - h) for a, h in zip(self.start, halo, strict=True))
        stop = tuple(min(n, b + h) for b, h, n in zip(self.stop, halo, shape, strict=True))
        return Block(start, stop, tuple(b - a for a, b in zip(start, stop, strict=True)))

    def within(self, outer: "Block") -> tuple[slice, ...]:
        """Where its voxels lie in those of ``outer``."""
        return tuple(slice(a - o, b - o) for a, b, o in zip(self.start, self.stop, outer.start, strict=True))


def whole(shape: Sequence[int]) -> Block:
    """The block that is the whole volume."""
    return Block((0,) * len(shape), tuple(shape), tuple(shape))


def partition(shape: Sequence[int], block: Sequence[int] = CUBE, step: Sequence[int] | None = None) -> list[Block]:
    """Overlapping blocks of one size that cover a volume, the first axis outermost.

    Along an axis of n voxels, blocks of b start at 0, s, 2 s, ... while they end before n; then one ends at n. A volume
    of less than b has one block, which exceeds it.

    Args:
        shape: Voxels of the volume along each axis.
        block: Voxels of a block.
        step: Voxels from one block to the next, at most ``block``; None takes three quarters, as the authors do.

    Returns:
        The blocks, of which `cut` fills what lies outside the volume with zeros.

    Raises:
        ValueError: If a number is not positive, the axes differ, or a step leaves gaps.

    Source:
        LiQiufu/3D-WaveUNet, ``postprocess/divide_neuron_image.py``.

    Example:
        >>> [found.start for found in partition((33, 128, 200))]
        [(0, 0, 0), (0, 0, 72), (1, 0, 0), (1, 0, 72)]
    """
    size, steps = _checked(shape, block, step)
    axes = [_starts(n, b, s) for n, b, s in zip(shape, size, steps, strict=True)]
    return [_block(start, shape, size) for start in itertools.product(*axes)]


def windows_over(region: Block, shape: Sequence[int], block: Sequence[int], step: Sequence[int]) -> list[Block]:
    """The blocks of `partition` that share voxels with a region, in the same order."""
    size, steps = _checked(shape, block, step)
    axes = [
        [start for start in _starts(n, b, s) if start < stop and start + b > first]
        for n, b, s, first, stop in zip(shape, size, steps, region.start, region.stop, strict=True)
    ]
    return [_block(start, shape, size) for start in itertools.product(*axes)]


def grid(shape: Sequence[int], block: Sequence[int]) -> list[Block]:
    """Blocks that fill a volume without overlap, the first axis outermost; the last of an axis may be smaller.

    Example:
        >>> [found.shape for found in grid((5, 2), (4, 4))]
        [(4, 2), (1, 2)]
    """
    size, _ = _checked(shape, block, block)
    corners = itertools.product(*(range(0, n, b) for n, b in zip(shape, size, strict=True)))
    return [whole_at(corner, size, shape) for corner in corners]


def whole_at(corner: Sequence[int], size: Shape, shape: Sequence[int]) -> Block:
    """The block of ``size`` at a corner, cut off where the volume ends."""
    stop = tuple(min(n, c + b) for c, b, n in zip(corner, size, shape, strict=True))
    return Block(tuple(corner), stop, tuple(b - a for a, b in zip(corner, stop, strict=True)))


def cut(volume: Sliced, block: Block) -> NDArray[Any]:
    """The voxels of a block; zeros where it exceeds the volume.

    Example:
        >>> cut(np.ones((2, 2)), Block((0, 1), (2, 2), (2, 3))).tolist()
        [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    """
    values = np.asarray(volume[block.slices])
    if values.shape == block.size:
        return values
    padded = np.zeros(block.size, values.dtype)
    padded[block.inside] = values
    return padded


def merge_union(parts: Iterable[tuple[Block, NDArray[Any]]], region: Block) -> NDArray[np.bool_]:
    """Mask of a region where any block that covers a voxel has a label other than 0.

    Args:
        parts: Blocks and the labels (*size) of each; what lies outside the volume does not count.
        region: The part of the volume to put together; `whole` for all of it.

    Returns:
        The mask (*region); the authors' volume is 255 times this.

    Source:
        LiQiufu/3D-WaveUNet, ``postprocess/``, whose blocks all stay in the memory of a GPU.

    Example:
        >>> blocks = partition((3,), (2,), (1,))
        >>> merge_union(zip(blocks, np.array([[0, 1], [0, 0]])), whole((3,))).tolist()
        [False, True, False]
    """
    merged = np.zeros(region.shape, bool)
    for block, labels in parts:
        here, there = _shared(block, region)
        merged[there] |= labels[here] != 0
    return merged


def merge_blended(parts: Iterable[tuple[Block, NDArray[np.float32]]], region: Block) -> NDArray[np.float32]:
    r"""Mean of what the blocks that cover a voxel give, the middle of a block weighing more than its border.

    The weights are those of `subband.data.predict_tiled`. Parts in one order give the same bits whatever the region.

    Args:
        parts: Blocks and the values (C, *size) of each, probabilities for instance.
        region: The part of the volume to put together, covered by the blocks; `whole` for all of it.

    Returns:
        (C, *region), in units of the parts.

    Raises:
        ValueError: If no block covers some voxel.

    Example:
        >>> blocks = partition((3,), (2,), (1,))
        >>> merge_blended(zip(blocks, np.array([[[4, 4]], [[4, 8]]], np.float32)), whole((3,))).tolist()
        [[4.0, 4.0, 8.0]]
    """
    total, mean = np.zeros(region.shape, np.float32), None
    weights: dict[Shape, NDArray[np.float32]] = {}
    for block, values in parts:
        here, there = _shared(block, region)
        window = weights.setdefault(block.size, blending_window(block.size))[here]
        mean = np.zeros((len(values), *region.shape), np.float32) if mean is None else mean
        total[there] += window
        part = mean[(slice(None), *there)]
        part += (values[(slice(None), *here)] - part) * (window / total[there])
    if mean is None or not total.all():
        raise ValueError(f"{np.count_nonzero(total == 0)} voxels of {region} are in no block; give all that cover it")
    return mean


def _shared(block: Block, region: Block) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where the voxels that two blocks share lie in the first and in the second; empty if there are none."""
    first = [max(a, b) for a, b in zip(block.start, region.start, strict=True)]
    last = [max(f, min(a, b)) for f, a, b in zip(first, block.stop, region.stop, strict=True)]
    common = Block(tuple(first), tuple(last), ())
    return common.within(block), common.within(region)


def _starts(length: int, size: int, step: int) -> list[int]:
    return [*range(0, length - size, step), max(0, length - size)]


def _block(start: Shape, shape: Sequence[int], size: Shape) -> Block:
    return Block(start, tuple(min(n, a + b) for a, b, n in zip(start, size, shape, strict=True)), size)


def _checked(shape: Sequence[int], block: Sequence[int], step: Sequence[int] | None) -> tuple[Shape, Shape]:
    """Sizes and steps, one for each axis."""
    steps = [max(1, round(0.75 * size)) for size in block] if step is None else step
    if not len(shape) == len(block) == len(steps):
        raise ValueError(
            f"a volume of {tuple(shape)} needs one number for each axis, but block is {tuple(block)}"
            + ("" if step is None else f" and step {tuple(steps)}")
        )
    for axis, (n, size, one) in enumerate(zip(shape, block, steps, strict=True)):
        positive(**{f"shape axis {axis}": n, f"block axis {axis}": size, f"step axis {axis}": one})
        if one > size:
            raise ValueError(f"step is {one} on axis {axis}, but blocks have {size} voxels; a longer step leaves gaps")
    return tuple(map(int, block)), tuple(map(int, steps))
