"""How far a traced neuron is from the true one: distances of the two trees, and the part of the length found."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from subband._check import positive
from subband.metrics._segments import Segments
from subband.transforms.tree import Floats, Tree

INFINITE = float("inf")
PIECES = 4
"""Pieces into which ``distance`` is cut where a length is measured."""


@dataclass(frozen=True)
class NeuronDistances:
    """Distances of two trees; 1 is the traced one, 2 the truth, 12 measures from 1 to 2.

    Attributes:
        esa12: Entire-structure average: mean distance of the points of 1 to 2.
        esa21: The same from 2 to 1; grows where something is missing.
        esa: Mean of the two.
        dsa: Different-structure average: mean distance of the points at or beyond the threshold, mean of both ways.
        pds12: Part of the points of 1 at or beyond the threshold, in [0, 1].
        pds21: The same of 2.
        pds: Mean of the two; Vaa3D prints this fraction with a percent sign.
        maximum: The smaller one of the largest distances of both ways.
        failed: Whether there is no trace to measure: distances are then infinite and parts 1.
    """

    esa12: float
    esa21: float
    esa: float
    dsa: float
    pds12: float
    pds21: float
    pds: float
    maximum: float
    failed: bool = False


FAILED = NeuronDistances(INFINITE, INFINITE, INFINITE, INFINITE, 1.0, 1.0, 1.0, INFINITE, failed=True)


def neuron_distances(
    traced: Tree | None, truth: Tree, *, threshold: float = 2.0, spacing: Sequence[float] = (1, 1, 1)
) -> NeuronDistances:
    r"""Distances of a traced tree and the true one, as Vaa3D's ``neuron_distance`` has them.

    Each edge of length l gets :math:`\lfloor l + 1.5 \rfloor` points at even steps from the child to the parent, both
    included, so that a joint counts once for each of its edges; d is the distance to the nearest edge of the other:

    .. math:: \text{ESA} = \tfrac12 (\overline{d_{12}} + \overline{d_{21}}), \quad
        \text{PDS} = \tfrac12 \big(P(d_{12} \ge \theta) + P(d_{21} \ge \theta)\big)

    DSA is the mean of the distances that are at least :math:`\theta`, averaged over both ways; of one way where the
    other has none, 0 where both have none.

    Args:
        traced: The tree to judge; None, or one without an edge, is a failed trace.
        truth: The tree that it should be.
        threshold: :math:`\theta`, in the unit of ``spacing``.
        spacing: Size of a voxel (z, y, x); 1 measures in voxels.

    Returns:
        Distances in the unit of ``spacing``, 0 for equal trees; `FAILED` for a failed trace.

    Raises:
        ValueError: If the truth has no edge, or the threshold or a spacing is not greater than 0.

    Source:
        Peng et al., V3D, 2010; Vaa3D, ``neuron_sim_scores.cpp``. Departure: the authors of 3D-WaveUNet count a failed
        trace as (0, 0, 0), a perfect one.

    Example:
        >>> line = ([1.0, 1], [-1, 0], [0, 0])
        >>> truth = Tree([[0, 0, 0], [0, 0, 4]], *line)
        >>> found = neuron_distances(Tree([[0, 3, 0], [0, 3, 4]], *line), truth)
        >>> found.esa, found.dsa, found.pds
        (3.0, 3.0, 1.0)
        >>> neuron_distances(None, truth).esa
        inf
    """
    positive(threshold=threshold)
    second = _truth(truth, spacing)
    if traced is None or not len(traced.edges):
        return FAILED
    first = Segments(traced, spacing)
    there, back = (a.distances(_vaa3d_points(b)) for a, b in ((second, first), (first, second)))
    esa12, esa21 = float(there.mean()), float(back.mean())
    far = [way[way >= threshold] for way in (there, back)]
    means = [float(way.mean()) for way in far if way.size]
    pds12, pds21 = (float((way >= threshold).mean()) for way in (there, back))
    return NeuronDistances(
        esa12=esa12,
        esa21=esa21,
        esa=(esa12 + esa21) / 2,
        dsa=sum(means) / len(means) if means else 0.0,
        pds12=pds12,
        pds21=pds21,
        pds=(pds12 + pds21) / 2,
        maximum=float(min(there.max(), back.max())),
    )


def length_recall(
    traced: Tree | None, truth: Tree, *, distance: float = 2.0, spacing: Sequence[float] = (1, 1, 1)
) -> float:
    """Part of the true length that has a traced edge within ``distance``.

    Edges are cut into equal pieces of at most ``distance`` / 4; a piece is found if its middle is.

    Args:
        traced: The tree to judge; None, or one without an edge, finds nothing.
        truth: The tree that it should be.
        distance: In the unit of ``spacing``.
        spacing: Size of a voxel (z, y, x); 1 measures in voxels.

    Returns:
        A number in [0, 1]; 0 for a failed trace.

    Raises:
        ValueError: If the truth has no length, or the distance or a spacing is not greater than 0.

    Source:
        The recall of Gillette et al., DIADEM, 2011, weighted by length in place of nodes (ours).

    Example:
        >>> line = ([1.0, 1], [-1, 0], [0, 0])
        >>> truth = Tree([[0, 0, 0], [0, 0, 8]], *line)
        >>> length_recall(Tree([[0, 0, 0], [0, 0, 2]], *line), truth, distance=2.0)
        0.5
    """
    positive(distance=distance)
    second = _truth(truth, spacing)
    if traced is None or not len(traced.edges):
        return 0.0
    return _found_part(second, Segments(traced, spacing), distance)


def length_precision(
    traced: Tree | None, truth: Tree, *, distance: float = 2.0, spacing: Sequence[float] = (1, 1, 1)
) -> float:
    """Part of the traced length that has a true edge within ``distance``; otherwise as `length_recall`.

    Returns:
        A number in [0, 1]; 0 for a failed trace, one without length among them.

    Example:
        >>> line = ([1.0, 1], [-1, 0], [0, 0])
        >>> traced = Tree([[0, 0, 0], [0, 0, 8]], *line)
        >>> length_precision(traced, Tree([[0, 0, 0], [0, 0, 2]], *line), distance=2.0)
        0.5
    """
    positive(distance=distance)
    second = _truth(truth, spacing)
    if traced is None or not traced.length > 0:
        return 0.0
    return _found_part(Segments(traced, spacing), second, distance)


def _truth(truth: Tree, spacing: Sequence[float]) -> Segments:
    """The edges of the truth.

    Raises:
        ValueError: If it has no length, or a spacing is not greater than 0.
    """
    if len(spacing) != 3 or not all(size > 0 for size in spacing):
        raise ValueError(f"spacing is {tuple(spacing)}, but must be 3 sizes (z, y, x) greater than 0")
    if not truth.length > 0:
        raise ValueError(f"the truth has {len(truth)} nodes and no length, but needs an edge to measure from")
    return Segments(truth, spacing)


def _vaa3d_points(tree: Segments) -> Floats:
    """Points on each edge about 1 apart, both ends included; only the child where the edge is shorter than 1/2."""
    return tree.points((tree.lengths + 1.5).astype(np.int64), middle=False)[0]


def _found_part(judged: Segments, other: Segments, distance: float) -> float:
    """Part of the length of one tree that is within ``distance`` of another."""
    counts = np.maximum(np.ceil(judged.lengths * PIECES / distance), 1).astype(np.int64)
    points, owner = judged.points(counts, middle=True)
    weights = judged.lengths[owner] / counts[owner]
    return float(weights[other.distances(points) <= distance].sum() / weights.sum())
