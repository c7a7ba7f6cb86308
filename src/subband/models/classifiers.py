"""Image classifiers: a small ResNet of ours, and any network of torchvision or timm, with wavelets if wanted."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from subband._check import closest, positive
from subband._optional import require
from subband.layers.convert import waveletize

CONVERSION = ("wavelet", "placement", "gain", "max_stride", "skip")
"""Options that go to `subband.layers.waveletize`; the others are the network's own."""


class _Block(nn.Module):
    """Two 3-wide convolutions and a shortcut; names and places as in torchvision's basic block."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.downsample = (
            nn.Sequential(nn.Conv2d(channels, out, 1, stride=stride, bias=False), nn.BatchNorm2d(out))
            if stride > 1 or channels != out
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        found: Tensor = self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))) + shortcut)
        return found


class CifarResNet(nn.Module):
    """ResNet for small images: a 3-wide convolution, three stages of 1, 2 and 4 times the width, global mean, linear.

    The second and the third stage begin with a stride of 2. There are ``6 * blocks + 2`` layers: 20 for three blocks.

    Args:
        in_channels: Channels of the image.
        classes: Number of logits.
        width: Channels of the first stage.
        blocks: Blocks in each stage.

    Raises:
        ValueError: If a size is not positive.

    Source:
        He et al., 2015 (arXiv:1512.03385), section 4.2. Shortcuts of another size are a 1x1 convolution (their option
        B) instead of padding, so that they can be converted; weights start as in theirs, by Kaiming's normal.

    Example:
        >>> import torch
        >>> CifarResNet(3, 10, width=4, blocks=1)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(self, in_channels: int = 3, classes: int = 10, *, width: int = 16, blocks: int = 3) -> None:
        super().__init__()
        positive(in_channels=in_channels, classes=classes, width=width, blocks=blocks)
        self.conv1 = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        sizes = (width, width, 2 * width, 4 * width)
        self.layer1, self.layer2, self.layer3 = (
            nn.Sequential(*(_Block(out if place else before, out, 1 if place else stride) for place in range(blocks)))
            for before, out, stride in zip(sizes, sizes[1:], (1, 2, 2), strict=False)
        )
        self.fc = nn.Linear(4 * width, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch classes"]:
        """Logits."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        found: Tensor = self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))
        return found


def classifier(
    name: str, *, channels: int = 3, classes: int = 10, options: Mapping[str, Any] | None = None
) -> nn.Module:
    """Build a classifier with random weights, and convert it if ``options`` hold a wavelet.

    Args:
        name: ``cifar-resnet``, a name of torchvision such as ``resnet18``, or of timm as ``timm/resnet50d``.
        channels: Channels of the image; the first convolution of a torchvision network is another one unless they are
            3.
        classes: Number of logits.
        options: ``wavelet`` (``none``, a wavelet or a blur), ``placement``, ``gain``, ``max_stride`` and ``skip`` as
            for `subband.layers.waveletize`; the others are the network's own.

    Returns:
        A network from images (B, C, H, W) to logits (B, classes).

    Raises:
        ValueError: If the name or an option is unknown.
        ImportError: If the package of the name is not installed.

    Example:
        >>> network = classifier("cifar-resnet", classes=10, options={"width": 4, "wavelet": "ch3.3"})
        >>> sum(parameter.numel() for parameter in network.parameters())
        17534
    """
    return with_wavelets(name, options, lambda own: _plain(name, channels, classes, own))


def with_wavelets(
    name: str, options: Mapping[str, Any] | None, build: Callable[[dict[str, Any]], nn.Module]
) -> nn.Module:
    """Build a network from its own options and convert it by those of `CONVERSION`.

    Args:
        name: Of the network, for errors.
        options: As for `classifier`.
        build: Called with the network's own options.

    Raises:
        ValueError: If an option is unknown.
    """
    given = dict(options or {})
    conversion = {key: given.pop(key) for key in CONVERSION if key in given}
    wavelet = conversion.pop("wavelet", "none")
    if wavelet in (None, "none") and conversion:
        raise ValueError(f"the option {next(iter(conversion))!r} goes with a wavelet; add one, or leave it out")
    try:
        network = build(given)
        return network if wavelet in (None, "none") else waveletize(network, wavelet, **conversion)
    except TypeError as error:
        raise ValueError(f"options of the network {name!r}: {error}") from error


def _plain(name: str, channels: int, classes: int, options: dict[str, Any]) -> nn.Module:
    if name == "cifar-resnet":
        known = list(inspect.signature(CifarResNet).parameters)[2:]
        for key in options:
            if key not in known:
                free = [*known, *CONVERSION]
                raise ValueError(
                    f"the network {name!r} has no option {key!r}{closest(key, free)} (known: {', '.join(free)})"
                )
        return CifarResNet(channels, classes, **options)
    if name.startswith("timm/"):
        timm = require("timm", extra="vision")
        plain = name.removeprefix("timm/")
        if not timm.is_model(plain):
            raise ValueError(f"timm has no network called {plain!r}{closest(plain, timm.list_models())}")
        built: nn.Module = timm.create_model(plain, num_classes=classes, in_chans=channels, **options)
        return built
    models: Any = require("torchvision", extra="vision").models
    known = models.list_models(module=models)
    if name not in known:
        raise ValueError(
            f"there is no classifier called {name!r}{closest(name, ['cifar-resnet', *known])} "
            "(known: cifar-resnet, the names of torchvision, and those of timm as timm/NAME)"
        )
    network: nn.Module = models.get_model(name, weights=None, num_classes=classes, **options)
    return network if channels == 3 else _with_channels(network, channels)


def _with_channels(network: nn.Module, channels: int) -> nn.Module:
    """The first convolution replaced by one for images of so many channels."""
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d) and module.in_channels == 3 and module.groups == 1:
            size: Any = module.kernel_size
            stride: Any = module.stride
            padding: Any = module.padding
            other = nn.Conv2d(
                channels, module.out_channels, size, stride=stride, padding=padding, bias=module.bias is not None
            )
            network.set_submodule(name, other)
            return network
    raise ValueError(f"{type(network).__name__} has no first convolution of 3 channels, so it needs colour images")


def last_linear(network: nn.Module, classes: int) -> nn.Linear:
    """The layer that gives the logits.

    Raises:
        ValueError: If the network does not end in a linear layer of ``classes`` outputs.
    """
    found = [module for module in network.modules() if isinstance(module, nn.Linear) and module.out_features == classes]
    if not found:
        raise ValueError(
            f"{type(network).__name__} has no linear layer of {classes} outputs, which a loss with a bias of its own "
            "needs; choose softmax, or another network"
        )
    return found[-1]


def without_bias(network: nn.Module, classes: int) -> nn.Module:
    """Set the bias of the logits to 0 for good, because the loss has one; names of the state stay as they are."""
    layer = last_linear(network, classes)
    if layer.bias is not None:
        with torch.no_grad():
            layer.bias.zero_()
        layer.bias.requires_grad_(False)
    return network


def with_bias(network: nn.Module, bias: Tensor, classes: int) -> nn.Module:
    """Take a bias that a loss has learnt off the logits, in the network's last layer: logits :math:`w_j x - b_j`."""
    layer = last_linear(network, classes)
    layer.bias = nn.Parameter(-bias.detach().reshape(-1).expand(classes).clone(), requires_grad=False)
    return network
