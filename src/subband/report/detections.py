"""Boxes drawn on images, and the page of a comparison of detectors."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from subband._files import write_bytes
from subband.metrics.detection import DETECTION_METRICS, Boxes
from subband.report._canvas import WIDTH, Drawing, Theme, drawn, place
from subband.report.page import render

PAGE = "report.html"
PICTURE = "detections.png"
COLOURS = ("#ff9f1c", "#2ec4ff", "#ff4fa3", "#9dff57", "#c8a2ff", "#ffe14d")
"""Of classes, in turn."""
HIGHEST = 3.2
"""Height of a picture, in inches, at most."""
SHOWN_SIDE = 360
"""Pixels of a picture's longer side, at most."""


@dataclass(frozen=True, eq=False)
class Shown:
    """One image with what is true and what each network found in it.

    Args:
        name: Name of the image.
        image: (3, H, W), in [0, 1].
        truth: True boxes.
        found: Boxes with scores, by the name of the network.
    """

    name: str
    image: NDArray[np.float32]
    truth: Boxes
    found: Mapping[str, Boxes]


def detection_figure(images: Sequence[Shown], class_names: Sequence[str], *, least: float = 0.5) -> Drawing:
    """Images in rows, networks in columns; found boxes with name and score, true ones dashed.

    Args:
        images: Images, each with the same networks.
        class_names: Name of each class; that of label k is at place k - 1.
        least: Score from which a box is drawn.

    Raises:
        ValueError: If there is no image.
    """
    if not images:
        raise ValueError("there is no image to draw; give at least one")
    heads = list(images[0].found)
    gap, top = 0.1, 0.3
    column_width = (WIDTH - gap * (len(heads) - 1)) / len(heads)
    sizes = [_fitting(one.image.shape[2] / one.image.shape[1], column_width) for one in images]
    total = top + sum(height + gap for _, height in sizes)

    def draw(figure: Any, theme: Theme) -> None:
        y = total - top
        for row, (one, (width, height)) in enumerate(zip(images, sizes, strict=True)):
            y -= height
            for column, head in enumerate(heads):
                middle = column * (column_width + gap) + column_width / 2
                box = ((middle - width / 2) / WIDTH, y / total, width / WIDTH, height / total)
                axes = _shown_image(figure, one.image, box)
                draw_boxes(axes, one.found[head], one.truth, class_names, least=least)
                if row == 0:
                    place_of_head = (middle / WIDTH, (total - 0.6 * top) / total)
                    figure.text(*place_of_head, head, ha="center", va="center", weight="bold")
            y -= gap

    return drawn(draw, height=total, key="detections")


def _fitting(ratio: float, width: float) -> tuple[float, float]:
    """Width and height in inches of a picture of that width over height, in a column."""
    height = min(HIGHEST, width / ratio)
    return height * ratio, height


def _shown_image(figure: Any, image: NDArray[np.float32], box: tuple[float, float, float, float]) -> Any:
    """Axes in pixels of the image that show it, reduced if it is large, so that a page stays small."""
    high, wide = image.shape[1:]
    step = max(1, math.ceil(max(high, wide) / SHOWN_SIDE))
    pixels = F.avg_pool2d(torch.from_numpy(image)[None], step, ceil_mode=True)[0].movedim(0, -1).numpy()
    axes = place(figure, np.rint(pixels * 255).astype(np.uint8), box)
    axes.images[0].set_extent((-0.5, step * pixels.shape[1] - 0.5, step * pixels.shape[0] - 0.5, -0.5))
    axes.set(xlim=(-0.5, wide - 0.5), ylim=(high - 0.5, -0.5))
    return axes


