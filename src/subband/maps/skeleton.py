"""Skeleton-aware weights."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy import ndimage

from subband.maps._objects import Floats, Objects, nearest_outside, read_objects, squared_distance, two_nearest
from subband.maps.thinning import dilated, object_skeletons, skeleton


def skea_topo_maps(
    mask: ArrayLike, *, spacing: Sequence[float] | None = None, dtype: DTypeLike = np.float32
) -> NDArray[Any]:
    r"""Object weight, border weight and the two skeletons that the skeleton-aware loss reads.

    Inside objects, with the distance :math:`d_0` to the object's skeleton and the distance :math:`r` of the nearest
    skeleton pixel to the border, and on the border, with the distances :math:`d_1`, :math:`d_2` to the two nearest
    objects and the largest :math:`d_1` of all border pixels :math:`D`,

    .. math:: W_0 = 1 - \frac{\min(d_0, r)}{r}, \qquad
              W_1 = \max\left(0, 1 + \frac{2 D - d_1 - d_2}{2 D}\right)

    With one object, :math:`d_2 = d_1`. Without objects :math:`W_1 = 0`; without border :math:`W_0 = 1`.

    Args:
        mask: (H, W) or (D, H, W) of 0 and 1; 1 is the border.
        spacing: Size of a pixel along each axis. Skeletons do not depend on it.
        dtype: Of the result.

    Returns:
        (4, *space): :math:`W_0` in [0, 1] inside objects, :math:`W_1` in [0, 2] on the border, the union of the
        objects' skeletons dilated by one pixel (0 or 1), the skeleton of the border (0 or 1).

    Raises:
        ValueError: If the mask is not two- or three-dimensional or holds other values than 0 and 1.

    Source:
        Liu et al., Skea-topo, 2024 (arXiv:2404.18539); lurenhaothu/CWMI, ``data/skeleton_aware_loss_gen.py`` and
        ``data/skeleton_gen.py``: skeletons are Lee's (1994), one object at a time, so that objects that touch at a
        corner are not joined. Their scripts fail without border or without objects.

    Example:
        >>> import numpy as np
        >>> mask = np.array([[0, 0, 0, 1, 1, 0, 0, 0]])
        >>> skea_topo_maps(mask)[1]
        array([[0. , 0. , 0. , 0.5, 0.5, 0. , 0. , 0. ]], dtype=float32)
    """
    objects = read_objects(mask, spacing)
    found = np.zeros((4, *objects.border.shape), dtype)
    skeletons = _object_weight(objects, found[0])
    found[1] = _border_weight(objects)
    found[2] = dilated(skeletons)
    found[3] = skeleton(objects.border)
    return found


def _object_weight(objects: Objects, weight: NDArray[Any]) -> NDArray[np.bool_]:
    """Write the object weight into ``weight`` and return the skeletons of all objects."""
    depth = objects.depth
    unbounded = not objects.border.any()
    skeletons = object_skeletons(objects.labels, objects.count)
    for index, box in enumerate(objects.boxes, 1):
        inside = objects.labels[box] == index
        own = skeletons[box] & inside
        if unbounded:
            weight[box][inside] = 1
        elif own.any():
            weight[box][inside] = _closeness(own, inside, depth[box], objects.spacing)
    return skeletons


def _closeness(own: NDArray[np.bool_], inside: NDArray[np.bool_], depth: Floats, spacing: tuple[float, ...]) -> Floats:
    """``1 - min(d0, r) / r`` of the pixels inside."""
    nearest = nearest_outside(~own, spacing)
    away = np.sqrt(squared_distance(nearest, spacing)[inside])
    radius = depth[tuple(nearest[(slice(None), inside)])]
    closeness: Floats = 1 - np.minimum(away, radius) / radius
    return closeness


def _border_weight(objects: Objects) -> Floats:
    border = objects.border
    weight = np.zeros(border.shape)
    if not objects.count or not border.any():
        return weight
    nearest, second = two_nearest(objects, 4 * _at_least_largest(objects))
    if objects.count == 1:
        second = nearest
    largest = nearest[border].max()
    weight[border] = np.maximum(0, 2 - (nearest[border] + second[border]) / (2 * largest))
    return weight


def _at_least_largest(objects: Objects) -> float:
    """A bound, quickly found, of the largest distance of a border pixel to the objects: from steps along the axes."""
    steps: int = ndimage.distance_transform_cdt(objects.border, metric="chessboard").max()
    bound: float = steps * float(np.linalg.norm(objects.spacing))
    return bound
