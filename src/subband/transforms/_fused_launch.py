"""Run the Triton kernels: their tables of what lies beyond the ends, their tiles, and the fold of the transpose."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import torch
from torch import Tensor

from subband.transforms._border import border_terms, fold_outside
from subband.transforms.filter_bank import Filter

TILE, WARPS = (16, 32), 8
"""Rows and columns of coefficients of one program, and its warps."""
Pair: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Plane:
    """The linear map from images to four bands.

    Args:
        filters: Low-pass and high-pass filter in the order of a correlation, as numbers.
        before: o, the samples read before the first one.
        mode: How an image goes on beyond its ends.
        sizes: Rows and columns of an image.
        counts: Low-pass and high-pass coefficients, first along the rows' axis, then along the columns'.
    """

    filters: tuple[Filter, Filter]
    before: int
    mode: str
    sizes: Pair
    counts: tuple[Pair, Pair]

    @property
    def taps(self) -> int:
        """F, the length of the filters."""
        return len(self.filters[0])


def run_analysis(x: Tensor, plane: Plane) -> tuple[Tensor, ...]:
    """Bands of images (..., H, W)."""
    x = x.contiguous()
    bands = tuple(x.new_empty(*x.shape[:-2], i, j) for i in plane.counts[0] for j in plane.counts[1])
    grid = (plane.counts[0][1], plane.counts[1][1])
    start = -plane.before - plane.before % 2
    sources = tuple(
        _samples(start, 2 * _covered(count, side) + plane.taps + 2, size, plane.mode, x.device)
        for count, side, size in zip(grid, _tile(grid), plane.sizes, strict=True)
    )
    _launch("analyse", x, bands, sources, plane, plane.before, grid)
    return bands


def run_transpose(bands: Sequence[Tensor | None], plane: Plane) -> Tensor:
    """Images from bands, of which some may be missing."""
    given = tuple(None if band is None else band.contiguous() for band in bands)
    first = next(band for band in given if band is not None)
    (top, rows), (left, columns) = _extent(plane, 0), _extent(plane, 1)
    folded = (rows, columns) != plane.sizes
    dtype = torch.promote_types(first.dtype, torch.float32) if folded else first.dtype
    x = first.new_empty(*first.shape[:-2], rows, columns, dtype=dtype)
    offset = plane.before - top  # the same along both axes
    grid = ((rows + offset % 2 + 1) // 2, (columns + offset % 2 + 1) // 2)
    sources = tuple(
        _coefficients(offset // 2 - plane.taps // 2, _covered(pairs, side) + plane.taps, count, plane.mode, x.device)
        for (_, count), pairs, side in zip(plane.counts, grid, _tile(grid), strict=True)
    )
    _launch("transpose", x, given, sources, plane, offset, grid)
    return _folded(x, (top, left), plane).to(first.dtype) if folded else x


def _launch(
    name: str,
    x: Tensor,
    bands: Sequence[Tensor | None],
    sources: Sequence[Tensor],
    plane: Plane,
    offset: int,
    grid: Pair,
) -> None:
    """Run a kernel over all tiles of all images."""
    from subband.transforms import _fused_tiles  # only here: Triton is not everywhere, and slow to import

    tile = _tile(grid)
    programs = math.prod(x.shape[:-2]) * math.prod(-(-count // side) for count, side in zip(grid, tile, strict=True))
    shape = (*x.shape[-2:], *plane.counts[0], *plane.counts[1])
    options = {"num_warps": WARPS, "enable_fp_fusion": True}
    with torch.cuda.device(x.get_device()):
        getattr(_fused_tiles, name)[(programs,)](x, bands, sources, shape, plane.filters, offset, tile, **options)


def _extent(plane: Plane, axis: int) -> Pair:
    """Samples before the first and number of all that coefficients reach and that are then folded inside."""
    size, count = plane.sizes[axis], plane.counts[axis][1]
    if plane.mode in ("zero", "authors"):
        return 0, size
    if plane.mode == "periodization":  # whose coefficients are periodic themselves, over an even number of samples
        return 0, size + size % 2
    return plane.before, max(plane.before + size, 2 * (count - 1) + plane.taps)


def _folded(x: Tensor, starts: Sequence[int], plane: Plane) -> Tensor:
    """Images with what lies beyond their ends added to the samples that it was a copy of."""
    for axis, start, size in zip((-2, -1), starts, plane.sizes, strict=True):
        rest = x.shape[axis] - start - size
        ends = (x.narrow(axis, 0, start), x.narrow(axis, start + size, rest))
        x = x.narrow(axis, start, size)
        beyond = (torch.arange(-start, 0, device=x.device), size + torch.arange(rest, device=x.device))
        for positions, values in zip(beyond, ends, strict=True):
            fold_outside(x, axis, positions, values, plane.mode)
    return x.contiguous()


@lru_cache(maxsize=256)
def _samples(start: int, count: int, size: int, mode: str, device: torch.device) -> Tensor:
    """Inside sample at each position from ``start`` on, -1 for zero; by the rules that define the modes."""
    at = torch.arange(start, start + count)
    terms = border_terms(at, size, mode)
    beyond = terms[0][0] if terms else torch.full_like(at, -1)
    return torch.where((at >= 0) & (at < size), at, beyond).to(device, torch.int32)


@lru_cache(maxsize=256)
def _coefficients(start: int, count: int, size: int, mode: str, device: torch.device) -> Tensor:
    """Coefficient at each place from ``start`` on, -1 for none."""
    at = torch.arange(start, start + count)
    inside = at % size if mode == "periodization" else torch.where((at >= 0) & (at < size), at, -1)
    return inside.to(device, torch.int32)


def _tile(grid: Sequence[int]) -> Pair:
    """Sides of a tile, powers of two, no larger than the grid needs."""
    rows, columns = (min(side, 1 << (count - 1).bit_length()) for side, count in zip(TILE, grid, strict=True))
    return rows, columns


def _covered(count: int, side: int) -> int:
    return -(-count // side) * side
