r"""Filters along one axis, and the transpose of that: all that discrete wavelet transforms are made of.

.. math:: y_c[k] = \sum_m h_c[m] \, x\big[s k + d m - o\big]

for filters c (low and high), step s, dilation d and offset o, with x continued beyond its ends by a mode. It runs on
polyphase planes :math:`x_r[j] = x[s j + r - o]`, in which every tap reads one contiguous slice. The transpose is the
gradient, and, with the synthesis filters, the inverse. Each is the other's backward, so nothing is kept for it and
second derivatives are there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zlib import crc32

import torch
from torch import Tensor

from subband.transforms._border import fold_outside, outside, periodic_around, zeros_around
from subband.transforms._correlate import Term, correlate, every, in_turn
from subband.transforms._graph import own_graph
from subband.transforms._parts import in_parts
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
        return self.dilation * tap // self.step, self.dilation * tap % self.step


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
        _needed([(plane, shift, one[m]) for m in range(taps) for shift, plane in [filtering.place(m)]])
        for one in filters
    )
    return correlate(planes, axis, terms, planes[0].shape[axis] - filtering.place(taps - 1)[0])


def _transpose(bands: Sequence[Tensor], axis: int, filters: Sequence[Filter], n: int, filtering: Filtering) -> Tensor:
    start, count, wraps = filtering.before, bands[0].shape[axis], _wraps(bands[0].shape[axis], n, filtering)
    folds = not wraps and filtering.mode not in ("zero", "authors")
    around = periodic_around if wraps else zeros_around
    behind = _span(filters, filtering) + 1
    if _known(n):
        read = [(start, n), (start + n, filtering.after)] if folds else [(start, n)]
        behind = max(0, *(sum(_rows(*samples, filtering.step)) - count for samples in read))
    padded = [around(band, axis, _span(filters, filtering), behind) for band in bands]
    x = _spread(padded, axis, filters, (start, n), filtering)
    if folds:
        before, after = _beyond(n, filtering, x.device)
        front = _spread(padded, axis, filters, (0, start), filtering)
        fold_outside(x, axis, before, front, filtering.mode)
        back = _spread(padded, axis, filters, (start + n, filtering.after), filtering)
        fold_outside(x, axis, after, back, filtering.mode)
    return x


def _spread(
    padded: Sequence[Tensor], axis: int, filters: Sequence[Filter], samples: tuple[int, int], filtering: Filtering
) -> Tensor:
    """The transpose of a sum over the taps alone: which first sample and how many, of bands with others around them."""
    first, count = samples
    step, span = filtering.step, _span(filters, filtering)
    row, rows = _rows(first, count, step) if _known(padded[0].shape[axis]) else (0, padded[0].shape[axis] - span)
    terms = tuple(
        _needed(
            [
                (number, row + span - filtering.place(m)[0], one[m])
                for number, one in enumerate(filters)
                for m in range(len(one))
                if filtering.place(m)[1] == plane
            ]
        )
        for plane in range(step)
    )
    return in_turn(correlate(padded, axis, terms, rows), axis, first - row * step, count)


def _needed(terms: list[Term]) -> tuple[Term, ...]:
    """The terms without those of zero taps, which biorthogonal filters have at their ends; at least one."""
    return tuple(term for term in terms if isinstance(term[2], Tensor) or term[2] != 0) or tuple(terms[:1])


def _rows(first: int, count: int, step: int) -> tuple[int, int]:
    """First row of the planes that hold these samples, and the number of rows."""
    return first // step, -(-count // step) + (first % step > 0)


def _span(filters: Sequence[Filter], filtering: Filtering) -> int:
    """Samples of a plane between the first and the last tap."""
    return filtering.place(len(filters[0]) - 1)[0]


def _wraps(count: int, n: int, filtering: Filtering) -> bool:
    """Whether the transpose of a periodic signal is that of periodic bands, with nothing beyond the ends to fold."""
    if not _known(n):
        return False
    periodic = filtering.mode == "periodic" or (filtering.mode == "periodization" and n % 2 == 0)
    return periodic and count * filtering.step == n


def _known(size: int) -> bool:
    """Whether a size is a number, as it is everywhere but in an exported graph of any size."""
    return not isinstance(size, torch.SymInt)


def _planes(x: Tensor, axis: int, filtering: Filtering) -> list[Tensor]:
    """Polyphase planes of x and of what lies beyond its ends, all of one length."""
    n, step, start = x.shape[axis], filtering.step, filtering.before
    before, after = _beyond(n, filtering, x.device)
    length = start + n + filtering.after
    if _known(n):  # what no plane reads; in an exported graph it is left on
        after = after[: max(0, length // step * step - start - n)]
    ends = (outside(x, axis, before, filtering.mode), outside(x, axis, after, filtering.mode))
    pieces = [(0, ends[0]), (start, x), (start + n, ends[1])]
    if not _known(n):
        extended = torch.cat([piece for _, piece in pieces], axis)
        return [every(extended, axis, plane, step, plane + length - step + 1) for plane in range(step)]
    return [
        _joined([every(piece, axis, (plane - first) % step, step) for first, piece in pieces], axis, length // step)
        for plane in range(step)
    ]


def _joined(pieces: list[Tensor], axis: int, rows: int) -> Tensor:
    """First ``rows`` rows of the pieces put together; one piece alone stays a view."""
    filled = [piece for piece in pieces if not _known(rows) or piece.shape[axis]] or pieces[:1]
    if len(filled) > 1:
        return torch.cat(filled, axis).narrow(axis, 0, rows)
    plane = filled[0].narrow(axis, 0, rows)
    return plane if torch.compiler.is_compiling() else plane.contiguous()


def _beyond(n: int, filtering: Filtering, device: torch.device) -> tuple[Tensor, Tensor]:
    """Positions before and after n samples."""
    return torch.arange(-filtering.before, 0, device=device), n + torch.arange(filtering.after, device=device)


@lru_cache(maxsize=512)
def _compiled_analysis(
    axis: int, octave: int, filters: tuple[Filter, ...], filtering: Filtering
) -> Callable[[Tensor], tuple[Tensor, ...]]:
    """`_analyse` with its borders in one graph, but one axis only: of two, the first would be done again per tap.

    Each octave of sizes has its own, since the levels of one transform would make the sizes of a graph variable, and it
    slower.
    """
    return own_graph(
        lambda x: _analyse(x, axis, filters, filtering), f"analysis_{_name(axis, octave, filters, filtering)}"
    )


@lru_cache(maxsize=512)
def _compiled_transpose(
    axis: int, octave: int, filters: tuple[Filter, ...], filtering: Filtering
) -> Callable[[Sequence[Tensor], int], Tensor]:
    """`_transpose` in one graph."""
    return own_graph(
        lambda bands, n: _transpose(bands, axis, filters, n, filtering),
        f"transpose_{_name(axis, octave, filters, filtering)}",
    )


def _name(*options: object) -> str:
    """A name for each choice of options: what torch.compile sees change under one name, it takes for a variable."""
    return f"{crc32(repr(options).encode()):x}"


class _Analysis(torch.autograd.Function):
    """`_analyse` with `_transpose` as its gradient."""

    @staticmethod
    def forward(x: Tensor, axis: int, filters: Sequence[Filter], filtering: Filtering) -> tuple[Tensor, ...]:
        if filtering.compiled and not torch.compiler.is_compiling():
            return _compiled_analysis(axis, x.shape[axis].bit_length(), filters, filtering)(x.detach())
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
        if filtering.compiled and not torch.compiler.is_compiling():
            return _compiled_transpose(axis, n.bit_length(), filters, filtering)([band.detach() for band in bands], n)
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
