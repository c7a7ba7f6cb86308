"""Segmentation losses: ``loss(logits, target, *, weight_map=None) -> scalar``, in 2-D and 3-D, binary and multi-class."""

from subband.losses.segmentation._base import SegmentationLoss
from subband.losses.segmentation.cross_entropy import (
    BalancedCrossEntropyLoss,
    CrossEntropyLoss,
    balanced_cross_entropy_loss,
    cross_entropy_loss,
)
from subband.losses.segmentation.dice import DiceLoss, dice_loss

__all__ = [
    "BalancedCrossEntropyLoss",
    "CrossEntropyLoss",
    "DiceLoss",
    "SegmentationLoss",
    "balanced_cross_entropy_loss",
    "cross_entropy_loss",
    "dice_loss",
]
