"""One wavelet: its filters, the functions and the frequency responses that they make, and what holds for them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from subband._files import write_bytes
from subband.report._filter_figure import FILTERS, draw_wavelet
from subband.report.comparison import Array
from subband.report.page import render
from subband.transforms import filter_bank

HEADER = ("n", *FILTERS)


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
        """Whether the synthesis filters are the analysis filters reversed."""
        return bool(np.allclose(self.filters["rec_lo"], self.filters["dec_lo"][::-1], atol=1e-12))

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
            lines.append(f"Without the zeros at their ends: {counts}")
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
    drawing = draw_wavelet(facts.filters, orthogonal=facts.orthogonal, key=name)
    write_bytes(folder / f"{name}.png", drawing.png)
    path = folder / f"{name}.html"
    values = {"facts": facts, "svg": drawing.svg, "header": HEADER, "rows": tap_rows(facts)}
    write_bytes(path, render("wavelet_filters.html", values).encode())
    return path


def tap_rows(facts: WaveletFacts) -> list[list[str]]:
    """Number of each tap and the four filters, as texts."""
    columns = [facts.filters[key] for key in FILTERS]
    return [[str(n), *(f"{taps[n]:.6f}" if taps[n] else "0" for taps in columns)] for n in range(facts.taps)]


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
        return f"The WaveCNet authors' code means ch{name[4:]} (PyWavelets' rbio{name[4:]}) when it says {name}"
    return ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
