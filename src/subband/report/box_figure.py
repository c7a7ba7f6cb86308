"""Boxes drawn on images."""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from subband.metrics.detection import Boxes
from subband.report._canvas import WIDTH, Drawing, Theme, drawn, place

LEAST = 0.3
"""Score from which a box is drawn."""
COLOURS = ("#ff9f1c", "#2ec4ff", "#ff4fa3", "#9dff57", "#c8a2ff", "#ffe14d")
"""Of classes, in turn."""
HIGHEST = 3.2
"""Height of a picture, in inches, at most."""
SHOWN_SIDE = 360
"""Pixels of a picture's longer side, at most."""
LEAST_SIDE = 480
"""Pixels of the longer side of a file, at least, so that names can be read."""


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


def detection_figure(images: Sequence[Shown], class_names: Sequence[str], *, least: float = LEAST) -> Drawing:
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


def draw_boxes(axes: Any, found: Boxes, truth: Boxes, class_names: Sequence[str], *, least: float = LEAST) -> None:
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


def boxes_png(image: NDArray[np.float32], found: Boxes, class_names: Sequence[str]) -> bytes:
    """A PNG of an image with boxes, their names and scores; images below `LEAST_SIDE` pixels are enlarged.

    Args:
        image: (3, H, W), in [0, 1].
        found: Boxes with scores, all of which are drawn.
        class_names: Name of each class; that of label k is at place k - 1.
    """
    from matplotlib.figure import Figure

    height, width = image.shape[1:]
    factor = math.ceil(max(1, LEAST_SIDE / max(height, width)))
    figure = Figure(figsize=(factor * width / 100, factor * height / 100), dpi=100)
    axes = place(figure, np.rint(np.moveaxis(image, 0, -1) * 255).astype(np.uint8), (0, 0, 1, 1))
    nothing = Boxes(np.zeros((0, 4)), np.zeros(0, int))
    draw_boxes(axes, found, nothing, class_names, least=0.0)
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()
