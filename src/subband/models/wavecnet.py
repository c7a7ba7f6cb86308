"""The authors' classification networks by their names."""

import dataclasses
from typing import Any

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from subband._check import one_of, positive
from subband._optional import require
from subband.layers.convert import waveletize
from subband.layers.downsample import WaveletDownsample
from subband.layers.low_pass import Gain
from subband.transforms.filter_bank import FilterBank, Wavelet, filter_bank

_RESNETS = tuple(f"resnet{depth}" for depth in (18, 34, 50, 101, 152))
_PLAIN = (
    "alexnet",
    *(f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn")),
    *_RESNETS,
    *("resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d"),
    *(f"densenet{depth}" for depth in (121, 161, 169, 201)),
    "mobilenet_v2",
)
WAVECNETS = (
    *(f"{name}_dwt" for name in _PLAIN),
    *(f"{name}_dwt_a" for name in _RESNETS),
    *(f"{name}_dwt_c" for name in _RESNETS[:2]),
)
"""Names that `wavecnet` knows."""

_STEMS = (("resne", "conv1"), ("densenet", "features.conv0"), ("mobilenet", "features.0.0"), ("alexnet", "features.0"))


def wavecnet(
    name: str,
    wavelet: Wavelet = "haar",
    *,
    classes: int = 1000,
    gain: Gain = "orthonormal",
    pool_only: bool = True,
) -> nn.Module:
    """Build a network of WaveCNet: torchvision's, with the authors' low-pass filters in it; weights are random.

    Args:
        name: One of `WAVECNETS`, as on the authors' command line: ``resnet18_dwt``, ``vgg16_bn_dwt``,
            ``densenet121_dwt``, ``mobilenet_v2_dwt``, ``resnext50_32x4d_dwt``, ``alexnet_dwt``; ``resnet18_dwt_a``
            takes the mean of the four bands in place of the low one, ``resnet18_dwt_c`` all four as channels.
        wavelet: As for `subband.layers.waveletize`; the authors' ``bior3.3`` is ``ch3.3``. ``_a`` and ``_c`` need a
            wavelet, not a blur.
        classes: Outputs of the classifier.
        gain: As for `subband.layers.waveletize`; the authors' is ``orthonormal``.
        pool_only: Whether the first convolution keeps its stride, as the authors have it by default.

    Returns:
        A network from images (B, 3, H, W) to logits (B, classes), under torchvision's names; see
        `subband.layers.conversion_report`.

    Raises:
        ValueError: If the name is unknown or an option does not go with it.
        ImportError: If torchvision is not installed.

    Source:
        LiQiufu/WaveCNet, ``models_dwt`` and ``models_dwt_ov``. Departures: AlexNet's first convolution is torchvision's
        (stride 4; theirs fails at 224, 227 and 256 pixels), ResNeXt's blocks get their stride (theirs fails), ``_c``
        exists for basic blocks (theirs fails for others), any size of the image.

    Example:
        >>> import torch
        >>> wavecnet("resnet18_dwt", "ch3.3", classes=10)(torch.zeros(2, 3, 65, 64)).shape
        torch.Size([2, 10])
    """
    one_of("name", name, WAVECNETS)
    positive(classes=classes)
    plain, _, variant = name.partition("_dwt")
    if variant == "_c" and (not pool_only or gain != "orthonormal"):
        raise ValueError(f"{name} has no low-pass filters, so that pool_only and gain must keep their defaults")
    models: Any = require("torchvision", extra="vision").models
    options: dict[str, Any] = {"num_classes": classes}
    if plain == "mobilenet_v2":
        options["dropout"] = 0.0
    network: nn.Module = models.get_model(plain, weights=None, **options)
    if variant == "_c":
        return _with_all_bands(network, wavelet)
    bank = _mean_of_bands(wavelet) if variant == "_a" else wavelet
    stem = [where for family, where in _STEMS if plain.startswith(family)]
    return waveletize(network, bank, gain=gain, skip=stem if pool_only else (), max_stride=2 if pool_only else 4)


def _mean_of_bands(wavelet: Wavelet) -> FilterBank:
    """Bank whose low band is the mean of the four bands of an image: (LL + LH + HL + HH) / 4."""
    bank = filter_bank(wavelet)
    both = zip(map(float, bank.dec_lo), map(float, bank.dec_hi), strict=True)
    mean = tuple((low + high) / 2 for low, high in both)
    return dataclasses.replace(bank, dec_lo=mean, name=f"mean of the bands of {bank.name}")


class _AllBands(WaveletDownsample):
    """All bands, of one size for odd sizes too, to which a zero is added."""

    def forward(self, x: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch out half_h half_w"]:
        return super().forward(F.pad(x, (0, x.shape[-1] % 2, 0, x.shape[-2] % 2)))


def _with_all_bands(network: Any, wavelet: Wavelet) -> nn.Module:
    """ResNet of basic blocks whose strides and pooling become all four bands as channels, under the authors' names."""

    def bands() -> WaveletDownsample:
        return _AllBands(wavelet, mode="authors", bands="all")

    def wider(conv: nn.Conv2d) -> nn.Conv2d:
        size: Any = conv.kernel_size
        return nn.Conv2d(4 * conv.in_channels, conv.out_channels, size, padding=size[0] // 2, bias=False)

    network.maxpool = bands()
    first = network.layer1[0]
    first.conv1 = wider(first.conv1)
    first.downsample = nn.Conv2d(4 * 64, 64, 1, bias=False)
    for layer in (network.layer2, network.layer3, network.layer4):
        block = layer[0]
        block.conv1.stride = (1, 1)
        block.conv2 = nn.Sequential(bands(), wider(block.conv2))
        shortcut, norm = block.downsample
        block.downsample = nn.Sequential(bands(), wider(shortcut), norm)
    return network  # type: ignore[no-any-return]
