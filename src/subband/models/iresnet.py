"""IResNet: the residual network of face recognition, in its two forms."""

from collections.abc import Sequence
from typing import Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from subband._check import one_of, positive
from subband.models._image import check_image

Variant = Literal["authors", "insightface"]
DEPTHS: dict[str, dict[int, tuple[int, ...]]] = {
    "authors": {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3), 200: (3, 33, 60, 3)},
    "insightface": {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3), 200: (6, 26, 60, 6)},
}
"""Blocks of the four stages, by form and depth."""
DROPOUT = {"authors": 0.4, "insightface": 0.0}
SLOPE = 0.25


class IResBlock(nn.Module):
    """Normalisation, two convolutions with a PReLU between, and a shortcut; nothing follows the sum."""

    def __init__(self, channels: int, out: int, stride: int, variant: Variant) -> None:
        super().__init__()
        self.bn0 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, out, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.prelu = nn.PReLU(out, init=SLOPE)
        self.conv2 = _strided(out, out, 3, stride, variant)
        self.bn2 = nn.BatchNorm2d(out)
        plain = stride == 1 and channels == out
        self.downsample = (
            None if plain else nn.Sequential(_strided(channels, out, 1, stride, variant), nn.BatchNorm2d(out))
        )

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.bn2(self.conv2(self.prelu(self.bn1(self.conv1(self.bn0(x))))))
        return found + (x if self.downsample is None else self.downsample(x))


def _strided(channels: int, out: int, kernel: int, stride: int, variant: Variant) -> nn.Conv2d:
    """A convolution; the authors' ones of stride 2 are 2 wide and not padded."""
    if stride == 2 and variant == "authors":
        return nn.Conv2d(channels, out, 2, stride=2, bias=False)
    return nn.Conv2d(channels, out, kernel, stride=stride, padding=kernel // 2, bias=False)


class IResNet(nn.Module):
    r"""Residual network from face images to embeddings, not normalised.

    A 3-wide convolution at full size, four stages of 1, 2, 4 and 8 times the width that each begin with a stride of 2,
    normalisation, dropout, and one linear map of all that is left, normalised with a scale fixed at 1. At width 64 and
    112 x 112 pixels:

    .. math:: 112^2 \to 56^2 \cdot 64 \to 28^2 \cdot 128 \to 14^2 \cdot 256 \to 7^2 \cdot 512 \to 512

    Args:
        depth: 18, 34, 50, 100 or 200; or the number of blocks of each of the four stages.
        channels: Channels of the image.
        features: Length of the embedding.
        size: Height and width of the images, in pixels, 16 at least; one number if they are equal.
        width: Channels of the first stage.
        variant: ``authors``: strides are 2-wide convolutions without padding, also in the shortcut. ``insightface``:
            3-wide with padding, 1-wide in the shortcut, and the linear map has a bias.
        dropout: Probability; 0.4 (authors) or 0 (insightface) if not given.

    Raises:
        ValueError: If an option is out of range, or an image has another size.

    Source:
        ``LResNetXEIR`` of CVI-SZU/UniTSFace (2311.02523), UniFace and EPL, ``backbone.py``, with their start: Kaiming's
        normal, PReLU 0.25, last scale of each block 0; and ``iresnet.py`` of deepinsight/insightface, whose start is
        N(0, 0.1). Departures: any size, width and length; the authors' network adds the embedding of the mirrored
        image when it evaluates, which here is an option of the evaluation.

    Example:
        >>> import torch
        >>> network = IResNet((1, 1, 1, 1), size=(32, 48), width=4, features=16)
        >>> network(torch.zeros(2, 3, 32, 48)).shape
        torch.Size([2, 16])
    """

    def __init__(
        self,
        depth: int | Sequence[int] = 50,
        *,
        channels: int = 3,
        features: int = 512,
        size: int | Sequence[int] = 112,
        width: int = 64,
        variant: Variant = "authors",
        dropout: float | None = None,
    ) -> None:
        super().__init__()
        one_of("variant", variant, DEPTHS)
        positive(channels=channels, features=features, width=width)
        blocks = _blocks(depth, variant)
        self.channels, self.features, self.size = channels, features, _size(size)
        self.conv1 = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU(width, init=SLOPE)
        sizes = [width, width, 2 * width, 4 * width, 8 * width]
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            _stage(before, out, count, variant) for before, out, count in zip(sizes, sizes[1:], blocks, strict=False)
        )
        self.bn4 = nn.BatchNorm2d(sizes[-1])
        self.dropout = nn.Dropout(_dropout(dropout, variant))
        left = self.size
        for _ in range(4):
            left = tuple(side // 2 if variant == "authors" else -(-side // 2) for side in left)
        self.fc5 = nn.Conv2d(sizes[-1], features, cast(tuple[int, int], left), bias=variant == "insightface")
        self.bn5 = nn.BatchNorm1d(features)
        self.bn5.weight.requires_grad_(False)
        _start(self, variant)

    def forward(self, x: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch features"]:
        """Return the embeddings."""
        check_image(x, self.channels)
        if x.shape[2:] != torch.Size(self.size):
            raise ValueError(
                f"the image is {x.shape[2]} x {x.shape[3]} pixels, but this network was made for {self.size[0]} x "
                f"{self.size[1]}; align the faces to that, or set size"
            )
        x = self.prelu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        x = self.fc5(self.dropout(self.bn4(x))).flatten(1)
        found: Tensor = self.bn5(x)
        return found


def restrict_weights(model: nn.Module, *, least: float = 0.01) -> None:
    """Raise every PReLU slope of a network to ``least`` or more, in place; the authors do so after each step.

    Example:
        >>> layer = nn.PReLU(2, init=-1.0)
        >>> restrict_weights(layer)
        >>> round(layer.weight.min().item(), 3)
        0.01
    """
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.PReLU):
                module.weight.clamp_(min=least)


def _blocks(depth: int | Sequence[int], variant: Variant) -> tuple[int, ...]:
    if isinstance(depth, int):
        if depth not in DEPTHS[variant]:
            known = ", ".join(map(str, DEPTHS[variant]))
            raise ValueError(f"depth is {depth}, but must be one of {known}, or the blocks of the four stages")
        return DEPTHS[variant][depth]
    if len(depth) != 4 or min(depth) < 1:
        raise ValueError(f"depth is {tuple(depth)}, but must be four numbers of blocks, each 1 at least")
    return tuple(depth)


def _size(size: int | Sequence[int]) -> tuple[int, ...]:
    found = (size, size) if isinstance(size, int) else tuple(size)
    if len(found) != 2 or min(found) < 16:
        raise ValueError(f"size is {size}, but must be a height and a width of 16 pixels at least")
    return found


def _dropout(dropout: float | None, variant: Variant) -> float:
    if dropout is None:
        return DROPOUT[variant]
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is {dropout}, but must be a probability from 0 to below 1")
    return dropout


def _stage(channels: int, out: int, count: int, variant: Variant) -> nn.Sequential:
    first = IResBlock(channels, out, 2, variant)
    return nn.Sequential(first, *(IResBlock(out, out, 1, variant) for _ in range(count - 1)))


def _start(network: IResNet, variant: Variant) -> None:
    """Draw the weights."""
    for module in network.modules():
        if variant == "insightface" and isinstance(module, nn.Conv2d) and module is not network.fc5:
            nn.init.normal_(module.weight, std=0.1)  # their linear map keeps PyTorch's start
        elif variant == "authors" and isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, a=1)
        elif variant == "authors" and isinstance(module, IResBlock):
            nn.init.zeros_(module.bn2.weight)
