"""Radii of the nodes, and lines smoother than a path from voxel to voxel."""

import numpy as np

from subband.tracing._voxels import Floats, Integers

BORDER = 0.25
"""From the centre of the nearest background voxel to the border of the fibre, in voxels: the median of drawn ones."""
THINNEST = 0.5
"""Least radius: a line of single voxels."""


def radii_of(depth: Floats) -> Floats:
    """Radius of the largest ball in the foreground around each voxel (N,), from its `depth`, in units of length."""
    return np.maximum(depth - BORDER, THINNEST)


def smooth(values: Floats, parents: Integers, rounds: int) -> Floats:
    """Values (N, ...) of a tree with each inner node drawn half-way to the mean of its two neighbours, several times.

    Roots, forks and tips stay.

    Args:
        values: Positions or radii of the nodes.
        parents: (N,) parent of each node, -1 for a root.
        rounds: How often.
    """
    children = np.bincount(parents[parents >= 0], minlength=len(parents))
    inner = np.flatnonzero((parents >= 0) & (children == 1))
    child = np.full(len(parents), -1)
    child[parents[parents >= 0]] = np.flatnonzero(parents >= 0)
    values = values.copy()
    for _ in range(rounds):
        values[inner] = values[inner] / 2 + (values[parents[inner]] + values[child[inner]]) / 4
    return values
