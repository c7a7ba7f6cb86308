"""All axes of a large transform on a CPU, part by part, so that what lies between two axes stays in the cache."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from subband.transforms._axis import Filtering, analyse, transpose
from subband.transforms._parts import PART_BYTES, in_parts
from subband.transforms._signal import memory_order
from subband.transforms.filter_bank import Filter


def pays(x: Tensor, axes: Sequence[int], filters: Sequence[Filter]) -> bool:
    """Whether x is large enough to be worth it, and can be taken apart in front of all axes."""
    order = memory_order(x)
    outside = min(order.index(axis) for axis in axes)
    large = x.is_cpu and x.numel() * x.element_size() >= 2 * PART_BYTES
    return (
        large
        and len(filters[0]) > 2  # two taps leave nothing on the way
        and not torch.compiler.is_compiling()
        and x.dtype in (torch.float32, torch.float64)
        and not isinstance(filters[0], Tensor)
        and max((x.shape[axis] for axis in order[:outside]), default=1) > 1
    )


def analyse_axes(x: Tensor, axes: Sequence[int], filters: Sequence[Filter], filtering: Filtering) -> tuple[Tensor, ...]:
    """Bands of x along all axes, in the order of the alphabet: aa, ad, da, dd."""
    order = memory_order(x)
    places = tuple(order.index(axis) for axis in axes)
    bands = _Analysis.apply(x.permute(order), places, tuple(filters), filtering)
    back = [order.index(axis) for axis in range(x.ndim)]
    return tuple(band.permute(back) for band in bands)


def transpose_axes(
    bands: Sequence[Tensor | None],
    axes: Sequence[int],
    sizes: Sequence[int],
    filters: Sequence[Filter],
    filtering: Filtering,
) -> Tensor:
    """Transpose of `analyse_axes`, of these sizes along the axes; a missing band is zero."""
    order = memory_order(next(band for band in bands if band is not None))
    places = tuple(order.index(axis) for axis in axes)
    permuted = [None if band is None else band.permute(order) for band in bands]
    x: Tensor = _Transpose.apply(places, tuple(sizes), tuple(filters), filtering, *permuted)
    return x.permute([order.index(axis) for axis in range(x.ndim)])


def _analyse(x: Tensor, axes: Sequence[int], filters: Sequence[Filter], filtering: Filtering) -> list[Tensor]:
    bands = [x]
    for axis in axes:
        bands = [half for band in bands for half in analyse(band, axis, filters, filtering)]
    return bands


def _transpose(
    bands: Sequence[Tensor | None],
    axes: Sequence[int],
    sizes: Sequence[int],
    filters: Sequence[Filter],
    filtering: Filtering,
) -> Tensor:
    parts = list(bands)
    for axis, size in zip(reversed(axes), reversed(sizes), strict=True):
        joined: list[Tensor | None] = []
        for pair in zip(parts[::2], parts[1::2], strict=True):
            there = [(band, taps) for band, taps in zip(pair, filters, strict=True) if band is not None]
            halves, own = [band for band, _ in there], [taps for _, taps in there]
            joined.append(transpose(halves, axis, own, size, filtering) if there else None)
        parts = joined
    assert parts[0] is not None
    return parts[0]


class _Analysis(torch.autograd.Function):
    """`_analyse` part by part, with `_transpose` as its gradient; nothing is kept."""

    @staticmethod
    def forward(
        x: Tensor, axes: tuple[int, ...], filters: Sequence[Filter], filtering: Filtering
    ) -> tuple[Tensor, ...]:
        return in_parts(lambda parts: _analyse(parts[0], axes, filters, filtering), [x], min(axes))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        x, ctx.axes, ctx.filters, ctx.filtering = inputs
        ctx.sizes = tuple(x.shape[axis] for axis in ctx.axes)
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        if all(band is None for band in gradients):
            return None, None, None, None
        return _Transpose.apply(ctx.axes, ctx.sizes, ctx.filters, ctx.filtering, *gradients), None, None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> tuple[Tensor, ...]:
        bands: tuple[Tensor, ...] = _Analysis.apply(tangent, ctx.axes, ctx.filters, ctx.filtering)
        return bands

    @staticmethod
    def vmap(info: Any, dims: Any, x: Tensor, axes: Any, filters: Sequence[Filter], filtering: Filtering) -> Any:
        bands = _Analysis.apply(x.movedim(dims[0], 0), tuple(axis + 1 for axis in axes), filters, filtering)
        return bands, (0,) * len(bands)


class _Transpose(torch.autograd.Function):
    """`_transpose` part by part, with `_analyse` as its gradient."""

    @staticmethod
    def forward(
        axes: tuple[int, ...],
        sizes: tuple[int, ...],
        filters: Sequence[Filter],
        filtering: Filtering,
        *bands: Tensor | None,
    ) -> Tensor:
        def join(parts: Sequence[Tensor]) -> list[Tensor]:
            given = iter(parts)
            own = [None if band is None else next(given) for band in bands]
            return [_transpose(own, axes, sizes, filters, filtering)]

        return in_parts(join, [band for band in bands if band is not None], min(axes))[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.axes, _, ctx.filters, ctx.filtering, *bands = inputs
        ctx.sizes, ctx.there = inputs[1], [band is not None for band in bands]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        bands = _Analysis.apply(gradients[0], ctx.axes, ctx.filters, ctx.filtering)
        return None, None, None, None, *(band if there else None for band, there in zip(bands, ctx.there, strict=True))

    @staticmethod
    def jvp(ctx: Any, _axes: None, _sizes: None, _filters: None, _filtering: None, *tangents: Tensor | None) -> Tensor:
        x: Tensor = _Transpose.apply(ctx.axes, ctx.sizes, ctx.filters, ctx.filtering, *tangents)
        return x

    @staticmethod
    def vmap(
        info: Any,
        dims: Any,
        axes: Any,
        sizes: Any,
        filters: Sequence[Filter],
        filtering: Filtering,
        *bands: Tensor | None,
    ) -> Any:
        whole = [
            band if band is None else band.expand(info.batch_size, *band.shape) if dim is None else band.movedim(dim, 0)
            for band, dim in zip(bands, dims[4:], strict=True)
        ]
        return _Transpose.apply(tuple(axis + 1 for axis in axes), sizes, filters, filtering, *whole), 0
