"""Bridges over the gaps between parts of the foreground."""

import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from subband.tracing._voxels import Floats, Integers, Links
from subband.tracing.distance import graph

CELL = 2
"""One voxel in each cube of so many voxels speaks for the small parts."""


def groups(links: Links, count: int) -> Integers:
    """Number (N,) of the connected part of each voxel, 0 for the largest and so on."""
    _, found = connected_components(graph(links, count), directed=False)
    rank = np.empty(found.max() + 1, np.int64)
    rank[np.argsort(-np.bincount(found), kind="stable")] = np.arange(len(rank))
    return rank[found]


def bridges(places: Floats, part: Integers, gap: float) -> Links:
    """The shortest link between each two parts that are at most ``gap`` apart.

    Args:
        places: (N, 3) where the voxels lie, in units of length.
        part: Connected part of each voxel, 0 for the largest.
        gap: Longest bridge.

    Returns:
        One link for each pair of parts. From the largest part they are the shortest; between two small parts at most
        a `CELL` longer.
    """
    gap *= 1 + 1e-9  # a bridge of exactly that length is one
    small = np.flatnonzero(part > 0)
    if gap <= 0 or len(small) == 0:
        return Links(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    large = np.flatnonzero(part == 0)
    found = cKDTree(places[large]).query(places[small], distance_upper_bound=gap)
    length, at = np.asarray(found[0], np.float64), np.asarray(found[1], np.int64)
    near = np.isfinite(length)
    few = small[_one_of_each(np.column_stack([part[small], places[small] // CELL]))]
    first, second = few[cKDTree(places[few]).query_pairs(gap, output_type="ndarray")].T
    apart = part[first] != part[second]
    between = np.linalg.norm(places[first[apart]] - places[second[apart]], axis=1)
    every = Links(large[at[near]], small[near], length[near]).join(Links(first[apart], second[apart], between))
    return _shortest(every, part)


def _shortest(links: Links, part: Integers) -> Links:
    """The shortest of the links between each two parts."""
    ends = np.sort(np.column_stack([part[links.first], part[links.second]]), axis=1)
    order = np.lexsort((links.length, ends[:, 1], ends[:, 0]))
    chosen = order[_one_of_each(ends[order])]
    return Links(links.first[chosen], links.second[chosen], links.length[chosen])


def _one_of_each(rows: Floats | Integers) -> Integers:
    """Index of the first of each set of equal rows."""
    return np.asarray(np.unique(rows, axis=0, return_index=True)[1])
