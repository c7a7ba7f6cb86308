"""Gains of a whole steerable pyramid on the grids of its levels, cached, in the order of ``fftn`` or ``rfftn``."""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from subband.transforms.filters import (
    Grid,
    Kind,
    angular_gain,
    axis_frequency,
    high_gain,
    level_gain,
    low_gain,
    radial_pair,
    radius,
)
from subband.transforms.resample import authors_crop


@dataclass(frozen=True, eq=False)
class Gains:
    """What a spectrum is multiplied by, each on the grid of its own output.

    Attributes:
        sizes: Shapes of the outputs: levels 1 to N, then the low residual.
        high: Gain of the high residual, on the grid of the image.
        bands: Gains (J, *sizes[n - 1]) of each level, with what the levels before it take away.
        low: Gain of the low residual.
    """

    sizes: tuple[tuple[int, ...], ...]
    high: Tensor
    bands: tuple[Tensor, ...]
    low: Tensor


def level_sizes(shape: tuple[int, ...], levels: int, grid: Grid) -> tuple[tuple[int, ...], ...]:
    """Shapes of levels 1 to N and of the low residual: on the exact grid each half of the one before, rounded up.

    Raises:
        ValueError: If the authors' crop does not work for this shape.
    """
    sizes = [shape]
    for level in range(1, levels + 1):
        if grid == "exact":
            sizes.append(tuple((n + 1) // 2 for n in sizes[-1]))
            continue
        if min(sizes[-1]) < 4 or (level < levels and any(n % 4 > 1 for n in sizes[-1])):
            raise ValueError(
                f"grid='authors' with {levels} levels cannot crop the size {shape} at level {level}; "
                f"use grid='exact', fewer levels, or sizes divisible by {2**levels}"
            )
        sizes.append(tuple(n // 4 * 2 for n in sizes[-1]))
    return tuple(sizes)


@lru_cache(maxsize=8)
def pyramid_gains(
    shape: tuple[int, ...],
    levels: int,
    orientations: int,
    kind: Kind,
    grid: Grid,
    half: bool,
    device: torch.device,
    dtype: torch.dtype,
) -> Gains:
    """Build, or take from the cache, the gains of images of one shape; ``half`` for ``rfftn``, on the exact grid."""
    with torch.inference_mode(False), torch.no_grad():
        sizes = level_sizes(shape, levels, grid)
        build = _exact if grid == "exact" else _authors
        high, bands, low = build(shape, sizes, orientations, kind, half)
        return Gains(
            sizes, high.to(device, dtype), tuple(band.to(device, dtype) for band in bands), low.to(device, dtype)
        )


def _exact(
    shape: tuple[int, ...], sizes: tuple[tuple[int, ...], ...], orientations: int, kind: Kind, half: bool
) -> tuple[Tensor, list[Tensor], Tensor]:
    levels = len(sizes) - 1
    bands = []
    for level in range(1, levels + 1):
        frequency = _frequency(shape, sizes[level - 1], half)
        r = radius(frequency)
        radial = torch.where(r < math.pi / 2 ** (level - 1), level_gain(r, level), 0)
        bands.append(radial * angular_gain(frequency, orientations=orientations, kind=kind))
    r = radius(_frequency(shape, sizes[-1], half))
    low = torch.where(r < math.pi / 2**levels, low_gain(r, levels), 0)
    return high_gain(radius(_frequency(shape, shape, half))), bands, low


def _frequency(shape: tuple[int, ...], size: tuple[int, ...], half: bool) -> list[Tensor]:
    """Frequencies, in radians per sample of the image, of the bins that the size holds; one broadcastable per axis."""
    frequency = []
    for axis, (whole, n) in enumerate(zip(shape, size, strict=True)):
        last = half and axis == len(shape) - 1
        bins = torch.arange(n // 2 + 1) if last else (torch.arange(n) + n // 2) % n - n // 2
        place = [1] * len(shape)
        place[axis] = -1
        frequency.append((bins.to(torch.float64) * (2 * math.pi / whole)).reshape(place))
    return frequency


def _authors(
    shape: tuple[int, ...], sizes: tuple[tuple[int, ...], ...], orientations: int, kind: Kind, half: bool
) -> tuple[Tensor, list[Tensor], Tensor]:
    """Each level on a ``linspace`` grid of its own; the angular gain is 0 at the bin that the code takes for zero."""
    assert not half
    high, low = radial_pair(radius(_authors_frequency(shape)), math.pi / 2)
    bands = []
    for size in sizes[:-1]:
        frequency = _authors_frequency(size)
        upper, lower = radial_pair(radius(frequency), math.pi / 4)
        angular = angular_gain(frequency, orientations=orientations, kind=kind)
        angular.flatten(1)[:, -1] = 0
        bands.append(low * upper * angular)
        low = authors_crop(low * lower, len(shape))
    return high, bands, low


def _authors_frequency(size: tuple[int, ...]) -> list[Tensor]:
    frequency = []
    for axis, n in enumerate(size):
        place = [1] * len(size)
        place[axis] = -1
        frequency.append(torch.fft.ifftshift(axis_frequency(n, grid="authors")).reshape(place))
    return frequency
