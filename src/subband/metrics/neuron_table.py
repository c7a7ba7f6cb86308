"""All metrics of one segmented and traced neuron at once, and what each of them is."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband.metrics.neurons import length_precision, length_recall, neuron_distances
from subband.metrics.table import Metric
from subband.metrics.topology import mask_cldice
from subband.transforms.tree import Tree

NEURON_METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("IoU", "higher", "voxels of the neuron: intersection over union"),
        Metric("clDice", "higher", "Dice of the centre lines of the voxels"),
        Metric("recall", "higher", "length of the true tree that the trace meets"),
        Metric("precision", "higher", "length of the trace that meets the true tree"),
        Metric("F1", "higher", "harmonic mean of the length recall and precision"),
        Metric("ESA", "lower", "mean distance of the two trees, both ways", "voxels"),
        Metric("DSA", "lower", "the same where they are 2 voxels or more apart", "voxels"),
        Metric("PDS", "lower", "part of both trees that is 2 voxels or more apart"),
        Metric("failed", "lower", "part of the volumes without a trace; their distances are infinite"),
        Metric("seconds", "lower", "time to segment and trace a volume", "s"),
    )
}


def neuron_metrics(
    mask: NDArray[Any], labels: NDArray[Any], traced: Tree | None, truth: Tree | None, *, distance: float = 2.0
) -> dict[str, float]:
    """Metrics of one volume, those of the tree as far as the true one is known.

    Args:
        mask: Voxels (Z, Y, X) that are said to be of the neuron.
        labels: Those that are.
        traced: Tree of the mask; None or less than two nodes where the trace failed.
        truth: True tree; None if there is none.
        distance: Farthest that the trees are said to meet, in voxels.

    Returns:
        Values by name, in the order of `NEURON_METRICS`, without ``seconds``. A failed trace has infinite distances and
        no length that meets.

    Raises:
        ValueError: If the shapes differ.

    Source:
        `subband.metrics.neurons`, `subband.metrics.topology`.

    Example:
        >>> line = Tree([[1, 1, 0], [1, 1, 5]], [1, 1], [-1, 0], [1, 3])
        >>> mask = np.zeros((3, 3, 6), bool)
        >>> mask[1, 1] = True
        >>> found = neuron_metrics(mask, mask, line, line)
        >>> found["IoU"], found["recall"], found["ESA"], neuron_metrics(mask, mask, None, line)["ESA"]
        (1.0, 1.0, 0.0, inf)
    """
    found, true = np.asarray(mask, bool), np.asarray(labels, bool)
    if found.shape != true.shape:
        raise ValueError(f"mask has shape {found.shape} and labels {true.shape}, but both must be one (Z, Y, X)")
    either = int((found | true).sum())
    values = {"IoU": float((found & true).sum() / either) if either else 1.0, "clDice": mask_cldice(found, true)}
    return values if truth is None else {**values, **tree_metrics(traced, truth, distance=distance)}


def tree_metrics(traced: Tree | None, truth: Tree, *, distance: float = 2.0) -> dict[str, float]:
    """Metrics of a trace alone, as `neuron_metrics` has them."""
    apart = neuron_distances(traced, truth)
    if apart.failed or traced is None:
        lost = dict.fromkeys(("recall", "precision", "F1"), 0.0)
        return {**lost, "ESA": math.inf, "DSA": math.inf, "PDS": 1.0, "failed": 1.0}
    recall = length_recall(traced, truth, distance=distance)
    precision = length_precision(traced, truth, distance=distance)
    f1 = 2 * recall * precision / (recall + precision) if recall + precision else 0.0
    return {
        "recall": recall,
        "precision": precision,
        "F1": f1,
        "ESA": apart.esa,
        "DSA": apart.dsa,
        "PDS": apart.pds,
        "failed": 0.0,
    }
