"""All registration metrics of one pair at once, and what each of them is."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from subband.metrics.jacobian import folding_percentage, sd_log_jacobian
from subband.metrics.registration import dice_per_structure, surface_distances, target_registration_error
from subband.metrics.table import Metric
from subband.transforms.field import Field

REGISTRATION_METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("Dice", "higher", "Dice coefficient, mean of the structures, without the background"),
        Metric("HD95", "lower", "95th percentile of the surface distance (Learn2Reg), mean of the structures", "mm"),
        Metric("ASD", "lower", "mean surface distance, mean of the structures", "mm"),
        Metric("TRE", "lower", "distance from the true displacement, mean of the voxels in fixed structures", "mm"),
        Metric("folds", "lower", "voxels whose Jacobian determinant is 0 or below", "%"),
        Metric("SDlogJ", "lower", "deviation of the logarithm of the Jacobian determinant"),
        Metric("seconds", "lower", "time to register a pair", "s"),
        Metric("MB", "lower", "growth of the memory while a pair is registered", "MB"),
    )
}


def registration_metrics(
    warped: Any | None,
    fixed: Any | None,
    structures: Mapping[int, str],
    field: Field,
    *,
    truth: Field | None = None,
) -> tuple[dict[str, float], dict[str, float]]:
    """Metrics of one registered pair.

    Args:
        warped: Label map of the moving image, warped (*space); None without labels.
        fixed: Label map of the fixed image; None without labels.
        structures: Names by label.
        field: The displacement, one; distances are in mm if it has a grid, else in voxels.
        truth: The true displacement of the same voxels, if it is known.

    Returns:
        ``Dice``, ``HD95``, ``ASD`` (not without labels), ``TRE`` (not without truth), ``folds`` and ``SDlogJ`` by name;
        and the Dice coefficient of each structure. Means leave out structures that neither image has. ``TRE`` is the
        mean over the voxels that have a structure in the fixed image, or over all without labels.

    Raises:
        ValueError: If the shapes differ, or values are no labels.

    Source:
        `subband.metrics.registration`, `subband.metrics.jacobian`.

    Example:
        >>> import torch
        >>> labels = torch.zeros(8, 8, dtype=torch.int16)
        >>> labels[2:5, 2:5] = 1
        >>> found, dice = registration_metrics(labels, labels, {1: "left"}, Field(torch.zeros(1, 2, 8, 8), "voxel"))
        >>> found["Dice"], found["folds"], dice
        (1.0, 0.0, {'left': 1.0})
    """
    found: dict[str, float] = {}
    dice: dict[str, float] = {}
    if warped is not None and fixed is not None:
        dice = dice_per_structure(warped, fixed, structures)
        spacing = field.grid.spacing if field.grid else None
        surfaces = surface_distances(warped, fixed, structures, spacing=spacing).values()
        found["Dice"] = _mean(dice.values())
        found["HD95"] = _mean(each.hd95 for each in surfaces)
        found["ASD"] = _mean(each.asd for each in surfaces)
    if truth is not None:
        found["TRE"] = _mean_error(field, truth, fixed)
    return {**found, "folds": folding_percentage(field), "SDlogJ": sd_log_jacobian(field)}, dice


def _mean_error(field: Field, truth: Field, fixed: Any | None) -> float:
    """Mean distance between the ends of two displacements of each fixed voxel that counts."""
    inside = torch.ones(field.space, dtype=torch.bool) if fixed is None else torch.from_numpy(np.asarray(fixed) > 0)
    points = inside.nonzero()[None].double()
    ends = points + truth.to_unit("voxel").vectors[0][:, inside].T
    return float(target_registration_error(field, points, ends).mean())


def _mean(values: Any) -> float:
    """Mean of the values that are defined."""
    defined = [float(value) for value in values if not math.isnan(value)]
    return sum(defined) / len(defined) if defined else math.nan
