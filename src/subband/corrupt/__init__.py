"""What goes wrong with images: corruptions and shifts."""

from subband.corrupt.aliasing import AliasingRow, aliasing_energy, high_frequency_share
from subband.corrupt.constants import SEVERITIES, published_constants
from subband.corrupt.corrupted_folder import CorruptedFolder, corrupted_folder
from subband.corrupt.corruption import ALL_CORRUPTIONS, CORRUPTIONS, EXTRA_CORRUPTIONS, corrupt
from subband.corrupt.shift import ShiftPoint, shift_consistency, shift_curve
from subband.corrupt.write_corrupted import IMAGENET_C, Preparation, write_corrupted

__all__ = [
    "ALL_CORRUPTIONS",
    "CORRUPTIONS",
    "EXTRA_CORRUPTIONS",
    "IMAGENET_C",
    "SEVERITIES",
    "AliasingRow",
    "CorruptedFolder",
    "Preparation",
    "ShiftPoint",
    "aliasing_energy",
    "corrupt",
    "corrupted_folder",
    "high_frequency_share",
    "published_constants",
    "shift_consistency",
    "shift_curve",
    "write_corrupted",
]
