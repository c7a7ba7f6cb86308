"""Windows of pooling layers and strides: which samples of an axis are left."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from subband._check import positive

_LARGEST = 100  # taps of one convolution over several axes; more are filtered axis by axis, which is faster


@dataclass(frozen=True)
class Window:
    r"""Which samples are left of an axis: as many as a pooling layer of this window leaves, centred like it.

    .. math:: \lfloor (n + 2p - k) / s \rfloor + 1 \quad\text{or, rounded up,}\quad \lceil (n + 2p - k) / s \rceil + 1

    Attributes:
        size: k, in samples.
        stride: s, a power of two; 1 leaves the axis as it is, 4 is two levels.
        padding: p, in samples on either side, at most half the size.
        ceil_mode: Whether the size is rounded up; as in PyTorch, a last window that would begin beyond the input and
            its left padding is dropped.

    Raises:
        ValueError: If a number is out of its range.

    Example:
        >>> import torch
        >>> from subband.layers import LowPass, Window
        >>> LowPass(window=Window(3, padding=1, ceil_mode=False))(torch.ones(1, 1, 7, 8)).shape
        torch.Size([1, 1, 4, 4])
    """

    size: int = 2
    stride: int = 2
    padding: int = 0
    ceil_mode: bool = True

    def __post_init__(self) -> None:
        positive(size=self.size, stride=self.stride)
        if self.stride & (self.stride - 1):
            raise ValueError(f"stride is {self.stride}, but must be a power of 2")
        if not 0 <= self.padding <= self.size // 2:
            raise ValueError(f"padding is {self.padding}, but must be from 0 to half the size, {self.size // 2}")

    def borders(self, taps: int) -> list[tuple[int, int]]:
        """Zeros in front of and behind the axis, level by level, for a filter of so many taps; negative ones crop."""
        if self.stride == 1:
            return []
        surplus = 2 * self.padding - self.size + (self.stride if self.ceil_mode else 1)
        if self.ceil_mode:
            surplus = min(surplus, self.padding)
        shift = (self.size - self.stride + 1) // 2 - self.padding
        front, borders = (taps - 1) // 2, []
        for level in range(self.stride.bit_length() - 1, 0, -1):
            later = int(surplus / 2) if level > 1 else 0  # what the next level adds or crops counts twice
            first = front - shift
            borders.append((first, taps - 1 + surplus - 2 * later - first))
            surplus, shift = later, 0
        return borders


HALF = Window()
"""What a stride of 2 leaves: n samples become n / 2, rounded up."""


def margins(front: int, behind: int) -> tuple[int, int]:
    """Zero taps that make equal borders of two different ones, which costs less than padding the input."""
    padding = max(front, behind, 0)
    return padding - front, padding - behind


def steps_of(windows: Sequence[Window], taps: int) -> list[dict[int, tuple[int, int]]]:
    """Axes that are halved together and their borders, in the order in which it is done."""
    borders = [window.borders(taps) for window in windows]
    steps: list[dict[int, tuple[int, int]]] = []
    for level in range(max(map(len, borders))):
        level_borders = {axis: own[level] for axis, own in enumerate(borders) if level < len(own)}
        sizes = [taps + sum(margins(*pair)) for pair in level_borders.values()]
        together = math.prod(sizes) <= _LARGEST
        steps += [level_borders] if together else [{axis: pair} for axis, pair in level_borders.items()]
    return steps
