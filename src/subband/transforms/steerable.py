r"""Steerable pyramid: oriented, octave-wide bands of an image, with an exact way back for every size."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from subband._check import one_of, positive
from subband.transforms._gains import level_sizes, pyramid_gains
from subband.transforms.filters import GRIDS, KINDS, Grid, Kind
from subband.transforms.resample import (
    authors_crop,
    authors_pad,
    crop_spectrum,
    full_spectrum,
    pad_spectrum,
    spectrum_axes,
)


@dataclass(frozen=True, eq=False)
class Pyramid:
    """Bands of a steerable pyramid, and how they were made; change bands with `dataclasses.replace`.

    Attributes:
        high: High residual (B, C, *space), what lies beyond the first level.
        bands: Level n = 1, 2, ... as (B, C, J, *space_n); each size is half the one before, rounded up.
        low: Low residual (B, C, *space_{N+1}).
        orientations: As in `steerable_pyramid`; J is another number in 3-D.
        kind: As in `steerable_pyramid`.
        grid: As in `steerable_pyramid`.
    """

    high: Tensor
    bands: tuple[Tensor, ...]
    low: Tensor
    orientations: int
    kind: Kind
    grid: Grid


def steerable_pyramid(
    x: Shaped[Tensor, "batch channels *space"],
    *,
    levels: int = 4,
    orientations: int = 4,
    kind: Kind = "complex",
    grid: Grid = "exact",
) -> Pyramid:
    r"""Split real images into bands of one octave and one orientation.

    .. math:: b_{n,k} = \mathcal{F}^{-1}_n \big[ \mathcal{F}[x](\omega) \, R_n(|\omega|) \, A_k(\omega / |\omega|) \big]

    with the gains of `subband.transforms.filters`; :math:`\mathcal{F}_n` has the samples of level n alone, which lose
    nothing, because the band is zero from :math:`|\omega| = \pi / 2^{n-1}` on. Its values are not scaled down, so that
    amplitudes grow by the ratio of sample numbers, 4 from level to level in 2-D where the sizes divide.

    Args:
        x: Images (B, C, H, W) or volumes (B, C, D, H, W) of any size, float; half precision is computed in float32.
        levels: Number N of octaves.
        orientations: Number of orientations, pi k / K from the row axis; in 3-D 1 to 5, which are 1, 3, 6, 16 and 16
            axes (see `subband.transforms.filters.directions`).
        kind: ``"complex"``: analytic bands, moduli are amplitudes. ``"steerable"``: real bands, of order K - 1 with the
            phase :math:`(-i)^{K-1}`. ``"even"``: real bands with :math:`|\cos|^{K-1}`; the real part of complex ones.
        grid: ``"exact"``, or ``"authors"`` for the published code's frequencies, one bin further on.

    Returns:
        The bands and residuals: complex bands for ``"complex"``, all else real (on the authors' grid its residuals are
        complex too).

    Raises:
        ValueError: If ``x`` is no real image or volume, an option is unknown, or the authors' crop cannot cut the size.

    Source:
        Simoncelli and Freeman, The Steerable Pyramid, ICIP 1995; Portilla and Simoncelli, IJCV 2000. Conventions of
        lurenhaothu/CWMI, ``ComplexSteerablePyramid.py``: orientations from the row axis, no phase for complex bands, no
        scale. plenoptic's ``SteerablePyramidFreq(tight_frame=False)`` of the transposed image gives the transposed
        steerable bands, and :math:`(-i)^{K-1}` times the complex ones. Departures: the exact grid; levels of odd and
        indivisible sizes.

    Example:
        >>> import torch
        >>> pyramid = steerable_pyramid(torch.rand(1, 1, 21, 34), levels=2, kind="steerable")
        >>> [tuple(band.shape) for band in pyramid.bands], tuple(pyramid.low.shape)
        ([(1, 1, 4, 21, 34), (1, 1, 4, 11, 17)], (1, 1, 6, 9))
    """
    _check(x, levels, kind, grid)
    x = x if x.dtype in (torch.float32, torch.float64) else x.float()
    size = tuple(x.shape[2:])
    axes = spectrum_axes(size)
    half = grid == "exact" and kind != "complex"
    gains = pyramid_gains(size, levels, orientations, kind, grid, half, x.device, x.dtype)
    spectrum = torch.fft.rfftn(x, dim=axes)
    spectrum = spectrum if half else full_spectrum(spectrum, size)
    real = kind != "complex"
    high = _inverse(spectrum * gains.high, size, half, real or grid == "exact")
    phase = _phase(orientations, kind)
    bands = []
    for number, gain in enumerate(gains.bands):
        band = (spectrum if phase == 1 else phase * spectrum).unsqueeze(2) * gain
        bands.append(_inverse(band, gains.sizes[number], half, real))
        if grid == "exact":
            spectrum = crop_spectrum(spectrum, gains.sizes[number + 1], half=half)
        else:
            spectrum = authors_crop(spectrum, len(size))
    low = _inverse(spectrum * gains.low, gains.sizes[-1], half, real or grid == "exact")
    return Pyramid(high, tuple(bands), low, orientations, kind, grid)


def reconstruct(pyramid: Pyramid) -> Float[Tensor, "batch channels *space"]:
    r"""Put the bands of `steerable_pyramid` together again.

    .. math:: x = \sum_{n,k} \mathcal{F}^{-1} \big[ \overline{G_{n,k}} \, \mathcal{F}_n[\mathrm{Re}\, b_{n,k}] \big]
              + \text{residuals}

    Complex bands enter with their real parts, whose gains are those of ``"even"``; the imaginary parts are their
    Hilbert transforms and add nothing.

    Args:
        pyramid: What `steerable_pyramid` returned, its bands changed or not.

    Returns:
        Images (B, C, *space): those that the pyramid is of, to rounding, if the grid is exact. On the authors' grid
        what their ``reconstruct`` gives, which is off by some per cent for small images.

    Raises:
        ValueError: If a band does not have the shape that it had.

    Source:
        As `steerable_pyramid`.

    Example:
        >>> import torch
        >>> image = torch.rand(1, 1, 5, 30, dtype=torch.float64)
        >>> bool((reconstruct(steerable_pyramid(image)) - image).abs().max() < 1e-12)
        True
    """
    _check_bands(pyramid)
    kind, grid, levels = pyramid.kind, pyramid.grid, len(pyramid.bands)
    size = tuple(pyramid.high.shape[2:])
    half = grid == "exact"
    own: Kind = "even" if half and kind == "complex" else kind
    high = pyramid.high.real
    gains = pyramid_gains(size, levels, pyramid.orientations, own, grid, half, high.device, high.dtype)
    phase = _phase(pyramid.orientations, kind)
    spectrum = _forward(pyramid.low.real, size, half) * gains.low
    for number in range(levels - 1, -1, -1):
        level = gains.sizes[number]
        if half:
            spectrum = pad_spectrum(spectrum, gains.sizes[number + 1], level, half=True)
        else:
            spectrum = authors_pad(spectrum, level)
        band = (_forward(pyramid.bands[number].real, size, half) * gains.bands[number]).sum(2)
        spectrum = spectrum + (band if phase == 1 else phase.conjugate() * band)
    return _inverse(spectrum + _forward(high, size, half) * gains.high, size, half, True)


def _phase(orientations: int, kind: Kind) -> complex:
    """The factor (-i)^(K-1) of steerable bands."""
    return (1, -1j, -1, 1j)[(orientations - 1) % 4] if kind == "steerable" else 1


def _forward(x: Tensor, size: tuple[int, ...], half: bool) -> Tensor:
    transform = torch.fft.rfftn if half else torch.fft.fftn
    spectrum: Tensor = transform(x, dim=spectrum_axes(size))
    return spectrum


def _inverse(spectrum: Tensor, size: tuple[int, ...], half: bool, real: bool) -> Tensor:
    transform = torch.fft.irfftn if half else torch.fft.ifftn
    signal: Tensor = transform(spectrum, s=size, dim=spectrum_axes(size))
    return signal.real if real else signal


def _check(x: Tensor, levels: int, kind: Kind, grid: Grid) -> None:
    if x.ndim not in (4, 5) or not x.is_floating_point() or 0 in x.shape[2:]:
        raise ValueError(
            f"x has shape {tuple(x.shape)} and dtype {x.dtype}, "
            "but must be floating point (B, C, H, W) or (B, C, D, H, W), without an empty axis"
        )
    positive(levels=levels)
    one_of("kind", kind, KINDS)
    one_of("grid", grid, GRIDS)


def _check_bands(pyramid: Pyramid) -> None:
    lead, size = pyramid.high.shape[:2], tuple(pyramid.high.shape[2:])
    sizes = level_sizes(size, len(pyramid.bands), pyramid.grid)
    for number, (band, expected) in enumerate(zip((*pyramid.bands, pyramid.low), sizes, strict=True), 1):
        found = (*band.shape[:2], *band.shape[-len(size) :])
        if found != (*lead, *expected):
            name = f"level {number}" if number <= len(pyramid.bands) else "the low residual"
            raise ValueError(
                f"{name} has batch, channels and size {found}, but a pyramid of {tuple(pyramid.high.shape)} has "
                f"{(*lead, *expected)} there; change the values of a band, not its shape"
            )
