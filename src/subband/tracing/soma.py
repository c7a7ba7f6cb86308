"""Where a neuron's soma is."""

from collections.abc import Sequence

import numpy as np

from subband.tracing._voxels import Floats, Integers, Voxels


def nearest(voxels: Voxels, place: Sequence[float], spacing: tuple[float, ...]) -> int:
    """Index of the foreground voxel nearest to a place (z, y, x) in voxels.

    Raises:
        ValueError: If the place is not in the volume.
    """
    inside = len(place) == 3 and all(-0.5 <= at <= size - 0.5 for at, size in zip(place, voxels.shape, strict=True))
    if not inside:
        raise ValueError(
            f"soma is {tuple(place)}, but must be three numbers (z, y, x) inside the volume of {voxels.shape} voxels"
        )
    return int((((voxels.places - np.asarray(place, float)) * spacing) ** 2).sum(1).argmin())


def deepest(depths: Floats, bright: Floats, group: Integers) -> Integers:
    """Index of the voxel deepest in the foreground for each group, numbered from 0; among equals the brightest."""
    order = np.lexsort((-bright, -depths, group))
    return np.asarray(order[np.unique(group[order], return_index=True)[1]])
