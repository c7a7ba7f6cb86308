"""Registration losses: similarities ``loss(warped, fixed)`` and smoothness ``loss(field)``, 2-D and 3-D."""

from subband.losses.registration.bending import BendingLoss, bending_loss
from subband.losses.registration.coefficients import CoefficientLoss, coefficient_loss
from subband.losses.registration.dice import DiceLoss, dice_loss
from subband.losses.registration.diffusion import DiffusionLoss, diffusion_loss
from subband.losses.registration.mse import MSELoss, mse_loss
from subband.losses.registration.mutual_information import MutualInformationLoss, mutual_information_loss
from subband.losses.registration.ncc import NCCLoss, ncc_loss

__all__ = [
    "BendingLoss",
    "CoefficientLoss",
    "DiceLoss",
    "DiffusionLoss",
    "MSELoss",
    "MutualInformationLoss",
    "NCCLoss",
    "bending_loss",
    "coefficient_loss",
    "dice_loss",
    "diffusion_loss",
    "mse_loss",
    "mutual_information_loss",
    "ncc_loss",
]
