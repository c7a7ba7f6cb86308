"""Samplers of the 3-D networks that the wavelets are compared with, as pairs like those of `_sampling`."""

from typing import Literal, TypeAlias

import torch.nn.functional as F
from torch import Tensor, nn

from subband._check import one_of
from subband.layers.downsample import WaveletDownsample, WaveletSplit, WaveletUpsample
from subband.models._sampling import HalvingPool, IndexPool, IndexUnpool

DownName: TypeAlias = Literal["max", "conv", "low-pass", "wavelet"]
UpName: TypeAlias = Literal["unpool", "transposed", "linear", "wavelet"]
DOWN: tuple[DownName, ...] = ("max", "conv", "low-pass", "wavelet")
UP: tuple[UpName, ...] = ("unpool", "transposed", "linear", "wavelet")
Sizes: TypeAlias = tuple[int, ...]


class StridedConv(nn.Module):
    """Convolution of one voxel that keeps every second one along each axis."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(channels, channels, 1, stride=2)

    def forward(self, x: Tensor) -> tuple[Tensor, Sizes]:
        """Return x at half its size, and the sizes before."""
        return self.conv(x), tuple(x.shape[2:])


class LowBand(nn.Module):
    """Low band of a wavelet transform; the details are not computed."""

    def __init__(self, wavelet: str, mode: str) -> None:
        super().__init__()
        self.split = WaveletDownsample(wavelet, dims=3, mode=mode)

    def forward(self, x: Tensor) -> tuple[Tensor, Sizes]:
        """Return x at half its size, and the sizes before."""
        return self.split(x), tuple(x.shape[2:])


class SparseConv(nn.Module):
    """Transposed convolution of one voxel: it writes one voxel in eight, the others are its bias."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose3d(channels, channels, 1, stride=2)

    def forward(self, x: Tensor, sizes: Sizes) -> Tensor:
        """Return x at the sizes before."""
        wide: Tensor = self.conv(x, output_size=list(sizes))
        return wide


class Linear(nn.Module):
    """Trilinear interpolation that keeps the corners where they are."""

    def forward(self, x: Tensor, sizes: Sizes) -> Tensor:
        """Return x at the sizes before."""
        return F.interpolate(x, size=sizes, mode="trilinear", align_corners=True)


def make_down(name: DownName, up: UpName, channels: int, *, wavelet: str, mode: str) -> nn.Module:
    """Sampler that returns a halved map, and what the sampler of the way up needs."""
    if name == "max":
        return IndexPool(3) if up == "unpool" else HalvingPool(3)
    if name == "conv":
        return StridedConv(channels)
    return LowBand(wavelet, mode) if name == "low-pass" else WaveletSplit(wavelet, dims=3, mode=mode)


def make_up(name: UpName, channels: int, *, wavelet: str, mode: str, threshold: float) -> nn.Module:
    """Sampler that doubles a map, given what the way down kept."""
    if name == "unpool":
        return IndexUnpool(3)
    if name == "transposed":
        return SparseConv(channels)
    if name == "linear":
        return Linear()
    return WaveletUpsample(wavelet, dims=3, mode=mode, threshold=threshold or None)


def check_samplers(down: str, up: str, threshold: float) -> None:
    """Raise ``ValueError`` unless the way up can use what the way down keeps."""
    one_of("down", down, DOWN)
    one_of("up", up, UP)
    if (down == "wavelet") != (up == "wavelet"):
        other = "low-pass goes down without them" if down == "wavelet" else "take down='wavelet'"
        raise ValueError(
            f"down is {down!r} and up is {up!r}, but the details of a wavelet are split off by one and put back by the "
            f"other; {other}"
        )
    if up == "unpool" and down != "max":
        raise ValueError(f"down is {down!r}, but up='unpool' needs the places of the maxima; take down='max'")
    if threshold and up != "wavelet":
        raise ValueError(f"threshold is {threshold}, but up={up!r} puts no details back; leave it at 0")
