r"""Grey morphology of images and volumes by pooling: differentiable erosion, dilation, opening and skeleton."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from subband._check import one_of
from subband.transforms._maximum import block_maximum, line_maximum, maximum

Pool = Literal["max", "avg"]
FAST_DEVICES: tuple[str, ...] = ("cpu",)
"""Device types where shifted views beat the device's own pooling."""


def pool(x: Tensor, size: int | tuple[int, ...], *, stride: int = 1, kind: Pool = "max") -> Tensor:
    """Maximum or mean in windows centred on the pixels, in 1-D, 2-D or 3-D.

    Outside the image the maximum sees nothing and the mean sees zeros.

    Args:
        x: (B, C, *space).
        size: Window in pixels, odd, for all axes or for each one.
        stride: Pixels between the windows.
        kind: ``"max"`` or ``"avg"``.

    Returns:
        (B, C, ``ceil(space / stride)``).

    Raises:
        ValueError: If x has no or more than three axes of space, or a window is not odd.

    Example:
        >>> import torch
        >>> pool(torch.tensor([[[0.0, 0.0, 1.0, 0.0]]]), 3)
        tensor([[[0., 1., 1., 1.]]])
    """
    one_of("kind", kind, ("max", "avg"))
    dims = _dims(x)
    window = (size,) * dims if isinstance(size, int) else tuple(size)
    if len(window) != dims or min(window) < 1 or any(length % 2 == 0 for length in window):
        raise ValueError(f"size is {size}, but must be an odd number of pixels, or {dims} of them")
    padding = tuple(length // 2 for length in window)
    if kind == "max" and x.device.type in FAST_DEVICES and set(window) == {stride} and not x.requires_grad:
        return block_maximum(x, stride)
    if kind == "max":
        return (F.max_pool1d, F.max_pool2d, F.max_pool3d)[dims - 1](x, window, stride, padding)
    return (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[dims - 1](x, window, stride, padding)


def _dims(x: Tensor) -> int:
    dims = x.ndim - 2
    if dims not in (1, 2, 3):
        raise ValueError(f"x has shape {tuple(x.shape)}, but must be (B, C, *space) with one to three axes of space")
    return dims


def soft_erode(x: Tensor) -> Tensor:
    """Minimum over each pixel and its face neighbours, (B, C, *space).

    Source:
        Shit et al., clDice, 2021 (arXiv:2003.07311), algorithm 1; in 3-D over lines along the three axes, as MONAI.

    Example:
        >>> import torch
        >>> soft_erode(torch.tensor([[[1.0, 1.0, 1.0, 0.0]]]))
        tensor([[[1., 1., 0., 0.]]])
    """
    return -_grow_along_axes(-x)


def soft_dilate(x: Tensor) -> Tensor:
    """Maximum over each pixel and all its neighbours, corners included, (B, C, *space)."""
    if x.device.type not in FAST_DEVICES:
        return pool(x, 3)
    _dims(x)
    for axis in range(x.ndim - 1, 1, -1):
        x = line_maximum(x, axis)
    return x


def soft_open(x: Tensor) -> Tensor:
    """`soft_dilate` of `soft_erode`, (B, C, *space)."""
    return soft_dilate(soft_erode(x))


def soft_skeleton(x: Tensor, *, iterations: int = 10) -> Tensor:
    r"""Differentiable skeleton: what each of the successive erosions loses when it is opened.

    .. math:: x_{j+1} = \mathrm{erode}(x_j), \quad d_j = [x_j - \mathrm{dilate}(x_{j+1})]_+, \quad
              s_0 = d_0, \quad s_j = s_{j-1} + [d_j - s_{j-1} d_j]_+

    Args:
        x: Probabilities or a mask (B, C, *space) in [0, 1].
        iterations: Number of erosions after the first; structures wider than twice that keep no skeleton.

    Returns:
        (B, C, *space) in [0, 1].

    Raises:
        ValueError: If ``iterations`` is negative or x is not (B, C, *space).

    Source:
        Shit et al., clDice, 2021 (arXiv:2003.07311), algorithm 1. The same numbers, gradient included, with half the
        erosions: the one inside each opening is the next one of the series.

    Example:
        >>> import torch
        >>> mask = torch.zeros(1, 1, 5, 7)
        >>> mask[..., 1:4, 1:6] = 1
        >>> soft_skeleton(mask)[0, 0, 2]
        tensor([0., 0., 1., 1., 1., 0., 0.])
    """
    if iterations < 0:
        raise ValueError(f"iterations is {iterations}, but must be at least 0")
    if len(x) < 2 or x.device.type not in FAST_DEVICES or torch.compiler.is_compiling():
        return _skeleton(x, iterations)
    # image by image, a third faster: what one step leaves is still in the cache at the next
    return torch.cat([_skeleton(image, iterations) for image in x.chunk(len(x))])


def _skeleton(x: Tensor, iterations: int) -> Tensor:
    negative = _grow_along_axes(-x)
    skeleton = F.relu(x - soft_dilate(-negative))
    for _ in range(iterations):
        x, negative = -negative, _grow_along_axes(negative)
        lost = F.relu(x - soft_dilate(-negative))
        skeleton = skeleton + F.relu(lost - skeleton * lost)
    return skeleton


def _grow_along_axes(x: Tensor) -> Tensor:
    """Maximum over lines of three pixels along each axis."""
    dims = _dims(x)
    grown = None
    for axis in range(dims):
        if x.device.type in FAST_DEVICES:
            line = line_maximum(x, axis + 2)
        else:
            line = pool(x, tuple(3 if other == axis else 1 for other in range(dims)))
        grown = line if grown is None else maximum(grown, line)
    assert grown is not None
    return grown
