"""A volume of any size, read a few planes at a time."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

THICK = 16
"""Planes that are read at once, at least."""


class Planes(Protocol):
    """Voxels (Z, Y, X) that are read when sliced: an array, or a file."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __getitem__(self, key: Any, /) -> Any: ...


def slabs(
    volume: Planes, change: Callable[[NDArray[Any]], NDArray[Any]] = np.ascontiguousarray, reach: int = 0
) -> Iterator[NDArray[Any]]:
    """Changed slabs (z, Y, X) one after the other, the same as those of the changed volume.

    Their thickness is a whole number of the ``chunks`` that the volume is read in, if it has any.

    Args:
        volume: (Z, Y, X).
        change: From voxels to as many; it looks at most ``reach`` planes away.
        reach: Planes that are read before and after a slab.

    Example:
        >>> [slab.tolist() for slab in slabs(np.arange(2.0).reshape(2, 1, 1), np.negative)]
        [[[[-0.0]], [[-1.0]]]]
    """
    chunks = getattr(volume, "chunks", None)
    chunk, depth = chunks[0] if chunks else 1, volume.shape[0]
    step = chunk * -(-THICK // chunk)
    for start in range(0, depth, step):
        stop, first = min(start + step, depth), max(0, start - reach)
        yield change(np.asarray(volume[first : stop + reach]))[start - first : stop - first]
