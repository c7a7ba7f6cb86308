"""Distances between masks."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from subband._check import one_of
from subband.metrics._labels import Bools, Floats, read_pair
from subband.metrics.overlap import CONVENTIONS, Convention

Method = Literal["modified", "hd95", "max"]
METHODS = ("modified", "hd95", "max")
TREE_SHARE = 50
"""Up to one in so many pixels are looked up in a tree; more by a distance transform of the image."""


def hausdorff_distance(
    prediction: Any,
    target: Any,
    *,
    method: Method = "modified",
    of: Literal["area", "surface"] | None = None,
    spacing: Sequence[float] | None = None,
    convention: Convention = "default",
) -> float:
    r"""Distance between two masks: how far the points of one are from the nearest point of the other.

    .. math:: \max\left(F_{a \in A}\, d(a, B),\; F_{b \in B}\, d(b, A)\right)

    with F the mean (``"modified"``), the 95th percentile (``"hd95"``) or the maximum (``"max"``).

    Args:
        prediction: Mask (*space); everything but 0 belongs to it. An array or a tensor.
        target: Mask of the same shape.
        method: What F is.
        of: A and B are all pixels of the masks (``"area"``) or their outermost ones (``"surface"``); None takes the
            area for ``"modified"`` and ``"max"``, as scikit-image does, and the surface for ``"hd95"``, as MONAI does.
        spacing: Size of a pixel along each axis.
        convention: ``"authors"`` gives infinity if one mask is empty.

    Returns:
        Pixels, or the unit of ``spacing``; 0 for equal masks, two empty ones among them. If one mask is empty it is
        the diagonal of the image, the largest distance there is, so that means over images stay finite.

    Raises:
        ValueError: If shapes differ, values are no labels, or the spacing does not fit.

    Source:
        Dubuisson and Jain, 1994 (modified); lurenhaothu/CWMI, ``model/metrics.py``, which calls scikit-image.

    Example:
        >>> import numpy as np
        >>> hausdorff_distance(np.array([[1, 1, 0, 0]]), np.array([[1, 1, 1, 1]]), method="max")
        2.0
    """
    one_of("method", method, METHODS)
    one_of("convention", convention, CONVENTIONS)
    p, t = (labels != 0 for labels in read_pair(prediction, target))
    size = read_spacing(spacing, p.ndim)
    if of is not None:
        one_of("of", of, ("area", "surface"))
    elif method == "hd95":
        of = "surface"
    return masks_distance(p, t, method=method, surfaces=of == "surface", spacing=size, convention=convention)


def read_spacing(spacing: Sequence[float] | None, axes: int) -> tuple[float, ...]:
    """Size of a pixel along each axis.

    Raises:
        ValueError: If there are not as many lengths as axes or one is not greater than 0.
    """
    size = (1.0,) * axes if spacing is None else tuple(float(length) for length in spacing)
    if len(size) != axes or min(size) <= 0:
        raise ValueError(f"spacing is {size}, but must be {axes} lengths greater than 0, one for each axis")
    return size


def masks_distance(
    p: Bools, t: Bools, *, method: Method, surfaces: bool, spacing: tuple[float, ...], convention: Convention
) -> float:
    """`hausdorff_distance` of checked masks."""
    if not p.any() or not t.any():
        if p.any() == t.any():
            return 0.0
        return float("inf") if convention == "authors" else float(np.linalg.norm(np.multiply(p.shape, spacing)))
    if surfaces:
        p, t = surface(p), surface(t)
    return max(_directed(p, t, method, spacing), _directed(t, p, method, spacing))


def surface(mask: Bools) -> Bools:
    """Pixels of the mask with a face neighbour outside it; outside the image counts as outside."""
    inner: Bools = ndimage.binary_erosion(mask)
    return mask & ~inner


def _directed(start: Bools, end: Bools, method: Method, spacing: tuple[float, ...]) -> float:
    """F of the distances from the pixels of ``start`` to those of ``end``; most of them are 0 and not looked up."""
    apart = start & ~end
    total = np.count_nonzero(start)
    found = _distances(apart, end, spacing)
    if method == "modified":
        return float(found.sum()) / total
    if method == "max":
        return float(found.max(initial=0))
    return float(np.percentile(np.concatenate([np.zeros(total - len(found)), found]), 95))


def _distances(apart: Bools, end: Bools, spacing: tuple[float, ...]) -> Floats:
    """Distance of each pixel of ``apart`` to ``end``; the two have no pixel in common."""
    if np.count_nonzero(apart) * TREE_SHARE > apart.size:
        found: Floats = ndimage.distance_transform_edt(~end, sampling=spacing)[apart]
        return found
    tree = cKDTree(np.argwhere(surface(end)) * spacing, balanced_tree=False, compact_nodes=False)
    return np.asarray(tree.query(np.argwhere(apart) * spacing)[0], np.float64)
