"""How the tree of a synthetic neuron grows, and the fibres of other cells that touch it."""

import numpy as np

from subband.data._drawing import Array, Generator, window
from subband.transforms.tree import Tree

SOMA, AXON, DENDRITE = 1, 2, 3
"""SWC types."""
THINNEST = 0.8
"""Radius of the last branches, in voxels."""
CLEARANCE = 4.5
"""Distance that branches keep from each other, in voxels."""
SHORTEST, LONGEST = 12.0, 45.0
"""Length of a branch in voxels; the shortest is a quarter of a small volume. Without room for it none is grown."""
LENGTH_SHARE = 0.14
"""Length of a whole tree over the volume to the power 2/3: as dense in large volumes as in small ones."""


class Growing:
    """Nodes of a tree that grows, and where later branches may not go.

    Args:
        shape: Size of the volume.
        root: Centre of the soma.
        radius: Radius of the soma.
    """

    def __init__(self, shape: tuple[int, ...], root: Array, radius: float) -> None:
        self.positions, self.radii, self.parents, self.kinds = [root], [radius], [-1], [SOMA]
        self._last = np.array(shape) - 1
        self._shortest = min(SHORTEST, max(shape) / 4)
        self._taken = np.zeros(shape, bool)
        self._take([root], radius + 2)

    def branch(self, generator: Generator, start: int, direction: Array, radius: float) -> tuple[int, Array] | None:
        """Grow a branch from node ``start``; its last node and direction, or None where there is no room."""
        first = self.positions[start] + direction * (self.radii[start] if start == 0 else 1.0)
        exempt = CLEARANCE + (3 if start == 0 else 1.5)
        line: list[Array] = []
        ahead = first
        length = generator.uniform(1.5 * self._shortest, LONGEST)
        while len(line) < length and self._inside(ahead) and (len(line) < exempt or self._free(ahead)):
            line.append(ahead)
            direction = unit(direction + generator.normal(0, 0.16, 3))
            ahead = line[-1] + direction
        if len(line) < self._shortest:
            return None
        count = len(self.positions)
        self.parents += [start, *range(count, count + len(line) - 1)]
        self.positions += line
        self.radii += np.linspace(radius, max(0.9 * radius, THINNEST), len(line)).tolist()
        self.kinds += [DENDRITE] * len(line)
        self._take(line, CLEARANCE)
        return len(self.positions) - 1, direction

    def _take(self, positions: list[Array], reach: float) -> None:
        for position in positions:
            box, offset = window(position, reach, self._taken.shape)
            self._taken[box] |= (offset**2).sum(0) <= reach**2

    def _inside(self, position: Array) -> bool:
        return bool(((position >= 2) & (position <= self._last - 2)).all())

    def _free(self, position: Array) -> bool:
        return not self._taken[tuple(np.rint(position).astype(int))]


def grow(generator: Generator, shape: tuple[int, ...]) -> Tree:
    """A neuron with a soma near the middle; nodes a voxel apart, two voxels or more from the border.

    Stems fork, with radii after Murray's law, and side branches follow until the tree is as long as `LENGTH_SHARE`
    says or no room is found.
    """
    size = np.array(shape)
    flat = size / size.max()
    soma = float(np.clip(size.min() / 8, 2.5, 8))
    tree = Growing(shape, (size - 1) * generator.uniform(0.4, 0.6, 3), soma)
    wanted = int(LENGTH_SHARE * float(size.prod()) ** (2 / 3))
    thick = max(0.45 * soma, THINNEST)
    growing = [(0, direction, thick) for direction in _spread(generator, int(generator.integers(4, 7)), flat)]
    for _ in range(400 + wanted):
        if len(tree.positions) >= wanted:
            break
        if not growing:
            start = int(generator.integers(len(tree.positions)))
            growing.append((start, unit(generator.standard_normal(3) * flat), min(thick, 0.8 * tree.radii[start])))
        start, direction, radius = growing.pop(0)
        grown = tree.branch(generator, start, direction, max(radius, THINNEST))
        if grown is not None:
            growing += _fork(generator, *grown, tree.radii[grown[0]])
    return Tree(np.array(tree.positions), np.array(tree.radii), np.array(tree.parents), np.array(tree.kinds))


def _fork(generator: Generator, end: int, heading: Array, radius: float) -> list[tuple[int, Array, float]]:
    """Two branches to grow from a node; the thinner turns more."""
    share = generator.uniform(0.5, 0.8)
    side = across(generator, heading)
    parts = ((share, side), (1 - share, -side))
    return [(end, unit(heading + (1.2 - part) * turn), radius * part ** (1 / 3)) for part, turn in parts]


def _spread(generator: Generator, count: int, flat: Array) -> list[Array]:
    """Directions far from each other, near the plane of a flat volume."""
    chosen: list[Array] = []
    for _ in range(count):
        some = [unit(generator.standard_normal(3) * flat) for _ in range(8)]
        chosen.append(min(some, key=lambda each: max((float(each @ other) for other in chosen), default=0)))
    return chosen


def fibre_through(generator: Generator, tree: Tree, shape: tuple[int, ...]) -> Tree:
    """A nearly straight fibre of another cell that touches the tree at some node and crosses the volume."""
    size = np.array(shape)
    radius = float(generator.uniform(THINNEST, 1.3))
    node = int(generator.integers(1, len(tree.positions)))
    heading = unit(generator.standard_normal(3) * size / size.max())
    middle = tree.positions[node] + across(generator, heading) * (tree.radii[node] + 0.5 * radius)
    line = [middle]
    for way in (1.0, -1.0):
        place, direction = middle, way * heading
        while ((place >= 0) & (place <= size - 1)).all():
            line.append(place)
            direction = unit(direction + generator.normal(0, 0.05, 3))
            place = place + direction
    count = len(line)
    return Tree(np.array(line), np.full(count, radius), np.full(count, -1), np.full(count, AXON))


def unit(vector: Array) -> Array:
    """The vector made one long."""
    return vector / np.linalg.norm(vector)


def across(generator: Generator, direction: Array) -> Array:
    """A random unit vector at right angles to ``direction``."""
    other = generator.standard_normal(3)
    return unit(other - direction * (other @ direction))
