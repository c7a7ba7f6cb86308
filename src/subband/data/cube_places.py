"""How many training cubes a neuron volume gives, and where they lie."""

import math
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from subband._check import between
from subband.data.sample import Mask, by

CUBE = (32, 128, 128)
"""Size of a cube (z, y, x) that the authors train on."""
SHARE = 0.003
"""Part of a cube's voxels that belong to the neuron, in cubes that are chosen for it."""
TRIES = 1000

Start = tuple[int, int, int]
Scalar = TypeVar("Scalar", bound=np.generic)


def cube_counts(shape: Sequence[int], cube: Sequence[int] = CUBE) -> tuple[int, int]:
    r"""How many cubes a volume gives: anywhere, and where the neuron is.

    .. math:: M = \prod_i \lceil n_i / c_i \rceil

    anywhere, and 10 M more with a share of the neuron if M < 10, 8 M if M < 50, 6 M if M < 200, else 4 M.

    Args:
        shape: Size of the volume (z, y, x).
        cube: Size of a cube.

    Source:
        The production of NeuCuDa (LiQiufu/3D-WaveUNet, ``preprocess``).

    Example:
        >>> cube_counts((32, 256, 256))
        (4, 40)
    """
    anywhere = math.prod(-(-size // length) for size, length in zip(shape, cube, strict=True))
    factor = next((times for limit, times in ((10, 10), (50, 8), (200, 6)) if anywhere < limit), 4)
    return anywhere, factor * anywhere


def draw_cube(generator: np.random.Generator, labels: Mask, *, cube: Sequence[int] = CUBE, share: float = 0.0) -> Start:
    """First voxel of a random cube inside a volume, with at least a share of the neuron.

    Positions are drawn until one has the share. If none of a thousand has it, the one with the most is taken.

    Args:
        generator: Source of the random numbers.
        labels: Voxels of the neuron (Z, Y, X), 0 or 1.
        cube: Size of a cube; along an axis on which the volume is smaller, the cube begins at 0.
        share: Least part of the cube's voxels that are 1, in [0, 1]; 0 takes the first position.

    Raises:
        ValueError: If the cube has another number of axes, or the share is out of range.

    Example:
        >>> labels = np.zeros((4, 8, 8), np.uint8)
        >>> labels[0, 7, 7] = 1
        >>> draw_cube(np.random.default_rng(0), labels, cube=(4, 2, 2), share=0.05)
        (0, 6, 6)
    """
    if len(cube) != labels.ndim or min(cube) < 1:
        raise ValueError(f"a cube of {by(cube)} voxels does not fit a volume of {by(labels.shape)}; give (z, y, x)")
    between(0, 1, share=share)
    best, most = (0, 0, 0), -1
    needed = share * math.prod(cube)
    for _ in range(TRIES):
        z, y, x = (
            int(generator.integers(max(size - length, 0) + 1)) for size, length in zip(labels.shape, cube, strict=True)
        )
        if share == 0:
            return z, y, x
        count = int(np.count_nonzero(labels[z : z + cube[0], y : y + cube[1], x : x + cube[2]]))
        if count > most:
            best, most = (z, y, x), count
        if count >= needed:
            break
    return best


def least_share(labels: Mask, share: float = SHARE) -> float:
    """Share that a cube chosen for the neuron needs: ``share``, or that of the whole volume where it is less."""
    return min(share, float(np.count_nonzero(labels)) / max(labels.size, 1))


def cut_cube(volume: NDArray[Scalar], start: Start, cube: Sequence[int] = CUBE) -> NDArray[Scalar]:
    """A copy of a cube of a volume (Z, Y, X), with zeros behind its end where the volume is smaller.

    Example:
        >>> cut_cube(np.arange(6).reshape(1, 2, 3), (0, 0, 1), (1, 3, 2))[0].tolist()
        [[1, 2], [4, 5], [0, 0]]
    """
    part: NDArray[Any] = volume[tuple(slice(at, at + length) for at, length in zip(start, cube, strict=True))]
    found = np.zeros(tuple(cube), volume.dtype)
    found[tuple(slice(size) for size in part.shape)] = part
    return found
