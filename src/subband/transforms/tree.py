"""Trees of balls in a volume, the shape that SWC files describe: checked, measured, resampled, scaled and cropped."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from subband._check import positive

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tree:
    r"""Nodes with a radius, each tied to its parent; several roots make a forest.

    Attributes:
        positions: (N, 3) centres (z, y, x) in voxels, float64; the centre of the first voxel is 0.
        radii: (N,) in voxels, float64, 0 or greater.
        parents: (N,) index of the parent node, -1 for a root, int64; a parent may come after its children.
        kinds: (N,) SWC types, int64: 0 undefined, 1 soma, 2 axon, 3 dendrite, 4 apical dendrite.

    Raises:
        ValueError: If the lengths differ, a number is not finite, a radius is negative, a parent does not exist, or
            parents form a loop; the message names the node by its index.

    Example:
        >>> tree = Tree([[0, 0, 0], [0, 0, 3], [0, 4, 3]], [1, 1, 1], [-1, 0, 1], [1, 3, 3])
        >>> tree.length, tree.roots.tolist(), tree.edges.tolist()
        (7.0, [0], [[1, 0], [2, 1]])
    """

    positions: Floats
    radii: Floats
    parents: Integers
    kinds: Integers

    def __post_init__(self) -> None:
        for name, dtype in (("positions", float), ("radii", float), ("parents", np.int64), ("kinds", np.int64)):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype))
        count = len(self.radii)
        if count == 0 and self.positions.size == 0:
            object.__setattr__(self, "positions", np.zeros((0, 3)))
        shapes = [array.shape for array in (self.positions, self.radii, self.parents, self.kinds)]
        if shapes != [(count, 3), (count,), (count,), (count,)]:
            raise ValueError(
                f"positions, radii, parents and kinds have shapes {shapes}, but must be (N, 3), (N,), (N,) and (N,)"
            )
        if (node := _first(np.asarray(~np.isfinite(self.positions).all(1)))) is not None:
            raise ValueError(f"node {node} lies at {self.positions[node].tolist()}, but must have finite coordinates")
        if (node := _first(~(np.isfinite(self.radii) & (self.radii >= 0)))) is not None:
            raise ValueError(f"node {node} has radius {self.radii[node]}, but must have a finite one, 0 or greater")
        if (node := _first((self.parents < -1) | (self.parents >= count))) is not None:
            raise ValueError(
                f"node {node} has parent {self.parents[node]}, but there are {count} nodes from 0 on; give -1 to a root"
            )
        if (node := find_loop(self.parents)) is not None:
            raise ValueError(f"node {node} is its own ancestor, but parents must end at a root; cut the loop there")

    def __len__(self) -> int:
        return len(self.radii)

    @property
    def roots(self) -> Integers:
        """Indices of the nodes without a parent."""
        return np.flatnonzero(self.parents < 0)

    @property
    def edges(self) -> Integers:
        """(E, 2) pairs of a child and its parent."""
        children = np.flatnonzero(self.parents >= 0)
        return np.stack([children, self.parents[children]], 1)

    @property
    def length(self) -> float:
        """Sum of the lengths of all edges, in voxels."""
        child, parent = self.edges.T
        return float(np.linalg.norm(self.positions[child] - self.positions[parent], axis=1).sum())

    @property
    def order(self) -> Integers:
        """Indices of all nodes with every parent before its children; 0, 1, 2, ... where that is so already."""
        if (self.parents < np.arange(len(self))).all():
            return np.arange(len(self))
        return np.argsort(_depths(self.parents), kind="stable")


def find_loop(parents: Integers) -> int | None:
    """The smallest index of a node that is its own ancestor, or None; ``parents`` as in `Tree`."""
    ancestors = parents.copy()
    for _ in range(max(len(parents), 1).bit_length()):  # the 2^k-th ancestor of every node
        ancestors = np.where(ancestors >= 0, parents_of(ancestors, ancestors), -1)
    on_loop = ancestors[ancestors >= 0]
    return int(on_loop.min()) if on_loop.size else None


def select(tree: Tree, keep: NDArray[np.bool_]) -> Tree:
    """The nodes where ``keep`` (N,) is true, in their order; a node whose parent goes becomes a root.

    Example:
        >>> tree = Tree([[0, 0, 0], [0, 0, 3], [0, 4, 3]], [1, 1, 1], [-1, 0, 1], [1, 3, 3])
        >>> select(tree, tree.kinds == 3).parents.tolist()
        [-1, 0]
    """
    if keep.shape != (len(tree),) or keep.dtype != bool:
        raise ValueError(f"keep has shape {keep.shape} and dtype {keep.dtype}, but must be ({len(tree)},) and bool")
    number = np.where(keep, np.cumsum(keep) - 1, -1)
    return Tree(tree.positions[keep], tree.radii[keep], parents_of(number, tree.parents[keep]), tree.kinds[keep])


def scale(tree: Tree, factors: Sequence[float], *, min_radius: float = 0.0) -> Tree:
    r"""The tree of a resized volume: coordinates times ``factors``, radii times the smallest of them.

    Args:
        tree: The tree to scale.
        factors: One for each axis (z, y, x), greater than 0; the spacing in um turns voxels into um.
        min_radius: No radius becomes smaller than this.

    Source:
        The production of NeuCuDa (LiQiufu/3D-WaveUNet, ``preprocess``), which takes ``min_radius`` 1.

    Example:
        >>> tree = scale(Tree([[4, 8, 8]], [3.0], [-1], [1]), (1, 0.5, 0.5))
        >>> tree.positions.tolist(), tree.radii.tolist()
        ([[4.0, 4.0, 4.0]], [1.5])
    """
    if len(factors) != 3 or not all(factor > 0 for factor in factors):
        raise ValueError(f"factors is {tuple(factors)}, but must be 3 numbers (z, y, x) greater than 0")
    radii = np.maximum(tree.radii * min(factors), min_radius)
    return replace(tree, positions=tree.positions * np.asarray(factors, float), radii=radii)


def crop(tree: Tree, start: Sequence[float], shape: Sequence[float]) -> Tree:
    """The nodes inside a box of the volume, in coordinates of the box.

    Edges that cross the border go with the node outside: `resample` first where edges are long.

    Args:
        tree: The tree to crop.
        start: First voxel of the box (z, y, x).
        shape: Number of voxels of the box along each axis.

    Example:
        >>> tree = Tree([[0, 0, 0], [0, 0, 3], [0, 4, 3]], [1, 1, 1], [-1, 0, 1], [1, 3, 3])
        >>> crop(tree, (0, 0, 2), (1, 8, 8)).positions.tolist()
        [[0.0, 0.0, 1.0], [0.0, 4.0, 1.0]]
    """
    if len(start) != 3 or len(shape) != 3:
        raise ValueError(f"start is {tuple(start)} and shape {tuple(shape)}, but both must be 3 numbers (z, y, x)")
    moved = replace(tree, positions=tree.positions - np.asarray(start, float))
    inside = (moved.positions >= 0) & (moved.positions < np.asarray(shape, float))
    return select(moved, np.asarray(inside.all(1)))


def resample(tree: Tree, step: float) -> Tree:
    """Even steps along each branch; roots, forks and ends stay where they are.

    A branch of length l gets ceil(l / ``step``) equal pieces; radii are interpolated, kinds are the lower end's.
    Corners between two new nodes are cut, so that the length can shrink.

    Args:
        tree: The tree to resample.
        step: Largest distance of neighbours along a branch, in voxels.

    Returns:
        The new tree, parents before children.

    Example:
        >>> tree = Tree([[0, 0, 0], [0, 0, 3]], [1, 2.5], [-1, 0], [1, 3])
        >>> resample(tree, 1).radii.tolist()
        [1.0, 1.5, 2.0, 2.5]
    """
    positive(step=step)
    children = np.bincount(tree.parents[tree.parents >= 0], minlength=len(tree))
    fixed = (tree.parents < 0) | (children != 1)
    number = np.full(len(tree), -1)
    points, parents, kinds = [], [], []
    count = 0
    for end in tree.order[fixed[tree.order]]:
        branch = [end]
        while tree.parents[branch[-1]] >= 0 and (len(branch) == 1 or not fixed[branch[-1]]):
            branch.append(tree.parents[branch[-1]])
        new = _even(np.column_stack([tree.positions, tree.radii])[branch[::-1]], step)
        points.append(new)
        parents.append(np.concatenate([number[branch[-1:]], np.arange(count, count + len(new) - 1)]))
        kinds.append(np.full(len(new), tree.kinds[end]))
        count += len(new)
        number[end] = count - 1
    if not points:
        return tree
    every = np.concatenate(points)
    return Tree(every[:, :3], every[:, 3], np.concatenate(parents), np.concatenate(kinds))


def parents_of(parents: Integers, nodes: Integers) -> Integers:
    """``parents[nodes]``, and -1 where a node is -1."""
    return np.where(nodes >= 0, parents[nodes], -1) if len(parents) else nodes


def _even(branch: Floats, step: float) -> Floats:
    """Points (M, 4) at even steps along a branch (K, 4) of positions and radii, without its first one if K > 1."""
    if len(branch) == 1:
        return branch
    along = np.concatenate([[0.0], np.linalg.norm(np.diff(branch[:, :3], axis=0), axis=1).cumsum()])
    places = np.linspace(0, along[-1], max(int(np.ceil(along[-1] / step - 1e-9)), 1) + 1)[1:]
    new = np.column_stack([np.interp(places, along, column) for column in branch.T])
    new[-1] = branch[-1]
    return new


def _depths(parents: Integers) -> Integers:
    """Number of edges from each node up to its root."""
    depths, ancestors = (parents >= 0).astype(np.int64), parents
    while (ancestors >= 0).any():  # the 2^k-th ancestor, and the edges up to it
        depths = depths + np.where(ancestors >= 0, depths[ancestors], 0)
        ancestors = parents_of(ancestors, ancestors)
    return depths


def _first(found: NDArray[np.bool_]) -> int | None:
    return int(found.argmax()) if found.any() else None
