"""Things that stand in a synthetic street."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from subband.data._drawing import Array, Generator, smooth_noise, window
from subband.data.sample import VOID

SKY, BUILDING, ROAD, TREE, CAR, POLE, SIGN = range(7)
PAINTS = np.array([[0.75, 0.12, 0.1], [0.15, 0.3, 0.65], [0.9, 0.9, 0.92], [0.12, 0.13, 0.15], [0.35, 0.5, 0.42]])
"""Colours of cars."""
RED, BLUE, YELLOW, WHITE = np.array([[0.82, 0.1, 0.12], [0.1, 0.28, 0.75], [0.95, 0.8, 0.15], [0.95, 0.95, 0.95]])


@dataclass(eq=False)
class Street:
    """Image (3, *space), mask, and number of each object, while they are drawn.

    ``look`` draws what changes colours only, so that the shapes do not depend on the difficulty; ``leaves`` and
    ``plaster`` are smooth noise for surfaces.
    """

    image: Array
    mask: NDArray[np.uint8]
    look: Generator
    instances: NDArray[np.int32] = field(init=False)
    leaves: Array = field(init=False)
    plaster: Array = field(init=False)
    count: int = 0

    def __post_init__(self) -> None:
        space = self.mask.shape
        self.instances = np.zeros(space, np.int32)
        self.leaves = smooth_noise(self.look, space, 1.8)
        self.plaster = smooth_noise(self.look, space, 2.5) + smooth_noise(self.look, space, 12)

    def near(self, row: float, column: float, reach: float) -> tuple[tuple[slice, ...], Array]:
        """Box around a point, and the offsets from it, in rows and columns."""
        return window(np.array([row, column]), reach, self.mask.shape)

    def paint(self, box: tuple[slice, ...], where: NDArray[np.bool_], colour: Array) -> None:
        """Change the colour only: (3,), or (3, *box)."""
        part = self.image[(slice(None), *box)]
        part[:] = np.where(where, colour if colour.ndim > 1 else colour[:, None, None], part)

    def put(self, box: tuple[slice, ...], where: NDArray[np.bool_], colour: Array, label: int) -> None:
        """Change colour, class and object."""
        self.paint(box, where, colour)
        self.mask[box][where] = label
        self.instances[box][where] = 0 if label == VOID else self.count


def put_pole(street: Street, row: float, column: float, metre: float, *, height: float, lamp: int = 0) -> None:
    """A pole of ``height`` metres on the ground at a point; a ``lamp`` hangs to the right (1) or to the left (-1)."""
    box, (down, right) = street.near(row, column, (height + 1) * metre)
    half = max(0.5, 0.06 * metre)
    where = (np.abs(right) <= half) & (down <= 0) & (down >= -height * metre)
    if lamp:
        arm = (lamp * right >= 0) & (lamp * right <= 1.1 * metre)
        where |= arm & (np.abs(down + height * metre) <= max(0.5, 0.05 * metre))
    grey = street.look.uniform(0.16, 0.34)
    street.put(box, where, np.array([grey, grey, grey * 1.05]), POLE)


def put_sign(street: Street, row: float, column: float, metre: float, kind: int) -> None:
    """A sign on a pole: a red ring (0), a blue disc (1), a yellow square (2) or a red triangle (3)."""
    put_pole(street, row, column, metre, height=2.6)
    box, (down, right) = street.near(row - 2.6 * metre, column, metre)
    radius = max(1.6, 0.42 * metre)
    round_, square = np.hypot(down, right), np.maximum(np.abs(down), np.abs(right))
    triangle = np.maximum(down + 0.1 * radius, np.abs(right) * 0.87 - 0.5 * (down + radius) + 0.1 * radius)
    away = (round_, round_, square, triangle * 1.6)[kind]
    street.put(box, away <= radius, (RED, BLUE, YELLOW, RED)[kind], SIGN)
    street.paint(box, away <= 0.55 * radius, (WHITE, BLUE * 1.15, YELLOW * 0.75, WHITE)[kind])


def put_tree(street: Street, row: float, column: float, metre: float, bumps: Array) -> None:
    """A tree: a trunk, and a round crown whose outline follows smooth noise ``bumps`` (*space)."""
    box, (down, right) = street.near(row, column, 7 * metre)
    trunk = (np.abs(right) <= max(0.5, 0.13 * metre)) & (down <= 0) & (down >= -2.4 * metre)
    street.put(box, trunk, np.array([0.3, 0.22, 0.16]), TREE)
    reach = np.hypot(down + 3.6 * metre, right) / (1.7 * metre)
    light = 1 - 0.25 * (down + 3.6 * metre) / (1.7 * metre) + 0.3 * street.leaves[box]
    green = np.array([0.2, 0.34, 0.13]) + 0.03 * street.look.standard_normal(3)
    street.put(box, reach + 0.18 * bumps[box] < 1, green[:, None, None] * np.clip(light, 0.4, 2), TREE)


def put_car(street: Street, row: float, column: float, metre: float) -> None:
    """A car seen from behind, 1.8 metres wide and 1.45 high."""
    box, (down, right) = street.near(row, column, 2.5 * metre)
    up, side = -down / metre, np.abs(right) / metre
    body = (up > 0.22) & (up < 0.85) & (side < 0.9 - 0.12 * np.clip(up - 0.6, 0, 1))
    cabin = (up >= 0.85) & (up < 1.45) & (side < 0.82 - 0.45 * (up - 0.85))
    wheels = (up >= 0) & (up <= 0.4) & (side > 0.52) & (side < 0.86)
    paint = PAINTS[street.look.integers(len(PAINTS))]
    street.put(box, wheels, np.full(3, 0.06), CAR)
    street.put(box, body | cabin, paint[:, None, None] * np.clip(0.7 + 0.35 * up, 0.4, 1.2), CAR)
    street.paint(box, cabin & (up > 0.93) & (up < 1.36) & (side < 0.66 - 0.3 * (up - 0.85)), np.array([0.2, 0.26, 0.3]))
    street.paint(box, body & (up > 0.6) & (up < 0.78) & (side > 0.66), np.array([0.85, 0.12, 0.08]))
    street.paint(box, (up > -0.05) & (up < 0.22) & (side < 0.5), np.full(3, 0.1))


def put_walker(street: Street, row: float, column: float, metre: float) -> None:
    """A person, whom the mask leaves void."""
    box, (down, right) = street.near(row, column, 2 * metre)
    up, side = -down / metre, np.abs(right) / metre
    clothes = 0.12 + 0.5 * street.look.random(3) * np.array([1, 0.7, 0.9])
    street.put(box, (up >= 0) & (up < 0.85) & (side < 0.2), np.full(3, 0.14), VOID)
    street.put(box, (up >= 0.7) & (up < 1.48) & (side < 0.26), clothes, VOID)
    street.put(box, np.hypot(up - 1.62, side) < 0.17, np.array([0.72, 0.54, 0.44]), VOID)
