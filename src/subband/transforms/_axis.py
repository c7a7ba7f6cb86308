r"""Filters along one axis, and the transpose of that: all that discrete wavelet transforms are made of.

.. math:: y_c[k] = \sum_m h_c[m] \, x\big[s k + d m - o\big]

for filters c (low and high), step s, dilation d and offset o, with x continued beyond its ends by a mode. It runs on
polyphase planes :math:`x_r[j] = x[s j + r - o]`, in which every tap reads one contiguous slice. The transpose is the
gradient, and, with the synthesis filters, the inverse. Each is the other's backward, so nothing is kept for it and
second derivatives are there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from subband.transforms._border import fold_outside, outside
from subband.transforms._correlate import compiled_correlate, correlate, interleave_planes
from subband.transforms._parts import in_parts
from subband.transforms._signal import lengthened
from subband.transforms.filter_bank import Filter


@dataclass(frozen=True)
class Filtering:
    """Options of the sum above; the taps are given beside it.

    Args:
        mode: How a signal goes on beyond its ends.
        before: o, the samples read before the first one.
        after: Samples read after the last one. The number of coefficients is that of all positions that fit.
        step: s, 1 or 2.
        dilation: d.
        compiled: Compile the sum over the taps.
    """

    mode: str
    before: int
    after: int
    step: int = 2
    dilation: int = 1
    compiled: bool = False

    def place(self, tap: int) -> tuple[int, int]:
        """Shift and polyphase plane that a tap reads."""
        return divmod(self.dilation * tap, self.step)


def analyse(x: Tensor, axis: int, filters: Sequence[Filter], filtering: Filtering) -> tuple[Tensor, ...]:
    """One band for each filter."""
    if isinstance(filters[0], Tensor):
        return _analyse(x, axis, filters, filtering)
    function = _Analysis if torch.compiler.is_compiling() else _DualAnalysis
    bands: tuple[Tensor, ...] = function.apply(x, axis, tuple(filters), filtering)
    return bands


def transpose(bands: Sequence[Tensor], axis: int, filters: Sequence[Filter], n: int, filtering: Filtering) -> Tensor:
    """Transpose of `analyse`: the bands, spread by the filters over n samples along ``axis``, and summed."""
    if isinstance(filters[0], Tensor):
        return _transpose(bands, axis, filters, n, filtering)
    function = _Transpose if torch.compiler.is_compiling() else _DualTranspose
    x: Tensor = function.apply(axis, tuple(filters), n, filtering, *bands)
    return x


def _analyse(x: Tensor, axis: int, filters: Sequence[Filter], filtering: Filtering) -> tuple[Tensor, ...]:
    planes, taps = _planes(x, axis, filtering), len(filters[0])
    terms = tuple(
        tuple((plane, shift, one[m]) for m in range(taps) for shift, plane in [filtering.place(m)]) for one in filters
    )
    count = planes[0].shape[axis] - filtering.place(taps - 1)[0]
    if _compiled(filtering, filters[0][0]):
        if taps > 2 and axis == x.ndim - 1:  # every second sample in a row is slow to read so often
            planes = [plane.contiguous() for plane in planes]
        return compiled_correlate(terms, axis, x.ndim)(planes, count)
    return correlate([plane.contiguous() for plane in planes], axis, terms, count)


def _transpose(bands: Sequence[Tensor], axis: int, filters: Sequence[Filter], n: int, filtering: Filtering) -> Tensor:
    taps, count = len(filters[0]), bands[0].shape[axis]
    span = filtering.place(taps - 1)[0]
    padded = [_zeros_around(band, axis, span) for band in bands]
    terms = tuple(
        tuple(
            (number, span - filtering.place(m)[0], one[m])
            for number, one in enumerate(filters)
            for m in range(taps)
            if filtering.place(m)[1] == plane
        )
        for plane in range(filtering.step)
    )
    if _compiled(filtering, filters[0][0]):
        extended = compiled_correlate(terms, axis, bands[0].ndim, interleave=True)(padded, count + span)[0]
    else:
        extended = interleave_planes(correlate(padded, axis, terms, count + span), axis)
    return _join(extended, axis, n, filtering)


def _compiled(filtering: Filtering, tap: float | Tensor) -> bool:
    return filtering.compiled and not torch.compiler.is_compiling() and not isinstance(tap, Tensor)


def _zeros_around(band: Tensor, axis: int, span: int) -> Tensor:
    return nn.functional.pad(band, [0, 0] * (band.ndim - 1 - axis) + [span, span]) if span else band


def _planes(x: Tensor, axis: int, filtering: Filtering) -> list[Tensor]:
    """Polyphase planes of x and of what lies beyond its ends, all of one length."""
    n, step = x.shape[axis], filtering.step
    before, after = _beyond(n, filtering, x.device)
    if not isinstance(n, torch.SymInt):  # in an exported graph what no plane reads is left on
        after = after[: max(0, (filtering.before + n + filtering.after) // step * step - filtering.before - n)]
    ends = (outside(x, axis, before, filtering.mode), outside(x, axis, after, filtering.mode))
    extended = torch.cat((ends[0], x, ends[1]), axis) if len(before) or len(after) else x
    if step == 1:
        return [extended]
    length = n + filtering.before + filtering.after - step + 1
    index: list[slice] = [slice(None)] * x.ndim
    planes = []
    for plane in range(step):
        index[axis] = slice(plane, plane + length, step)
        planes.append(extended[tuple(index)])
    return planes


def _join(extended: Tensor, axis: int, n: int, filtering: Filtering) -> Tensor:
    """Transpose of `_planes`, which are interleaved already."""
    start = filtering.before
    if extended.shape[axis] < start + n:  # the last sample stands alone behind the planes and is not read
        extended = lengthened(extended, axis, 1)
    before, after = _beyond(n, filtering, extended.device)
    rest = extended.shape[axis] - start - n
    inside = extended.narrow(axis, start, n)
    folded = start or isinstance(rest, torch.SymInt) or rest
    x = inside.clone(memory_format=torch.contiguous_format) if folded else inside.contiguous()
    fold_outside(x, axis, before, extended.narrow(axis, 0, start), filtering.mode)
    fold_outside(x, axis, after[:rest], extended.narrow(axis, start + n, rest), filtering.mode)
    return x


def _beyond(n: int, filtering: Filtering, device: torch.device) -> tuple[Tensor, Tensor]:
    """Positions before and after n samples."""
    return torch.arange(-filtering.before, 0, device=device), n + torch.arange(filtering.after, device=device)


class _Analysis(torch.autograd.Function):
    """`_analyse` with `_transpose` as its gradient."""

    @staticmethod
    def forward(x: Tensor, axis: int, filters: Sequence[Filter], filtering: Filtering) -> tuple[Tensor, ...]:
        if len(filters[0]) == 2:  # which leave nothing on the way
            return _analyse(x, axis, filters, filtering)
        return in_parts(lambda parts: _analyse(parts[0], axis, filters, filtering), [x], axis)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        x, ctx.axis, ctx.filters, ctx.filtering = inputs
        ctx.n = x.shape[ctx.axis]
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        pairs = [(band, one) for band, one in zip(gradients, ctx.filters, strict=True) if band is not None]
        if not pairs:
            return None, None, None, None
        bands, filters = zip(*pairs, strict=True)
        return transpose(bands, ctx.axis, filters, ctx.n, ctx.filtering), None, None, None

    @staticmethod
    def vmap(info: Any, dims: Any, x: Tensor, axis: int, filters: Sequence[Filter], filtering: Filtering) -> Any:
        bands = analyse(x.movedim(dims[0], 0), axis + 1, filters, filtering)
        return bands, (0,) * len(bands)


class _Transpose(torch.autograd.Function):
    """`_transpose` with `_analyse` as its gradient."""

    @staticmethod
    def forward(axis: int, filters: Sequence[Filter], n: int, filtering: Filtering, *bands: Tensor) -> Tensor:
        if len(filters[0]) == 2:
            return _transpose(bands, axis, filters, n, filtering)
        return in_parts(lambda parts: [_transpose(parts, axis, filters, n, filtering)], bands, axis)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.axis, ctx.filters, ctx.n, ctx.filtering, *_ = inputs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return None, None, None, None, *analyse(gradients[0], ctx.axis, ctx.filters, ctx.filtering)

    @staticmethod
    def vmap(
        info: Any, dims: Any, axis: int, filters: Sequence[Filter], n: int, filtering: Filtering, *bands: Tensor
    ) -> Any:
        whole = [
            band.expand(info.batch_size, *band.shape) if dim is None else band.movedim(dim, 0)
            for band, dim in zip(bands, dims[4:], strict=True)
        ]
        return transpose(whole, axis + 1, filters, n, filtering), 0


class _DualAnalysis(_Analysis):
    """`_Analysis` with forward-mode derivatives, which torch.compile does not take."""

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> tuple[Tensor, ...]:
        return analyse(tangent, ctx.axis, ctx.filters, ctx.filtering)


class _DualTranspose(_Transpose):
    """`_Transpose` with forward-mode derivatives."""

    @staticmethod
    def jvp(ctx: Any, _axis: None, _filters: None, _n: None, _filtering: None, *tangents: Tensor | None) -> Tensor:
        pairs = [(band, one) for band, one in zip(tangents, ctx.filters, strict=True) if band is not None]
        bands, filters = zip(*pairs, strict=True)
        return transpose(bands, ctx.axis, filters, ctx.n, ctx.filtering)
