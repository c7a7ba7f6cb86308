"""Pooling layers and calls: their numbers, why one stays as it is, and the low-pass filter that replaces it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.pooling import _AvgPoolNd, _MaxPoolNd

from subband.layers.low_pass import Gain, LowPass
from subband.layers.window import Window
from subband.transforms.filter_bank import Wavelet

_ORDER = {
    "max": ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"),
    "avg": ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"),
}
_CALLS = {
    f"{kind}_pool{dims}d{ending}": (kind, dims)
    for kind in ("max", "avg")
    for dims in (1, 2, 3)
    for ending in ("", "_with_indices")
}


@dataclass(frozen=True)
class Pool:
    """A max-pooling or average-pooling over ``dims`` axes; sizes one for each axis."""

    kind: Literal["max", "avg"]
    dims: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    ceil_mode: bool
    special: str

    def kept_because(self, max_stride: int) -> str:
        """Why it stays as it is, or an empty string."""
        if max(self.stride) == 1:
            return "stride 1"
        return self.special or stride_reason(self.stride, max_stride)

    def replacement(self, wavelet: Wavelet, gain: Gain) -> nn.Module:
        """What takes its place: a low-pass filter, after a pooling over the axes of stride 1."""
        numbers = list(zip(self.size, self.stride, self.padding, strict=True))
        windows = [
            Window(stride=1) if stride == 1 else Window(size, stride, padding, self.ceil_mode)
            for size, stride, padding in numbers
        ]
        low_pass = LowPass(wavelet, dims=self.dims, window=windows, gain=gain)
        size = tuple(size if stride == 1 else 1 for size, stride, _ in numbers)
        padding = tuple(padding if stride == 1 else 0 for _, stride, padding in numbers)
        return low_pass if max(size) == 1 else nn.Sequential(_Dense(self.kind, size, padding), low_pass)


class _Dense(nn.Module):
    """Pooling of stride 1 over some axes."""

    def __init__(self, kind: str, size: tuple[int, ...], padding: tuple[int, ...]) -> None:
        super().__init__()
        self.call = f"{kind}_pool{len(size)}d"
        self.size, self.padding = size, padding

    def forward(self, x: Tensor) -> Tensor:
        """Pool without a stride."""
        y: Tensor = getattr(F, self.call)(x, self.size, stride=1, padding=self.padding)
        return y

    def extra_repr(self) -> str:
        """Options, for ``print``."""
        return f"{self.call}, size={self.size}, padding={self.padding}"


def stride_reason(stride: Sequence[int], max_stride: int) -> str:
    """Why a stride stays as it is, or an empty string."""
    shown = stride[0] if len(set(stride)) == 1 else tuple(stride)
    if any(one & (one - 1) for one in stride):
        return f"stride {shown} is no power of 2"
    return f"stride {shown} is over max_stride={max_stride}" if max(stride) > max_stride else ""


def pool_of_module(module: nn.Module) -> Pool | None:
    """Numbers of a pooling layer; None for another module."""
    if not isinstance(module, _MaxPoolNd | _AvgPoolNd):
        return None
    kind = "max" if isinstance(module, _MaxPoolNd) else "avg"
    dims = next(int(base.__name__[-2]) for base in type(module).__mro__ if base.__module__ == _MaxPoolNd.__module__)
    return _pool(kind, dims, {name: getattr(module, name) for name in _ORDER[kind] if hasattr(module, name)})


def pool_of_call(name: str, args: Sequence[Any], options: Mapping[str, Any]) -> Pool | None:
    """Numbers of a call of ``torch.nn.functional``; None for another function, and for numbers known only when run."""
    if name not in _CALLS:
        return None
    kind, dims = _CALLS[name]
    given = {**dict(zip(_ORDER[kind], args[1:], strict=False)), **options}
    if name.endswith("_with_indices"):
        given["return_indices"] = True
    return _pool(kind, dims, given)


def _pool(kind: str, dims: int, given: Mapping[str, Any]) -> Pool | None:
    size = _each(given.get("kernel_size"), dims)
    stride = _each(given.get("stride"), dims) or size
    padding, dilation = (_each(given.get(name, default), dims) for name, default in (("padding", 0), ("dilation", 1)))
    ceil_mode = given.get("ceil_mode", False)
    if size is None or stride is None or padding is None or dilation is None or not isinstance(ceil_mode, bool):
        return None
    special = ""
    if given.get("return_indices"):
        special = "returns indices, which an unpooling needs"
    elif max(dilation) > 1:
        special = "dilated"
    elif given.get("divisor_override") is not None:
        special = "has its own divisor"
    return Pool(cast(Literal["max", "avg"], kind), dims, size, stride, padding, ceil_mode, special)


def _each(value: Any, dims: int) -> tuple[int, ...] | None:
    """One number for each axis; None for what is no number, as an empty stride."""
    values = (value,) * dims if isinstance(value, int) else tuple(value) if isinstance(value, tuple | list) else ()
    values = values * dims if len(values) == 1 else values
    return values if len(values) == dims and all(type(one) is int for one in values) else None
