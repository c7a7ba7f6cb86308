"""Pieces of the U-shaped networks, once for two and three dimensions."""

import math
from collections.abc import Callable
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

Norm = Literal["batch", "instance", "group"]

_CONV: dict[int, type[nn.Conv2d] | type[nn.Conv3d]] = {2: nn.Conv2d, 3: nn.Conv3d}
_POOL: dict[int, type[nn.MaxPool2d] | type[nn.MaxPool3d]] = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
_NORM: dict[str, dict[int, Callable[[int], nn.Module]]] = {
    "batch": {2: nn.BatchNorm2d, 3: nn.BatchNorm3d},
    "instance": {dims: lambda channels: nn.GroupNorm(channels, channels) for dims in (2, 3)},
    "group": {dims: lambda channels: nn.GroupNorm(math.gcd(8, channels), channels) for dims in (2, 3)},
}


def conv(inputs: int, outputs: int, size: int, *, dims: int) -> nn.Module:
    """Convolution that keeps the size."""
    return _CONV[dims](inputs, outputs, size, padding=size // 2)


def conv_norm(inputs: int, outputs: int, size: int, *, norm: Norm, dims: int) -> list[nn.Module]:
    """Convolution and normalisation."""
    return [conv(inputs, outputs, size, dims=dims), _NORM[norm][dims](outputs)]


def double_conv(inputs: int, outputs: int, *, norm: Norm, dims: int) -> nn.Sequential:
    """Twice: 3-wide convolution, normalisation, ReLU."""
    first = conv_norm(inputs, outputs, 3, norm=norm, dims=dims)
    second = conv_norm(outputs, outputs, 3, norm=norm, dims=dims)
    return nn.Sequential(*first, nn.ReLU(inplace=True), *second, nn.ReLU(inplace=True))


def up_conv(inputs: int, outputs: int, *, norm: Norm, dims: int) -> nn.Sequential:
    """Double the size by repeating pixels, then 3-wide convolution, normalisation, ReLU."""
    layers = conv_norm(inputs, outputs, 3, norm=norm, dims=dims)
    return nn.Sequential(nn.Upsample(scale_factor=2), *layers, nn.ReLU(inplace=True))


def halve(dims: int) -> nn.Module:
    """Max-pooling over two pixels along each axis."""
    return _POOL[dims](2)


class AttentionGate(nn.Module):
    r"""Additive attention of a skip connection :math:`x` under a gating signal :math:`g`.

    .. math:: x \cdot \sigma(\psi(\mathrm{ReLU}(W_g g + W_x x)))

    Source: Oktay et al., 2018 (arXiv:1804.03999), equations 1 and 2, in LeeJunHyun's form: :math:`g` has the size of
    :math:`x` already, and every 1-wide convolution is followed by a normalisation.
    """

    def __init__(self, channels: int, inner: int, *, norm: Norm, dims: int) -> None:
        super().__init__()
        self.signal = nn.Sequential(*conv_norm(channels, inner, 1, norm=norm, dims=dims))
        self.skip = nn.Sequential(*conv_norm(channels, inner, 1, norm=norm, dims=dims))
        self.psi = nn.Sequential(*conv_norm(inner, 1, 1, norm=norm, dims=dims), nn.Sigmoid())

    def forward(self, signal: Tensor, skip: Tensor) -> Tensor:
        """Return the skip connection, each pixel times its attention in (0, 1)."""
        weight: Tensor = self.psi(F.relu(self.signal(signal) + self.skip(skip), inplace=True))
        return skip * weight


def pad_to_multiple(x: Tensor, multiple: int, *, smallest: int = 1) -> tuple[Tensor, list[slice]]:
    """Pad all axes after the second to a multiple, half of it in front, and tell where the input lies.

    Args:
        x: Tensor (B, C, *space).
        multiple: What the padded sizes are multiples of, in pixels.
        smallest: Least padded size, in pixels, a multiple of ``multiple``.

    Returns:
        The padded tensor, mirrored at the border (or with the border repeated where the image is smaller than the
        padding), and the slices that cut the input out of it.
    """
    sizes = x.shape[2:]
    missing = [max(smallest, math.ceil(size / multiple) * multiple) - size for size in sizes]
    inside = [slice(total // 2, total // 2 + size) for total, size in zip(missing, sizes, strict=True)]
    if not any(missing):
        return x, inside
    widths = [width for total in reversed(missing) for width in (total // 2, total - total // 2)]
    fits = all(total - total // 2 < size for total, size in zip(missing, sizes, strict=True))
    return F.pad(x, widths, mode="reflect" if fits else "replicate"), inside
