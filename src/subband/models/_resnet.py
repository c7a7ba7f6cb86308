"""ResNet of torchvision as an encoder with two taps, its last stages dilated instead of strided."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

from torch import Tensor, nn

from subband._check import one_of
from subband._optional import require
from subband.models._blocks import _NORM, Norm

OutputStride: TypeAlias = Literal[8, 16]

_DILATIONS: dict[int, tuple[int, int]] = {16: (1, 2), 8: (2, 4)}
_MULTI_GRID = (1, 2, 4)


class ResNetEncoder(nn.Module):
    """Stem and four stages of a ResNet, under torchvision's names.

    Args:
        in_channels: Channels of the image; the stem's convolution is another one unless they are 3.
        name: ``resnet18`` to ``resnet152``, ``resnext...`` or ``wide_resnet...`` of torchvision.
        norm: Normalisation.
        output_stride: Pixels of the image for one of the last map, 16 or 8: the last one or two stages keep the size of
            their input, and their 3-wide convolutions are dilated instead, in the last stage by 1, 2 and 4 times as
            much in its three blocks.

    Attributes:
        channels: Channels of the three maps that a call returns.

    Raises:
        ValueError: If an option is unknown.

    Source:
        Chen et al., DeepLabv3, 2017 (arXiv:1706.05587), in the form of LiQiufu/WaveSNet, ``backbone/resnet.py``.
        torchvision's own ``replace_stride_with_dilation`` dilates no basic block and has no multi-grid.
    """

    def __init__(self, in_channels: int, name: str, *, norm: Norm, output_stride: int) -> None:
        torchvision = require("torchvision", extra="vision")
        families = ("resnet", "resnext", "wide_resnet")
        known = [one for one in torchvision.models.list_models(torchvision.models) if one.startswith(families)]
        one_of("backbone", name, known)
        one_of("norm", norm, _NORM)
        if output_stride not in _DILATIONS:
            raise ValueError(f"output_stride is {output_stride}, but must be 16 or 8")
        super().__init__()
        network = torchvision.models.get_model(name, weights=None, norm_layer=_NORM[norm][2])
        self.conv1, self.bn1, self.relu, self.maxpool = network.conv1, network.bn1, network.relu, network.maxpool
        if in_channels != self.conv1.in_channels:
            self.conv1 = nn.Conv2d(in_channels, self.conv1.out_channels, 7, stride=2, padding=3, bias=False)
        self.layer1, self.layer2 = network.layer1, network.layer2
        self.layer3, self.layer4 = network.layer3, network.layer4
        third, fourth = _DILATIONS[output_stride]
        if third > 1:
            dilate(self.layer3, [third] * len(self.layer3))
        dilate(self.layer4, [fourth * _MULTI_GRID[min(number, 2)] for number in range(len(self.layer4))])
        expansion = self.layer1[0].expansion
        self.channels = (64 * expansion, 128 * expansion, 512 * expansion)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the maps after the first stage (stride 4), the second (stride 8) and the last."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(image))))
        first: Tensor = self.layer1(x)
        second: Tensor = self.layer2(first)
        last: Tensor = self.layer4(self.layer3(second))
        return first, second, last


def dilate(stage: nn.Module, dilations: Sequence[int]) -> None:
    """Take the stride out of a stage, and dilate the 3-wide convolutions of each of its blocks.

    Args:
        stage: Sequence of residual blocks, whose strided convolutions are changed in place.
        dilations: One number for each block, in pixels.

    Example:
        >>> from torch import nn
        >>> stage = nn.Sequential(nn.Sequential(nn.Conv2d(4, 8, 3, stride=2, padding=1)))
        >>> dilate(stage, [2])
        >>> stage[0][0]
        Conv2d(4, 8, kernel_size=(3, 3), stride=(1, 1), padding=(2, 2), dilation=(2, 2))
    """
    for block, dilation in zip(stage.children(), dilations, strict=True):
        for module in block.modules():
            if isinstance(module, nn.Conv2d):
                module.stride = (1, 1)
                if module.kernel_size == (3, 3):
                    module.dilation = module.padding = (dilation, dilation)
