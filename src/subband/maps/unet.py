"""The U-Net's border weights."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from subband._check import one_of, positive
from subband.maps._objects import Objects, distance, read_objects, two_nearest

AUTHORS_ROWS = 1024
"""The authors' script fills in the distances of so many rows."""


def unet_weight_map(
    mask: ArrayLike,
    *,
    weight: float = 10.0,
    sigma: float = 5.0,
    convention: Literal["exact", "authors"] = "exact",
    spacing: Sequence[float] | None = None,
    dtype: DTypeLike = np.float32,
) -> NDArray[Any]:
    r"""Weight of the narrow borders between objects.

    .. math:: w(x) = w_0 \exp\left(-\frac{(d_1(x) + d_2(x))^2}{2 \sigma^2}\right) \text{ where the mask is 1, else } 0

    with the distances :math:`d_1`, :math:`d_2` to the nearest and the second nearest object. Where there are fewer than
    two objects nothing is between two objects, and the map is 0.

    Args:
        mask: (H, W) or (D, H, W) of 0 and 1; 1 is the border.
        weight: :math:`w_0`, the weight where two objects touch.
        sigma: :math:`\sigma`, in pixels (in the unit of ``spacing`` if given).
        convention: ``"authors"`` does as their script does: with one or two objects :math:`2 d` to the first object
            stands for :math:`d_1 + d_2`, and with more than two, rows from 1024 on get :math:`w_0` on the border.
        spacing: Size of a pixel along each axis.
        dtype: Of the result. Weights below :math:`w_0` times the resolution of this type are left out as 0.

    Returns:
        The map, of the mask's shape, in [0, ``weight``].

    Raises:
        ValueError: If the mask is not two- or three-dimensional or holds other values than 0 and 1, or a number is not
            positive.

    Source:
        Ronneberger et al., U-Net, 2015 (arXiv:1505.04597), equation 2, without the class weight :math:`w_c`, which the
        losses add. ``"authors"``: lurenhaothu/CWMI, ``data/map_gen_unet.py``, which fails without objects; the map is 0
        there.

    Example:
        >>> import numpy as np
        >>> mask = np.array([[0, 1, 0]])
        >>> unet_weight_map(mask).round(3)
        array([[0.   , 9.231, 0.   ]], dtype=float32)
    """
    positive(weight=weight, sigma=sigma)
    one_of("convention", convention, ("exact", "authors"))
    objects = read_objects(mask, spacing)
    faithful = convention == "authors"
    if faithful and 1 <= objects.count <= 2:
        total = 2 * distance(objects.labels != 1, objects.spacing)
    else:
        total = _sum_of_two(objects, sigma * math.sqrt(-2 * math.log(float(np.finfo(dtype).eps))))
        if faithful and objects.count:
            total[AUTHORS_ROWS:] = 0
    found = np.zeros(total.shape, dtype)
    found[objects.border] = weight * np.exp(np.square(total[objects.border]) / (-2 * sigma**2))
    return found


def _sum_of_two(objects: Objects, radius: float) -> NDArray[np.float64]:
    nearest, second = two_nearest(objects, radius)
    return nearest + second
