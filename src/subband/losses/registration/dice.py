"""Dice loss of labels warped as probabilities."""

from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from subband._check import one_of

Convention = Literal["default", "authors"]
EPS = 1e-5


def dice_loss(
    fixed: Int[Tensor, "batch *space"],
    warped: Float[Tensor, "batch classes *space"],
    *,
    convention: Convention = "default",
) -> Float[Tensor, ""]:
    r"""Soft Dice loss of warped label maps, the mean over the structures of each pair.

    .. math:: 1 - \frac{1}{|S|} \sum_{s \in S} \frac{2 \sum_x p_s t_s}{\sum_x p_s^2 + \sum_x t_s^2 + \epsilon}

    with :math:`\epsilon` = 1e-5 voxels. The one-hot form :math:`t` of the fixed labels is never made.

    Args:
        fixed: Labels (B, *space), 0 for the background, below the number of classes.
        warped: One-hot labels of the moving image, warped (B, C, *space), in [0, 1].
        convention: ``default`` takes the structures that either image of a pair has, without the background;
            ``authors`` all classes, of which an absent one counts 1.

    Returns:
        A scalar in [0, 1], without unit; 0 for equal labels, and for a pair that has no structure at all.

    Raises:
        ValueError: If shapes do not fit, the labels are no integers or out of range, or the convention is unknown.

    Source:
        Milletari et al., V-Net, 2016 (arXiv:1606.04797); x-xc/WiNet, ``loss.py``, ``DiceLoss``, which its training does
        not use.

    Example:
        >>> import torch
        >>> labels = torch.tensor([[[0, 1], [2, 2]]])
        >>> onehot = torch.nn.functional.one_hot(labels, 4).movedim(-1, 1).float()
        >>> bool(dice_loss(labels, onehot) < 1e-4), round(dice_loss(labels, onehot, convention="authors").item(), 3)
        (True, 0.25)
    """
    one_of("convention", convention, get_args(Convention))
    _check(fixed, warped)
    p = warped.to(torch.promote_types(warped.dtype, torch.float32))
    masks = [fixed == label for label in range(p.shape[1])]
    shared = torch.stack([p[:, s].masked_fill(~mask, 0).flatten(1).sum(1) for s, mask in enumerate(masks)], 1)
    size = torch.stack([mask.flatten(1).sum(1) for mask in masks], 1) + p.square().flatten(2).sum(2)
    error = 1 - 2 * shared / (size + EPS)
    if convention == "authors":
        return error.mean()
    present = size[:, 1:] > 0
    return (error[:, 1:] * present).sum() / present.sum().clamp_min(1)


class DiceLoss(nn.Module):
    """Module form of `dice_loss`, called with (warped, fixed)."""

    def __init__(self, *, convention: Convention = "default") -> None:
        one_of("convention", convention, get_args(Convention))
        super().__init__()
        self.convention: Convention = convention

    def forward(self, warped: Float[Tensor, "batch classes *space"], fixed: Int[Tensor, "batch *space"]) -> Tensor:
        """Return `dice_loss`."""
        return dice_loss(fixed, warped, convention=self.convention)


def _check(fixed: Tensor, warped: Tensor) -> None:
    if warped.ndim < 3 or fixed.shape != warped.shape[:1] + warped.shape[2:]:
        raise ValueError(
            f"fixed has shape {tuple(fixed.shape)} and warped {tuple(warped.shape)}, but must be (batch, *space) and "
            "(batch, classes, *space)"
        )
    if fixed.is_floating_point() or fixed.dtype == torch.bool:
        raise ValueError(f"fixed has dtype {fixed.dtype}, but labels must be integers")
    low, high = int(fixed.min()), int(fixed.max())
    if low < 0 or high >= warped.shape[1]:
        raise ValueError(
            f"labels go from {low} to {high}, but warped has {warped.shape[1]} channels; number the structures "
            "0, 1, 2, ... and give one channel for each"
        )
