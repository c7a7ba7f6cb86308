"""Segmentation losses ``loss(logits, target, *, weight_map=None) -> scalar``: 2-D and 3-D, binary and multi-class."""

from subband.losses.segmentation._base import PreparedTarget, SegmentationLoss
from subband.losses.segmentation._mutual_information import MutualInformation
from subband.losses.segmentation.abw import ABWLoss, abw_loss
from subband.losses.segmentation.cldice import ClDiceLoss, cldice_loss
from subband.losses.segmentation.cross_entropy import (
    BalancedCrossEntropyLoss,
    CrossEntropyLoss,
    balanced_cross_entropy_loss,
    cross_entropy_loss,
)
from subband.losses.segmentation.cwmi import CWMILoss, cwmi_loss
from subband.losses.segmentation.dice import DiceLoss, dice_loss
from subband.losses.segmentation.focal import FocalLoss, focal_loss
from subband.losses.segmentation.jaccard import JaccardLoss, jaccard_loss
from subband.losses.segmentation.rmi import RMILoss, rmi_loss
from subband.losses.segmentation.skea_topo import SkeaTopoLoss, skea_topo_loss
from subband.losses.segmentation.spw import SPWLoss, spw_loss, spw_weight_map
from subband.losses.segmentation.tversky import TverskyLoss, tversky_loss
from subband.losses.segmentation.unet_weighted import UNetWeightedLoss, unet_weighted_loss

__all__ = [
    "ABWLoss",
    "BalancedCrossEntropyLoss",
    "CWMILoss",
    "ClDiceLoss",
    "CrossEntropyLoss",
    "DiceLoss",
    "FocalLoss",
    "JaccardLoss",
    "MutualInformation",
    "PreparedTarget",
    "RMILoss",
    "SPWLoss",
    "SegmentationLoss",
    "SkeaTopoLoss",
    "TverskyLoss",
    "UNetWeightedLoss",
    "abw_loss",
    "balanced_cross_entropy_loss",
    "cldice_loss",
    "cross_entropy_loss",
    "cwmi_loss",
    "dice_loss",
    "focal_loss",
    "jaccard_loss",
    "rmi_loss",
    "skea_topo_loss",
    "spw_loss",
    "spw_weight_map",
    "tversky_loss",
    "unet_weighted_loss",
]
