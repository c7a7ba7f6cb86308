"""What detectors found: boxes on images, precision by class, and precision on corrupted images, for the page."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from subband._files import read_json
from subband.metrics.detection import Boxes, performance_under_corruption
from subband.metrics.robustness import GROUPS
from subband.report.box_figure import LEAST, Shown, detection_figure
from subband.report.comparison import Comparison, Run
from subband.report.figures import Panel
from subband.report.heat_map import heat_map
from subband.report.pictures import read_picture
from subband.report.robustness import Figure, Table, asked, run_table
from subband.report.statistics import best, spread
from subband.report.tables import number

BOX_LINES = {
    "AP": "average precision, the mean of the classes and of overlaps 0.5 to 0.95 (COCO's)",
    "AP50": "the same at an overlap of 0.5",
    "AP75": "at 0.75",
    "AP_small": "AP of objects of fewer than 32 x 32 pixels of the image as stored",
    "AP_medium": "of those between",
    "AP_large": "of more than 96 x 96",
    "AR": "mean recall with 100 boxes",
    "mPC": "AP on corrupted images, the mean over corruptions and severities",
    "rPC": "mPC over the AP of the same images as they are",
}
"""Columns of a detection."""


def detections(comparison: Comparison, methods: Sequence[str]) -> dict[str, Any]:
    """Sections of the page, empty ones as None.

    Args:
        comparison: A comparison of detectors.
        methods: Those whose boxes are drawn.
    """
    runs = [run for method in comparison.compared() for run in comparison.of(method)]
    names = comparison.about.get("dataset", {}).get("class_names", [])
    images = shown_images(comparison, methods)
    return {
        "svg": detection_figure(images, names).svg if images else None,
        "least": LEAST,
        "corruptions": corruption_table(comparison),
        "heat_maps": heat_maps(comparison),
        "images": next((asked(run, "corruptions")["images"] for run in runs if asked(run, "corruptions")), None),
        "classes": class_table(comparison, names),
        "networks": [
            (comparison.label(method), *(comparison.of(method)[0].extra[key] for key in ("conversion", "frozen")))
            for method in comparison.compared()
        ],
    }


def shown_images(comparison: Comparison, methods: Sequence[str]) -> list[Shown]:
    """Some test images with their true boxes and what the first run of each method that tested them found."""
    path = comparison.folder / "images" / "names.json"
    if not path.exists() or not methods:
        return []
    found = {method: _found(comparison.of(method)) for method in methods}
    shown = []
    for place, image in enumerate(read_json(path)):
        picture = read_picture(comparison.folder / "images" / f"{place:02d}.png")
        if picture is not None:
            truth = Boxes(_corners(image), np.array(image["labels"], int), crowd=np.array(image["crowd"], bool))
            pixels = np.moveaxis(picture, -1, 0).astype(np.float32) / np.float32(255)
            boxes = {comparison.label(method): boxes_of(found[method].get(image["name"])) for method in methods}
            shown.append(Shown(image["name"], pixels, truth, boxes))
    return shown


def _found(runs: Sequence[Run]) -> dict[str, Any]:
    """What runs found, by image; the first run of an image counts."""
    found: dict[str, Any] = {}
    for run in runs:
        path = run.folder / "predictions" / "boxes.json"
        if path.exists():
            found = {**json.loads(path.read_text(encoding="utf-8")), **found}
    return found


def boxes_of(stored: dict[str, Any] | None) -> Boxes:
    """Boxes as a run wrote them; none where it wrote none."""
    one = stored or {"boxes": [], "labels": [], "scores": []}
    return Boxes(_corners(one), np.array(one["labels"], int), np.array(one["scores"], float))


def _corners(stored: dict[str, Any]) -> np.ndarray[Any, Any]:
    return np.array(stored["boxes"], float).reshape(-1, 4)


def corruption_table(comparison: Comparison) -> Table | None:
    """AP on the clean images, mPC, rPC and the means of the four groups, in per cent."""
    values: dict[str, dict[str, list[float]]] = {}
    for method in comparison.compared():
        for run in comparison.of(method):
            part = asked(run, "corruptions")
            if part is None:
                continue
            rows = {name: list(row.values()) for name, row in part["AP"].items()}
            both, means = performance_under_corruption(part["clean_AP"], rows)
            groups = {group: [means[name] for name in members if name in means] for group, members in GROUPS.items()}
            row = {"clean": part["clean_AP"], **both, **{name: np.mean(own) for name, own in groups.items() if own}}
            for name, value in row.items():
                values.setdefault(method, {}).setdefault(name, []).append(100 * float(value))
    if not values:
        return None
    columns = list(dict.fromkeys(name for row in values.values() for name in row))
    return run_table(comparison, columns, values, lowest=False)


def heat_maps(comparison: Comparison) -> list[Panel]:
    """AP by corruption and severity of each method, the mean over the runs that have the same ones as the first."""
    panels = []
    for method in comparison.compared():
        parts = [part for run in comparison.of(method) if (part := asked(run, "corruptions")) is not None]
        if not parts:
            continue
        names, severities = list(parts[0]["AP"]), list(map(str, parts[0]["severities"]))
        same = [part["AP"] for part in parts if set(part["AP"]) == set(names)]
        tables = [[[part[name].get(each, math.nan) for each in severities] for name in names] for part in same]
        panels.append(
            Panel(comparison.label(method), heat_map(np.mean(tables, axis=0), rows=names, columns=severities))
        )
    return panels


def class_table(comparison: Comparison, names: Sequence[str]) -> Table | None:
    """AP50 of each class that occurs, in per cent, by method."""
    methods = comparison.compared()
    occurring = {name for method in methods for run in comparison.of(method) for name in run.extra["class_AP50"]}
    rows = []
    for name in [name for name in names if name in occurring]:
        spreads = {
            method: spread([100 * float(run.extra["class_AP50"].get(name, math.nan)) for run in comparison.of(method)])
            for method in methods
        }
        means = {method: found.mean for method, found in spreads.items() if method in comparison.comparable()}
        winner = best(means, "AP50") if len(set(means.values())) > 1 else None
        cells = [
            Figure(number(found.mean, 1), "" if math.isnan(found.sd) else number(found.sd, 1), method == winner)
            for method, found in spreads.items()
        ]
        rows.append({"label": name, "cells": cells})
    return {"columns": [comparison.label(method) for method in methods], "rows": rows} if rows else None
