"""Spatter: water or mud on the lens."""

import numpy as np
from scipy import ndimage

from subband.corrupt.blur import smooth
from subband.corrupt.constants import Constants
from subband.corrupt.noise import Planes
from subband.corrupt.weather import grey

_WATER, _MUD = np.array([175, 238, 238]) / 255, np.array([63, 42, 20]) / 255
_EMBOSS = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
_FARTHEST = 20  # pixels from the rim of a drop within which it is shaded


def spatter(image: Planes, constants: Constants, rng: np.random.Generator) -> Planes:
    """Splash drops: Gaussian noise (mean c1, deviation c2), smoothed by c3 pixels, of at least c4.

    With c6 = 0 it is water, shaded from its rims, at most c5 bright; with c6 = 1 mud whose rims are smoothed by c5.
    """
    mean, deviation, sigma, least, last, mud = constants
    liquid = smooth(rng.normal(mean, deviation, image.shape[:2]), sigma)
    colour = _MUD if mud else _WATER
    if image.shape[2] == 1:
        colour = grey(colour[None, None])[0, 0]
    if mud:
        cover = smooth((liquid > least).astype(np.float64), last)[..., None]
        cover = np.where(cover < 0.8, 0, cover)
        return image * (1 - cover) + cover * colour
    light = _shaded(np.floor(np.clip(np.where(liquid < least, 0, liquid), 0, 1) * 255))
    return image + last * light[..., None] * colour


def _shaded(liquid: Planes) -> Planes:
    """Light of water of a thickness from 0 to 255: brightest 1, or nothing where there is no water."""
    from skimage.feature import canny

    rims = canny(liquid, sigma=0, low_threshold=50, high_threshold=150)  # type: ignore[no-untyped-call]
    distance = ndimage.distance_transform_edt(~rims) if rims.any() else np.full(liquid.shape, _FARTHEST)
    near = np.floor(_mean(np.minimum(distance, _FARTHEST)))
    relief = np.clip(np.asarray(ndimage.correlate(_equalised(near), _EMBOSS, mode="mirror")), 0, 255)
    light = liquid * np.rint(_mean(relief))
    most = light.max()
    return light / most if most > 0 else light


def _mean(values: Planes) -> Planes:
    return np.asarray(ndimage.uniform_filter(values, 3, mode="mirror"), np.float64)


def _equalised(values: Planes) -> Planes:
    """Spread whole numbers over 0 to 255 so that all are about as frequent."""
    found, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    if len(found) == 1:
        return values
    ranks = np.cumsum(counts) - counts[0]
    return np.asarray(np.rint(ranks * 255 / ranks[-1])[index].reshape(values.shape))
