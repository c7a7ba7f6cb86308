"""Gives one instance another forward by changing its class; names, weights, hooks, copies and pickles stay whole."""

from typing import Any, ClassVar

from torch import Tensor, nn

from subband.layers.low_pass import LowPass

_CLASSES: dict[tuple[type, type], type[nn.Module]] = {}


class Swapped(nn.Module):
    """Base of the classes that `swap` mixes into the class of an instance."""

    mixin: ClassVar[type["Swapped"]]
    original: ClassVar[type[nn.Module]]

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _rebuild, (self.mixin, self.original), self.__dict__.copy()


class FilteredConv(Swapped):
    """Convolution that lost its stride, or one that carries the low-pass filter of the convolution before it."""

    low_pass_before: nn.Module | None
    low_pass_after: nn.Module | None

    def forward(self, x: Tensor) -> Tensor:
        """Filter, convolve as the original class does, filter."""
        if self.low_pass_before is not None:
            x = self.low_pass_before(x)
        x = super().forward(x)
        return x if self.low_pass_after is None else self.low_pass_after(x)


class FilteredPool(Swapped):
    """Pooling layer that became a low-pass filter."""

    low_pass: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        """Filter in place of pooling."""
        y: Tensor = self.low_pass(x)
        return y


def swap(module: nn.Module, mixin: type[Swapped]) -> None:
    """Mix a class into that of an instance, unless it is in."""
    if not isinstance(module, mixin):
        module.__class__ = _swapped_class(mixin, type(module))


def filter_conv(conv: nn.Module, *, before: LowPass | None = None, after: LowPass | None = None) -> None:
    """Put low-pass filters before and after a convolution; the last one put before it comes first."""
    if not isinstance(conv, FilteredConv):
        swap(conv, FilteredConv)
        conv.low_pass_before = conv.low_pass_after = None  # type: ignore[assignment]
    if before is not None:
        inner = conv.low_pass_before
        conv.low_pass_before = _chain(before, inner if isinstance(inner, nn.Module) else None)
    if after is not None:
        conv.low_pass_after = after


def filter_pool(pool: nn.Module, low_pass: nn.Module) -> None:
    """Put a low-pass filter in place of a pooling layer, or in front of the one that is there."""
    inner = pool.low_pass if isinstance(pool, FilteredPool) else None
    swap(pool, FilteredPool)
    pool.low_pass = _chain(low_pass, inner)


def _chain(first: nn.Module, second: nn.Module | None) -> nn.Module:
    return first if second is None else nn.Sequential(first, second)


def _swapped_class(mixin: type[Swapped], original: type[nn.Module]) -> type[nn.Module]:
    if (mixin, original) not in _CLASSES:
        body = {"mixin": mixin, "original": original, "__module__": mixin.__module__, "__doc__": original.__doc__}
        _CLASSES[mixin, original] = type(f"LowPass{original.__name__}", (mixin, original), body)
    return _CLASSES[mixin, original]


def _rebuild(mixin: type[Swapped], original: type[nn.Module]) -> nn.Module:
    """Empty instance for copies and pickles, whose state comes next."""
    swapped = _swapped_class(mixin, original)
    empty: nn.Module = swapped.__new__(swapped)
    return empty
