r"""Discrete wavelet transform over any number of axes, with an inverse that gives back every size."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

from jaxtyping import Float, Shaped
from torch import Tensor

from subband._check import one_of
from subband.transforms import _all_axes, _fused
from subband.transforms._axis import Filtering, analyse, transpose
from subband.transforms._border import MODES
from subband.transforms._fused_launch import Plane
from subband.transforms._signal import (
    Dims,
    filled,
    first_band,
    join_axes,
    read_axes,
    shortened,
    split_axes,
    typed,
)
from subband.transforms.filter_bank import Filter, FilterBank, Wavelet, filter_bank

Bands = dict[str, Tensor]
"""Bands by name, one letter for each axis in its order: ``a`` low-pass, ``d`` high-pass."""


def dwt(
    x: Shaped[Tensor, "..."],
    wavelet: Wavelet = "haar",
    *,
    dims: Dims = 2,
    mode: str = "periodization",
    compiled: bool = False,
) -> dict[str, Float[Tensor, "..."]]:
    r"""Split a signal, an image or a volume into its :math:`2^d` wavelet bands.

    .. math:: y_{c}[k] = \sum_m h_c[m] \, x[2k + 1 - m]

    along each axis in turn, :math:`h_a` and :math:`h_d` the analysis filters; in the modes ``periodization`` and
    ``authors`` with :math:`2k + F/2 - m`, so that :math:`\lceil N/2 \rceil` samples are left of N.

    Args:
        x: Real, floating point, (*batch, *space) with any number of leading axes, every size from 1 on. Half precision
            is computed in float32 and returned in half precision.
        wavelet: Name, bank or four filters, see `subband.transforms.filter_bank`.
        dims: Number of last axes to transform, or the axes themselves, e.g. ``(-3, -1)``.
        mode: How x goes on beyond its ends. ``periodization``: periodic, :math:`\lceil N/2 \rceil` samples in a band,
            an odd axis first gets its last sample twice. PyWavelets' other modes (``zero``, ``constant``,
            ``symmetric``, ``reflect``, ``periodic``, ``smooth``, ``antisymmetric``, ``antireflect``) give
            :math:`\lfloor (N + F - 1)/2 \rfloor`. ``authors``: zeros on the grid of periodization, with
            :math:`\lfloor N/2 \rfloor` low and :math:`\lceil N/2 \rceil` high samples; reconstructs the inside only.
        compiled: Compile the sums over the taps, axis by axis, at the first call with a filter (some seconds; then
            faster). On a CUDA device with Triton, images and filters of at most 12 taps take one kernel for both axes
            instead. Without effect inside torch.compile and for learnable filters.

    Returns:
        Bands by name, ``aa``, ``ad``, ``da``, ``dd`` for two axes: the letters stand for the axes in their order.

    Raises:
        ValueError: If x is not real floating point or has an empty or a missing axis, or an option is unknown.

    Source:
        Mallat, 1989; equal to ``pywt.dwtn``. ``authors`` is LiQiufu/WaveCNet, ``DWT_IDWT_layer.py``, whose LL, LH, HL,
        HH are aa, ad, da, dd, and whose biorthogonal names are ours with ``ch`` for ``bior``.

    Example:
        >>> import torch
        >>> bands = dwt(torch.ones(1, 3, 8, 7))
        >>> {name: tuple(band.shape) for name, band in bands.items()}["ad"], round(bands["aa"].max().item(), 4)
        ((1, 3, 4, 4), 2.0)
    """
    bank, axes = filter_bank(wavelet), read_axes(x, dims)
    one_of("mode", mode, MODES)
    if compiled and _fused.claims([x], axes, bank.analysis[0], mode):
        bands = _fused.analyse(x, _plane(bank.analysis, bank, mode, x.shape[-2:]))
        return dict(zip(_fused.BANDS, bands, strict=True))
    if mode != "authors" and _all_axes.pays(x, axes, bank.analysis):
        bands = _all_axes.analyse_axes(x, axes, bank.analysis, _filtering(bank, mode, compiled))
        return dict(zip(_names(len(axes)), bands, strict=True))
    return split_axes(x, axes, lambda part, axis: split_axis(part, axis, bank, mode, compiled))


def idwt(
    bands: Mapping[str, Shaped[Tensor, "..."]],
    wavelet: Wavelet = "haar",
    *,
    dims: Dims = 2,
    mode: str = "periodization",
    shape: Sequence[int] | None = None,
    compiled: bool = False,
) -> Float[Tensor, "..."]:
    r"""Put the bands of `dwt` together again.

    .. math:: x[n] = \sum_c \sum_k g_c[n + F - 2 - 2k] \, y_c[k]

    with the synthesis filters g; shifted in the modes ``periodization`` and ``authors``, as `dwt` is.

    Args:
        bands: What `dwt` returned, changed or not; a missing band counts as zero.
        wavelet: As given to `dwt`.
        dims: As given to `dwt`.
        mode: As given to `dwt`.
        shape: Sizes of the transformed axes. None gives even sizes: two samples for each of a band (less the filter's
            overhang), which is one too many for an odd axis.
        compiled: As for `dwt`.

    Returns:
        (*batch, *space), of the bands' dtype; x itself, to rounding, in every mode but ``authors``.

    Raises:
        ValueError: If bands have other names or sizes, are not real floating point, or ``shape`` does not fit.

    Source:
        As `dwt`; equal to ``pywt.idwtn``. Cropping to ``shape`` is ours.

    Example:
        >>> import torch
        >>> x = torch.rand(5, 7, dtype=torch.float64)
        >>> bool((idwt(dwt(x, "db3"), "db3", shape=(5, 7)) - x).abs().max() < 1e-12)
        True
    """
    one_of("mode", mode, MODES)
    bank = filter_bank(wavelet)
    first = first_band(bands, dims)
    axes = read_axes(first, dims, empty=mode == "authors")  # which has no low sample of a single one
    sizes = _even_sizes(bands, axes, bank, mode) if shape is None else tuple(shape)
    _check_shape(bands, axes, sizes, bank, mode)
    if compiled and _fused.claims(list(bands.values()), axes, bank.synthesis[0], mode):
        return _join_fused(bands, bank, mode, sizes)
    if mode != "authors" and _all_axes.pays(first, axes, bank.synthesis):
        return _join_all(bands, axes, bank, _joining(bank, mode, compiled), sizes)
    return join_axes(bands, axes, sizes, lambda halves, axis, size: join_axis(halves, axis, bank, mode, size, compiled))


def band_sizes(size: int, bank: FilterBank, mode: str) -> tuple[int, int]:
    """Samples of the low-pass and the high-pass band of ``size`` samples."""
    if mode == "authors":
        return size // 2, (size + 1) // 2
    count = (size + 1) // 2 if mode == "periodization" else (size + len(bank) - 1) // 2
    return count, count


def split_axis(x: Tensor, axis: int, bank: FilterBank, mode: str, compiled: bool) -> tuple[Tensor, ...]:
    """Low-pass and high-pass band of x along one axis."""
    filters = [typed(taps, x) for taps in bank.analysis]
    filtering = _filtering(bank, mode, compiled)
    if mode == "authors":
        shorter = replace(filtering, after=filtering.after - 1)
        return *analyse(x, axis, filters[:1], shorter), *analyse(x, axis, filters[1:], filtering)
    return analyse(x, axis, filters, filtering)


def join_axis(
    halves: tuple[Tensor | None, Tensor | None], axis: int, bank: FilterBank, mode: str, size: int, compiled: bool
) -> Tensor:
    """Inverse of `split_axis`, of ``size`` samples; a missing band is zero."""
    pairs = [(band, taps) for band, taps in zip(halves, bank.synthesis, strict=True) if band is not None]
    bands, filters = [band for band, _ in pairs], [typed(taps, band) for band, taps in pairs]
    if mode == "authors":
        bands = [filled(band, axis, (size + 1) // 2) for band in bands]
    filtering = _joining(bank, mode, compiled)
    even = _even_size(bands[0].shape[axis], bank, mode)
    return shortened(transpose(bands, axis, filters, even, filtering), axis, size)


def _join_all(
    bands: Mapping[str, Tensor], axes: Sequence[int], bank: FilterBank, filtering: Filtering, sizes: Sequence[int]
) -> Tensor:
    """Large bands together again, all axes in one go."""
    first = next(iter(bands.values()))
    even = [_even_size(first.shape[axis], bank, filtering.mode) for axis in axes]
    given = [bands.get(name) for name in _names(len(axes))]
    x = _all_axes.transpose_axes(given, axes, even, bank.synthesis, filtering)
    for axis, size in zip(axes, sizes, strict=True):
        x = shortened(x, axis, size)
    return x


def _names(count: int) -> list[str]:
    """Names of the bands of so many axes."""
    return ["".join(letters) for letters in product("ad", repeat=count)]


def _join_fused(bands: Mapping[str, Tensor], bank: FilterBank, mode: str, sizes: Sequence[int]) -> Tensor:
    """Bands of images together again, by one kernel."""
    plane = _plane(bank.synthesis, bank, mode, sizes)
    if mode == "periodization":
        plane = replace(plane, sizes=(sizes[0] + sizes[0] % 2, sizes[1] + sizes[1] % 2))
    else:
        plane = replace(plane, mode="zero")
    x = _fused.transpose([bands.get(name) for name in _fused.BANDS], plane)
    return shortened(shortened(x, x.ndim - 2, sizes[0]), x.ndim - 1, sizes[1]).contiguous()


def _plane(filters: tuple[Filter, Filter], bank: FilterBank, mode: str, sizes: Sequence[int]) -> Plane:
    """How these filters of the bank take images of ``sizes`` to bands."""
    rows, columns = sizes
    counts = (band_sizes(rows, bank, mode), band_sizes(columns, bank, mode))
    return Plane(filters, _filtering(bank, mode, True).before, mode, (rows, columns), counts)


def _filtering(bank: FilterBank, mode: str, compiled: bool) -> Filtering:
    """How the bank reads a signal."""
    if mode in ("periodization", "authors"):
        return Filtering(mode, len(bank) // 2 - 1, len(bank) // 2, compiled=compiled)
    return Filtering(mode, len(bank) - 2, len(bank) - 1, compiled=compiled)


def _joining(bank: FilterBank, mode: str, compiled: bool) -> Filtering:
    """How the bank's synthesis writes a signal: what lies beyond the ends is dropped, except in a periodic one."""
    filtering = _filtering(bank, mode, compiled)
    return filtering if mode == "periodization" else replace(filtering, mode="zero")


