"""Skea-topo's six kinds of pixels: right, wrong, and wrong where it changes the topology. In NumPy, image by image."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from subband.maps.thinning import dilated, object_skeletons
from subband.maps.thinning import skeleton as foreground_skeleton

Mask = NDArray[np.bool_]


class PixelKinds(NamedTuple):
    """Masks (*space) of the six kinds; every pixel is of one kind."""

    true_positive: Mask
    true_negative: Mask
    critical_false_negative: Mask
    other_false_negative: Mask
    critical_false_positive: Mask
    other_false_positive: Mask


def pixel_kinds(predicted: Mask, target: Mask, background: Mask, foreground: Mask) -> PixelKinds:
    """Sort the pixels of a thresholded prediction.

    Args:
        predicted: The prediction, (*space).
        target: The mask, (*space).
        background: `background_skeleton` of the target.
        foreground: `foreground_skeleton` of the target.
    """
    missed, added = target & ~predicted, predicted & ~target
    broken = _critical(missed, predicted, background_skeleton(predicted), foreground)
    joined = _critical(added, target, background, foreground_skeleton(predicted), whole=False) & ~dilated(target)
    return PixelKinds(target & ~missed, ~target & ~added, broken, missed & ~broken, joined, added & ~joined)


def background_skeleton(mask: Mask) -> Mask:
    """Union of the skeletons of the face-connected components of the background, dilated by one pixel."""
    labels, count = ndimage.label(~mask)
    return dilated(object_skeletons(labels, count))


def _critical(wrong: Mask, mask: Mask, background: Mask, foreground: Mask, *, whole: bool = True) -> Mask:
    """Wrong pixels on the background's skeleton, and wrong regions where the foreground's skeleton is lost."""
    passed = wrong & background
    if whole:
        passed = _touched(wrong, passed)
    return passed | _touched(wrong, foreground & ~dilated(mask))


def _touched(regions: Mask, touch: Mask) -> Mask:
    """The face-connected components of ``regions`` that hold a pixel of ``touch``."""
    labels, count = ndimage.label(regions)
    kept = np.zeros(count + 1, bool)
    kept[labels[touch]] = True
    kept[0] = False
    found: Mask = kept[labels]
    return found
