"""Wavelet filters: PyWavelets' discrete wavelets, the authors' names, and banks of one's own."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, TypeAlias, runtime_checkable

import pywt
import torch
from torch import Tensor

from subband._check import closest

Filter: TypeAlias = tuple[float, ...] | Tensor
"""Taps of one filter: numbers, or a tensor (F,) that may need a gradient."""


@dataclass(frozen=True, eq=False)
class FilterBank:
    r"""Two-channel bank with perfect reconstruction, its four filters in PyWavelets' order and sign.

    Attributes:
        dec_lo: Analysis low-pass filter, F numbers (F even); convolution takes it as it is, correlation reversed.
        dec_hi: Analysis high-pass filter.
        rec_lo: Synthesis low-pass filter.
        rec_hi: Synthesis high-pass filter.
        name: What it is called in messages and recipes.

    Raises:
        ValueError: If the filters are not of one even length.
    """

    dec_lo: Filter
    dec_hi: Filter
    rec_lo: Filter
    rec_hi: Filter
    name: str = "custom"

    def __post_init__(self) -> None:
        lengths = [len(getattr(self, field.name)) for field in fields(self)[:4]]
        if len(set(lengths)) != 1 or lengths[0] % 2 or not lengths[0]:
            raise ValueError(f"the filters of a bank have lengths {lengths}, but must have one even length; pad with 0")

    def __len__(self) -> int:
        return len(self.dec_lo)

    @property
    def learnable(self) -> bool:
        """Whether the filters are tensors, as `subband.layers.OrthogonalFilters` makes them."""
        return isinstance(self.dec_lo, Tensor)

    @property
    def analysis(self) -> tuple[Filter, Filter]:
        """Low-pass and high-pass analysis filter in the order of a correlation."""
        return _reverse(self.dec_lo), _reverse(self.dec_hi)

    @property
    def synthesis(self) -> tuple[Filter, Filter]:
        """Low-pass and high-pass synthesis filter."""
        return self.rec_lo, self.rec_hi

    def reversed_roles(self) -> "FilterBank":
        """The bank that analyses with what this one synthesises with: bior2.2 becomes rbio2.2.

        Source:
            PyWavelets' ``Wavelet.inverse_filter_bank``.
        """
        low, high = self.analysis
        return FilterBank(_reverse(self.rec_lo), _reverse(self.rec_hi), low, high, name=f"reversed {self.name}")


@runtime_checkable
class HasFilters(Protocol):
    """Anything that holds four filters, such as ``pywt.Wavelet``."""

    @property
    def filter_bank(self) -> Sequence[Sequence[float]]: ...


Wavelet: TypeAlias = str | FilterBank | HasFilters | Sequence[Sequence[float]]
"""What a transform takes as its wavelet: a name, a bank, a wavelet of PyWavelets, or four filters."""


def wavelet_names() -> list[str]:
    """Names that `filter_bank` knows: PyWavelets' discrete wavelets, and the authors' ``chX.Y``."""
    discrete = list(pywt.wavelist(kind="discrete"))
    return discrete + [f"ch{name[4:]}" for name in discrete if name.startswith("bior")]


def filter_bank(wavelet: Wavelet) -> FilterBank:
    """Filters of a wavelet.

    Args:
        wavelet: Name of a discrete wavelet of PyWavelets (``haar``, ``db4``, ``bior4.4``, ...); ``chX.Y``, Cohen's
            biorthogonal wavelets as the authors name and use them, whose analysis filters are the synthesis filters of
            ``biorX.Y``, that is PyWavelets' ``rbioX.Y``; a `FilterBank`; a ``pywt.Wavelet``; four filters in
            PyWavelets' order (decomposition low and high, reconstruction low and high).

    Returns:
        The bank, in float64 numbers.

    Raises:
        ValueError: If the name is unknown, with the closest one, or four filters are no bank.

    Source:
        PyWavelets' tables. LiQiufu/WaveCNet, ``DWT_IDWT_layer.py``: ``lo = rec_lo``, which is the same for orthogonal
        wavelets only.

    Example:
        >>> bank = filter_bank("haar")
        >>> [round(tap, 4) for tap in bank.dec_lo]
        [0.7071, 0.7071]
        >>> filter_bank("ch2.2").dec_lo == filter_bank("rbio2.2").dec_lo
        True
    """
    if isinstance(wavelet, FilterBank):
        return wavelet
    if isinstance(wavelet, str):
        if wavelet not in _BANKS:
            raise ValueError(
                f"there is no wavelet called {wavelet!r}{closest(wavelet, _BANKS)} (known: haar, db1 to db38, sym2 to "
                "sym20, coif1 to coif17, dmey, biorX.Y, rbioX.Y and the authors' chX.Y; see wavelet_names())"
            )
        return _BANKS[wavelet]
    filters = wavelet.filter_bank if isinstance(wavelet, HasFilters) else wavelet
    if len(filters) != 4:
        raise ValueError(
            f"a wavelet of one's own has {len(filters)} filters, but needs four: "
            "dec_lo, dec_hi, rec_lo, rec_hi (as pywt.Wavelet.filter_bank)"
        )
    dec_lo, dec_hi, rec_lo, rec_hi = (tuple(float(tap) for tap in one) for one in filters)
    return FilterBank(dec_lo, dec_hi, rec_lo, rec_hi, name=str(getattr(wavelet, "name", "custom")))


def _stored(name: str) -> FilterBank:
    taps: Any = pywt.Wavelet(f"rbio{name[2:]}" if name.startswith("ch") else name).filter_bank
    dec_lo, dec_hi, rec_lo, rec_hi = (tuple(filter_) for filter_ in taps)
    return FilterBank(dec_lo, dec_hi, rec_lo, rec_hi, name=name)


_BANKS = {name: _stored(name) for name in wavelet_names()}  # read once, so that nothing is left to trace


def orthogonal_bank(low: Sequence[float] | Tensor, *, name: str = "custom") -> FilterBank:
    r"""Bank of an orthogonal wavelet from its synthesis low-pass filter.

    .. math:: g[m] = (-1)^m \, h[F - 1 - m]

    Args:
        low: ``rec_lo``, F numbers or a tensor (F,) with :math:`\sum_m h[m] h[m + 2k] = \delta_k`.
        name: Its name.

    Returns:
        The bank; analysis filters are the synthesis filters reversed.

    Raises:
        ValueError: If the numbers are not orthogonal to their even shifts (a tensor is not looked into).

    Source:
        Daubechies, Ten Lectures on Wavelets, 1992; sign as PyWavelets'.

    Example:
        >>> orthogonal_bank(filter_bank("db3").rec_lo).rec_hi == filter_bank("db3").rec_hi
        True
    """
    count = len(low)
    if isinstance(low, Tensor):
        sign = torch.ones_like(low)
        sign[1::2] = -1
        high = low.flip(0) * sign
        return FilterBank(low.flip(0), high.flip(0), low, high, name=name)
    taps = tuple(float(tap) for tap in low)
    _check_orthogonal(taps)
    up = tuple((-1) ** m * taps[count - 1 - m] for m in range(count))
    return FilterBank(taps[::-1], up[::-1], taps, up, name=name)


def _check_orthogonal(taps: tuple[float, ...]) -> None:
    for shift in range(0, len(taps), 2):
        found = math.fsum(a * b for a, b in zip(taps, taps[shift:], strict=False))
        if abs(found - (shift == 0)) > 1e-6:
            raise ValueError(
                f"the filter times itself shifted by {shift} is {found:.3g}, but an orthogonal filter has "
                f"{int(shift == 0)} there; normalise it to unit energy, or give all four filters of the bank"
            )


def _reverse(taps: Filter) -> Filter:
    return taps.flip(0) if isinstance(taps, Tensor) else taps[::-1]
