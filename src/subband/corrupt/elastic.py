"""Elastic deformation."""

from typing import Literal

import numpy as np
from scipy import ndimage

from subband.corrupt.constants import Constants
from subband.corrupt.noise import Planes


def elastic_transform(image: Planes, constants: Constants, rng: np.random.Generator) -> Planes:
    """Move three corners of a square by up to c3 pixels, then every pixel by a smooth random field.

    The field is white noise in [-1, 1] smoothed by a Gaussian of c2 pixels, times c1; the square's half side is a third
    of the shorter side of the image.
    """
    height, width = image.shape[:2]
    moved = _affine(image, constants[2], rng)
    fields = rng.uniform(-1, 1, (2, height, width))
    rows, columns = (
        constants[0] * np.asarray(ndimage.gaussian_filter(field, constants[1], mode="reflect", truncate=3))
        for field in fields
    )
    y, x = np.mgrid[:height, :width]
    return _sampled(moved, y + rows, x + columns, "reflect")


def _affine(image: Planes, reach: float, rng: np.random.Generator) -> Planes:
    """Warp so that three corners of a square go to where chance puts them, each by up to ``reach`` pixels."""
    height, width = image.shape[:2]
    side = min(height, width) // 3
    middle = np.array([width // 2, height // 2], np.float64)
    corners = middle + side * np.array([[1, 1], [1, -1], [-1, -1]])
    targets = corners + rng.uniform(-reach, reach, corners.shape)
    back = np.linalg.solve(np.column_stack((targets, np.ones(3))), corners)  # from where a pixel of the result comes
    y, x = np.mgrid[:height, :width]
    from_x, from_y = np.moveaxis(x[..., None] * back[0] + y[..., None] * back[1] + back[2], -1, 0)
    return _sampled(image, from_y, from_x, "mirror")


def _sampled(image: Planes, rows: Planes, columns: Planes, border: Literal["reflect", "mirror"]) -> Planes:
    """Linear interpolation at positions in pixels."""
    planes = [
        ndimage.map_coordinates(plane, (rows, columns), order=1, mode=border) for plane in np.moveaxis(image, 2, 0)
    ]
    return np.stack(planes, 2)
