"""What is known of a volume of any size before it is traced: whether it is noisy, its background, a threshold."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from subband.tracing._voxels import Floats
from subband.tracing.foreground import background_of, blurred, sampling, threshold_of

REACH = 3
"""Voxels that `subband.tracing.foreground.blurred` looks away."""
THICK = 16
"""Planes that are read at once."""


class Planes(Protocol):
    """Voxels (Z, Y, X) that are read when sliced: an array, or a file."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __getitem__(self, key: Any, /) -> Any: ...


@dataclass(frozen=True)
class Measured:
    """How the foreground of a volume is found.

    Attributes:
        blur: Whether it is blurred before.
        level: Grey value of the background.
        threshold: Foreground is what is brighter.
    """

    blur: bool
    level: float
    threshold: float

    def grey(self, voxels: NDArray[Any]) -> NDArray[Any]:
        """Grey values that the threshold is meant for; those within `REACH` of a cut need what lies beyond it."""
        return blurred(voxels) if self.blur else voxels


def measure(volume: Planes, threshold: float | None = None) -> Measured:
    """Measure a volume, which is read in slabs; memory holds some of them and a sample of the voxels.

    Args:
        volume: (Z, Y, X) grey values.
        threshold: As in `subband.tracing.trace`.

    Raises:
        ValueError: If a voxel is not finite.

    Example:
        >>> volume = np.full((8, 8, 8), 3.0)
        >>> volume[4, 4] = 90
        >>> found = measure(volume)
        >>> found.blur, found.level, round(found.threshold, 2)
        (False, 3.0, 9.75)
    """
    values = _sampled(volume, _finite, 0)
    level, noise = background_of(values)
    if threshold is not None:
        return Measured(False, level, float(threshold))
    if noise > 0:
        values = _sampled(volume, blurred, REACH)
        level = background_of(values)[0]
    return Measured(noise > 0, level, threshold_of(values))


def slabs(volume: Planes, change: Callable[[NDArray[Any]], NDArray[Any]], reach: int) -> Iterator[NDArray[Any]]:
    """Changed slabs (z, Y, X) one after the other, the same as those of the changed volume.

    Args:
        volume: (Z, Y, X).
        change: From voxels to as many; it looks at most ``reach`` planes away.
        reach: Planes that are read before and after a slab.

    Example:
        >>> [slab.tolist() for slab in slabs(np.arange(2.0).reshape(2, 1, 1), np.negative, 0)]
        [[[[-0.0]], [[-1.0]]]]
    """
    chunks = getattr(volume, "chunks", None)
    step, depth = max(THICK, chunks[0] if chunks else 0), volume.shape[0]
    for start in range(0, depth, step):
        stop, first = min(start + step, depth), max(0, start - reach)
        yield change(np.asarray(volume[first : stop + reach]))[start - first : stop - first]


def _sampled(volume: Planes, change: Callable[[NDArray[Any]], NDArray[Any]], reach: int) -> Floats:
    """Voxels of the changed volume at even distances."""
    step, seen, found = sampling(int(np.prod(volume.shape))), 0, []
    for slab in slabs(volume, change, reach):
        found.append(np.asarray(slab.reshape(-1)[-seen % step :: step], np.float64))
        seen += slab.size
    return np.concatenate(found)


def _finite(voxels: NDArray[Any]) -> NDArray[Any]:
    if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
        raise ValueError("the volume holds NaN or infinite values; replace them by the background's")
    return voxels
