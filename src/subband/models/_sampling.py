"""Pairs of samplers: one halves a map on the way down, the other doubles it again with what the first one kept."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import torch.nn.functional as F
from torch import Tensor, nn

from subband.layers.downsample import Details, WaveletSplit, WaveletUpsample

_POOL = {2: F.max_pool2d, 3: F.max_pool3d}
_UNPOOL = {2: F.max_unpool2d, 3: F.max_unpool3d}
_SPREAD: dict[int, type[nn.ConvTranspose2d] | type[nn.ConvTranspose3d]] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


class Pooled(NamedTuple):
    """What `IndexPool` keeps.

    Attributes:
        indices: Where each maximum was.
        shape: Sizes of the spatial axes before, in pixels.
    """

    indices: Tensor
    shape: tuple[int, ...]


class IndexPool(nn.Module):
    """Max-pooling over two pixels along each axis that remembers where the maxima were; odd sizes are rounded up."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.dims = dims

    def forward(self, x: Tensor) -> tuple[Tensor, Pooled]:
        """Return the maxima, and what `IndexUnpool` needs."""
        low, indices = _POOL[self.dims](x, 2, ceil_mode=True, return_indices=True)
        return low, Pooled(indices, tuple(x.shape[2:]))


class IndexUnpool(nn.Module):
    """Puts values where the maxima were, and zeros elsewhere."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.dims = dims

    def forward(self, x: Tensor, kept: Pooled) -> Tensor:
        """Return x at the size before `IndexPool`."""
        unpool: Callable[..., Tensor] = _UNPOOL[self.dims]
        return unpool(x, kept.indices, 2, output_size=kept.shape)


class HalvingPool(nn.Module):
    """Max-pooling over two pixels along each axis; odd sizes are rounded up."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.dims = dims

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[int, ...]]:
        """Return the maxima, and the sizes before."""
        return _POOL[self.dims](x, 2, ceil_mode=True), tuple(x.shape[2:])


class DoublingConv(nn.Module):
    """Transposed convolution that spreads every pixel over two along each axis; odd sizes lose the last line."""

    def __init__(self, inputs: int, outputs: int, *, dims: int) -> None:
        super().__init__()
        self.spread = _SPREAD[dims](inputs, outputs, 2, stride=2)

    def forward(self, x: Tensor, kept: tuple[int, ...]) -> Tensor:
        """Return x at the sizes before `HalvingPool`."""
        wide: Tensor = self.spread(x)
        missing = [size - wide.shape[axis] for axis, size in enumerate(kept, start=2)]
        return F.pad(wide, [width for one in reversed(missing) for width in (0, one)])


Down: TypeAlias = IndexPool | HalvingPool | WaveletSplit
Up: TypeAlias = IndexUnpool | DoublingConv | WaveletUpsample
Kept: TypeAlias = Pooled | tuple[int, ...] | Details