def draw_boxes(axes: Any, found: Boxes, truth: Boxes, class_names: Sequence[str], *, least: float = 0.5) -> None:
    """Draw found boxes with names and scores on matplotlib axes that show the image, and true ones dashed in white.

    Args:
        axes: Axes in pixels of the image, the first pixel's middle at 0.
        found: Boxes with scores.
        truth: True boxes; crowds are dotted.
        class_names: Name of each class; that of label k is at place k - 1.
        least: Score from which a box is drawn.
    """
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import withStroke

    def frame(box: NDArray[Any], colour: str, style: str, thick: float) -> None:
        (left, top), (width, height) = box[:2] - 0.5, box[2:] - box[:2]
        edge = Rectangle((left, top), width, height, fill=False, edgecolor=colour, linestyle=style, linewidth=thick)
        edge.set_path_effects([withStroke(linewidth=thick + 1, foreground="#000000a0")])
        axes.add_patch(edge)

    for box, crowd in zip(truth.boxes, truth.crowd if len(truth.crowd) else [False] * len(truth.labels), strict=True):
        frame(box, "#ffffff", ":" if crowd else "--", 0.9)
    for box, label, score in reversed(list(zip(found.boxes, found.labels, found.scores, strict=True))):
        if score < least:
            continue
        colour = COLOURS[(int(label) - 1) % len(COLOURS)]
        frame(box, colour, "-", 1.3)
        axes.text(
            *(max(box[0], 0), max(box[1], 0)),
            f"{class_names[int(label) - 1]} {score:.2f}",
            color="#101114",
            fontsize=6,
            va="top",
            clip_on=True,
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 0.8, "alpha": 0.85},
        )


def write_detections(
    folder: Path,
    *,
    title: str,
    facts: str,
    results: Sequence[Mapping[str, Any]],
    images: Sequence[Shown],
    class_names: Sequence[str],
) -> Path:
    """Write ``report.html`` and ``detections.png``; the page refers to nothing outside itself.

    Args:
        folder: Folder to write.
        title: Heading.
        facts: Line below it: what was trained on what, and how long.
        results: One for each network: ``name``, ``metrics`` (`DETECTION_METRICS`), ``classes`` (AP50 by class name),
            ``conversion`` and ``frozen`` (texts of the two reports), and ``corrupted`` or None.
        images: Images to draw.
        class_names: Name of each class; that of label k is at place k - 1.

    Returns:
        The path of the page.
    """
    drawing = detection_figure(images, class_names)
    write_bytes(folder / PICTURE, drawing.png)
    content = {
        "title": title,
        "facts": facts,
        "svg": drawing.svg,
        "scores": {"header": ["network", *DETECTION_METRICS], "rows": score_rows(results)},
        "classes": class_table(results),
        "corrupted": corruption_table(results),
        "networks": [(one["name"], one["conversion"], one["frozen"]) for one in results],
    }
    path = folder / PAGE
    write_bytes(path, render("detections.html", content).encode())
    return path


def percent(value: float) -> str:
    """A share in [0, 1] in per cent with one decimal; a dash where there is none."""
    return "–" if math.isnan(value) else f"{100 * value:.1f}"


def score_rows(results: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Network and its `DETECTION_METRICS` in per cent."""
    return [[one["name"], *(percent(one["metrics"][name]) for name in DETECTION_METRICS)] for one in results]


def class_table(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """AP50 of each class, by network."""
    known = list(results[0]["classes"])
    rows = [[name, *(percent(one["classes"][name]) for one in results)] for name in known]
    return {"header": ["AP50 of", *(one["name"] for one in results)], "rows": rows}


def corruption_table(results: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Performance under corruption, by network; None if nothing was corrupted."""
    if any(not one.get("corrupted") for one in results):
        return None
    first = results[0]["corrupted"]
    rows = [[name, *(percent(one["corrupted"][name]) for one in results)] for name in ("mPC", "rPC")]
    rows += [
        [name, *(percent(one["corrupted"]["corruptions"][name]) for one in results)] for name in first["corruptions"]
    ]
    levels = ", ".join(map(str, first["severities"]))
    return {"header": [f"{first['metric']}, severities {levels}", *(one["name"] for one in results)], "rows": rows}
