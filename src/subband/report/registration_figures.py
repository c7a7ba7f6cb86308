"""How a registration looks: checkerboards, the deformed grid, and where the volume changes or folds."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband.report._canvas import WIDTH, Drawing, Theme, drawn
from subband.report.registration_views import Floats, View

TILES = 8
"""Squares of a checkerboard along the longer side."""
LINES = 24
"""Lines of the deformed grid along the longer side."""
FOLD = (216, 67, 46)
"""Colour of folds."""
STRETCH = math.log(2)
"""Change of volume that has the full colour: to a half or to the double."""


def checkerboard(first: Floats, second: Floats) -> NDArray[np.uint8]:
    """Squares of two images in turn (H, W), in [0, 1]; edges that go on from square to square lie together.

    Example:
        >>> import numpy as np
        >>> checkerboard(np.zeros((8, 8), np.float32), np.ones((8, 8), np.float32))[0, :3].tolist()
        [0, 255, 0]
    """
    side = max(1, max(first.shape) // TILES)
    rows, columns = np.indices(first.shape) // side
    mixed = np.where((rows + columns) % 2, second, first)
    found: NDArray[np.uint8] = np.rint(255 * mixed.clip(0, 1)).astype(np.uint8)
    return found


def volume_change(determinant: Floats) -> NDArray[np.uint8]:
    r"""Colours (H, W, 3) of :math:`\log |J|`: blue where it shrinks, amber where it grows, pale where nothing changes.

    Voxels that fold, :math:`|J| \le 0`, are red.
    """
    folded = determinant <= 0
    part = (np.log(np.where(folded, 1, determinant)) / STRETCH).clip(-1, 1)[..., None]
    pale, grown, shrunk = (np.array(colour, float) for colour in ((246, 246, 242), (217, 142, 4), (47, 95, 208)))
    colours = pale + np.abs(part) * (np.where(part > 0, grown, shrunk) - pale)
    return np.rint(np.where(folded[..., None], FOLD, colours)).astype(np.uint8)


def pair_figure(views: Sequence[View], *, key: str) -> Drawing:
    """Planes of one pair in rows: fixed, moving, warped, both checkerboards, the grid, and the change of volume.

    Args:
        views: Planes of one pair.
        key: See `subband.report._canvas.drawn`.

    Raises:
        ValueError: If there is no plane.
    """
    heads = ("fixed", "moving", "warped", "before", "after", "grid", "log |J|")
    return _figure({view.title: view for view in views}, heads, key=key)


def methods_figure(views: Mapping[str, View], *, key: str) -> Drawing:
    """One plane of a pair after several registrations, each in a row.

    Args:
        views: The same plane by the name of the method.
        key: See `subband.report._canvas.drawn`.

    Raises:
        ValueError: If there is no plane.
    """
    return _figure(views, ("fixed", "warped", "checkerboard", "grid", "log |J|"), key=key)


def _figure(views: Mapping[str, View], heads: Sequence[str], *, key: str) -> Drawing:
    if not views:
        raise ValueError("there is no plane to draw; give at least one")
    left, gap, top = 1.25, 0.07, 0.28
    width = (WIDTH - left - gap * (len(heads) - 1)) / len(heads)
    heights = [_height(view, width) for view in views.values()]
    total = top + sum(heights) + gap * len(heights)

    def draw(figure: Any, theme: Theme) -> None:
        y = total - top
        for row, ((name, view), height) in enumerate(zip(views.items(), heights, strict=True)):
            y -= height
            figure.text(0, (y + height / 2) / total, _broken(name), va="center")
            for column, head in enumerate(heads):
                x = left + column * (width + gap)
                axes = figure.add_axes((x / WIDTH, y / total, width / WIDTH, height / total))
                draw_cell(axes, head, view, theme)
                if row == 0:
                    middle = (x + width / 2) / WIDTH
                    figure.text(middle, (total - 0.55 * top) / total, head, ha="center", va="center", weight="bold")
            y -= gap

    return drawn(draw, height=total, key=key)


def draw_cell(axes: Any, head: str, view: View, theme: Theme) -> None:
    """Draw one picture of a plane on matplotlib axes."""
    rows, columns = view.fixed.shape
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    axes.set_axis_off()
    if head == "grid":
        for x, y in grid_lines(view.shift):
            axes.plot(x, y, color=theme.ink, linewidth=0.5)
        return
    pictures: dict[str, NDArray[Any]] = {
        "fixed": view.fixed,
        "moving": view.moving,
        "warped": view.warped,
        "before": checkerboard(view.moving, view.fixed) / 255,
        "after": checkerboard(view.warped, view.fixed) / 255,
        "checkerboard": checkerboard(view.warped, view.fixed) / 255,
    }
    picture = volume_change(view.determinant) if head == "log |J|" else np.rint(255 * pictures[head].clip(0, 1))
    axes.imshow(picture.astype(np.uint8), cmap="gray", vmin=0, vmax=255, interpolation="none", aspect="auto")


def grid_lines(shift: Floats) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Columns and rows of points of lines that were straight, each moved to where the field looks in the moving image.

    Args:
        shift: Displacement (2, H, W) in voxels, rows first.
    """
    rows, columns = shift.shape[1:]
    step = max(1, round(max(rows, columns) / LINES))
    y, x = np.indices((rows, columns)) + shift
    across = [(x[row], y[row]) for row in range(0, rows, step)]
    return across + [(x[:, column], y[:, column]) for column in range(0, columns, step)]


