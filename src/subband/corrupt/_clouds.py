"""Clouds by midpoint displacement."""

import numpy as np

from subband.corrupt.noise import Planes


def clouds(size: int, decay: float, rng: np.random.Generator) -> Planes:
    """Fractal map of at least ``size`` x ``size`` values in [0, 1], the smallest power of 2 on a side.

    Diamond-square on a torus: from the coarsest grid on, the middle of each square of four known points, then of each
    diamond, gets their mean plus a uniform random number of up to w squared; w is 100 and falls by ``decay`` each time.
    """
    side = 1 << max(size - 1, 1).bit_length()
    field = np.zeros((side, side))
    step, amplitude = side, 100.0
    while step >= 2:
        half = step // 2

        def displaced(total: Planes, most: float = amplitude**2) -> Planes:
            return total / 4 + rng.uniform(-most, most, total.shape)

        corners = field[::step, ::step]
        down = corners + np.roll(corners, -1, 0)
        field[half::step, half::step] = displaced(down + np.roll(down, -1, 1))
        middles = field[half::step, half::step]
        field[::step, half::step] = displaced(middles + np.roll(middles, 1, 0) + corners + np.roll(corners, -1, 1))
        field[half::step, ::step] = displaced(middles + np.roll(middles, 1, 1) + corners + np.roll(corners, -1, 0))
        step, amplitude = half, amplitude / decay
    field -= field.min()
    return np.asarray(field / field.max())
