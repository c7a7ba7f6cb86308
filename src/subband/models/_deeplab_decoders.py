"""Decoders of DeepLabv3+: from the last map of the backbone and two earlier ones to logits at stride 4."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from subband.layers.downsample import Details, WaveletSplit, WaveletUpsample
from subband.models._aspp import conv_relu
from subband.models._blocks import Norm


def _classify(
    inputs: int, width: int, classes: int, dropout: tuple[float, float], norm: Norm, last: type[nn.Module]
) -> nn.Sequential:
    """Two 3-wide convolutions with dropout after each, and a 1-wide one to the classes."""
    return nn.Sequential(
        *conv_relu(inputs, width, 3, norm=norm),
        nn.Dropout(dropout[0]),
        *conv_relu(width, width, 3, norm=norm),
        last(dropout[1]),
        nn.Conv2d(width, classes, 1),
    )


def resized(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Bring x to other sizes by bilinear interpolation between corner pixels."""
    return F.interpolate(x, size=shape, mode="bilinear", align_corners=True)


class PlainDecoder(nn.Module):
    """Joins the enlarged last map to a thin form of the first one.

    Args:
        channels: Channels of the encoder's map at stride 4.
        width: Channels of the last map and of the decoder.
        classes: Channels of the logits.
        dropout: Probabilities after the two convolutions.
        norm: Normalisation.
    """

    def __init__(self, channels: int, width: int, classes: int, *, dropout: tuple[float, float], norm: Norm) -> None:
        super().__init__()
        thin = max(1, 3 * width // 16)
        self.thin = nn.Sequential(*conv_relu(channels, thin, 1, norm=norm))
        self.head = _classify(width + thin, width, classes, dropout, norm, nn.Dropout)

    def forward(self, x: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Return logits of the size of ``first``; ``second`` is not looked at."""
        thin = self.thin(first)
        logits: Tensor = self.head(torch.cat((resized(x, tuple(thin.shape[2:])), thin), dim=1))
        return logits


class WaveDecoder(nn.Module):
    """Enlarges the last map by inverse wavelet transforms, with the details of the encoder's maps.

    Args:
        channels: Channels of the encoder's map at stride 4, and of that at stride 8 if the last one is at stride 16. A
            last map at stride 8 has the second one's size already, whose details it then does without.
        width: Channels of the last map and of the decoder.
        classes: Channels of the logits.
        dropout: Probabilities after the last two convolutions.
        norm: Normalisation.
        wavelet: As for `subband.transforms.dwt`.
        mode: As for `subband.transforms.dwt`. In ``periodization`` low bands have the sizes of strided convolutions;
            in other modes, the map below is resized to them.
    """

    def __init__(
        self,
        channels: tuple[int, ...],
        width: int,
        classes: int,
        *,
        dropout: tuple[float, float],
        norm: Norm,
        wavelet: str,
        mode: str,
    ) -> None:
        super().__init__()
        self.fits = mode == "periodization"
        self.split, self.up = WaveletSplit(wavelet, mode=mode), WaveletUpsample(wavelet, mode=mode)
        self.first = nn.ModuleDict() if channels[0] == width else _thin_bands(channels[0], width)
        self.second = _thin_bands(channels[1], width) if len(channels) > 1 else None
        self.refine = nn.Sequential(*conv_relu(width, width, 3, norm=norm))
        self.head = _classify(width, width, classes, dropout, norm, nn.Dropout2d)

    def forward(self, x: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Return logits of the size of ``first``."""
        if self.second is not None:
            x = self._enlarge(x, second, self.second)
        logits: Tensor = self.head(self._enlarge(self.refine(x), first, self.first))
        return logits

    def _enlarge(self, x: Tensor, other: Tensor, thin: nn.ModuleDict) -> Tensor:
        """Take x as the low band of a map, and put it together with that map's details, thinned if need be."""
        low, details = self.split(other)
        bands = {name: thin[name](band) for name, band in details.bands.items()} if thin else details.bands
        x = x if self.fits else resized(x, tuple(low.shape[2:]))
        whole: Tensor = self.up(x, Details(bands, details.shape))
        return whole


def _thin_bands(inputs: int, outputs: int) -> nn.ModuleDict:
    """A 1-wide convolution without bias for each detail band of an image."""
    return nn.ModuleDict({name: nn.Conv2d(inputs, outputs, 1, bias=False) for name in ("ad", "da", "dd")})
