"""Trees into voxel labels: the union of balls around the nodes and along the edges."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from subband._check import not_negative
from subband.transforms.tree import Floats, Integers, Tree

VOXELS_AT_ONCE = 2_000_000
"""Voxels of the balls that are listed at a time; keeps the memory below about 200 MB for balls of radius < 60."""


def rasterize(tree: Tree, shape: Sequence[int], *, margin: float = 0.25) -> NDArray[np.bool_]:
    r"""Mark the voxels q with :math:`|q - c| \le r + m` for a ball (c, r) of a node, or of a chain along an edge.

    An edge of length d from the parent's radius :math:`r_p` to the child's :math:`r_c` gets no ball if
    :math:`d < \bar r = (r_p + r_c) / 2`; otherwise at most :math:`n = \lceil d / \bar r \rceil - 1` balls of radius

    .. math:: r_i = r_p - i \, (r_p - r_c) / (n + 1)

    the first :math:`r_p` away from the parent, each next one :math:`r_i + m` further, up to the child.

    Args:
        tree: Nodes in voxels; what lies outside the volume is cut off.
        shape: Size of the volume (Z, Y, X).
        margin: m, added to each radius, in voxels.

    Returns:
        Labels (Z, Y, X). A tree whose radii are all 0 gives a broken line: raise them by ``scale(min_radius=1)``.

    Raises:
        ValueError: If the shape is not three sizes of 1 or more, or the margin is negative.

    Source:
        The production of NeuCuDa (LiQiufu/3D-WaveUNet, ``preprocess``). Departure: their walk over the nodes can run
        for ever where a child comes before its parent; the result is the same where it ends.

    Example:
        >>> import numpy as np
        >>> tree = Tree(np.array([[0.0, 0, 1], [0, 0, 4]]), np.ones(2), np.array([-1, 0]), np.array([1, 3]))
        >>> rasterize(tree, (1, 2, 7)).astype(int).tolist()
        [[[1, 1, 1, 1, 1, 1, 0], [0, 1, 1, 1, 1, 0, 0]]]
    """
    sizes = tuple(int(size) for size in shape)
    if len(sizes) != 3 or min(sizes) < 1:
        raise ValueError(f"shape is {tuple(shape)}, but must be 3 sizes (Z, Y, X), each of 1 or more")
    not_negative(margin=margin)
    labels = np.zeros(sizes, bool)
    nodes = np.column_stack([tree.positions, tree.radii + margin])
    for balls in (nodes, *_chains(tree, margin)):
        for part in _portions(_near(balls, sizes)):
            labels.reshape(-1)[_voxels(part, sizes)] = True
    return labels


def _chains(tree: Tree, margin: float) -> Iterator[Floats]:
    """Balls (M, 4) between the ends of the edges, the first one of each edge, then the second ones, ..."""
    child, parent = tree.edges.T
    start, end = tree.radii[parent], tree.radii[child]
    distance = np.linalg.norm(tree.positions[child] - tree.positions[parent], axis=1)
    mean = (start + end) / 2
    going = np.flatnonzero((distance >= mean) & (distance > 0) & (mean + margin > 0))
    with np.errstate(divide="ignore"):
        count = np.ceil(distance / mean) - 1
    along, i = start.copy(), 0
    while True:
        i += 1
        going = going[(i <= count[going]) & (along[going] < distance[going])]
        if not going.size:
            return
        radius = start[going] - i * (start[going] - end[going]) / (count[going] + 1) + margin
        share = (along[going] / distance[going])[:, None]
        from_, to = tree.positions[parent[going]], tree.positions[child[going]]
        yield np.column_stack([from_ + share * (to - from_), radius])
        along[going] += radius


def _near(balls: Floats, shape: tuple[int, ...]) -> Floats:
    """The balls that reach into the volume."""
    radius = balls[:, 3:]
    return balls[((balls[:, :3] + radius >= 0) & (balls[:, :3] - radius <= np.array(shape) - 1)).all(1)]


def _portions(balls: Floats) -> Iterator[Floats]:
    """Parts of the balls with a bounded number of voxels, or of one ball."""
    total = np.cumsum((2 * balls[:, 3] + 1) ** 3)
    cuts = np.flatnonzero(np.diff(total // VOXELS_AT_ONCE)) + 1
    yield from np.split(balls, cuts)


def _voxels(balls: Floats, shape: tuple[int, ...]) -> Integers:
    """Flat indices of the voxels of all balls, some of them several times: planes, then rows, then voxels."""
    ball, rest = np.arange(len(balls)), balls[:, 3] ** 2
    flat = np.zeros(len(balls), np.int64)
    for axis, size in enumerate(shape):
        centre = balls[ball, axis]
        half = np.sqrt(rest)
        first = np.clip(np.ceil(centre - half), 0, size).astype(np.int64)
        last = np.clip(np.floor(centre + half), -1, size - 1).astype(np.int64)
        count = np.maximum(last - first + 1, 0)
        which = np.repeat(np.arange(len(ball)), count)
        place = first[which] + np.arange(len(which)) - (np.cumsum(count) - count)[which]
        rest = np.maximum(rest[which] - (place - centre[which]) ** 2, 0)
        flat, ball = flat[which] * size + place, ball[which]
    return flat
