"""Noise of sensors and transmission: Gaussian, shot, impulse and speckle noise."""

import numpy as np
from numpy.typing import NDArray

from subband.corrupt.constants import Constants

Planes = NDArray[np.float64]
"""An image (H, W, C), 1 or 3 channels, values in [0, 1]; what a corruption returns is cut to [0, 1] later."""


def gaussian_noise(image: Planes, constants: Constants, rng: np.random.Generator) -> Planes:
    r"""Add :math:`\mathcal{N}(0, c^2)` to every value."""
    return image + rng.normal(0, constants[0], image.shape)


def shot_noise(image: Planes, constants: Constants, rng: np.random.Generator) -> Planes:
    r"""Count photons: :math:`\mathrm{Poisson}(c x) / c`."""
    return rng.poisson(image * constants[0]) / constants[0]


def impulse_noise(image: Planes, constants: Constants, rng: np.random.Generator) -> Planes:
    """Turn the part c of all values, channel by channel, to 0 or 1."""
    hit, white = rng.random((2, *image.shape))
    return np.where(hit <= constants[0], (white <= 0.5).astype(np.float64), image)


def speckle_noise(image: Planes, constants: Constants, rng: np.random.Generator) -> Planes:
    r"""Multiply every value by :math:`1 + \mathcal{N}(0, c^2)`."""
    return image + image * rng.normal(0, constants[0], image.shape)
