"""Connected components of a volume that is labelled block by block: what touches across a seam is one."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.csgraph import connected_components

from subband.data.blocks import Block

Connectivity = Literal[6, 18, 26]
ORDER = {6: 1, 18: 2, 26: 3}
Ids = NDArray[np.int64]
Offset = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Merged:
    """Final label of each label that the blocks gave, and the voxels of each.

    Args:
        ids: Labels that the blocks gave, in order.
        labels: What each becomes: 1 is the largest component, 0 one that is too small.
        sizes: Voxels of the components 1, 2, ...
    """

    ids: Ids
    labels: NDArray[np.int32]
    sizes: Ids

    def relabel(self, values: NDArray[Any], first: int) -> NDArray[np.int32]:
        """Final labels of a block whose own were counted on from ``first``."""
        span = int(values.max(initial=first))
        low, high = np.searchsorted(self.ids, (first + 1, span + 1))
        table = np.zeros(span - first + 1, np.int32)
        table[self.ids[low:high] - first] = self.labels[low:high]
        found: NDArray[np.int32] = table[np.where(values > 0, values - first, 0)]
        return found


def local_labels(mask: NDArray[Any], first: int, *, connectivity: Connectivity = 26) -> Ids:
    """Components of one block, numbered first + 1, first + 2, ... in the order of their first voxels; 0 elsewhere."""
    labels, _ = ndimage.label(mask, ndimage.generate_binary_structure(mask.ndim, ORDER[connectivity]))
    found: Ids = np.where(labels > 0, labels.astype(np.int64) + first, 0)
    return found


def label_sizes(labels: NDArray[Any], first: int) -> tuple[Ids, Ids]:
    """Labels of a block and the voxels of each."""
    counts = np.bincount(np.maximum(labels.ravel().astype(np.int64) - first, 0))
    counts[0] = 0
    found = np.flatnonzero(counts)
    return found + first, counts[found]


def seam_pairs(
    labels: NDArray[Any], block: Block, read: Callable[[Offset], NDArray[Any] | None], connectivity: Connectivity
) -> Ids:
    """Pairs (n, 2) of labels that touch between a block and those after it, over faces, edges and corners.

    Args:
        labels: Labels of the block.
        block: The block.
        read: Labels of the neighbour in a direction such as (0, 1, -1), or None at the volume's border.
        connectivity: 6 counts faces, 18 edges too, 26 corners too.
    """
    found = [np.zeros((0, 2), np.int64)]
    for direction in _offsets(labels.ndim, 3):
        other = read(direction) if direction > (0,) * labels.ndim else None
        if other is None:
            continue
        for offset in _offsets(labels.ndim, ORDER[connectivity]):
            if all(d in (0, o) for d, o in zip(direction, offset, strict=True)):
                here = labels[tuple(map(_here, direction, offset))]
                there = other[tuple(map(_there, direction, offset))]
                both = (here > 0) & (there > 0)
                found.append(np.unique(np.stack([here[both], there[both]], 1).astype(np.int64), axis=0))
    return np.unique(np.concatenate(found), axis=0)


def merge_labels(ids: Ids, sizes: Ids, pairs: Ids, *, min_size: int = 1) -> Merged:
    """Components of labels that touch, the largest first; of two of one size, the one with the smaller label.

    Args:
        ids: Labels of all blocks, in order.
        sizes: Voxels of each.
        pairs: (n, 2) labels that touch.
        min_size: Voxels that a component must have to stay.
    """
    at = np.searchsorted(ids, pairs)
    links = sparse.coo_matrix((np.ones(len(at), bool), (at[:, 0], at[:, 1])), (len(ids), len(ids)))
    count, component = connected_components(links, directed=False) if len(ids) else (0, np.zeros(0, int))
    totals = np.zeros(count, np.int64)
    np.add.at(totals, component, sizes)
    _, firsts = np.unique(component, return_index=True)
    order = np.lexsort((firsts, -totals))
    kept = order[totals[order] >= min_size]
    final = np.zeros(count, np.int32)
    final[kept] = np.arange(1, len(kept) + 1)
    return Merged(ids, final[component], totals[kept])


def _offsets(axes: int, order: int) -> Iterator[Offset]:
    """Offsets to the neighbours of a voxel that differ in at most ``order`` axes."""
    for offset in itertools.product((-1, 0, 1), repeat=axes):
        if 0 < sum(map(abs, offset)) <= order:
            yield offset


def _here(direction: int, offset: int) -> slice:
    """Voxels of a block along an axis that have a neighbour at ``offset`` in the block in ``direction``."""
    if direction:
        return slice(-1, None) if direction > 0 else slice(0, 1)
    return (slice(None), slice(0, -1), slice(1, None))[offset]


def _there(direction: int, offset: int) -> slice:
    """Those neighbours, in that block."""
    return _here(-direction, -offset)


def neighbour(number: Sequence[int], direction: Offset, counts: Sequence[int]) -> tuple[int, ...] | None:
    """Number of the block in a direction, along each axis; None outside."""
    found = tuple(n + d for n, d in zip(number, direction, strict=True))
    return found if all(0 <= n < count for n, count in zip(found, counts, strict=True)) else None
