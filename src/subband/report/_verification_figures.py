"""Two figures of a verification: scores of all sets on one axis, and their ROC and DET curves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from subband.metrics.roc import Roc
from subband.metrics.verification_summary import Interval
from subband.report._canvas import PAGE, Drawing, Theme, drawn
from subband.report.comparison import Array

PAPER = (
    *("#2f5fd0", "#d98e04", "#d8432e", "#1f9e89", "#3a8f3a", "#d6498f", "#8444d8"),
    *("#5b8ff0", "#8a5a3c", "#7b8089", "#0d7fa5", "#a39500", "#4b3f8f"),
)
"""Colours of the sets on paper; on the page they are its own."""
MOST_BINS, MOST_POINTS = 80, 500
WIDEST = 0.0085
"""Width of a letter, in widths of the axes."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
RATES = (1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.4)
"""Ticks of the DET curve."""
HIGHEST = 0.6
"""End of its axes."""


@dataclass(frozen=True, eq=False)
class Shown:
    """One set: its name, the scores of both kinds of pairs, its curve, and its thresholds by name."""

    label: str
    genuine: Array
    impostors: Array
    curve: Roc
    thresholds: dict[str, Interval]


@dataclass(frozen=True)
class Mark:
    """A threshold for all sets, drawn as a line: its name, its value and its dashes."""

    name: str
    value: float
    dashes: str


def score_figure(sets: Sequence[Shown], marks: Sequence[Mark]) -> Drawing:
    """Densities of the scores of all sets on one axis with lines at thresholds; below, the thresholds of each set."""
    strip = _strip(sets)
    height = 4.3 + strip
    scores = np.concatenate([part for one in sets for part in (one.genuine, one.impostors)])
    finite = scores[np.isfinite(scores)]
    low, high = float(finite.min()), float(finite.max())
    fewest = min(len(part) for one in sets for part in (one.genuine, one.impostors))
    bins = int(np.clip(2 * fewest**0.5, 12, MOST_BINS))
    edges = np.linspace(low, high if high > low else low + 1, bins + 1)

    def draw(figure: Any, theme: Theme) -> None:
        top = figure.add_axes((0.03, (1.05 + strip) / height, 0.96, 2.4 / height))
        below = figure.add_axes((0.03, 0.85 / height, 0.96, strip / height), sharex=top)
        for axes in (top, below):
            _plain(axes, theme)
        _densities(top, sets, edges, theme)
        _thresholds(below, sets, theme)
        span = edges[-1] - edges[0]
        top.set_xlim(edges[0] - 0.02 * span, edges[-1] + 0.02 * span)
        _lines((top, below), marks, theme)
        top.tick_params(labelbottom=False)
        below.set_xlabel("score", color=theme.ink, labelpad=2)

    return drawn(draw, height=height, key="scores")


def curve_figure(sets: Sequence[Shown], learned: float | None) -> Drawing:
    """ROC with a logarithmic axis at the left, DET in normal deviates at the right; rings at the learnt threshold."""
    height = 3.9

    def draw(figure: Any, theme: Theme) -> None:
        roc = figure.add_axes((0.06, 0.5 / height, 0.41, 3.05 / height))
        det = figure.add_axes((0.57, 0.5 / height, 0.41, 3.05 / height))
        least = min(1 / one.curve.false_accepts[-1] for one in sets)
        for axes, title in ((roc, "ROC: true accept rate"), (det, "DET: false reject rate")):
            _plain(axes, theme)
            axes.set_title(title, fontsize=8, loc="left", color=theme.ink)
            axes.set_xlabel("false accept rate", color=theme.ink)
        roc.set(xscale="log", xlim=(least / 1.5, 1), ylim=(0, 1.02))
        roc.minorticks_off()
        for number, one in enumerate(sets):
            colour = _colour(theme, number)
            places = _shown_points(one.curve)
            far, tar = one.curve.far[places], one.curve.tar[places]
            roc.plot(np.maximum(far, least / 1.5), tar, color=colour, linewidth=1.4, label=one.label)
            det.plot(*_deviates(far, 1 - tar), color=colour, linewidth=1.4)
            if learned is not None:
                at = int((one.curve.scores >= learned).sum())
                ring = {"marker": "o", "markersize": 6, "fillstyle": "none", "color": colour, "linestyle": "none"}
                roc.plot(max(one.curve.far[at], least / 1.5), one.curve.tar[at], **ring)
                det.plot(*_deviates(one.curve.far[at : at + 1], one.curve.frr[at : at + 1]), **ring)
        _deviate_axes(det, least, min(1 / one.curve.true_accepts[-1] for one in sets), theme)
        _legend(roc, theme, loc="lower right", ncols=1)

    return drawn(draw, height=height, key="curves")


