"""Operations of RMI, clDice and Skea-topo as their authors compute them, written anew from the formulas."""

import numpy as np
import torch
from scipy import ndimage
from skimage.measure import label, regionprops
from skimage.morphology import skeletonize
from torch import Tensor
from torch.nn import functional as F

SQUARE = np.ones((3, 3))


def rmi(prediction: Tensor, mask: Tensor) -> Tensor:
    """RMI: both classes at full size, windows in float64, explicit inverse."""
    p, t = (torch.cat([1 - x, x], 1) for x in (prediction, mask))
    entropy = F.binary_cross_entropy(p, t, reduction="sum") / (mask.numel() + 1)
    p, t = (F.max_pool2d(x, 3, 3, 1) for x in (p + 1e-6, t))
    height, width = (size - 2 for size in p.shape[2:])
    vectors = []
    for x in (t, p):
        shifted = [x[:, :, i : i + height, j : j + width] for i in range(3) for j in range(3)]
        stack = torch.stack(shifted, 2).flatten(3).double()
        vectors.append(stack - stack.mean(3, keepdim=True))
    tt, pp, tp = (a @ b.mT for a, b in ((vectors[0], vectors[0]), (vectors[1], vectors[1]), tuple(vectors)))
    eye = torch.eye(9, dtype=torch.float64) * 5e-4
    conditional = tt - tp @ torch.inverse(pp + eye) @ tp.mT
    diagonal = torch.linalg.cholesky(conditional + eye).diagonal(dim1=-2, dim2=-1)
    region = (diagonal + 1e-8).log().sum(-1).mean(0).sum() / 9
    return 0.5 * entropy + 0.5 * region.float()


def cldice(prediction: Tensor, mask: Tensor) -> Tensor:
    """Dice and clDice: each opening erodes anew, both skeletons under autograd."""
    dice = 1 - (2 * (mask * prediction).sum() + 1) / (mask.sum() + prediction.sum() + 1)
    line, true_line = _soft_skeleton(prediction), _soft_skeleton(mask)
    precision = ((line * mask).sum() + 1) / (line.sum() + 1)
    recall = ((true_line * prediction).sum() + 1) / (true_line.sum() + 1)
    return 0.5 * dice + 0.5 * (1 - 2 * precision * recall / (precision + recall))


def _soft_skeleton(x: Tensor) -> Tensor:
    """Soft skeleton with ten iterations."""

    def erode(x: Tensor) -> Tensor:
        return torch.min(-F.max_pool2d(-x, (3, 1), 1, (1, 0)), -F.max_pool2d(-x, (1, 3), 1, (0, 1)))

    def opened(x: Tensor) -> Tensor:
        return F.max_pool2d(erode(x), 3, 1, 1)

    skeleton = F.relu(x - opened(x))
    for _ in range(10):
        x = erode(x)
        lost = F.relu(x - opened(x))
        skeleton = skeleton + F.relu(lost - skeleton * lost)
    return skeleton


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
