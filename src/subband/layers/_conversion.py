"""Carries out a conversion whose places are known."""

from collections.abc import Sequence
from typing import Literal, cast

from torch import nn

from subband.layers._functional import filter_calls
from subband.layers._placement import Next
from subband.layers._places import Place
from subband.layers._pooling import Pool, pool_of_module
from subband.layers._swap import filter_conv, filter_pool
from subband.layers._tracing import Traces
from subband.layers.conversion_report import ConversionRow
from subband.layers.low_pass import Gain, LowPass
from subband.layers.window import Window
from subband.transforms.filter_bank import Wavelet

Placement = Literal["authors", "direct"]


class Conversion:
    """One conversion: options, and what they do to each place."""

    def __init__(self, wavelet: Wavelet, gain: Gain, placement: Placement, traces: Traces) -> None:
        self.wavelet, self.gain, self.placement, self.traces = wavelet, gain, placement, traces

    def run(self, places: Sequence[Place]) -> list[ConversionRow]:
        """Convert, and tell where each filter went."""
        active = [place for place in places if not place.reason]
        pools = {place.module for place in active if place.pool is not None and not place.called}
        following = Next(self.traces, pools) if self.placement == "authors" else None
        for place in active:
            if place.pool is not None and not place.called:
                filter_pool(place.module, place.pool.replacement(self.wavelet, self.gain))
        answers: dict[nn.Module, dict[Pool, nn.Module]] = {}
        for place in active:
            if place.pool is not None and place.called:
                answers.setdefault(place.module, {})[place.pool] = place.pool.replacement(self.wavelet, self.gain)
        for owner, filters in answers.items():
            filter_calls(owner, filters)
        return [self._row(place, following) for place in places]

    def _row(self, place: Place, following: Next | None) -> ConversionRow:
        where, reason = "", place.reason
        if not reason:
            where, reason = ("in its place", "") if place.pool is not None else self._convert_conv(place, following)
        return ConversionRow(place.name, place.kind, place.kernel, place.stride, where, reason)

    def _convert_conv(self, place: Place, following: Next | None) -> tuple[str, str]:
        conv = place.module
        conv.stride = (1,) * len(place.stride)  # type: ignore[assignment]
        if _is_pointwise(conv) and (following is not None or _commutes(conv)):
            filter_conv(conv, before=self._low_pass(place))
            return "before itself", ""
        target = following.of(conv) if following is not None else ""
        if following is None or isinstance(target, str):
            filter_conv(conv, after=self._low_pass(place))
            return "after itself", cast(str, target)
        filter_conv(conv)
        if pool_of_module(target) is not None:
            filter_pool(target, self._low_pass(place))
        else:
            filter_conv(target, before=self._low_pass(place))
        return f"before {following.names[target]}", ""

    def _low_pass(self, place: Place) -> LowPass:
        windows = [Window(stride, stride) for stride in place.stride]
        return LowPass(self.wavelet, dims=len(windows), window=windows, gain=self.gain)


def _is_pointwise(conv: nn.Module) -> bool:
    """Whether a convolution is one pixel wide and adds no border."""
    padding = conv.padding
    kernel = cast(tuple[int, ...], conv.kernel_size)
    return max(kernel) == 1 and (padding == "valid" or max(cast(tuple[int, ...], padding)) == 0)


def _commutes(conv: nn.Module) -> bool:
    """Whether filtering before this 1x1 convolution gives the same numbers as after it."""
    plain = {nn.Conv1d.forward, nn.Conv2d.forward, nn.Conv3d.forward}
    return conv.bias is None and type(conv).forward in plain
