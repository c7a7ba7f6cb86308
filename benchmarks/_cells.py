"""Seeded membrane masks with a chosen number of cells, and a plausible prediction of them."""

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree


def membranes(size: int, cells: int, *, seed: int = 20261) -> np.ndarray:
    """A mask (size, size) of wavy borders, 1, between about ``cells`` cells, 0."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size].astype(float)
    places = np.stack([y + 8 * np.sin(x / 20), x + 8 * np.sin(y / 23)], -1)
    nearest = cKDTree(rng.uniform(0, size, (cells, 2))).query(places)[1]
    border = ndimage.maximum_filter(nearest, 3) != ndimage.minimum_filter(nearest, 3)
    return ndimage.binary_dilation(border).astype(np.uint8)


def predicted(mask: np.ndarray, *, noise: float = 0.5, seed: int = 20262) -> np.ndarray:
    """The mask after noise, blur and a threshold."""
    rng = np.random.default_rng(seed)
    return (ndimage.gaussian_filter(mask + rng.normal(0, noise, mask.shape), 1) > 0.5).astype(np.uint8)
