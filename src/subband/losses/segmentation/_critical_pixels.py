"""Skea-topo's six kinds of pixels: right, wrong, and wrong where it changes the topology. In NumPy, image by image."""

import itertools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import skeletonize

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


def foreground_skeleton(mask: Mask) -> Mask:
    """Skeleton of Lee et al., 1994, of the mask in 2-D or 3-D."""
    if not mask.any():
        return mask
    found: Mask = skeletonize(mask, method="lee") > 0  # type: ignore[no-untyped-call]
    return found


def background_skeleton(mask: Mask) -> Mask:
    """Union of the skeletons of the face-connected components of the background, dilated by one pixel.

    Components that touch at a corner must not be thinned as one. They get different colours, and all components of one
    colour are thinned together.
    """
    labels, count = ndimage.label(~mask)
    colours = _colours(labels, count)[labels]
    skeleton = np.zeros_like(mask)
    for colour in range(1, int(colours.max(initial=0)) + 1):
        part = colours == colour
        box = ndimage.find_objects(part.astype(np.int8))[0]
        skeleton[box] |= foreground_skeleton(part[box])
    return dilated(skeleton)


def dilated(mask: Mask) -> Mask:
    """The mask with all neighbours of its pixels, corners included."""
    found: Mask = ndimage.binary_dilation(mask, np.ones((3,) * mask.ndim, bool))
    return found


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


def _colours(labels: NDArray[Any], count: int) -> NDArray[Any]:
    """Colour 1, 2, ... of each label such that components that touch at a corner differ; 0 for label 0."""
    colours = np.ones(count + 1, np.intp)
    colours[0] = 0
    neighbours: dict[int, set[int]] = {}
    for a, b in _corner_pairs(labels):
        neighbours.setdefault(a, set()).add(b)
        neighbours.setdefault(b, set()).add(a)
    colours[list(neighbours)] = 0
    for label, others in neighbours.items():
        taken = {int(colours[other]) for other in others}
        colours[label] = next(colour for colour in itertools.count(1) if colour not in taken)
    return colours


def _corner_pairs(labels: NDArray[Any]) -> list[tuple[int, int]]:
    """Pairs of different labels above 0 whose components touch at an edge or a corner only."""
    found = []
    for step in itertools.product((-1, 0, 1), repeat=labels.ndim):
        if step <= (0,) * labels.ndim or sum(map(abs, step)) < 2:  # half of the neighbours; those at a face are joined
            continue
        here = labels[tuple(slice(max(0, -s), min(n, n - s)) for s, n in zip(step, labels.shape, strict=True))]
        there = labels[tuple(slice(max(0, s), min(n, n + s)) for s, n in zip(step, labels.shape, strict=True))]
        differ = (here != there) & (here > 0) & (there > 0)
        found.append(np.stack([here[differ], there[differ]], 1))
    return [(int(a), int(b)) for a, b in np.unique(np.concatenate(found), axis=0)]
