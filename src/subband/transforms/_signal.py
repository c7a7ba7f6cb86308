"""What wavelet transforms take: real signals, axes, bands."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from subband._check import positive
from subband.transforms.filter_bank import Filter

Dims: TypeAlias = int | Sequence[int]
"""Number of last axes, or the axes themselves."""


def read_axes(x: Tensor, dims: Dims, *, empty: bool = False) -> tuple[int, ...]:
    """Transformed axes of x, from the front.

    Raises:
        ValueError: If x is not real and floating point, an axis is missing or twice there, or one is empty and must
            not be.
    """
    if not x.is_floating_point():
        remedy = "transform .real and .imag apart" if x.is_complex() else "convert it with .float()"
        raise ValueError(f"x has dtype {x.dtype}, but must be real and floating point; {remedy}")
    wanted = tuple(range(-dims, 0)) if isinstance(dims, int) else tuple(dims)
    axes = tuple(axis + x.ndim if axis < 0 else axis for axis in wanted)
    if not axes or len(set(axes)) < len(axes) or not all(0 <= axis < x.ndim for axis in axes):
        raise ValueError(
            f"dims is {dims!r} for a tensor of shape {tuple(x.shape)}, but must be a number of last axes from 1 to "
            f"{x.ndim}, or different axes that it has"
        )
    if not empty and any(x.shape[axis] == 0 for axis in axes):
        raise ValueError(f"x has shape {tuple(x.shape)}, but a transformed axis must hold at least one sample")
    return axes


def read_level(level: int, sizes: Sequence[int]) -> int:
    """Return the number of levels of a transform of axes of these sizes.

    Raises:
        ValueError: If it is not positive, or more than the longest axis can be halved.
    """
    positive(level=level)
    deepest = max(1, (max(sizes) - 1).bit_length())
    if level > deepest:
        raise ValueError(
            f"level is {level}, but sizes {tuple(sizes)} can be halved {deepest} time(s); "
            f"the deepest level is {deepest}"
        )
    return level


def computed(x: Tensor) -> Tensor:
    """Bring x to the dtype that sums are taken in: float32 for half precision."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


def first_band(bands: Mapping[str, Tensor], dims: Dims) -> Tensor:
    """Any of the bands, after a look at their names.

    Raises:
        ValueError: If there is no band, or a name is not of ``a`` and ``d``, one for each axis.
    """
    count = dims if isinstance(dims, int) else len(dims)
    wrong = [name for name in bands if len(name) != count or set(name) - set("ad")]
    if wrong or not bands:
        found = f"a band called {wrong[0]!r}" if wrong else "no band"
        raise ValueError(
            f"there is {found}, but bands of {count} axes are called {'a' * count}, ..., {'d' * count}, "
            "one letter for each axis (a low-pass, d high-pass)"
        )
    return next(iter(bands.values()))


def shortened(x: Tensor, axis: int, size: int) -> Tensor:
    """First ``size`` samples of x along one axis."""
    if isinstance(size, torch.SymInt):  # an exported size: narrow would ask it to be even
        return x.index_select(axis, torch.arange(size, device=x.device))
    return x if x.shape[axis] == size else x.narrow(axis, 0, size)


def lengthened(x: Tensor, axis: int, zeros: int) -> Tensor:
    """Append ``zeros`` zeros to x along one axis."""
    if not isinstance(zeros, torch.SymInt) and zeros == 0:
        return x
    shape = list(x.shape)
    shape[axis] = zeros
    return torch.cat((x, x.new_zeros(shape)), axis)


def filled(x: Tensor, axis: int, size: int) -> Tensor:
    """Bring x to ``size`` samples along one axis by a zero behind it, if it is one short."""
    if isinstance(size, torch.SymInt):  # an exported size: their difference would have to be known
        return shortened(lengthened(x, axis, 1), axis, size)
    return lengthened(x, axis, size - x.shape[axis])


def memory_order(x: Tensor) -> tuple[int, ...]:
    """Axes from the outermost in memory on: as they stand, but with the channels last where the memory has them so."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    if x.ndim in formats and not x.is_contiguous() and x.is_contiguous(memory_format=formats[x.ndim]):
        return (0, *range(2, x.ndim), 1)
    return tuple(range(x.ndim))


def typed(taps: Filter, x: Tensor) -> Filter:
    """Bring learnable taps to the dtype of x."""
    return taps.to(x.dtype) if isinstance(taps, Tensor) else taps


def split_axes(x: Tensor, axes: Sequence[int], split: Callable[[Tensor, int], tuple[Tensor, ...]]) -> dict[str, Tensor]:
    """Split x in two along each axis in turn; the bands have x's dtype and order in memory."""
    order = memory_order(x)
    bands = {"": computed(x).permute(order)}
    for axis in axes:
        bands = {
            name + letter: half
            for name, band in bands.items()
            for letter, half in zip("ad", split(band, order.index(axis)), strict=True)
        }
    back = [order.index(axis) for axis in range(x.ndim)]
    return {name: band.permute(back).to(x.dtype) for name, band in bands.items()}


def join_axes(
    bands: Mapping[str, Tensor],
    axes: Sequence[int],
    sizes: Sequence[int],
    join: Callable[[tuple[Tensor | None, Tensor | None], int, int], Tensor],
) -> Tensor:
    """Join bands in pairs along each axis in turn, the last first; a missing band is None."""
    first = next(iter(bands.values()))
    order = memory_order(first)
    parts = {name: computed(band).permute(order) for name, band in bands.items()}
    for axis, size in zip(reversed(axes), reversed(sizes), strict=True):
        parts = {
            name: join((parts.get(f"{name}a"), parts.get(f"{name}d")), order.index(axis), size)
            for name in dict.fromkeys(name[:-1] for name in parts)
        }
    whole = parts[""].contiguous()  # an odd size was cut off an even one
    return whole.permute([order.index(axis) for axis in range(first.ndim)]).to(first.dtype)
