"""The figure of one wavelet: filters, the functions that they make, and their gains by frequency."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from subband.report._canvas import Drawing, Theme, drawn
from subband.report.comparison import Array

FILTERS = ("dec_lo", "dec_hi", "rec_lo", "rec_hi")
TITLES = ("analysis, low", "analysis, high", "synthesis, low", "synthesis, high")
HEIGHT = 6.6
REFINEMENTS = 7
"""Times that the cascade halves the spacing of its samples."""


def cascade(low: Sequence[float] | Array, high: Sequence[float] | Array) -> tuple[Array, Array, Array]:
    r"""Places, scaling function and wavelet of synthesis filters, sampled by the cascade algorithm.

    .. math:: \phi(t) = \sqrt 2 \sum_m g_a[m] \, \phi(2t - m), \qquad \psi(t) = \sqrt 2 \sum_m g_d[m] \, \phi(2t - m)

    Args:
        low: Synthesis low-pass filter; for the functions of the analysis, its filters reversed.
        high: Synthesis high-pass filter.

    Returns:
        Places t from 0 to F - 1, :math:`\phi` and :math:`\psi` there.

    Source:
        Daubechies, Ten Lectures on Wavelets, 1992, section 6.5.
    """
    lowest, first = np.asarray(low, np.float64), np.asarray(high, np.float64)
    functions = []
    for start in (lowest, first):
        values = math.sqrt(2) * start
        for _ in range(REFINEMENTS - 1):
            spread = np.zeros(2 * len(values) - 1)
            spread[::2] = values
            values = math.sqrt(2) * np.convolve(spread, lowest)
        functions.append(values)
    places = np.arange(len(functions[0])) / 2**REFINEMENTS
    return places, functions[0], functions[1]


def draw_wavelet(filters: Mapping[str, Array], *, orthogonal: bool, key: str) -> Drawing:
    """Draw the four filters (stems), scaling function and wavelet, and the gains of analysis and synthesis.

    Args:
        filters: The four filters by name, see `FILTERS`.
        orthogonal: Draw one side only, because the other is the same.
        key: Set before the identifiers of the SVG.
    """

    def draw(figure: Any, theme: Theme) -> None:
        grid = figure.add_gridspec(3, 4, left=0.045, right=0.99, top=0.955, bottom=0.05, hspace=0.42, wspace=0.28)
        for number, name in enumerate(FILTERS):
            axes = _axes(figure, grid[0, number], f"{name} ({TITLES[number]})", theme)
            _stems(axes, filters[name], _colour(theme, name))
        column, width = 0, 2 if orthogonal else 1
        for side, functions in _sides(filters, orthogonal):
            for name, values in (("scaling function", functions[1]), ("wavelet", functions[2])):
                axes = _axes(figure, grid[1, column : column + width], f"{name}{side}", theme)
                axes.plot(functions[0], values, color=_colour(theme, name), linewidth=1.0)
                column += width
        title = "gain by frequency" if orthogonal else "gain by frequency, synthesis dashed"
        _gains(_axes(figure, grid[2, :], title, theme), filters, FILTERS[:2] if orthogonal else FILTERS, theme)

    return drawn(draw, height=HEIGHT, key=key)


def _sides(filters: Mapping[str, Array], orthogonal: bool) -> list[tuple[str, tuple[Array, Array, Array]]]:
    """Functions of the synthesis, and before them those of the analysis if they differ."""
    synthesis = cascade(filters["rec_lo"], filters["rec_hi"])
    if orthogonal:
        return [("", synthesis)]
    analysis = cascade(filters["dec_lo"][::-1], filters["dec_hi"][::-1])
    return [(", analysis", analysis), (", synthesis", synthesis)]


def _axes(figure: Any, place: Any, title: str, theme: Theme) -> Any:
    axes = figure.add_subplot(place)
    axes.set_title(title, fontsize=8, loc="left", color=theme.ink)
    axes.tick_params(colors=theme.ink, length=0, labelsize=7)
    axes.grid(color=theme.line, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_facecolor("none")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.axhline(0, color=theme.ink, linewidth=0.6)
    return axes


def _colour(theme: Theme, name: str) -> str:
    """Low-pass and scaling function have the first colour, high-pass and wavelet the third."""
    return theme.colours[2 if name.endswith("hi") or name == "wavelet" else 0]


def _stems(axes: Any, taps: Array, colour: str) -> None:
    places = np.arange(len(taps))
    axes.vlines(places, 0, taps, color=colour, linewidth=1.2)
    axes.plot(places, taps, "o", color=colour, markersize=3)
    axes.set_xticks(places if len(taps) <= 12 else np.arange(0, len(taps), math.ceil(len(taps) / 8)))


def _gains(axes: Any, filters: Mapping[str, Array], names: Sequence[str], theme: Theme) -> None:
    frequencies = np.linspace(0, np.pi, 512)
    waves = np.exp(-1j * np.outer(frequencies, np.arange(len(filters["dec_lo"]))))
    for name in names:
        style = "-" if name.startswith("dec") else "--"
        axes.plot(frequencies, np.abs(waves @ filters[name]), style, color=_colour(theme, name), linewidth=1.3)
    axes.set_xticks([0, np.pi / 4, np.pi / 2, 3 * np.pi / 4, np.pi], ["0", "π/4", "π/2", "3π/4", "π"])
    axes.set_xlim(0, np.pi)
