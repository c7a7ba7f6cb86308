"""What is known of a volume of any size before it is traced: whether it is noisy, its background, a threshold."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband._slabs import Planes, slabs
from subband.tracing._voxels import Floats
from subband.tracing.foreground import background_of, blurred, sampling, threshold_of

REACH = 3
"""Voxels that `subband.tracing.foreground.blurred` looks away."""


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
