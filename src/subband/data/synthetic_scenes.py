"""A street with houses, cars and thin things."""

import numpy as np

from subband.data._drawing import Array, Drawn, Generator, Truth, blur, smooth_noise
from subband.data._street import (
    BLUE,
    BUILDING,
    RED,
    ROAD,
    SKY,
    YELLOW,
    Street,
    put_car,
    put_pole,
    put_sign,
    put_tree,
    put_walker,
)

CLASSES = (
    ("sky", (130, 180, 230)),
    ("building", (150, 75, 60)),
    ("road", (128, 64, 128)),
    ("tree", (70, 140, 50)),
    ("car", (30, 50, 170)),
    ("pole", (240, 230, 150)),
    ("sign", (235, 90, 30)),
)
"""Names and colours of the classes."""
WALLS = np.array([[0.62, 0.42, 0.34], [0.7, 0.62, 0.5], [0.55, 0.53, 0.52], [0.72, 0.55, 0.42], [0.45, 0.33, 0.3]])
EYE = 1.5
"""Height of the camera above the road, in metres."""


def draw_scenes(generator: Generator, space: tuple[int, ...], *, hard: bool) -> Drawn:
    """A straight street in perspective: a house front on each side, and on the road trees, cars, poles and signs.

    With the horizon in row h, a thing that stands in row y has :math:`(y - h) / 1.5` pixels for each metre. People are
    void. Hard images have posters in the colours of signs and pipes like poles on the houses, haze, and more noise.
    """
    look = generator.spawn(1)[0]
    horizon = space[0] * generator.uniform(0.42, 0.5)
    vanishing = space[1] * generator.uniform(0.35, 0.65)
    rise = generator.uniform(0.36, 0.5) * space[0] / space[1]
    street = Street(np.zeros((3, *space)), np.full(space, SKY, np.uint8), look)
    rows, columns = np.ogrid[: space[0], : space[1]]
    down, right = rows - horizon, columns - vanishing
    _sky(street, rows / horizon)
    _ground(street, down, right, rise)
    _houses(generator, street, down, right, rise, hard=hard)
    _things(generator, street, horizon, vanishing, rise)
    image = np.stack([blur(plane, 0.55) for plane in street.image])
    if hard:
        haze = np.clip(0.2 + 0.2 * smooth_noise(look, space, min(space) / 3), 0, 0.6)
        image += haze * (0.62 - image)
    image *= 1 + 0.06 * smooth_noise(look, space, min(space) / 2)
    image += (0.05 if hard else 0.015) * look.standard_normal(image.shape)
    return Drawn(image, street.mask, Truth(street.instances))


def _sky(street: Street, height: Array) -> None:
    """Blue that pales towards the horizon, with clouds."""
    space = street.mask.shape
    pale = np.clip(height, 0, 1) + np.clip(0.6 * smooth_noise(street.look, space, space[0] / 6), 0, 0.8)
    blue, white = (np.array(colour).reshape(3, 1, 1) for colour in ([0.4, 0.6, 0.88], [0.9, 0.93, 0.96]))
    street.image[:] = blue + np.clip(pale, 0, 1) * (white - blue)


def _ground(street: Street, down: Array, right: Array, rise: float) -> None:
    """Asphalt below the horizon, with lines along the street."""
    space = street.mask.shape
    across, along = right / np.maximum(down, 0.3) * rise, space[0] / np.maximum(down, 0.3)
    asphalt = 0.37 + 0.03 * smooth_noise(street.look, space, 10) + 0.02 * smooth_noise(street.look, space, 1.5)
    thin = 0.012 + 0.3 * rise / np.maximum(down, 0.3)
    lines = (np.abs(np.abs(across) - 0.78) < thin) | ((np.abs(across) < thin) & (along % 1.6 < 0.8))
    grey = np.where(lines & (down > 2), 0.8, np.where(np.abs(across) > 0.8, asphalt + 0.1, asphalt))
    box = (slice(None), slice(None))
    street.put(box, np.broadcast_to(down >= 0, space), grey * np.array([1, 0.99, 0.98]).reshape(3, 1, 1), ROAD)