def dice_boxes(values: Mapping[str, Mapping[str, Sequence[float]]], *, key: str) -> Drawing:
    """Dice coefficients of each structure as boxes (quartiles, median, range), side by side for each method.

    Args:
        values: Coefficients of the pairs by structure, by the name of the method; NaN are left out.
        key: See `subband.report._canvas.drawn`.
    """
    methods = list(values)
    structures = list(next(iter(values.values())))
    each = 0.8 / len(methods)
    high = 2.6 if len(structures) < 12 else 3.2

    def draw(figure: Any, theme: Theme) -> None:
        axes = figure.add_axes((0.05, 0.3 if len(structures) > 6 else 0.16, 0.94, 0.66 if len(structures) > 6 else 0.8))
        for number, method in enumerate(methods):
            colour = theme.colours[number % len(theme.colours)]
            for place, structure in enumerate(structures):
                found = [value for value in values[method][structure] if not math.isnan(value)]
                if found:
                    _box(axes, place + (number - (len(methods) - 1) / 2) * each, found, 0.7 * each, colour)
        axes.set(xlim=(-0.6, len(structures) - 0.4), ylim=(0, 1.02))
        slanted = {"rotation": 40, "ha": "right"} if len(structures) > 6 else {}
        axes.set_xticks(range(len(structures)), structures, color=theme.ink, **slanted)
        axes.tick_params(colors=theme.ink, length=0)
        axes.grid(axis="y", color=theme.line, linewidth=0.5)
        axes.set_axisbelow(True)
        for side, spine in axes.spines.items():
            spine.set_visible(side == "bottom")
            spine.set_color(theme.line)

    return drawn(draw, height=high, key=key)


def _box(axes: Any, x: float, values: Sequence[float], width: float, colour: str) -> None:
    """A box over the quartiles, a line at the median, whiskers to the ends; a mark for a single value."""
    low, first, median, third, top = np.percentile(values, (0, 25, 50, 75, 100))
    if len(values) < 2:
        axes.plot([x - width / 2, x + width / 2], [median, median], color=colour, linewidth=2.4)
        return
    for start, end in ((low, first), (third, top)):
        axes.plot([x, x], [start, end], color=colour, linewidth=0.8)
    axes.bar(x, third - first, width, bottom=first, color=colour, alpha=0.35, edgecolor=colour, linewidth=0.8)
    axes.plot([x - width / 2, x + width / 2], [median, median], color=colour, linewidth=1.6)


def _height(view: View, width: float) -> float:
    """Height of a picture of that width, in inches, by the size of its voxels."""
    rows, columns = view.fixed.shape
    ratio: float = rows * view.spacing[0] / (columns * view.spacing[1])
    return width * ratio


def _broken(name: str, longest: int = 20) -> str:
    """A name in lines that fit beside the pictures."""
    return "\n".join("\n".join(textwrap.wrap(line, longest)) for line in name.splitlines())
