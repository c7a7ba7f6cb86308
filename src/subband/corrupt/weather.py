"""Weather: snow, frost, fog."""

import numpy as np

from subband.corrupt._clouds import clouds
from subband.corrupt._ice import ice
from subband.corrupt.blur import along_line, zoomed
from subband.corrupt.constants import Constants
from subband.corrupt.noise import Planes

LUMINANCE = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in grey."""


def snow(image: Planes, constants: Constants, rng: np.random.Generator) -> Planes:
    """Whiten, and add flakes: noise (mean c1, deviation c2) zoomed by c3, of at least c4, blurred as they fall.

    The flakes are blurred along a line of 2 c5 + 1 pixels with a deviation of c6, at -135 to -45 degrees, and added
    once as they are and once turned by 180 degrees; the part c7 of the image stays as it is.
    """
    mean, deviation, zoom, least, radius, sigma, kept = constants
    flakes = zoomed(rng.normal(mean, deviation, (*image.shape[:2], 1)), zoom)
    flakes = np.rint(np.clip(np.where(flakes < least, 0, flakes), 0, 1) * 255) / 255
    flakes = along_line(flakes, radius, sigma, rng.uniform(-135, -45))
    white = kept * image + (1 - kept) * np.maximum(image, grey(image) * 1.5 + 0.5)
    return white + flakes + flakes[::-1, ::-1]


def frost(image: Planes, constants: Constants, rng: np.random.Generator) -> Planes:
    """Mix c1 of the image and c2 of ice; c3 scales the crystals.

    The ice is grown by a procedure (see ``_ice.py``), where the published script cuts it from five photographs.
    """
    texture = ice(image.shape[:2], constants[2], rng)
    return constants[0] * image + constants[1] * (texture if image.shape[2] == 3 else grey(texture))


def fog(image: Planes, constants: Constants, rng: np.random.Generator) -> Planes:
    r"""Add c1 times clouds whose detail falls by c2 from octave to octave, then darken by :math:`m / (m + c_1)`.

    m is the largest value of the image, so that a black image stays black.
    """
    strength, decay = constants
    most = image.max()
    covered = image + strength * clouds(max(image.shape[:2]), decay, rng)[: image.shape[0], : image.shape[1], None]
    return np.asarray(covered * most / (most + strength))


def grey(image: Planes) -> Planes:
    """Luminance (H, W, 1)."""
    return image if image.shape[2] == 1 else (image @ LUMINANCE)[..., None]