def _houses(generator: Generator, street: Street, down: Array, right: Array, rise: float, *, hard: bool) -> None:
    """Fronts on both sides, from far to near; their roofs and feet point to the vanishing point."""
    width = street.mask.shape[1]
    for side in (-1, 1):
        away = side * right[0]
        far = width * generator.uniform(0.05, 0.09)
        while far < width:
            near = far * generator.uniform(1.3, 1.9)
            roof = -generator.uniform(1.1, 3.2)
            columns = np.flatnonzero((away >= far) & (away < near))
            if generator.random() < 0.85 and columns.size:
                box = (slice(None), slice(columns[0], columns[-1] + 1))
                level = down / away[box[1]] / rise
                street.count += 1
                front = _front(street, box, width / away[box[1]], level, roof, hard=hard)
                street.put(box, (level >= roof) & (level < 1), front, BUILDING)
            far = near


def _front(street: Street, box: tuple[slice, slice], depth: Array, level: Array, roof: float, *, hard: bool) -> Array:
    """Colours of a house front (3, *box): wall, storeys of windows, and what looks like signs and poles."""
    look = street.look
    wall = WALLS[look.integers(len(WALLS))] + 0.04 * look.standard_normal(3)
    colour = wall[:, None, None] * (1 + 0.05 * street.plaster[box])
    storey, step = (level - roof) / look.uniform(0.5, 0.7), depth / look.uniform(0.28, 0.4)
    glass = (storey % 1 > 0.35) & (storey % 1 < 0.85) & (step % 1 > 0.3) & (step % 1 < 0.75) & (level < 0.6)
    wide = np.clip(street.mask.shape[1] / depth**2 * 0.34 / 3 - 0.6, 0, 1) * 0.85
    pane = np.array([0.2, 0.26, 0.34])[:, None, None]
    colour += np.where(glass, wide, 0) * (pane - colour)
    colour *= np.where(level < roof + 0.08, 0.7, 1)
    if hard:
        start, end = look.uniform(1.8, 4), look.uniform(-0.2, 0.2)
        poster = (np.abs(depth - start) < 0.15) & (np.abs(level - end) < 0.18)
        paint = np.stack([RED, BLUE, YELLOW])[look.integers(3)]
        pipe = np.abs(depth - look.uniform(1.5, 5)) < 0.012 * depth
        colour = np.where(poster, paint[:, None, None], np.where(pipe, 0.24, colour))
    return np.asarray(colour, np.float64)


def _things(generator: Generator, street: Street, horizon: float, vanishing: float, rise: float) -> None:
    """Trees, poles, signs and people along the houses, and cars on the road, from far to near."""
    height = street.mask.shape[0]
    bumps = smooth_noise(generator, street.mask.shape, 3.5)
    counts = {"tree": 3, "pole": 4, "sign": 4, "car": 3, "walker": 3}
    kinds = [kind for kind, most in counts.items() for _ in range(int(generator.integers(most // 2, most + 1)))]
    below = np.sort(height * np.exp(generator.uniform(np.log(0.07), np.log(0.36), len(kinds))))
    for kind, drop in zip(generator.permutation(kinds), below, strict=True):
        side = 1 if generator.random() < 0.5 else -1
        place = generator.uniform(0.12, 0.6) if kind == "car" else generator.uniform(0.82, 0.95)
        row, column = round(horizon + drop), round(vanishing + side * place * drop / rise)
        metre = drop / EYE
        form = int(generator.integers(4))
        street.count += 1
        if kind == "tree":
            put_tree(street, row, column, metre, bumps)
        elif kind == "pole":
            put_pole(street, row, column, metre, height=5.5, lamp=-side if form else 0)
        elif kind == "sign":
            put_sign(street, row, column, metre, form)
        elif kind == "car":
            put_car(street, row, column, metre)
        else:
            put_walker(street, row, column, metre)
