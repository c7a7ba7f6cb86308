"""Skeletons of masks, and of all objects of a label image in one pass."""

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Words = NDArray[np.uint64]
_BITS = 64


def skeleton(mask: Mask) -> Mask:
    """Skeleton of a mask: pixels are taken off its sides in turn, where that neither splits nor shortens a part.

    Args:
        mask: (H, W) or (D, H, W).

    Returns:
        The skeleton, of the mask's shape; its parts are connected over corners as those of the mask are.

    Source:
        Lee et al., Building skeleton models via 3-D medial surface/axis thinning algorithms, 1994; the pixels of
        scikit-image's ``skeletonize(method="lee")``, which is used in 3-D.

    Example:
        >>> skeleton(np.ones((3, 6), bool)).astype(int)
        array([[0, 0, 0, 0, 0, 0],
               [1, 1, 1, 1, 1, 1],
               [0, 0, 0, 0, 0, 0]])
    """
    if not mask.any():
        return np.zeros_like(mask)
    if mask.ndim == 2:
        return _thinned(mask)
    from skimage.morphology import skeletonize

    found: Mask = skeletonize(mask, method="lee") > 0  # type: ignore[no-untyped-call]
    return found


def object_skeletons(labels: NDArray[Any], count: int) -> Mask:
    """Union of the skeletons of all objects of a label image, each as if it were alone.

    Objects that touch at a corner must not be thinned as one. They get different colours, and all objects of one
    colour are thinned together.

    Args:
        labels: 0, and 1 to ``count`` on objects that do not touch at a face, (H, W) or (D, H, W).
        count: Number of objects.

    Example:
        >>> object_skeletons(np.array([[1, 1, 0], [0, 0, 2]]), 2).astype(int)
        array([[1, 1, 0],
               [0, 0, 1]])
    """
    colours = _colours(labels, count)
    if colours.max(initial=0) <= 1:
        return skeleton(labels > 0)
    coloured = colours[labels]
    found = np.zeros(labels.shape, bool)
    for colour in range(1, int(colours.max()) + 1):
        found |= skeleton(coloured == colour)
    return found


def dilated(mask: Mask) -> Mask:
    """The mask with all neighbours of its pixels, corners included."""
    for axis in range(mask.ndim):
        grown = mask.copy()
        along, before = np.moveaxis(grown, axis, 0), np.moveaxis(mask, axis, 0)
        along[1:] |= before[:-1]
        along[:-1] |= before[1:]
        mask = grown
    return mask


def _thinned(mask: Mask) -> Mask:
    """Lee's thinning of an image.

    Fast because a side's pixels go all at once, 64 in each word. Lee et al. take them off one after the other, each
    only if those before have left it simple; in the plane they always have (Rosenfeld, A characterization of parallel
    thinning algorithms, 1975).
    """
    words, step = _pack(mask)
    size = words.size - 2 * (step + 1)

    def around(image: Words) -> list[Words]:
        """The image itself and its neighbours, views: own, E, NE, N, NW, W, SW, S, SE."""
        shifts = (0, 1, 1 - step, -step, -step - 1, -1, step - 1, step, step + 1)
        return [image[step + 1 + shift : step + 1 + shift + size] for shift in shifts]

    outside = np.empty_like(words)
    (own, *inside), (_, *empty) = around(words), around(outside)
    changed = True
    while changed:
        changed = False
        for side in (2, 6, 0, 4):  # N, S, E, W
            np.invert(words, out=outside)
            gone = own & empty[side] & _simple(inside, empty)
            if gone.any():
                own ^= gone
                _close(words, step)
                changed = True
    return _unpack(words, mask.shape)


def _simple(inside: list[Words], empty: list[Words]) -> Words:
    """Where the neighbours are one part, connected over corners, of two pixels at least."""
    e, ne, n, nw, w, sw, s, se = inside
    a, b, c, d = ne | n, nw | w, sw | s, se | e
    turns = a & empty[0], b & empty[2], c & empty[4], d & empty[6]
    one = (turns[0] ^ turns[1] ^ turns[2] ^ turns[3]) & ~(turns[0] & turns[1] | turns[2] & turns[3])
    two = a & b | c & d | (a | b) & (c | d) | ne & n | nw & w | sw & s | se & e
    simple: Words = one & two
    return simple


def _pack(mask: Mask) -> tuple[Words, int]:
    """Words of the rows, one under the other with an empty one on each side, and how far a row is from the next.

    Bit k of row r is pixel row ``k * rows + r``: so all neighbours are whole words, views of the same array.
    """
    height, width = mask.shape
    rows = -(-height // _BITS)
    padded = np.zeros((_BITS, rows, width), bool)
    padded.reshape(-1, width)[:height] = mask
    packed = np.packbits(padded, axis=0, bitorder="little")
    words = np.zeros((rows + 2, width + 1), "<u8")
    words[1:-1, 1:] = np.ascontiguousarray(packed.transpose(1, 2, 0)).view("<u8")[..., 0]
    flat = np.pad(words.ravel(), 1)
    _close(flat, width + 1)
    return flat, width + 1


def _close(words: Words, step: int) -> None:
    """Write what is above the first row and below the last: the last one a bit earlier, the first a bit later."""
    rows = words[1:-1].reshape(-1, step)
    np.left_shift(rows[-2], 1, out=rows[0])
    np.right_shift(rows[1], 1, out=rows[-1])


def _unpack(words: Words, shape: tuple[int, ...]) -> Mask:
    height, width = shape
    rows = np.ascontiguousarray(words[1:-1].reshape(-1, width + 1)[1:-1, 1:, None]).view(np.uint8)
    bits = np.unpackbits(rows.transpose(2, 0, 1), axis=0, bitorder="little")
    found: Mask = bits.reshape(-1, width)[:height].astype(bool)
    return found


def _colours(labels: NDArray[Any], count: int) -> NDArray[Any]:
    """Colour 1, 2, ... of each label such that objects that touch at a corner differ; 0 for label 0."""
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
    """Pairs of different labels above 0 whose objects touch at an edge or a corner only."""
    found = []
    for step in itertools.product((-1, 0, 1), repeat=labels.ndim):
        if step <= (0,) * labels.ndim or sum(map(abs, step)) < 2:  # half of the neighbours; those at a face are joined
            continue
        here = labels[tuple(slice(max(0, -s), min(n, n - s)) for s, n in zip(step, labels.shape, strict=True))]
        there = labels[tuple(slice(max(0, s), min(n, n + s)) for s, n in zip(step, labels.shape, strict=True))]
        differ = (here != there) & (here > 0) & (there > 0)
        found.append(np.stack([here[differ], there[differ]], 1))
    return [(int(a), int(b)) for a, b in np.unique(np.concatenate(found), axis=0)]
