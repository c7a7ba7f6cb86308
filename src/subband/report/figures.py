"""Curves as inline SVG that follows the colours of the page."""

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from subband.report.comparison import Array, Comparison

INK, LINE = "#000001", "#000002"
COLOURS = 13
"""Number of line colours that the page defines."""


@dataclass(frozen=True)
class Line:
    """One line: points, number of its colour, and whether it stands back."""

    x: Array
    y: Array
    colour: int
    faint: bool = False


@dataclass(frozen=True)
class Panel:
    """One small figure: its title and its SVG."""

    title: str
    svg: str


def smooth(values: Array, *, share: float = 0.1) -> Array:
    """Running mean over a share of the points; at the ends over those that are there.

    Example:
        >>> import numpy as np
        >>> smooth(np.array([0.0, 3.0, 0.0]))
        array([1.5, 1. , 1.5])
    """
    if not len(values):
        return values
    reach = max(1, round(share * len(values) / 2))
    window = np.ones(min(2 * reach + 1, 2 * len(values) - 1))
    total = np.convolve(values, window)[len(window) // 2 :][: len(values)]
    count = np.convolve(np.ones_like(values), window)[len(window) // 2 :][: len(values)]
    smoothed: Array = total / count
    return smoothed


def curves(comparison: Comparison) -> dict[str, list[Panel]]:
    """Panels under ``validation``, ``training`` and ``mi`` (apart, because it is negative), those that have data."""
    validation = [
        _panel(f"validation {title}", _all_methods(comparison, f"val_{metric}"))
        for metric, title in (
            ("mIoU", "mIoU ↑"),
            ("VI", "VI ↓"),
            ("accuracy", "accuracy ↑"),
            ("AP50", "AP50 ↑"),
            ("Dice", "Dice ↑"),
        )
    ]
    first = _first(comparison)
    rates = [Line(*run.curve("lr"), number(comparison, first)) for run in comparison.runs if run.method == first]
    validation.append(_panel("learning rate", rates[:1]))
    training, mutual = (
        [
            _panel(f"{word}, {comparison.label(method)}", _one_method(comparison, method, column))
            for method in comparison.methods
        ]
        for word, column in (("loss", "train_loss"), ("MI term", "mi_term"))
    )
    groups = {"validation": validation, "training": training, "mi": mutual}
    return {name: [panel for panel in panels if panel] for name, panels in groups.items()}


def number(comparison: Comparison, method: str) -> int:
    """Number of a method's colour."""
    return comparison.methods.index(method) % COLOURS


def _first(comparison: Comparison) -> str:
    with_rate = [run.method for run in comparison.runs if len(run.curve("lr")[0])]
    return with_rate[0] if with_rate else comparison.methods[0]


def _all_methods(comparison: Comparison, column: str) -> list[Line]:
    """Each run faint, and the mean over the runs of each method."""
    lines = []
    for method in comparison.methods:
        runs = [run.curve(column) for run in comparison.runs if run.method == method]
        colour = number(comparison, method)
        if len(runs) > 1:
            lines += [Line(x, y, colour, faint=True) for x, y in runs]
        lines.append(Line(*_mean(runs), colour))
    return lines


def _one_method(comparison: Comparison, method: str, column: str) -> list[Line]:
    """Each run faint, and smoothed."""
    colour = number(comparison, method)
    runs = [run.curve(column) for run in comparison.runs if run.method == method]
    raw = [Line(x, y, colour, faint=True) for x, y in runs]
    return raw + [Line(x, smooth(y), colour) for x, y in runs]


def _mean(runs: Iterable[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Mean at each step over the runs that have it."""
    found: dict[float, list[float]] = {}
    for x, y in runs:
        for step, value in zip(x.tolist(), y.tolist(), strict=True):
            found.setdefault(step, []).append(value)
    steps = sorted(found)
    return np.array(steps), np.array([np.mean(found[step]) for step in steps])


def _panel(title: str, lines: Sequence[Line]) -> Panel | None:
    drawn = [line for line in lines if len(line.x)]
    return Panel(title, draw(drawn, key=title)) if drawn else None


def draw(lines: Sequence[Line], *, key: str, over: str = "step") -> str:
    """Draw lines as SVG without a fixed size, font or colour.

    Args:
        lines: What to draw.
        key: Set before all identifiers, so that several figures fit on one page.
        over: What the horizontal axis is.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style: Any = {"svg.fonttype": "none", "svg.hashsalt": key, "font.size": 8, "axes.unicode_minus": True}
    with mpl.rc_context(style):
        figure = Figure(figsize=(3.6, 2.1))
        axes = figure.add_axes((0.12, 0.18, 0.86, 0.78))
        for line in lines:
            single = len(line.x) == 1
            axes.plot(
                line.x,
                line.y,
                color=f"#0000{16 + line.colour:02x}",
                linewidth=0.6 if line.faint else 1.4,
                alpha=0.45 if line.faint else 1.0,
                marker="o" if single else None,
                markersize=3,
            )
        axes.set_xlabel(over, color=INK)
        axes.tick_params(colors=INK, length=0)
        axes.grid(color=LINE, linewidth=0.5)
        axes.set_axisbelow(True)
        for side, spine in axes.spines.items():
            spine.set_visible(side == "bottom")
            spine.set_color(LINE)
        axes.locator_params(nbins=5)
        text = io.StringIO()
        metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(text, format="svg", transparent=True, metadata=metadata)
    return inline(text.getvalue(), re.sub(r"\W+", "-", key))


def inline(svg: str, key: str) -> str:
    """Take out what only a file of its own needs, and leave sizes, colours and fonts to the page."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\s(xmlns(:\w+)?|version)="[^"]*"', "", svg)
    svg = re.sub(r'<svg([^>]*?) width="[^"]*"', r"<svg\1", svg, count=1)
    svg = re.sub(r'<svg([^>]*?) height="[^"]*"', r'<svg\1 role="img"', svg, count=1)
    svg = re.sub(r"\bid=\"", f'id="{key}-', svg)
    svg = re.sub(r"url\(#", f"url(#{key}-", svg)
    svg = re.sub(r'xlink:href="#', f'href="#{key}-', svg)
    svg = svg.replace(INK, "currentColor").replace(LINE, "var(--line)")
    svg = re.sub(r"#0000([0-9a-f]{2})", lambda found: f"var(--s{int(found[1], 16) - 16})", svg)
    return re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", svg).strip()
