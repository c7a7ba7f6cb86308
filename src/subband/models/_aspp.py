"""Atrous spatial pyramid pooling: what DeepLab reads from the last map of its backbone."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from subband.models._blocks import _NORM, Norm


def conv_relu(inputs: int, outputs: int, size: int, *, norm: Norm, dilation: int = 1) -> list[nn.Module]:
    """Convolution without bias that keeps the size, normalisation, ReLU."""
    padding = dilation * (size // 2)
    layer = nn.Conv2d(inputs, outputs, size, padding=padding, dilation=dilation, bias=False)
    return [layer, _NORM[norm][2](outputs), nn.ReLU(inplace=True)]


class LoneNorm(nn.BatchNorm2d):
    """Batch normalisation that a batch of one pixel passes by the running statistics.

    One number has no variance: PyTorch refuses it in training, and its normalisation would be zero whatever it is.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised map."""
        if self.training and input.shape[0] * input.shape[2] * input.shape[3] == 1:
            return F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(input)


def pooled_norm(channels: int, norm: Norm) -> nn.Module:
    """Normalisation of a map of one pixel.

    Each channel of one instance is a single number there, which ``instance`` would turn into zero: groups of channels
    are normalised instead.
    """
    groups = math.gcd(8, channels)
    return LoneNorm(channels) if norm == "batch" else nn.GroupNorm(groups if groups < channels else 1, channels)


class ASPP(nn.Module):
    """Five views of one map, from one pixel to all of it, and a 1-wide convolution over them.

    Args:
        inputs: Channels of the map.
        outputs: Channels of every view and of the result.
        rates: Dilations of the three 3-wide convolutions, in pixels of the map.
        norm: Normalisation.

    Source:
        Chen et al., DeepLabv3, 2017 (arXiv:1706.05587): rates 6, 12, 18 at output stride 16, twice that at 8.
    """

    def __init__(self, inputs: int, outputs: int, *, rates: tuple[int, ...], norm: Norm) -> None:
        super().__init__()
        views = [conv_relu(inputs, outputs, 1, norm=norm)]
        views += [conv_relu(inputs, outputs, 3, norm=norm, dilation=rate) for rate in rates]
        self.views = nn.ModuleList(nn.Sequential(*layers) for layers in views)
        self.whole = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            pooled_norm(outputs, norm),
            nn.ReLU(inplace=True),
        )
        self.join = nn.Sequential(*conv_relu((len(views) + 1) * outputs, outputs, 1, norm=norm), nn.Dropout(0.5))

    def forward(self, x: Tensor) -> Tensor:
        """Return a map (B, outputs, H, W) of x (B, inputs, H, W)."""
        whole = self.whole(x).expand(-1, -1, *x.shape[2:])
        joined: Tensor = self.join(torch.cat([*(view(x) for view in self.views), whole], dim=1))
        return joined
