"""Encoder and mirrored decoder of the networks that grew out of VGG: SegNet, the VGG U-Net, and their wavelet forms.

Layers lie one after another, numbered as torchvision and the authors number theirs, samplers included: entry
``features.N`` of a VGG checkpoint is ``encoder.N`` here.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal, TypeAlias

import torch
from torch import Tensor, nn

from subband._check import one_of, positive
from subband.layers.downsample import WaveletSplit, WaveletUpsample
from subband.models._blocks import Norm, conv, conv_norm
from subband.models._image import check_image, pad_small
from subband.models._sampling import Down, Kept, Up
from subband.transforms._border import MODES

VggNorm: TypeAlias = Norm | Literal["none"]
Plan: TypeAlias = Sequence[Sequence[int]]
AUTHORS_NAMES = {"encoder": "features", "decoder": "decoders", "head": "classifier_seg.0"}

_LAYERS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


def vgg_plan(layers: int, *, width: int, depth: int) -> Plan:
    """Channels of every convolution of a VGG, level by level.

    Raises:
        ValueError: If there is no VGG of so many layers, or it has fewer levels.

    Example:
        >>> vgg_plan(16, width=64, depth=3)
        ((64, 64), (128, 128), (256, 256, 256))
    """
    positive(width=width, depth=depth)
    if layers not in _LAYERS:
        raise ValueError(f"layers is {layers}, but a VGG has {', '.join(map(str, _LAYERS))}")
    counts = _LAYERS[layers]
    if depth > len(counts):
        raise ValueError(f"depth is {depth}, but a VGG has {len(counts)} levels; take at most that")
    return tuple((width * min(2**level, 8),) * count for level, count in enumerate(counts[:depth]))


class Encoder(nn.ModuleList):
    """Convolutions of every level, each level closed by a sampler that halves the map."""

    def __init__(
        self, inputs: int, plan: Plan, down: Callable[[], Down], *, norm: VggNorm, keep: bool, dims: int
    ) -> None:
        super().__init__()
        self.keep = keep
        for widths in plan:
            for outputs in widths:
                self.extend(_convolution(inputs, outputs, norm=norm, dims=dims))
                inputs = outputs
            self.append(down())

    def forward(self, x: Tensor) -> tuple[Tensor, list[Kept], list[Tensor]]:
        """Return the lowest map, what each sampler keeps for the way up, and, if they are kept, the maps before it."""
        kept: list[Kept] = []
        maps: list[Tensor] = []
        for layer in self:
            if isinstance(layer, Down):
                if self.keep:
                    maps.append(x)
                x, waiting = layer(x)
                kept.append(waiting)
            else:
                x = layer(x)
        return x, kept, maps


class Decoder(nn.ModuleList):
    """The encoder's levels in reverse, each opened by a sampler that doubles the map.

    A convolution keeps the width that it has in the encoder; the last one of a level goes to the width of the level
    above, and of all to ``last``. If the encoder's map is joined to the doubled one, the first
    convolution of a level sees both.
    """

    def __init__(
        self, plan: Plan, last: int, up: Callable[[int, int], Up], *, norm: VggNorm, joined: bool, dims: int
    ) -> None:
        super().__init__()
        below = plan[-1][-1]
        for level in range(len(plan) - 1, -1, -1):
            widths = plan[level][::-1]
            above = plan[level - 1][-1] if level else last
            self.append(up(below, widths[0]))
            for number, (inputs, outputs) in enumerate(zip(widths, (*widths[1:], above), strict=True)):
                seen = 2 * inputs if joined and number == 0 else inputs
                self.extend(_convolution(seen, outputs, norm=norm, dims=dims))
            below = above

    def forward(self, x: Tensor, kept: list[Kept], maps: list[Tensor]) -> Tensor:
        """Return a map of the image's size; both lists are used up from their end."""
        for layer in self:
            if isinstance(layer, Up):
                x = layer(x, kept.pop())
                x = torch.cat((x, maps.pop()), dim=1) if maps else x
            else:
                x = layer(x)
        return x


