"""Operations of Skea-topo as its authors compute them, written anew from the formulas."""

import numpy as np
import torch
from scipy import ndimage
from skimage.measure import label, regionprops
from skimage.morphology import skeletonize
from torch import Tensor
from torch.nn import functional as F

SQUARE = np.ones((3, 3))


def skea_topo(p: Tensor, y: Tensor, maps: Tensor, class_weight: Tensor) -> Tensor:
    """Skea-topo after epoch 20: the weighted cross-entropy, and six kinds of pixels found image by image."""
    w0, w1 = (weight.reshape(-1, 1, 1, 1) for weight in class_weight.T)
    background = 10 * maps[:, :1] + w0 * (1 - y)
    around = (10 * (1 - maps[:, :1]) + w1 * y) * F.max_pool2d(F.max_pool2d(y, 3, 1, 1), 3, 1, 1)
    won = around > background
    foreground = 10 * maps[:, 1:2] + w1 * y + torch.where(won, around, 0) * (1 - y)
    background = torch.where(won, 0, background)
    weighted = -(foreground * p.log() + background * (1 - p).log()).sum() / (foreground + background).sum()
    images = zip((p > 0.5).float(), y, maps, strict=True)
    kinds = torch.stack([torch.from_numpy(_kinds(*(x.numpy() for x in image))) for image in images]).float()
    errors = torch.cat([1 - p, p, 1 - p, p, p, 1 - p], 1)
    return weighted + (kinds * errors).sum() / kinds.sum()


def _kinds(predicted: np.ndarray, target: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """True positives and negatives, critical and other false negatives, critical and other false positives."""
    q, y = predicted[0] > 0, target[0] > 0
    missed, added = y & ~q, q & ~y
    broken = _critical(q, y, _background_skeleton(q), maps[3] > 0, whole=True)
    joined = _critical(y, q, maps[2] > 0, _lee(q), whole=False) & ~(ndimage.grey_dilation(y, footprint=SQUARE) > 0)
    return np.stack([y & ~missed, ~y & ~added, broken, missed & ~broken, joined, added & ~joined])


def _critical(p: np.ndarray, y: np.ndarray, background: np.ndarray, foreground: np.ndarray, *, whole: bool):
    """Errors on the background's skeleton, and the regions of errors in which the foreground's skeleton is lost."""
    wrong = y & ~p
    passed = wrong & background
    if whole:
        passed = _touching(wrong, passed)
    lost = foreground & ~(ndimage.grey_dilation(p, footprint=SQUARE) > 0)
    return passed | (_touching(wrong, lost) & wrong)


def _touching(regions: np.ndarray, touch: np.ndarray) -> np.ndarray:
    """Regions that hold a pixel of ``touch``, one after the other."""
    found = np.zeros_like(regions)
    for region in regionprops(label(regions, connectivity=1), cache=False):
        top, left, bottom, right = region.bbox
        box = np.s_[top:bottom, left:right]
        if (touch[box] & region.image).any():
            found[box] |= region.image
    return found


def _background_skeleton(mask: np.ndarray) -> np.ndarray:
    """Skeleton of each component of the background in its box, and their dilation."""
    skeletons = np.zeros(mask.shape)
    for region in regionprops(label(mask, background=1, connectivity=1), cache=False):
        top, left, bottom, right = region.bbox
        skeletons[top:bottom, left:right] += _lee(region.image)
    return ndimage.grey_dilation(skeletons, footprint=SQUARE) > 0


def _lee(mask: np.ndarray) -> np.ndarray:
    return skeletonize(mask, method="lee") > 0
