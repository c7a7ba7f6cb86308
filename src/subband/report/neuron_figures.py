"""How a traced neuron looks: three maximum projections, and over them what of the tree is right, added and missed."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband.report._canvas import WIDTH, Drawing, Theme, drawn
from subband.report.neuron_views import NeuronView
from subband.transforms.tree import Tree, resample

RIGHT, ADDED, MISSED = "#3ddc84", "#ff5a4f", "#4aa3ff"
"""Colours of what the trace and the truth share, of what only the trace has, and of what only the truth has."""
PLANES = (("x", "y", 2, 1), ("x", "z", 2, 0), ("z", "y", 0, 1))
"""Each projection as it lies in the figure: what runs to the right and downwards, and their axes."""
GAP = 0.05
"""Inches between projections."""

Lines = list[tuple[NDArray[Any], str]]


def view_figure(view: NeuronView, *, key: str, distance: float = 2.0) -> Drawing:
    """Three projections of one volume with the tree: from above, below it from the front, beside it from the side.

    Args:
        view: Projections and trees.
        key: See `subband.report._canvas.drawn`.
        distance: Farthest that the trees are said to meet, in voxels.
    """
    width, height = _sizes(view)
    scale = min((WIDTH - GAP) / width, 9.0 / height)
    total = height * scale + GAP
    lines = coloured(view, distance)

    def draw(figure: Any, theme: Theme) -> None:
        _place(figure, view, lines, corner=((WIDTH - width * scale - GAP) / 2, total), scale=scale, size=(WIDTH, total))

    return drawn(draw, height=total, key=key)


def methods_figure(views: Mapping[str, NeuronView], *, key: str, distance: float = 2.0, columns: int = 3) -> Drawing:
    """The projections of one volume after several methods, side by side.

    Args:
        views: What was traced in the same volume, by the name of the method; lines after the first stand below it.
        key: See `subband.report._canvas.drawn`.
        distance: Farthest that the trees are said to meet, in voxels.
        columns: Methods beside each other.

    Raises:
        ValueError: If there is no method.
    """
    if not views:
        raise ValueError("there is nothing to draw; give at least one method")
    count = min(columns, len(views))
    space, head = 0.25, 0.42
    each = (WIDTH - space * (count - 1)) / count
    width, height = _sizes(next(iter(views.values())))
    scale = min((each - GAP) / width, 4.0 / height)
    step = head + height * scale + GAP + 0.12
    total = step * -(-len(views) // count)

    def draw(figure: Any, theme: Theme) -> None:
        for number, (label, view) in enumerate(views.items()):
            left = (number % count) * (each + space)
            top = total - (number // count) * step
            name, _, said = label.partition("\n")
            for text, drop, options in ((name, 0.12, {"weight": "bold"}), (said, 0.29, {})):
                shown = textwrap.shorten(text, 64, placeholder=" ...") if text else ""
                figure.text(left / WIDTH, (top - drop) / total, shown, va="center", **options)
            _place(figure, view, coloured(view, distance), corner=(left, top - head), scale=scale, size=(WIDTH, total))

    return drawn(draw, height=total, key=key)


def coloured(view: NeuronView, distance: float) -> Lines:
    """Edges ((E, 2, 3) positions, child and parent) of both trees with a colour each.

    Without a truth the whole trace has the colour of what is right.
    """
    if view.truth is None:
        return [] if view.tree is None else [(_ends(view.tree), RIGHT)]
    if view.tree is None or len(view.tree) < 2:
        return [(_ends(view.truth), MISSED)]
    traced, truth = (resample(tree, 1.0) for tree in (view.tree, view.truth))
    right = near(traced, truth, distance)
    found = near(truth, traced, distance)
    mine, true = _ends(traced), _ends(truth)
    return [(true[~found], MISSED), (mine[~right], ADDED), (mine[right], RIGHT)]


def near(tree: Tree, other: Tree, distance: float) -> NDArray[np.bool_]:
    """Whether the middle of each edge has a node of another, finely resampled tree within a distance."""
    from scipy.spatial import cKDTree

    middles = _ends(tree).mean(1)
    return np.asarray(cKDTree(other.positions).query(middles.reshape(-1, 3))[0] <= distance)


def _ends(tree: Tree) -> NDArray[Any]:
    return np.asarray(tree.positions[tree.edges])


def strokes(edges: NDArray[Any], axes: Sequence[int]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Points of one line through the edges seen along an axis, lifted between edges that do not meet.

    Example:
        >>> x, y = strokes(np.array([[[0, 0, 1], [0, 0, 0]], [[0, 1, 1], [0, 0, 1]], [[5, 5, 5], [4, 4, 4]]]), (2, 1))
        >>> x.tolist()
        [5.0, 4.0, nan, 1.0, 1.0, 0.0]
    """
    points: list[NDArray[Any]] = []
    for child, parent in edges[::-1][:, :, list(axes)].astype(float):
        if points and np.array_equal(points[-1], child):
            points.append(parent)
        else:
            points += [np.full(2, np.nan), child, parent] if points else [child, parent]
    both = np.array(points).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _deep(view: NeuronView) -> bool:
    """Whether a volume is deeper than wide; its front then lies below its side, with z to the right in both."""
    return view.shape[0] * view.spacing[0] > view.shape[2] * view.spacing[2]


def _sizes(view: NeuronView) -> tuple[float, float]:
    """Width and height of the three projections together, in units of the spacing."""
    depth, height, width = (count * size for count, size in zip(view.shape, view.spacing, strict=True))
    return width + depth, height + (width if _deep(view) else depth)


def _place(
    figure: Any,
    view: NeuronView,
    lines: Lines,
    *,
    corner: tuple[float, float],
    scale: float,
    size: tuple[float, float],
) -> None:
    """Draw the projections with their upper left corner at a place of the figure, in inches."""
    depth, height, width = (scale * count * length for count, length in zip(view.shape, view.spacing, strict=True))
    left, top = corner
    boxes = (
        (left, top - height, width, height),
        (left, top - height - GAP - depth, width, depth),
        (left + width + GAP, top - height, depth, height),
    )
    planes = PLANES
    if _deep(view):
        boxes = (boxes[0], (left + width + GAP, top - height - GAP - width, depth, width), boxes[2])
        planes = (PLANES[0], ("z", "x", 0, 2), PLANES[2])
    for (across, down, *axes), box, plane in zip(planes, boxes, view.projections, strict=True):
        place = (box[0] / size[0], box[1] / size[1], box[2] / size[0], box[3] / size[1])
        canvas = figure.add_axes(place)
        columns, rows = view.shape[axes[0]], view.shape[axes[1]]
        picture = plane.T if across == "z" else plane
        extent = (-0.5, columns - 0.5, rows - 0.5, -0.5)
        canvas.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="none", aspect="auto", extent=extent)
        for edges, colour in lines:
            if len(edges):
                canvas.plot(*strokes(edges, axes), color=colour, linewidth=0.9, solid_capstyle="round")
        canvas.set(xlim=extent[:2], ylim=extent[2:])
        canvas.text(
            0.012, 0.985, f"{across}{down}", transform=canvas.transAxes, color="white", va="top", fontsize=7, alpha=0.8
        )
        canvas.set_axis_off()
