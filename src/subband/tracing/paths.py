"""The tree of cheapest ways from the soma to every voxel of the foreground."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import dijkstra

from subband.tracing._voxels import Floats, Integers, Links
from subband.tracing.distance import graph


@dataclass(frozen=True, eq=False)
class Paths:
    """Cheapest ways from one or more roots to all voxels that can be reached.

    Args:
        parent: (N,) the voxel before each on its way, -1 for a root and for what cannot be reached.
        order: (M,) the voxels that can be reached, every parent before its children; the first root first.
        step: (N,) length of the step from the parent, 0 where there is none.
    """

    parent: Integers
    order: Integers
    step: Floats


def cheapest_paths(roots: Integers, price: Floats, links: Links, places: Floats) -> Paths:
    r"""Trees of the cheapest ways from the nearest root; a step costs :math:`\tfrac12 (c_p + c_q) |p - q|`.

    Args:
        roots: (R,) index of the voxel of the soma, then of other roots.
        price: Price c of a unit of length at each voxel (N,), greater than 0; low on centre lines.
        links: Neighbours, bridges among them.
        places: (N, 3) where the voxels lie, in units of length.
    """
    mean = (price[links.first] + price[links.second]) / 2
    costs, before, _ = dijkstra(
        graph(Links(links.first, links.second, mean * links.length), len(price)),
        indices=roots,
        return_predecessors=True,
        min_only=True,
    )
    costs[roots[0]] = -1
    reached = np.flatnonzero(np.isfinite(costs))
    parent = np.where(before < 0, -1, before).astype(np.int64)
    step = np.where(parent >= 0, np.linalg.norm(places - places[parent], axis=1), 0.0)
    return Paths(parent, reached[np.argsort(costs[reached], kind="stable")], step)


def reach_below(paths: Paths) -> Floats:
    """Length (N,) of the longest way from each voxel down to a tip below it."""
    parent, step = paths.parent.tolist(), paths.step.tolist()
    found = [0.0] * len(parent)
    for voxel in paths.order[::-1].tolist():
        above = parent[voxel]
        if above >= 0:
            found[above] = max(found[above], found[voxel] + step[voxel])
    return np.array(found)
