"""The foreground of a volume with its grey values, without the volume."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband._slabs import Planes, slabs
from subband.tracing._voxels import Voxels
from subband.tracing.foreground import background
from subband.tracing.measure import REACH, Measured, measure


@dataclass(frozen=True, eq=False)
class Foreground:
    """What is traced.

    Attributes:
        voxels: Foreground.
        grey: (N,) its grey values.
        level: Grey value of the background.
        threshold: What made it; None for a mask, of which no voxel is too faint to make a branch.
    """

    voxels: Voxels
    grey: NDArray[Any]
    level: float
    threshold: float | None

    def __post_init__(self) -> None:
        if len(self.voxels) not in (0, int(np.prod(self.voxels.shape))):
            return
        some = "no voxel is" if len(self.voxels) == 0 else "all voxels are"
        what = "in the mask" if self.threshold is None else f"brighter than the threshold {self.threshold:g}"
        raise ValueError(f"{some} {what}; give another {'mask' if self.threshold is None else 'threshold'}")


def foreground_of(volume: NDArray[Any], mask: NDArray[Any] | None, threshold: float | None) -> Foreground:
    """The foreground of a volume, as `subband.tracing.trace` takes it.

    Raises:
        ValueError: If the volume or the mask does not fit, or the foreground is empty or everything.
    """
    volume = np.asarray(volume)
    if volume.ndim != 3:
        raise ValueError(f"the volume has shape {volume.shape}, but must be (Z, Y, X); choose one channel")
    if mask is not None and np.shape(mask) != volume.shape:
        raise ValueError(f"the mask has shape {np.shape(mask)}, but the volume {volume.shape}; give both one size")
    if mask is not None and threshold is not None:
        raise ValueError(f"threshold is {threshold}, but the mask says already what is foreground; give one of them")
    if mask is not None:
        return collect(volume, np.asarray(mask), Measured(False, background(volume)[0], 0.0), None)
    found = measure(volume, threshold)
    return collect(volume, None, found, found.threshold)


def collect(volume: Planes, mask: Planes | None, measured: Measured, threshold: float | None) -> Foreground:
    """The foreground of a volume of any size; memory holds a slab of it, and the voxels found.

    Args:
        volume: (Z, Y, X) grey values.
        mask: (Z, Y, X), foreground is everything but 0; None takes what is brighter than the threshold.
        measured: What is known of the volume.
        threshold: What made the mask; None if something else did.

    Raises:
        ValueError: If the foreground is empty or everything.

    Example:
        >>> volume = np.zeros((3, 4, 5), np.uint8)
        >>> volume[1, 2, 3] = 7
        >>> found = collect(volume, None, measure(volume), 2.0)
        >>> found.voxels.places.tolist(), found.grey.tolist()
        ([[1, 2, 3]], [7])
    """
    places, grey, z = [], [], 0
    for slab in slabs(volume, measured.grey, REACH if measured.blur else 0):
        inside = slab > measured.threshold if mask is None else np.asarray(mask[z : z + len(slab)]) != 0
        found = np.argwhere(inside)
        grey.append(slab[inside])
        places.append(found + np.array([z, 0, 0]))
        z += len(slab)
    voxels = Voxels(np.concatenate(places), tuple(volume.shape))
    return Foreground(voxels, np.concatenate(grey), measured.level, threshold)
