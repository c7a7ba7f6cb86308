"""What goes wrong with images: corruptions, attacks and shifts."""

from subband.corrupt.aliasing import AliasingRow, aliasing_energy, high_frequency_share
from subband.corrupt.apgd import apgd
from subband.corrupt.attacks import ATTACKS, AttackCurve, AttackResult, attack_curve, evaluate_attack
from subband.corrupt.carlini_wagner import carlini_wagner
from subband.corrupt.constants import SEVERITIES, published_constants
from subband.corrupt.corrupted_folder import CorruptedFolder, corrupted_folder
from subband.corrupt.corruption import ALL_CORRUPTIONS, CORRUPTIONS, EXTRA_CORRUPTIONS, corrupt
from subband.corrupt.deepfool import deepfool
from subband.corrupt.gradient_attacks import bim, fgsm, mi_fgsm, pgd
from subband.corrupt.masking import MaskingReport, masking_check
from subband.corrupt.shift import ShiftPoint, shift_consistency, shift_curve
from subband.corrupt.square import square
from subband.corrupt.write_corrupted import IMAGENET_C, Preparation, write_corrupted

__all__ = [
    "ALL_CORRUPTIONS",
    "ATTACKS",
    "CORRUPTIONS",
    "EXTRA_CORRUPTIONS",
    "IMAGENET_C",
    "SEVERITIES",
    "AliasingRow",
    "AttackCurve",
    "AttackResult",
    "CorruptedFolder",
    "MaskingReport",
    "Preparation",
    "ShiftPoint",
    "aliasing_energy",
    "apgd",
    "attack_curve",
    "bim",
    "carlini_wagner",
    "corrupt",
    "corrupted_folder",
    "deepfool",
    "evaluate_attack",
    "fgsm",
    "high_frequency_share",
    "masking_check",
    "mi_fgsm",
    "pgd",
    "published_constants",
    "shift_consistency",
    "shift_curve",
    "square",
    "write_corrupted",
]
