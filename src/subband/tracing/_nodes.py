"""The nodes of the tree: smooth lines, even steps, radii in voxels."""

import numpy as np

from subband.tracing._voxels import Bools, Floats, Voxels
from subband.tracing.paths import Paths
from subband.tracing.radii import radii_of, smooth
from subband.transforms.tree import Tree, resample

SOMA, DENDRITE = 1, 3
"""SWC types."""
STEP = 1.5
"""Distance of two nodes, in voxels."""
ROUNDS = 6
"""How often the steps from voxel to voxel are smoothed."""


def tree_of(voxels: Voxels, paths: Paths, kept: Bools, depths: Floats, size: tuple[float, ...]) -> Tree:
    """The tree of the voxels that are kept; those inside the soma's ball become one node, the first.

    Args:
        voxels: Foreground.
        paths: Cheapest ways from the roots, the soma first.
        kept: (N,) voxels of the tree.
        depths: (N,) distance to the background.
        size: Size of a voxel.
    """
    root = paths.order[0]
    away = np.linalg.norm((voxels.places - voxels.places[root]) * size, axis=1)
    radii = radii_of(depths)
    alone = (paths.parent < 0) & ~np.isin(np.arange(len(kept)), paths.parent[kept])
    chosen = kept & (away >= radii[root]) & ~alone
    chosen[root] = True
    order = paths.order[chosen[paths.order]]
    number = np.zeros(len(kept), np.int64)
    number[order] = np.arange(len(order))
    above = paths.parent[order]
    parents = np.where(above < 0, -1, number[above])
    places = smooth(voxels.places[order].astype(np.float64), parents, ROUNDS)
    kinds = np.where(np.arange(len(order)) == 0, SOMA, DENDRITE)
    return resample(Tree(places, smooth(radii[order], parents, ROUNDS), parents, kinds), STEP)
