"""Exact distance of many points to the nearest of many segments, found by a KD-tree."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from subband.transforms.tree import Floats, Tree, scale

POINTS_AT_ONCE = 1 << 18
"""Pairs of a point and a segment whose distance is computed at a time."""


class Segments:
    """Edges of a tree between two points each, in the unit of ``spacing``."""

    def __init__(self, tree: Tree, spacing: Sequence[float]) -> None:
        positions = scale(tree, spacing).positions
        child, parent = tree.edges.T
        self.start: Floats = positions[child]
        self.way: Floats = positions[parent] - positions[child]
        self.lengths: Floats = np.linalg.norm(self.way, axis=1)

    def points(self, counts: NDArray[np.int64], *, middle: bool) -> tuple[Floats, NDArray[np.int64]]:
        """``counts`` points on each segment and the segment of each: both ends and even steps between them (a single
        one is the start), or the middles of equal pieces.
        """
        which = np.repeat(np.arange(len(counts)), counts)
        place = np.arange(len(which)) - (np.cumsum(counts) - counts)[which]
        share = (place + 0.5) / counts[which] if middle else place / np.maximum(counts - 1, 1)[which]
        return self.start[which] + share[:, None] * self.way[which], which

    def distances(self, points: Floats) -> Floats:
        r"""Distance of each point to the nearest segment.

        Segments are cut into pieces of length L or less (half the mean length), and their middles put into a KD-tree.
        A piece is no nearer than its middle less L / 2: once the k-th nearest middle is further than the best distance
        plus L / 2, no other segment can be nearer; points where that fails ask for twice as many.
        """
        longest = max(float(self.lengths.mean()) / 2, 1e-12)
        middles, owner = self.points(np.maximum(np.ceil(self.lengths / longest), 1).astype(np.int64), middle=True)
        search = cKDTree(middles)
        found = np.full(len(points), np.inf)
        left, k = np.arange(len(points)), min(8, len(middles))
        while left.size:
            rows = max(POINTS_AT_ONCE // k, 1)
            open_ = []
            for part in (left[i : i + rows] for i in range(0, len(left), rows)):
                far, nearest = (np.reshape(each, (len(part), k)) for each in search.query(points[part], k))
                found[part] = self._to(points[part], owner[nearest]).min(1)
                open_.append(part[far[:, -1] - longest / 2 < found[part]])
            left, k = np.concatenate(open_) if k < len(middles) else left[:0], min(2 * k, len(middles))
        return found

    def _to(self, points: Floats, which: NDArray[np.int64]) -> Floats:
        """Distances (P, K) of points (P, 3) to the segments ``which`` (P, K)."""
        start, way = self.start[which], self.way[which]
        off = points[:, None] - start
        square = np.maximum((way**2).sum(-1), np.finfo(float).tiny)
        share = np.clip((off * way).sum(-1) / square, 0, 1)
        nearest: Floats = np.linalg.norm(off - share[..., None] * way, axis=-1)
        return nearest
