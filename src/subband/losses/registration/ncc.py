"""Local normalised cross-correlation."""

from typing import Any, Literal, NamedTuple, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from subband._check import one_of, positive
from subband.losses.registration._box import box_sum
from subband.losses.registration._images import read_pair

Padding = Literal["none", "zeros"]
"""What a window sees beyond the edge of the image: nothing, or zeros."""
FLAT = 16
"""A variance below so many roundings of the sums that it is the difference of is 0."""


def ncc_loss(
    fixed: Float[Tensor, "batch channels *space"],
    warped: Float[Tensor, "batch channels *space"],
    *,
    window: int = 9,
    padding: Padding = "none",
    eps: float = 1e-5,
) -> Float[Tensor, ""]:
    r"""Minus the squared correlation of two images in the window around each voxel, the mean over all.

    .. math:: -\frac{1}{|\Omega|} \sum_x \frac{\mathrm{cross}^2}{\mathrm{var}_I\,\mathrm{var}_J + \epsilon}, \quad
        \mathrm{cross} = \sum_{y \in W_x} (I_y - \bar I_x)(J_y - \bar J_x), \quad
        \mathrm{var}_I = \sum_{y \in W_x} (I_y - \bar I_x)^2

    It does not see brightness and contrast, nor whether the contrast is inverted. Windows in which an image is flat
    count 0 and have no gradient.

    With ``padding="zeros"`` a window that holds n of its N voxels inside the image gets
    :math:`\frac{n (N - n)}{N} \bar I_x \bar J_x` in ``cross`` (:math:`\bar I_x^2` in :math:`\mathrm{var}_I`): an edge
    that both images share wherever the background is not 0, and that no registration moves. So it is not the default.

    Args:
        fixed: Image (B, C, *space) in [0, 1], 1-D to 3-D; each channel is compared by itself.
        warped: Moving image on the grid of the fixed one; the two may be exchanged.
        window: Voxels along each axis of a window, odd.
        padding: What a window has beyond the edge of the image: ``none`` or, as the authors, ``zeros``.
        eps: Added to the product of the variances (sums over the window); it damps windows whose contrast is below
            about :math:`(\epsilon / N^2)^{1/4}`, 0.002 for 729 voxels.

    Returns:
        A scalar in [-1, 0], without unit; -1 if one image is a linear function of the other in each window. About
        :math:`-1 / (N - 1)` for independent noise.

    Raises:
        ValueError: If shapes differ, a dtype is no float, or an option is out of range.

    Source:
        Avants et al., 2008 (SyN); Balakrishnan et al., VoxelMorph, 2019 (arXiv:1809.05231); x-xc/WiNet, ``loss.py``,
        ``NCC_vxm``. Departures: nothing beyond the edge by default; sums of the images less their means, so that
        float32 holds for any brightness; running box sums in place of a dense convolution; the backward pass computes
        the sums again and keeps nothing but the two images. It can be differentiated once.

    Example:
        >>> import torch
        >>> image = torch.rand(1, 1, 12, 13, 14, generator=torch.Generator().manual_seed(0))
        >>> round(ncc_loss(image, 3 - 2 * image).item(), 4)
        -1.0
    """
    _check(window, padding, eps)
    fixed, warped = read_pair(fixed, warped)
    loss: Tensor = _SquaredCorrelation.apply(fixed, warped, window, padding, eps)
    return loss


class NCCLoss(nn.Module):
    """Module form of `ncc_loss`, called with (warped, fixed)."""

    def __init__(self, *, window: int = 9, padding: Padding = "none", eps: float = 1e-5) -> None:
        _check(window, padding, eps)
        super().__init__()
        self.window, self.padding, self.eps = window, padding, eps

    def forward(
        self, warped: Float[Tensor, "batch channels *space"], fixed: Float[Tensor, "batch channels *space"]
    ) -> Float[Tensor, ""]:
        """Return `ncc_loss`."""
        return ncc_loss(fixed, warped, window=self.window, padding=self.padding, eps=self.eps)


def _check(window: int, padding: str, eps: float) -> None:
    positive(eps=eps)
    one_of("padding", padding, get_args(Padding))
    if window < 3 or window % 2 == 0:
        raise ValueError(f"window is {window}, but must be an odd number of voxels, 3 or more")


class _Windows(NamedTuple):
    """Images less their means, and of each window what is subtracted from them in it, and the moments."""

    i: Tensor
    j: Tensor
    mean_i: Tensor
    mean_j: Tensor
    cross: Tensor
    var_i: Tensor
    var_j: Tensor


def _windows(fixed: Tensor, warped: Tensor, window: int, padding: str) -> _Windows:
    space = tuple(range(2, fixed.ndim))
    i, j = (image - image.mean(space, keepdim=True) for image in (fixed, warped))
    count = box_sum(torch.ones_like(fixed[:1, :1]), window)
    mean_i, mean_j = box_sum(i, window) / count, box_sum(j, window) / count
    var_i, flat_i = _variance(box_sum(i * i, window), count, mean_i)
    var_j, flat_j = _variance(box_sum(j * j, window), count, mean_j)
    cross = (box_sum(i * j, window) - count * mean_i * mean_j).masked_fill(flat_i | flat_j, 0)
    if padding == "zeros":
        outside = 1 - count / window ** len(space)
        full_i, full_j, edge = box_sum(fixed, window) / count, box_sum(warped, window) / count, count * outside
        cross, var_i, var_j = cross + edge * full_i * full_j, var_i + edge * full_i**2, var_j + edge * full_j**2
        mean_i, mean_j = mean_i - outside * full_i, mean_j - outside * full_j
    return _Windows(i, j, mean_i, mean_j, cross, var_i, var_j)


def _variance(squares: Tensor, count: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of squares about the mean, and where it is 0 but for rounding."""
    variance = squares - count * mean * mean
    flat = variance <= FLAT * torch.finfo(squares.dtype).eps * squares
    return variance.masked_fill(flat, 0), flat


class _SquaredCorrelation(torch.autograd.Function):
    """The loss; between the passes it keeps the two images and nothing else."""

    @staticmethod
    def forward(ctx: Any, fixed: Tensor, warped: Tensor, window: int, padding: str, eps: float) -> Tensor:
        ctx.save_for_backward(fixed, warped)
        ctx.options = window, padding, eps
        w = _windows(fixed, warped, window, padding)
        return -(w.cross.square() / (w.var_i * w.var_j + eps)).mean()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        window, padding, eps = ctx.options
        fixed, warped = ctx.saved_tensors
        w = _windows(fixed, warped, window, padding)
        by_cross = 2 * w.cross / (w.var_i * w.var_j + eps)
        by_product = by_cross.square() / 2  # twice the derivative by a variance is minus this times the other variance
        scale = -gradient / w.cross.numel()
        box_cross = box_sum(by_cross, window)

        def by_image(i: Tensor, j: Tensor, mean_i: Tensor, mean_j: Tensor, var_i: Tensor) -> Tensor:
            """Derivative by j."""
            by_var = by_product * var_i
            means = box_sum(by_cross * mean_i - by_var * mean_j, window)
            return scale * (i * box_cross - j * box_sum(by_var, window) - means)

        to_fixed = by_image(w.j, w.i, w.mean_j, w.mean_i, w.var_j) if ctx.needs_input_grad[0] else None
        to_warped = by_image(w.i, w.j, w.mean_i, w.mean_j, w.var_i) if ctx.needs_input_grad[1] else None
        return to_fixed, to_warped, None, None, None
