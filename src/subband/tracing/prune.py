"""From the ways to every voxel to the few that make the tree: long ones first, and none that others cover."""

import numpy as np
from scipy.spatial import cKDTree

from subband.tracing._voxels import Bools, Floats, Integers
from subband.tracing.paths import Paths, reach_below


def prune(paths: Paths, places: Floats, cover: Floats, weak: Bools, min_length: float, near: float) -> Bools:
    r"""Voxels of the tree that is left of all paths.

    Every voxel without a way on below it is a tip. Tips are taken by the length of their own branch, longest first,
    where a branch ends at the voxel from which a longer way goes on. The way from a tip up to the tree counts each
    step onto a voxel that is not weak and that no taken branch covers, and counts off each bridge over background,

    .. math:: m_k = \sum_{i \le k} |s_i| \, ([i \text{ strong, not covered}] - [i \text{ is a bridge}])

    from the tree outwards. It is cut where m is largest and taken if m there is at least ``min_length``.

    Args:
        paths: Cheapest ways.
        places: (N, 3) where the voxels lie, in units of length.
        cover: (N,) a taken voxel covers all within this distance.
        weak: (N,) voxels that a way may use, but that make no branch.
        min_length: Shortest branch, in units of length.
        near: Longest step between two neighbours; a longer one is a bridge.

    Returns:
        (N,) true on the tree; the parent of a voxel of the tree belongs to it too.

    Source:
        Hierarchical pruning of Xiao and Peng, APP2, 2013, section 2.3. There a branch is dropped by the share of it
        that is covered; here by the length that is not, so that one number says what a branch is.
    """
    everywhere = cKDTree(places)
    taken, covered = np.zeros(len(places), bool), np.zeros(len(places), bool)

    def take(voxels: Integers) -> None:
        taken[voxels] = True
        for near_by in everywhere.query_ball_point(places[voxels], cover[voxels]):
            covered[near_by] = True

    take(paths.order[paths.parent[paths.order] < 0])
    for tip in tips(paths, min_length):
        if covered[tip]:
            continue
        way = _way_up(paths.parent, tip, taken)
        step = paths.step[way]
        merit = np.cumsum(np.where(step > near, -step, np.where(covered[way] | weak[way], 0, step)))
        best = int(merit.argmax())
        if merit[best] >= min_length:
            take(way[: best + 1])
    return taken


def tips(paths: Paths, min_length: float) -> list[int]:
    """Voxels where a way ends, by the length of their own branch, longest first; those below ``min_length`` are left
    out.
    """
    below = reach_below(paths)
    children = paths.order[paths.parent[paths.order] >= 0]
    above = paths.parent[children]
    onward = below[children] + paths.step[children]
    order = np.lexsort((-onward, above))
    heirs = np.zeros(len(children), bool)
    heirs[order[np.unique(above[order], return_index=True)[1]]] = True
    ends = _ends(paths, children[heirs], above[heirs])
    own = np.zeros(len(below))
    own[ends[children[~heirs]]] = onward[~heirs]
    roots = paths.order[paths.parent[paths.order] < 0]
    own[ends[roots]] = below[roots]
    found = np.flatnonzero((own > 0) & (own >= min_length))
    return [int(tip) for tip in found[np.argsort(-own[found], kind="stable")]]


def _ends(paths: Paths, heirs: Integers, above: Integers) -> Integers:
    """The tip (N,) that the longest way down from each voxel reaches."""
    following = np.arange(len(paths.parent))
    following[above] = heirs
    while True:
        further = following[following]
        if (further == following).all():
            return following
        following = further


def _way_up(parent: Integers, tip: int, taken: Bools) -> Integers:
    """Voxels from the first below the tree down to the tip."""
    way = []
    while not taken[tip]:
        way.append(tip)
        tip = int(parent[tip])
    return np.array(way[::-1])
