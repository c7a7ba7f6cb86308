"""Objects of a mask, the face-connected components of 0, and distances to them."""

import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

Floats = NDArray[np.float64]
Box = tuple[slice, ...]
EXACT = 2**24
"""Whole numbers up to this are exact in float32."""


@dataclass(frozen=True)
class Objects:
    """A checked mask with its objects.

    Args:
        border: True on the structure.
        labels: 0 on the structure, 1, 2, ... on the objects in raster order of their first pixel.
        count: Number of objects.
        spacing: Size of a pixel along each axis.
    """

    border: NDArray[np.bool_]
    labels: NDArray[np.int32]
    count: int
    spacing: tuple[float, ...]

    @cached_property
    def boxes(self) -> list[Box]:
        """Bounding box of each object."""
        return ndimage.find_objects(self.labels)

    @property
    def depth(self) -> Floats:
        """Distance of each object pixel to the border, 0 on the border, infinite where there is none."""
        if not self.border.any():
            return np.full(self.border.shape, np.inf)
        return distance(~self.border, self.spacing)


def read_objects(mask: ArrayLike, spacing: Sequence[float] | None) -> Objects:
    """Check a mask and label its objects.

    Raises:
        ValueError: If the mask is not two- or three-dimensional, holds other values than 0 and 1, or the spacing does
            not fit.
    """
    array = np.asarray(mask)
    if array.ndim not in (2, 3):
        raise ValueError(f"mask has shape {array.shape}, but must be (H, W) or (D, H, W)")
    border = array.astype(bool)
    if not (array == border).all():
        found = ", ".join(f"{value:g}" for value in np.unique(array)[:4])
        raise ValueError(f"mask holds the values {found} ..., but must hold 0 and 1; pass mask == class or mask > 0")
    size = (1.0,) * array.ndim if spacing is None else tuple(float(length) for length in spacing)
    if len(size) != array.ndim or min(size) <= 0:
        raise ValueError(f"spacing is {size}, but must be {array.ndim} lengths greater than 0, one for each axis")
    labels = np.empty(border.shape, np.int32)
    count = int(ndimage.label(~border, output=labels))
    return Objects(border, labels, count, size)


def distance(outside: NDArray[np.bool_], spacing: tuple[float, ...]) -> Floats:
    """Euclidean distance of each True pixel to the nearest False one.

    The package edt takes half of SciPy's time. Its squares are float32: exact where pixels have size 1.
    """
    if set(spacing) == {1.0} and sum(length**2 for length in outside.shape) < EXACT:
        try:
            edt: Any = importlib.import_module("edt")
        except ImportError:
            pass
        else:
            squares: NDArray[np.float32] = edt.edtsq(np.ascontiguousarray(outside))
            return np.sqrt(squares, dtype=np.float64)
    found: Floats = np.sqrt(squared_distance(nearest_outside(outside, spacing), spacing))
    return found


def nearest_outside(outside: NDArray[np.bool_], spacing: tuple[float, ...]) -> NDArray[np.int32]:
    """Coordinates (ndim, *space) of the False pixel that is nearest to each pixel."""
    found: NDArray[np.int32] = ndimage.distance_transform_edt(
        outside, sampling=None if set(spacing) == {1.0} else spacing, return_distances=False, return_indices=True
    )
    return found


def squared_distance(nearest: NDArray[np.int32], spacing: tuple[float, ...]) -> NDArray[Any]:
    """Square of the distance of each pixel to its nearest one; integers where pixels have size 1."""
    total: NDArray[Any] | None = None
    for axis, (position, length) in enumerate(zip(nearest, spacing, strict=True)):
        here = np.arange(position.shape[axis], dtype=position.dtype)
        step = position - here.reshape([-1 if other == axis else 1 for other in range(position.ndim)])
        square = step * step if length == 1 else np.square(step * length)
        total = square if total is None else total + square
    assert total is not None
    return total


def two_nearest(objects: Objects, radius: float) -> tuple[Floats, Floats]:
    """Distances to the nearest and the second nearest object, exact up to ``radius``, infinite where none is nearer.

    One distance transform per object, in its bounding box grown by the radius: the cost follows the area of the image,
    not the area times the number of objects. Nearest and second are kept as squares, which are integers where pixels
    have size 1.
    """
    unit = set(objects.spacing) == {1.0}
    far: float = np.iinfo(np.int32).max if unit else np.inf
    nearest = np.full(objects.border.shape, far, np.int32 if unit else np.float64)
    second = nearest.copy()
    margins = [math.ceil(radius / length) for length in objects.spacing]
    for index, box in enumerate(objects.boxes, 1):
        grown = tuple(slice(max(0, s.start - m), s.stop + m) for s, m in zip(box, margins, strict=True))
        others = objects.labels[grown] != index
        here = squared_distance(nearest_outside(others, objects.spacing), objects.spacing)
        first = nearest[grown]
        np.minimum(second[grown], np.maximum(first, here), out=second[grown])
        np.minimum(first, here, out=first)
    return tuple(np.where(square == far, np.inf, np.sqrt(square)) for square in (nearest, second))  # type: ignore[return-value]
