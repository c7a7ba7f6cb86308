"""Which voxels are bright enough to be fibre, and how bright they are above the background."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from subband.tracing._voxels import Bools, Floats, Links

SEEN = 2_000_000
"""About so many voxels of a large volume tell its background."""
DEVIATIONS = 4.0
"""A voxel so many deviations of the noise above the background is foreground."""
BLUR = 0.7
"""Width of the Gaussian that a noisy volume is blurred with before, in voxels."""
FAINTEST = 0.05
"""Least brightness of a foreground voxel, as a share of a bright one's."""
HALF = 0.5
"""A fibre reaches to where it is so bright, as a share of the brightest voxel near."""
ROUNDS = 3
"""How many voxels away that brightest voxel may be."""


def background(volume: NDArray[Any]) -> tuple[float, float]:
    """Level of the background and deviation of its noise: the median, and 1.4826 times the median distance from it.

    Bright fibres hardly move them while they fill much less than half of the volume.

    Example:
        >>> background(np.array([[[1, 3, 3, 4, 200]]]))
        (3.0, 1.4826)
    """
    return background_of(_some(volume))


def background_of(values: Floats) -> tuple[float, float]:
    """`background` of a sample (N,) of the voxels."""
    level = float(np.median(values))
    return level, 1.4826 * float(np.median(np.abs(values - level)))


def find_threshold(volume: NDArray[Any]) -> float:
    r"""A grey value above the background and its noise.

    .. math:: \max(\tilde I + 4 \sigma, \; \bar I + \tfrac12 s)

    with the level :math:`\tilde I` and noise :math:`\sigma` of `background`, and the mean and deviation of all voxels.

    Args:
        volume: (Z, Y, X) grey values; of a large volume voxels at even distances are looked at.

    Returns:
        A grey value; foreground is what is greater.

    Source:
        The second part is APP2's (Xiao and Peng, 2013); the first, ours, keeps noise out.

    Example:
        >>> volume = np.full((8, 8, 8), 3.0)
        >>> volume[4, 4] = 90
        >>> round(find_threshold(volume), 2)
        9.75
    """
    return threshold_of(_some(volume))


def threshold_of(values: Floats) -> float:
    """`find_threshold` of a sample (N,) of the voxels."""
    level, noise = background_of(values)
    return max(level + DEVIATIONS * noise, float(values.mean() + 0.5 * values.std()))


def blurred(volume: NDArray[Any]) -> NDArray[Any]:
    """The volume blurred a little, float32."""
    return np.asarray(ndimage.gaussian_filter(volume.astype(np.float32), BLUR))


def brightness(grey: NDArray[Any], level: float) -> Floats:
    """Brightness (N,) of foreground voxels above a level: 1 for a bright one, the ninth of ten, and never 0."""
    above = np.maximum(grey.astype(np.float64) - level, 0)
    bright = float(np.quantile(above, 0.9))
    return np.clip(above / bright, FAINTEST, 1) if bright > 0 else np.ones(len(above))


def core(bright: Floats, links: Links) -> Bools:
    """Voxels (N,) at least `HALF` as bright as the brightest in reach: a fibre without its skirt, however bright.

    A low threshold finds faint fibres, but makes bright ones too thick; this gives each its width at half height.
    """
    highest = bright.copy()
    for _ in range(ROUNDS):
        before = highest.copy()
        np.maximum.at(highest, links.first, before[links.second])
        np.maximum.at(highest, links.second, before[links.first])
    return np.asarray(bright >= HALF * highest)


def sampling(size: int) -> int:
    """Distance of the voxels of a sample; it is odd so that it does not follow the rows."""
    return size // SEEN // 2 * 2 + 1


def _some(volume: NDArray[Any]) -> Floats:
    """Voxels at even distances, as floats."""
    return np.asarray(volume.reshape(-1)[:: sampling(volume.size)], np.float64)
