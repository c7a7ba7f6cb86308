"""Pieces of WiNet, once for two and three dimensions."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CONV: dict[int, type[nn.Conv2d] | type[nn.Conv3d]] = {2: nn.Conv2d, 3: nn.Conv3d}
ENLARGE: dict[int, type[nn.ConvTranspose2d] | type[nn.ConvTranspose3d]] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
LINEAR = {2: "bilinear", 3: "trilinear"}


def activated(x: Tensor) -> Tensor:
    """Leaky ReLU of slope 0.01, in place: its gradient needs its output alone."""
    return F.leaky_relu(x, 0.01, inplace=True)


class ConvPair(nn.Module):
    """Two 3-wide convolutions, each with an instance normalisation if asked for, and a leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, *, dims: int, stride: int = 1, norm: bool = False) -> None:
        super().__init__()
        self.norm = norm
        self.first = CONV[dims](inputs, outputs, 3, padding=1, stride=stride)
        self.second = CONV[dims](outputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return features, of half the size if the stride is 2."""
        for conv in (self.first, self.second):
            x = conv(x)
            x = activated(F.group_norm(x, x.shape[1]) if self.norm else x)
        return x


class UpStage(nn.Module):
    """Doubles the size, joins the features of the way down, and gives the bands of this level beside its features."""

    def __init__(self, inputs: int, skip: int, outputs: int, bands: int, *, dims: int) -> None:
        super().__init__()
        self.enlarge = ENLARGE[dims](inputs, inputs, 2, stride=2)
        self.join = ConvPair(inputs + skip, outputs, dims=dims)
        self.head = CONV[dims](outputs, bands, 3, padding=1, bias=False)

    def forward(self, x: Tensor, skip: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and bands (B, bands, *space), both of the size of ``skip``."""
        x = self.join(torch.cat((activated(self.enlarge(x)), skip), 1))
        return x, self.head(x)


class Refinement(nn.Module):
    """New detail bands of a level, each from its own and from the same band of the coarser level."""

    def __init__(self, *, dims: int) -> None:
        super().__init__()
        self.dims, self.groups = dims, 2**dims - 1
        channels = dims * self.groups
        self.first = CONV[dims](2 * channels, 2 * channels, 3, padding=1, groups=self.groups)
        self.second = CONV[dims](2 * channels, channels, 3, padding=1, groups=self.groups)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Return bands like ``fine``, (B, groups * dims, *space); ``coarse`` is of half the size."""
        larger = F.interpolate(coarse, scale_factor=2, mode=LINEAR[self.dims], align_corners=True)
        pairs = [x.view(len(x), self.groups, self.dims, *x.shape[2:]) for x in (larger, fine)]
        x = torch.cat(pairs, 2).flatten(1, 2)
        bands: Tensor = self.second(activated(self.first(x)))
        return bands
