"""Adaptive boundary weights."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from subband._check import positive
from subband.maps._objects import read_objects


def abw_weight_maps(
    mask: ArrayLike,
    *,
    weight: float = 10.0,
    border_weight: float = 30.0,
    spacing: Sequence[float] | None = None,
    dtype: DTypeLike = np.float32,
) -> NDArray[Any]:
    r"""Weights that fall off from the middle and from the border of each object, as wide as the object.

    With the distance :math:`d` of an object pixel to the border, its largest value :math:`m` in the object and
    :math:`s = m / 2.58`,

    .. math:: w_b = 1 + w_0 \exp\left(-\frac{(m - d)^2}{2 s^2}\right), \qquad
              w_o = w_0 \exp\left(-\frac{d^2}{2 s^2}\right)

    inside objects; on the border :math:`w_b = 1` and :math:`w_o` is the border weight. A mask without objects has only
    border; in a mask without border every pixel is infinitely far from it and gets the values of :math:`d = m`.

    Args:
        mask: (H, W) or (D, H, W) of 0 and 1; 1 is the border.
        weight: :math:`w_0`.
        border_weight: Object weight on the border.
        spacing: Size of a pixel along each axis; only its proportions matter.
        dtype: Of the result.

    Returns:
        (2, *space): weight of the background (the objects' inside), weight of the object (the border). Yes, the
        authors name them so: in their data the border is what is to be found.

    Raises:
        ValueError: If the mask is not two- or three-dimensional or holds other values than 0 and 1, or a weight is not
            positive.

    Source:
        Adaptive boundary weighted loss, 2022; lurenhaothu/CWMI, ``data/map_gen_ABW.py``, which adds up in float32 (a
        difference below 2e-6). A mask without border has no defined value there.

    Example:
        >>> import numpy as np
        >>> mask = np.array([[0, 0, 1, 0, 0]])
        >>> abw_weight_maps(mask).round(1)
        array([[[11. ,  5.4,  1. ,  5.4, 11. ]],
        <BLANKLINE>
               [[ 0.4,  4.4, 30. ,  4.4,  0.4]]], dtype=float32)
    """
    positive(weight=weight, border_weight=border_weight)
    objects = read_objects(mask, spacing)
    found = np.empty((2, *objects.border.shape), dtype)
    found[0], found[1] = 1, border_weight
    inside = ~objects.border
    relative = np.ones(int(inside.sum()), dtype)
    if objects.border.any() and objects.count:
        depth, label = objects.depth[inside], objects.labels[inside]
        largest = np.zeros(objects.count + 1)
        np.maximum.at(largest, label, depth)
        relative = (depth / largest[label]).astype(dtype)
    found[0][inside] = 1 + weight * np.exp(np.square(2.58 * (1 - relative)) / -2)
    found[1][inside] = weight * np.exp(np.square(2.58 * relative) / -2)
    return found