class VggNet(nn.Module):
    """Encoder, mirrored decoder, and a 1-wide convolution to the classes.

    A subclass says how its plain form samples; with a wavelet both forms split and put together.

    Args:
        in_channels: Channels of the image.
        classes: Channels of the logits.
        plan: Channels of every convolution, level by level; see `vgg_plan`.
        last: Channels of the map that the classes are read from.
        norm: Normalisation after every convolution.
        wavelet: Wavelet that samples, or None for the plain form.
        mode: Border of the wavelet transform.

    Raises:
        ValueError: If an option is out of range or unknown.
    """

    joined: ClassVar[bool]

    def __init__(
        self, in_channels: int, classes: int, plan: Plan, last: int, *, norm: VggNorm, wavelet: str | None, mode: str
    ) -> None:
        positive(in_channels=in_channels, classes=classes)
        one_of("norm", norm, ("batch", "instance", "group", "none"))
        one_of("mode", mode, MODES)
        super().__init__()
        self.in_channels, self.wavelet, self.mode, self.smallest = in_channels, wavelet, mode, 2 ** len(plan)
        self.encoder = Encoder(in_channels, plan, self._down, norm=norm, keep=self.joined, dims=2)
        self.decoder = Decoder(plan, last, self._up, norm=norm, joined=self.joined, dims=2)
        self.head = conv(last, classes, 1, dims=2)
        kaiming(self)

    def plain_down(self) -> Down:
        """Sampler of the plain form that halves a map."""
        raise NotImplementedError

    def plain_up(self, inputs: int, outputs: int) -> Up:
        """Sampler of the plain form that doubles a map."""
        raise NotImplementedError

    def _down(self) -> Down:
        return WaveletSplit(self.wavelet, mode=self.mode) if self.wavelet else self.plain_down()

    def _up(self, inputs: int, outputs: int) -> Up:
        return WaveletUpsample(self.wavelet, mode=self.mode) if self.wavelet else self.plain_up(inputs, outputs)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (B, classes, H, W) of images (B, in_channels, H, W)."""
        check_image(image, self.in_channels)
        x, inside = pad_small(image, self.smallest)
        logits: Tensor = self.head(self.decoder(*self.encoder(x)))
        return logits[(slice(None), slice(None), *inside)]


def kaiming(network: nn.Module) -> None:
    """Draw the weights of all convolutions from Kaiming's normal distribution by fan-out; biases become zero."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def load_vgg_encoder(model: VggNet, state: Mapping[str, Tensor]) -> list[str]:
    """Fill the encoder from a VGG checkpoint.

    Args:
        model: `SegNet`, `VggUNet` or a wavelet form of them, of the checkpoint's number of layers and widths.
        state: ``state_dict()`` of torchvision's ``vgg11`` to ``vgg19_bn`` (those without ``bn`` go into
            ``norm="none"``), or of the authors' networks, whose names begin with ``features.``, ``module.features.`` or
            ``features.module.``.

    Returns:
        Names of the state that no layer of the encoder takes, such as those of the classifier.

    Raises:
        ValueError: If the encoder needs an entry that the state does not have, or of another shape.

    Source:
        Names: torchvision ``models/vgg.py``; LiQiufu/WaveCNet, saved from ``DataParallel``.

    Example:
        >>> from subband.models import SegNet
        >>> model = SegNet(width=4, depth=1)
        >>> state = {f"features.{name}": value for name, value in model.encoder.state_dict().items()}
        >>> load_vgg_encoder(model, {**state, "classifier.0.bias": state["features.0.bias"]})
        ['classifier.0.bias']
    """
    names = {_plain(name): name for name in state}
    own = model.encoder.state_dict()
    for name, value in own.items():
        theirs = names.get(f"features.{name}")
        if theirs is None:
            raise ValueError(
                f"the state has no features.{name}, which encoder.{name} needs; it is of a VGG with other layers, "
                "or without the normalisation: check layers, depth and norm"
            )
        if state[theirs].shape != value.shape:
            raise ValueError(
                f"{theirs} has shape {tuple(state[theirs].shape)}, but this encoder needs {tuple(value.shape)}; "
                "check in_channels, width and layers"
            )
    model.encoder.load_state_dict({name: state[names[f"features.{name}"]] for name in own})
    used = {names[f"features.{name}"] for name in own}
    return [name for name in state if name not in used]


def _plain(name: str) -> str:
    """A name without what ``DataParallel`` puts around it."""
    return name.removeprefix("module.").replace("features.module.", "features.", 1)


def _convolution(inputs: int, outputs: int, *, norm: VggNorm, dims: int) -> list[nn.Module]:
    """3-wide convolution, normalisation if any, ReLU."""
    if norm == "none":
        return [conv(inputs, outputs, 3, dims=dims), nn.ReLU(inplace=True)]
    return [*conv_norm(inputs, outputs, 3, norm=norm, dims=dims), nn.ReLU(inplace=True)]
