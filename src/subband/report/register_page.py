"""The page of one registered pair."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from subband._files import write_bytes
from subband.metrics.registration_table import REGISTRATION_METRICS
from subband.report.figures import Line, draw
from subband.report.page import render
from subband.report.registration import field_line
from subband.report.registration_figures import dice_boxes, pair_figure
from subband.report.registration_views import View
from subband.report.tables import decimals, heading, number

PAGE = "report.html"
PICTURE = "registration.png"


@dataclass(frozen=True, eq=False)
class RegisterPage:
    """What the page shows.

    Attributes:
        title: Heading.
        main: Label of the registration that the pictures are of.
        rows: Metrics of each registration, its label as ``name``.
        dice: Dice of each structure by the label of the registration; empty without labels.
        views: Planes of the pair.
        losses: Steps and losses of the optimisation.
        command: How the page was made.
    """

    title: str
    main: str
    rows: Sequence[Mapping[str, Any]]
    dice: Mapping[str, Mapping[str, float]]
    views: Sequence[View]
    losses: Sequence[tuple[int, float]]
    command: str


def write_register_page(folder: Path, page: RegisterPage) -> Path:
    """Write ``report.html`` and ``registration.png``; the page refers to nothing outside itself.

    Returns:
        The path of the page.
    """
    figure = pair_figure(page.views, key="planes")
    write_bytes(folder / PICTURE, figure.png)
    header, rows = metric_table(page.rows)
    boxes = {label: {name: [value] for name, value in dice.items()} for label, dice in page.dice.items()}
    content = {
        "title": page.title,
        "verdict": sentence_of(page.rows, page.main),
        "planes": figure.svg,
        "table": {"header": header, "rows": rows, "main": page.main},
        "lines": [(name, field_line(name)) for name in names_of(page.rows)],
        "boxes": dice_boxes(boxes, key="dice").svg if boxes else "",
        "labels": list(enumerate(boxes)),
        "curve": loss_curve(page.losses),
        "command": page.command,
    }
    path = folder / PAGE
    write_bytes(path, render("register.html", content).encode())
    return path


def names_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Metrics that some row has, in order."""
    return [name for name in REGISTRATION_METRICS if any(name in row for row in rows)]


def metric_table(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Header and rows, all text."""
    names = names_of(rows)
    header = ["registration", *(f"{heading(name)}" for name in names)]
    body = [
        [str(row["name"]), *(number(float(row.get(name, math.nan)), decimals(name)) for name in names)] for row in rows
    ]
    return header, body


def sentence_of(rows: Sequence[Mapping[str, Any]], main: str) -> str:
    """What the registration of this label did, in one sentence."""
    by_name = {str(row["name"]): row for row in rows}
    mine, before = by_name[main], by_name.get("identity")
    parts = []
    if "Dice" in mine:
        now = number(float(mine["Dice"]))
        known = before is not None and before is not mine and "Dice" in before
        parts.append(
            f"Dice goes from {number(float(before['Dice']))} to {now}" if before and known else f"Dice is {now}"
        )
    folds = float(mine["folds"])
    parts.append("no voxel folds" if folds == 0 else f"{number(folds, 3 if folds < 0.1 else 2)} % of the voxels fold")
    costs = f"{number(float(mine['seconds']), 1)} s"
    if not math.isnan(float(mine["MB"])):
        costs += f" and {number(float(mine['MB']), 0)} MB"
    text = f"{', '.join(parts)}; {main} took {costs}."
    return text[0].upper() + text[1:]


def loss_curve(losses: Sequence[tuple[int, float]]) -> str:
    """The loss over the steps, as SVG; nothing without an optimisation."""
    if len(losses) < 2:
        return ""
    steps, values = (np.array(each, float) for each in zip(*losses, strict=True))
    return draw([Line(steps, values, 0)], key="loss")