def _densities(axes: Any, sets: Sequence[Shown], edges: Array, theme: Theme) -> None:
    for number, one in enumerate(sets):
        colour = _colour(theme, number)
        for values, style in ((one.genuine, "-"), (one.impostors, (0, (3, 1.5)))):
            counts = np.histogram(values, edges)[0] / len(values)
            axes.stairs(counts, edges, fill=True, color=colour, alpha=0.16 / len(sets) ** 0.5)
            axes.stairs(counts, edges, color=colour, linewidth=1.2, linestyle=style)
        axes.plot([], [], color=colour, linewidth=2, label=one.label)
    for style, name in (("-", "one person"), ((0, (3, 1.5)), "two people")):
        axes.plot([], [], color=theme.ink, linewidth=1, linestyle=style, label=name)
    axes.set_yticks([])
    axes.set_ylim(bottom=0)
    _legend(axes, theme, loc="upper left", ncols=1)


def _thresholds(axes: Any, sets: Sequence[Shown], theme: Theme) -> None:
    """Thresholds of each set with their intervals, a line of marks for each set."""
    names = list(dict.fromkeys(name for one in sets for name in one.thresholds))
    for number, one in enumerate(sets):
        options = {"transform": axes.get_yaxis_transform(), "va": "center", "color": _colour(theme, number)}
        axes.text(0.009, number + 0.5, one.label, **options)
        for place, name in enumerate(names):
            if name not in one.thresholds:
                continue
            found = one.thresholds[name]
            y = number + 0.5 + 0.7 * ((place + 0.5) / len(names) - 0.5)
            axes.plot([found.low, found.high], [y, y], color=_colour(theme, number), linewidth=1)
            axes.plot(found.value, y, MARKERS[place % len(MARKERS)], color=_colour(theme, number), markersize=4)
    for place, name in enumerate(names):
        axes.plot([], [], MARKERS[place % len(MARKERS)], color=theme.ink, markersize=4, label=name)
    axes.set_ylim(len(sets), 0)
    axes.set_yticks([])
    _legend(axes, theme, loc="upper center", ncols=8, anchor=(0.5, -0.42 / _strip(sets)))


def _strip(sets: Sequence[Shown]) -> float:
    """Height of the axes of all sets' thresholds, in inches."""
    return 0.36 * len(sets) + 0.1


def _lines(both: Sequence[Any], marks: Sequence[Mark], theme: Theme) -> None:
    """Lines through both axes; names above, each in the lowest row in which it meets no other."""
    low, high = both[0].get_xlim()
    ends: list[float] = []
    for mark in sorted(marks, key=lambda one: one.value):
        text = f"{mark.name}: {mark.value:.3f}"
        middle, half = (mark.value - low) / (high - low), WIDEST * len(text) / 2
        row = next((place for place, end in enumerate(ends) if end < middle - half), len(ends))
        ends[row : row + 1] = [middle + half]
        for axes in both:
            axes.axvline(
                mark.value, color=theme.ink, linewidth=1.6 if mark.dashes == "-" else 0.9, linestyle=mark.dashes
            )
        both[0].text(
            mark.value,
            1.02 + 0.065 * row,
            text,
            transform=both[0].get_xaxis_transform(),
            ha="center",
            color=theme.ink,
            weight="bold" if mark.dashes == "-" else "normal",
        )


def _shown_points(curve: Roc) -> Any:
    """Places of the curve that a drawing can tell apart, all corners of a short one."""
    count = len(curve.far)
    if count <= MOST_POINTS:
        return np.arange(count)
    wanted = np.geomspace(1, curve.false_accepts[-1], MOST_POINTS // 2)
    steps = np.searchsorted(curve.false_accepts, wanted)
    rises = np.searchsorted(curve.true_accepts, np.linspace(0, curve.true_accepts[-1], MOST_POINTS // 2))
    return np.unique(np.concatenate([[0, count - 1], steps, steps - 1, rises]))


def _deviates(far: Array, frr: Array) -> tuple[Array, Array]:
    """Both rates as normal deviates, without 0 and 1, which have none."""
    kept = (far > 0) & (far < 1) & (frr > 0) & (frr < 1)
    return ndtri(far[kept]), ndtri(frr[kept])


def _deviate_axes(axes: Any, least_far: float, least_frr: float, theme: Theme) -> None:
    for least, ticks, limits in (
        (least_far, axes.set_xticks, axes.set_xlim),
        (least_frr, axes.set_yticks, axes.set_ylim),
    ):
        low = max(least / 1.5, RATES[0] / 2)
        rates = [rate for rate in RATES if rate >= low]
        ticks(ndtri(rates), [f"{100 * rate:g} %" for rate in rates])
        limits(float(ndtri(low)), float(ndtri(HIGHEST)))
    axes.plot([-6, 6], [-6, 6], color=theme.line, linewidth=0.8)


def _plain(axes: Any, theme: Theme) -> None:
    axes.set_facecolor("none")
    axes.tick_params(colors=theme.ink, length=0, labelsize=7)
    axes.grid(color=theme.line, linewidth=0.5)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(theme.line)


def _legend(axes: Any, theme: Theme, *, loc: str, ncols: int, anchor: tuple[float, float] | None = None) -> None:
    options = {"frameon": False, "fontsize": 7.5, "labelcolor": theme.ink, "handlelength": 1.6}
    axes.legend(loc=loc, ncols=ncols, bbox_to_anchor=anchor, **options)


def _colour(theme: Theme, number: int) -> str:
    return f"#0000{16 + number % len(PAPER):02x}" if theme is PAGE else PAPER[number % len(PAPER)]
