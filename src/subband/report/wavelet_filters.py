"""One wavelet: its filters, the functions and the frequency responses that they make, and what holds for them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from subband._files import write_bytes
from subband.report._canvas import WIDTH, Drawing, Theme, drawn
from subband.report.comparison import Array
from subband.report.page import render
from subband.transforms import filter_bank

FILTERS = ("dec_lo", "dec_hi", "rec_lo", "rec_hi")
TITLES = ("analysis, low", "analysis, high", "synthesis, low", "synthesis, high")
REFINEMENTS = 7
"""Times that the cascade halves the spacing of its samples."""


@dataclass(frozen=True)
class WaveletFacts:
    """What holds for the filters of a wavelet; all but the family is computed from their numbers.

    Attributes:
        name: As it is called here.
        family: Words for its family.
        filters: The four filters in PyWavelets' order and sign, by name.
        taps: Their common length.
        support: Length of each without the zeros at its ends.
        moments: Vanishing moments of the analysis and of the synthesis wavelet: the degrees of polynomials, from 0 on,
            that its high-pass filter turns into zero.
        symmetry: ``symmetric`` (linear phase), ``near symmetric`` or ``asymmetric``.
        defect: Largest departure of the low-pass filter from orthogonality to its even shifts.
        note: What its name means elsewhere; may be empty.
    """

    name: str
    family: str
    filters: dict[str, Array]
    taps: int
    support: dict[str, int]
    moments: tuple[int, int]
    symmetry: str
    defect: float
    note: str

    @property
    def orthogonal(self) -> bool:
        """Whether synthesis is the transpose of analysis, to what the stored numbers allow."""
        return self.defect < 2e-3

    def lines(self) -> list[str]:
        """The facts in a line or two."""
        analysis, synthesis = self.moments
        moments = _count(analysis, "vanishing moment")
        if analysis != synthesis:
            moments = f"{moments} in the analysis, {synthesis} in the synthesis"
        kind = "biorthogonal"
        if self.orthogonal:
            kind = "orthogonal" if self.defect < 1e-6 else f"orthogonal but for {self.defect:.1g}"
        lines = [f"{self.taps} taps, {moments}, {self.symmetry}, {kind}"]
        if set(self.support.values()) != {self.taps}:
            counts = ", ".join(f"{name} {count}" for name, count in self.support.items())
            lines.append(f"without the zeros at their ends: {counts}")
        return [*lines, *([self.note] if self.note else [])]


def wavelet_facts(name: str) -> WaveletFacts:
    """Facts of a wavelet.

    Raises:
        ValueError: If there is no such wavelet, with the closest name.

    Example:
        >>> wavelet_facts("db4").lines()
        ['8 taps, 4 vanishing moments, asymmetric, orthogonal']
    """
    import pywt

    bank = filter_bank(name)
    filters = {key: np.array(getattr(bank, key), np.float64) for key in FILTERS}
    stored = pywt.Wavelet(f"rbio{name[2:]}" if name.startswith("ch") else name)
    bare = {key: np.trim_zeros(taps) for key, taps in filters.items()}
    return WaveletFacts(
        name,
        "Cohen's biorthogonal" if name.startswith("ch") else str(stored.family_name),
        filters,
        len(bank),
        {key: len(taps) for key, taps in bare.items()},
        (_moments(bare["dec_hi"]), _moments(bare["rec_hi"])),
        _symmetry(bare["dec_lo"], str(stored.symmetry)),
        _defect(filters["dec_lo"]),
        _note(name),
    )


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


def write_wavelet(folder: Path, name: str) -> Path:
    """Write ``NAME.html`` and ``NAME.png`` with the four filters, the functions and the responses of a wavelet.

    Args:
        folder: Folder to write.
        name: Name of a wavelet, see `subband.transforms.filter_bank`.

    Returns:
        The path of the page, which refers to nothing outside itself.

    Raises:
        ValueError: If there is no such wavelet.
    """
    facts = wavelet_facts(name)
    drawing = draw_wavelet(facts)
    write_bytes(folder / f"{name}.png", drawing.png)
    path = folder / f"{name}.html"
    values = {"facts": facts, "svg": drawing.svg, "header": ["n", *FILTERS], "rows": tap_rows(facts)}
    write_bytes(path, render("wavelet_filters.html", values).encode())
    return path


def tap_rows(facts: WaveletFacts) -> list[list[str]]:
    """Number of each tap and the four filters, as texts."""
    columns = [facts.filters[key] for key in FILTERS]
    return [[str(n), *(f"{taps[n]:.6f}" if taps[n] else "0" for taps in columns)] for n in range(facts.taps)]


def draw_wavelet(facts: WaveletFacts) -> Drawing:
    """Filters, functions and responses in one figure."""
    height = 6.6

    def draw(figure: Any, theme: Theme) -> None:
        grid = figure.add_gridspec(3, 4, left=0.045, right=0.995, top=0.955, bottom=0.075, hspace=0.5, wspace=0.28)
        for number, key in enumerate(FILTERS):
            _stems(_axes(figure, grid[0, number], f"{key} ({TITLES[number]})", theme), facts.filters[key], number % 2)
        _functions(figure, grid, facts, theme)
        _responses(_axes(figure, grid[2, :], "gain by frequency, analysis", theme), facts)

    return drawn(draw, height=height, key=facts.name)


def _axes(figure: Any, place: Any, title: str, theme: Theme) -> "_Panel":
    axes = figure.add_subplot(place)
    axes.set_title(title, fontsize=8, loc="left", color=theme.ink)
    axes.tick_params(colors=theme.ink, length=0, labelsize=7)
    axes.grid(color=theme.line, linewidth=0.5)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.axhline(0, color=theme.ink, linewidth=0.6)
    return _Panel(axes, theme)


@dataclass(frozen=True)
class _Panel:
    """Axes and the colours to draw with: low is the first, high the third."""

    axes: Any
    theme: Theme

    def colour(self, high: int) -> str:
        return self.theme.colours[2 if high else 0]


def _stems(panel: _Panel, taps: Array, high: int) -> None:
    places = np.arange(len(taps))
    panel.axes.vlines(places, 0, taps, color=panel.colour(high), linewidth=1.2)
    panel.axes.plot(places, taps, "o", color=panel.colour(high), markersize=3)
    panel.axes.set_xticks(places if len(taps) <= 12 else np.arange(0, len(taps), max(1, len(taps) // 8)))


def _functions(figure: Any, grid: Any, facts: WaveletFacts, theme: Theme) -> None:
    """Scaling function and wavelet; of both sides where they differ."""
    synthesis = cascade(facts.filters["rec_lo"], facts.filters["rec_hi"])
    sides = [("", synthesis, 2)]
    if not facts.orthogonal:
        analysis = cascade(facts.filters["dec_lo"][::-1], facts.filters["dec_hi"][::-1])
        sides = [(", analysis", analysis, 1), (", synthesis", synthesis, 1)]
    column = 0
    for side, (places, scaling, wavelet), width in sides:
        for high, (word, values) in enumerate((("scaling function", scaling), ("wavelet", wavelet))):
            panel = _axes(figure, grid[1, column : column + width], f"{word}{side}", theme)
            panel.axes.plot(places, values, color=panel.colour(high), linewidth=1.0)
            column += width


def _responses(panel: _Panel, facts: WaveletFacts) -> None:
    frequencies = np.linspace(0, np.pi, 512)
    waves = np.exp(-1j * np.outer(frequencies, np.arange(facts.taps)))
    names = ("analysis",) if facts.orthogonal else ("analysis", "synthesis")
    for name, style in zip(names, ("-", "--"), strict=False):
        for high, key in enumerate((f"{name[:3] if name == 'dec' else _SIDE[name]}_lo", f"{_SIDE[name]}_hi")):
            gain = np.abs(waves @ facts.filters[key])
            panel.axes.plot(frequencies, gain, style, color=panel.colour(high), linewidth=1.3)
    panel.axes.set_xticks([0, np.pi / 4, np.pi / 2, 3 * np.pi / 4, np.pi], ["0", "π/4", "π/2", "3π/4", "π"])
    panel.axes.set_xlim(0, np.pi)


_SIDE = {"analysis": "dec", "synthesis": "rec"}


def _moments(taps: Array) -> int:
    """Degrees of polynomials that a filter turns into zero, counted through Legendre's, which stay well apart."""
    sums = np.abs(taps @ np.polynomial.legendre.legvander(np.linspace(-1, 1, len(taps)), len(taps) - 1))
    kept = np.flatnonzero(sums > 5e-12)
    return int(kept[0]) if len(kept) else len(taps)


def _symmetry(taps: Array, stored: str) -> str:
    """Linear phase by the numbers themselves, else PyWavelets' word."""
    return "symmetric" if np.allclose(taps, taps[::-1], atol=1e-12) else stored


def _defect(taps: Array) -> float:
    sums = np.convolve(taps, taps[::-1])[len(taps) - 1 :: 2]
    return float(np.abs(sums - (np.arange(len(sums)) == 0)).max())


def _note(name: str) -> str:
    if name.startswith("ch"):
        number = name[2:]
        return (
            f"{name} is the WaveCNet authors' name in print; their code calls it bior{number} and analyses with its "
            f"reconstruction filters. PyWavelets calls these filters rbio{number}"
        )
    if name.startswith("bior"):
        return f"the WaveCNet authors' code means ch{name[4:]} (PyWavelets' rbio{name[4:]}) when it says {name}"
    return ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


__all__ = ["WIDTH", "WaveletFacts", "cascade", "draw_wavelet", "tap_rows", "wavelet_facts", "write_wavelet"]
