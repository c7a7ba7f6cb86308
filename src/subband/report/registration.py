"""Dice of each structure, what each registration did to some pairs, and published rows, for a comparison's page."""

from typing import Any

import numpy as np

from subband.metrics.registration_table import REGISTRATION_METRICS
from subband.report.comparison import Comparison
from subband.report.published_registration import both_sides, published_fields, published_structures
from subband.report.registration_figures import dice_boxes, methods_figure
from subband.report.registration_views import View, read_views
from subband.report.tables import number

PUBLISHED_METHODS = ("WiNet", "WiNet-diff")


def field_line(metric: str) -> str:
    """What a column means, with its unit.

    Example:
        >>> field_line("folds")
        'voxels whose Jacobian determinant is 0 or below (%)'
    """
    found = REGISTRATION_METRICS.get(metric)
    if found is None:
        return ""
    return f"{found.line} ({found.unit})" if found.unit else found.line


def registration(comparison: Comparison, published: bool = False) -> dict[str, Any]:
    """Boxes of the Dice coefficients, a figure for each pair that is shown, and the published tables if wanted."""
    values = structure_values(comparison)
    return {
        "boxes": dice_boxes(values, key="dice").svg if values else "",
        "colours": list(enumerate(values)),
        "pairs": pair_figures(comparison),
        "published": published_fields() if published else [],
        "published_structures": structure_rows(values) if published else {},
    }


def structure_values(comparison: Comparison) -> dict[str, dict[str, list[float]]]:
    """Dice of every pair and run by structure, by the label of the method."""
    found: dict[str, dict[str, list[float]]] = {}
    for method in comparison.compared():
        merged: dict[str, list[float]] = {}
        for run in comparison.of(method):
            for name, values in run.extra.get("structures", {}).items():
                merged.setdefault(name, []).extend(float(value) for value in values)
        if merged:
            found[comparison.label(method)] = merged
    return found


def structure_rows(values: dict[str, dict[str, list[float]]]) -> dict[str, Any]:
    """Published Dice of each structure and ours, left and right as one; ours are empty for other structures."""
    columns, rows = [*(f"{name}, published" for name in PUBLISHED_METHODS), *values], []
    for structure, theirs in published_structures().items():
        cells = [number(theirs[name]) for name in PUBLISHED_METHODS]
        for ours in values.values():
            found = [value for name in both_sides(structure) for value in ours.get(name, []) if not np.isnan(value)]
            cells.append(number(float(np.mean(found))) if found else "")
        rows.append({"name": structure, "cells": cells})
    return {"columns": columns, "rows": rows}


def pair_figures(comparison: Comparison) -> list[dict[str, str]]:
    """The same plane of a pair after the first run of each method, and its scores in the labels of the rows."""
    pairs: dict[str, dict[str, View]] = {}
    for method in comparison.compared():
        run = comparison.of(method)[0]
        scores = {str(image["name"]): image for image in run.images}
        for view in read_views(run.folder / "planes.npz"):
            row = scores.get(view.title, {})
            label = f"{comparison.label(method)}\n{_said(row)}".strip()
            pairs.setdefault(view.title, {})[label] = view
    return [
        {"title": title, "svg": methods_figure(views, key=f"pair {place}").svg}
        for place, (title, views) in enumerate(pairs.items())
    ]


def _said(row: dict[str, Any]) -> str:
    """Dice of a pair, or its folds where there are no labels."""
    if "Dice" in row:
        return f"Dice {number(float(row['Dice']))}"
    return f"folds {number(float(row['folds']))} %" if "folds" in row else ""
