r"""Two axes at once on a GPU: the sums of `subband.transforms._axis` along rows and columns in one Triton kernel.

.. math:: y_{cd}[i, j] = \sum_{m, l} h_c[m] \, h_d[l] \, x[2i + m - o, \, 2j + l - o]

with x continued beyond its ends, and the transpose of that, each the other's backward. An accelerator that nothing
needs: `subband.transforms._axis` is the definition.
"""

import importlib.util
import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from subband.transforms._fused_launch import Plane, run_analysis, run_transpose
from subband.transforms._signal import memory_order
from subband.transforms.filter_bank import Filter

BANDS = ("aa", "ad", "da", "dd")
MODES = ("periodization", "zero", "authors", "constant", "periodic", "symmetric", "reflect")
"""Those in which a sample beyond the ends is one inside sample, or zero."""
MOST_TAPS = 12
"""Longer filters read each sample so often that one pass for each axis is faster."""


def claims(tensors: Sequence[Tensor], axes: Sequence[int], taps: Filter, mode: str) -> bool:
    """Whether the kernel takes images, or bands of one kind, with such filters."""
    first = tensors[0]
    if torch.compiler.is_compiling() or isinstance(taps, Tensor) or len(taps) > MOST_TAPS or mode not in MODES:
        return False
    alike = all((x.dtype, x.device, x.shape[:-2]) == (first.dtype, first.device, first.shape[:-2]) for x in tensors)
    last = tuple(axes) == (first.ndim - 2, first.ndim - 1) and memory_order(first) == tuple(range(first.ndim))
    return alike and last and all(x.numel() for x in tensors) and _has_triton(first.device.type)


def _has_triton(device: str) -> bool:
    """Whether Triton runs there; its interpreter, for tests, runs on a CPU."""
    able = device == "cuda" or (device == "cpu" and os.environ.get("TRITON_INTERPRET") == "1")
    return able and importlib.util.find_spec("triton") is not None


def analyse(x: Tensor, plane: Plane) -> tuple[Tensor, ...]:
    """Bands aa, ad, da, dd of images (..., H, W)."""
    bands: tuple[Tensor, ...] = _Analysis.apply(plane, x)
    return bands


def transpose(bands: Sequence[Tensor | None], plane: Plane) -> Tensor:
    """Transpose of `analyse`; a missing band is zero, and one must be there."""
    x: Tensor = _Transpose.apply(plane, *bands)
    return x


class _Analysis(torch.autograd.Function):
    """The kernel, with its transpose as its gradient; nothing is kept."""

    @staticmethod
    def forward(plane: Plane, x: Tensor) -> tuple[Tensor, ...]:
        return run_analysis(x, plane)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.plane = inputs[0]
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        return None, None if all(band is None for band in gradients) else transpose(gradients, ctx.plane)

    @staticmethod
    def jvp(ctx: Any, _plane: None, tangent: Tensor) -> tuple[Tensor, ...]:
        return analyse(tangent, ctx.plane)

    @staticmethod
    def vmap(info: Any, dims: Any, plane: Plane, x: Tensor) -> Any:
        return analyse(x.movedim(dims[1], 0), plane), (0,) * 4


class _Transpose(torch.autograd.Function):
    """The transposed kernel, with the kernel as its gradient."""

    @staticmethod
    def forward(plane: Plane, *bands: Tensor | None) -> Tensor:
        return run_transpose(bands, plane)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.plane, ctx.there = inputs[0], [band is not None for band in inputs[1:]]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        bands = analyse(gradients[0], ctx.plane)
        return None, *(band if there else None for band, there in zip(bands, ctx.there, strict=True))

    @staticmethod
    def jvp(ctx: Any, _plane: None, *tangents: Tensor | None) -> Tensor:
        return transpose(tangents, ctx.plane)

    @staticmethod
    def vmap(info: Any, dims: Any, plane: Plane, *bands: Tensor | None) -> Any:
        whole = [
            band if band is None else band.expand(info.batch_size, *band.shape) if dim is None else band.movedim(dim, 0)
            for band, dim in zip(bands, dims[1:], strict=True)
        ]
        return transpose(whole, plane), 0
