"""Colours of classes that a set does not name itself."""

import colorsys

import numpy as np
from numpy.typing import NDArray

Palette = NDArray[np.uint8]
CHOSEN = (
    (34, 36, 46),
    (230, 85, 60),
    (70, 140, 225),
    (245, 190, 60),
    (70, 175, 105),
    (160, 95, 200),
    (75, 205, 215),
    (235, 130, 190),
    (165, 120, 75),
    (190, 220, 95),
    (150, 45, 75),
    (50, 75, 150),
)
"""Colours of the first classes: the background dark, the others told apart at a glance, none the grey of void."""
GOLDEN = 0.618034
"""Step of the hue, as part of the circle."""


def readable_palette(classes: int) -> Palette:
    """A fixed palette (classes, 3): `CHOSEN` colours first, then hues a golden angle apart.

    Example:
        >>> readable_palette(2).tolist()
        [[34, 36, 46], [230, 85, 60]]
    """
    more = [
        colorsys.hsv_to_rgb(number * GOLDEN % 1, (0.85, 0.55)[number % 2], (0.9, 0.65, 0.8)[number % 3])
        for number in range(len(CHOSEN), classes)
    ]
    colours = [*CHOSEN[:classes], *(tuple(round(255 * part) for part in colour) for colour in more)]
    return np.array(colours, np.uint8).reshape(classes, 3)
