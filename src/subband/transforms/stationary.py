r"""Stationary wavelet transform: no sample is left out, so that a shift of the signal shifts its bands alike."""

from dataclasses import dataclass

from jaxtyping import Float, Shaped
from torch import Tensor

from subband.transforms._axis import Filtering, analyse, transpose
from subband.transforms._signal import Dims, first_band, join_axes, read_axes, read_level, split_axes, typed
from subband.transforms.dwt import Bands
from subband.transforms.filter_bank import FilterBank, Wavelet, filter_bank


@dataclass(frozen=True, eq=False)
class StationaryCoefficients:
    """Undecimated wavelet coefficients, all of the signal's size; change values with `dataclasses.replace`.

    Attributes:
        approx: Low-pass band of the last level.
        details: Bands of each level but its low-pass one, the coarsest first, as PyWavelets' ``swtn`` has them.
        wavelet: As given to `swt`.
        axes: The transformed axes, from the end.
    """

    approx: Tensor
    details: tuple[Bands, ...]
    wavelet: Wavelet
    axes: tuple[int, ...]


def swt(
    x: Shaped[Tensor, "..."],
    wavelet: Wavelet = "haar",
    *,
    dims: Dims = 2,
    level: int = 1,
    compiled: bool = False,
) -> StationaryCoefficients:
    r"""Split x into wavelet bands of its own size over several levels, which a circular shift of x shifts alike.

    .. math:: y_c[k] = \sum_m h_c[m] \, x\big[k + 2^j (F/2 - m)\big]

    along each axis in turn at level j = 0, 1, ..., with x periodic; each level splits the low-pass band of the one
    before (the algorithm *a trous*). The bands hold :math:`2^{jd}` times the energy of those of `dwt`.

    Args:
        x: Real, floating point, (*batch, *space), every size from 1 on; see `dwt`.
        wavelet: As for `dwt`.
        dims: As for `dwt`.
        level: Number of levels, from 1 on.
        compiled: As for `dwt`.

    Returns:
        Low-pass band of the last level and the details of all, with what `iswt` needs.

    Raises:
        ValueError: As `dwt`, or if there are more levels than the longest axis can be halved.

    Source:
        Shensa, 1992; Holschneider et al., 1989. Equal to ``pywt.swtn(..., trim_approx=True, norm=False)``: the filters
        are not normalised, as is PyWavelets' default, and the low-pass bands of finer levels, from which nothing is
        reconstructed, are left out. PyWavelets wants sizes divisible by :math:`2^{\text{level}}`; ours is circular
        at every size.

    Example:
        >>> import torch
        >>> coefficients = swt(torch.rand(3, 15, 10), "db2", level=2)
        >>> coefficients.approx.shape, [sorted(level) for level in coefficients.details]
        (torch.Size([3, 15, 10]), [['ad', 'da', 'dd'], ['ad', 'da', 'dd']])
    """
    bank, axes = filter_bank(wavelet), read_axes(x, dims)
    approx = x
    details: list[Bands] = []
    for number in range(read_level(level, [x.shape[axis] for axis in axes])):
        filtering = _filtering(bank, number, compiled)

        def split(part: Tensor, axis: int, now: Filtering = filtering) -> tuple[Tensor, ...]:
            return analyse(part, axis, [typed(taps, part) for taps in bank.analysis], now)

        bands = split_axes(approx, axes, split)
        approx = bands.pop("a" * len(axes))
        details.insert(0, bands)
    return StationaryCoefficients(approx, tuple(details), wavelet, tuple(axis - x.ndim for axis in axes))


def iswt(coefficients: StationaryCoefficients, *, compiled: bool = False) -> Float[Tensor, "..."]:
    r"""Put the coefficients of `swt` together again.

    .. math:: x[n] = 2^{-d} \sum_c \sum_m g_c[m] \, y_c\big[n + 2^j (F/2 - 1 - m)\big]

    This is the mean over the reconstructions from every choice of samples that a decimated transform would keep.

    Args:
        coefficients: What `swt` returned, its values changed or not.
        compiled: As for `dwt`.

    Returns:
        (*batch, *space).

    Raises:
        ValueError: If a band has another name or size than the low-pass band.

    Source:
        As `swt`; equal to ``pywt.iswtn(..., norm=False)``.

    Example:
        >>> import torch
        >>> x = torch.rand(2, 7, 9, dtype=torch.float64)
        >>> bool((iswt(swt(x, "bior2.2", level=3)) - x).abs().max() < 1e-12)
        True
    """
    bank, low, x = filter_bank(coefficients.wavelet), "a" * len(coefficients.axes), coefficients.approx
    axes = read_axes(x, coefficients.axes)
    for place, details in enumerate(coefficients.details):
        filtering = _filtering(bank, len(coefficients.details) - 1 - place, compiled)
        bands = {low: x, **details}
        _check(bands, coefficients.axes)

        def join(
            halves: tuple[Tensor | None, Tensor | None], axis: int, size: int, now: Filtering = filtering
        ) -> Tensor:
            pairs = [(half, taps) for half, taps in zip(halves, bank.synthesis, strict=True) if half is not None]
            filters = [typed(taps, half) for half, taps in pairs]
            return transpose([half for half, _ in pairs], axis, filters, size, now) / 2

        x = join_axes(bands, axes, [x.shape[axis] for axis in axes], join)
    return x


def _filtering(bank: FilterBank, number: int, compiled: bool) -> Filtering:
    """How the bank reads the signal at a level, counted from 0."""
    spread = 2**number
    before, after = spread * (len(bank) // 2 - 1), spread * (len(bank) // 2)
    return Filtering("periodic", before, after, step=1, dilation=spread, compiled=compiled)


def _check(bands: Bands, dims: Dims) -> None:
    first = first_band(bands, dims)
    for name, band in bands.items():
        if band.shape != first.shape:
            raise ValueError(
                f"band {name!r} has shape {tuple(band.shape)}, but the low-pass band has {tuple(first.shape)}; "
                "all bands of one swt have the shape of the signal"
            )
