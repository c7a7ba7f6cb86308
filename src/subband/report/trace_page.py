"""The page of one traced volume."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from subband._files import write_bytes
from subband.report.neuron_figures import ADDED, MISSED, RIGHT, view_figure
from subband.report.neuron_views import NeuronView
from subband.report.neurons import tree_line
from subband.report.page import render
from subband.report.tables import number

PAGE = "report.html"
PICTURE = "projections.png"
TRUTH = ("recall", "precision", "F1", "ESA", "DSA", "PDS")
"""What is said against a true tree."""


@dataclass(frozen=True, eq=False)
class TracePage:
    """What the page shows.

    Attributes:
        title: Heading.
        view: Projections and trees.
        found: What was measured, as `subband.tasks.trace_volume` writes it to ``result.json``.
        command: How the page was made.
    """

    title: str
    view: NeuronView
    found: Mapping[str, Any]
    command: str


def write_trace_page(folder: Path, page: TracePage) -> Path:
    """Write ``report.html`` and ``projections.png``; the page refers to nothing outside itself.

    Returns:
        The path of the page.
    """
    figure = view_figure(page.view, key="projections")
    write_bytes(folder / PICTURE, figure.png)
    truth = page.view.truth is not None
    content = {
        "title": page.title,
        "verdict": sentence_of(page.found),
        "figure": figure.svg,
        "colours": (("in both", RIGHT), ("only traced", ADDED), ("only true", MISSED)) if truth else (),
        "tables": [
            ("Tree", tree_rows(page.found)),
            *([("Against the truth", truth_rows(page.found))] if truth else []),
            ("Work", work_rows(page.found)),
        ],
        "lines": [(name, tree_line(name)) for name in TRUTH] if truth else [],
        "command": page.command,
    }
    path = folder / PAGE
    write_bytes(path, render("trace.html", content).encode())
    return path


def tree_rows(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Size of the volume and of the tree."""
    size = " x ".join(str(each) for each in found["shape"])
    spacing = " x ".join(f"{length:.3g}" for length in found["spacing"])
    unit = f" {found['unit']}" if found.get("unit") else ""
    rows = [("volume (z, y, x)", f"{size} voxels"), ("voxel", f"{spacing}{unit}")]
    rows += [("length", f"{number(float(found['length']), 1)} voxels")]
    if "physical_length" in found:
        rows += [("", f"{number(float(found['physical_length']), 1)}{unit or ' units of the voxel'}")]
    counted = {"trees": "separate trees", "nodes": "nodes", "branches": "branches", "tips": "tips"}
    return rows + [(label, str(found[name])) for name, label in counted.items()]


def truth_rows(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Distances from the truth."""
    return [(name, number(float(found["truth"][name]), 3)) for name in TRUTH]


def work_rows(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was done, how long it took, and the memory."""
    blurred = " after a blur" if found.get("blurred") else ""
    how = f"network {found['run']}" if found.get("run") else f"threshold {found['threshold']:.4g}{blurred}"
    rows = [("segmented by", how), ("voxels found", f"{found['foreground']:,}".replace(",", " "))]
    if found.get("blocks"):
        rows.append(("blocks", f"{found['blocks']}, {found['blocks_done_now']} of them now"))
    rows += [(f"{what}", f"{number(float(found['seconds'][what]), 1)} s") for what in found["seconds"]]
    return [*rows, ("memory", f"{number(float(found['MB']), 0)} MB above the start")]


def sentence_of(found: Mapping[str, Any]) -> str:
    """What the trace gave, in one sentence."""
    trees = f" in {found['trees']} separate trees" if found["trees"] > 1 else ""
    text = (
        f"{number(float(found['length']), 0)} voxels of length{trees}, {_counted(found['branches'], 'branch')}, "
        f"{_counted(found['tips'], 'tip')}"
    )
    if "truth" in found:
        recall, precision = (number(100 * float(found["truth"][name]), 1) for name in ("recall", "precision"))
        esa = number(float(found["truth"]["ESA"]), 2)
        text += (
            f"; {recall} % of the true length is met and {precision} % of the traced one, the trees are {esa} voxels "
            "apart on average"
        )
    return f"{text}; {number(sum(float(each) for each in found['seconds'].values()), 1)} s."


def _counted(count: int, noun: str) -> str:
    ending = "" if count == 1 else "es" if noun.endswith("ch") else "s"
    return f"{count} {noun}{ending}"
