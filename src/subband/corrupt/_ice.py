"""Ice on a window, grown by a procedure: what stands for the photographs of the published frost."""

import numpy as np
from scipy.spatial import cKDTree

from subband.corrupt._clouds import clouds
from subband.corrupt.noise import Planes

_GRAIN, _NEEDLE = 55.0, 5.0  # size of a crystal and distance of its needles, in pixels of a picture at scale 1
_DARK, _LIGHT = np.array([0.16, 0.24, 0.36]), np.array([0.93, 0.97, 1.0])


def ice(shape: tuple[int, ...], scale: float, rng: np.random.Generator) -> Planes:
    """A picture of frost (H, W, 3) in [0, 1], light blue needles on dark blue.

    Crystals are the cells of random points. Each has a spine of its own direction, from which needles grow to both
    sides at 60 degrees with random brightness; rims of crystals are bright, and clouds make some parts thinner.

    Args:
        shape: (H, W).
        scale: Size of the crystals; the published sets of small images shrink their photographs to 0.3 and 0.2.
        rng: Source of chance.
    """
    height, width = shape
    y, x = (axis / scale for axis in np.mgrid[:height, :width].astype(np.float64))
    extent = np.array([height, width]) / scale
    count = max(int(extent.prod() / _GRAIN**2), 6)
    centres = rng.uniform(-0.1, 1.1, (count, 2)) * extent
    angles = rng.uniform(0, 2 * np.pi, count)
    found = cKDTree(centres).query(np.stack((y, x), -1), k=2)
    distances, own = np.asarray(found[0]), np.asarray(found[1])[..., 0]
    below, right = y - centres[own, 0], x - centres[own, 1]
    along = below * np.sin(angles[own]) + right * np.cos(angles[own])
    across = np.abs(right * np.sin(angles[own]) - below * np.cos(angles[own]))
    needles = rng.random(1024)
    place = ((along - across / np.sqrt(3)) / _NEEDLE + 37.0 * own) % 1023
    needle = np.interp(place, np.arange(1024), needles) ** 1.5
    spine = np.exp(-((across / 2.5) ** 2))
    rim = np.exp(-(((distances[..., 1] - distances[..., 0]) / 5) ** 2))
    thick = 0.4 + 0.6 * clouds(max(shape), 2.0, rng)[:height, :width]
    bright = np.clip(thick * (0.15 + 0.9 * needle + 0.4 * spine + 0.4 * rim), 0, 1)[..., None]
    return np.asarray(_DARK + bright * (_LIGHT - _DARK))