def _even_size(count: int, bank: FilterBank, mode: str) -> int:
    """The even one of the two sizes that bands of ``count`` samples are of."""
    return 2 * count - (0 if mode in ("periodization", "authors") else len(bank) - 2)


def _even_sizes(bands: Mapping[str, Tensor], axes: Sequence[int], bank: FilterBank, mode: str) -> tuple[int, ...]:
    """Sizes that the bands are of, the even one of two."""
    sizes = []
    for place, axis in enumerate(axes):
        counts = {name[place]: band.shape[axis] for name, band in bands.items()}
        if mode == "authors":
            sizes.append(sum(counts.get(letter, max(counts.values())) for letter in "ad"))
        else:
            sizes.append(_even_size(max(counts.values()), bank, mode))
    return tuple(sizes)


def _check_shape(
    bands: Mapping[str, Tensor], axes: Sequence[int], sizes: Sequence[int], bank: FilterBank, mode: str
) -> None:
    """Every band must have the size that `dwt` gives it."""
    if len(sizes) != len(axes):
        raise ValueError(
            f"shape is {tuple(sizes)}, but must hold one size for each of the {len(axes)} transformed axes"
        )
    halves = [dict(zip("ad", band_sizes(size, bank, mode), strict=True)) for size in sizes]
    for name, band in bands.items():
        found = tuple(band.shape[axis] for axis in axes)
        expected = tuple(half[letter] for half, letter in zip(halves, name, strict=True))
        if found != expected:
            raise ValueError(
                f"band {name!r} has size {found}, but for x of {tuple(sizes)} with {bank.name} ({len(bank)} taps) and "
                f"mode {mode!r} it has {expected}; give the shape that x had, and all bands of one dwt"
            )
