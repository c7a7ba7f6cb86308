"""Glands in stained tissue."""

import numpy as np

from subband.data._drawing import (
    Array,
    Drawn,
    Generator,
    Truth,
    blur,
    depth_of_lines,
    regions,
    smooth_noise,
    some_of,
    window,
)

STROMA, EPITHELIUM, LUMEN, NUCLEUS = (
    np.array(colour).reshape(3, 1, 1)
    for colour in ([0.86, 0.62, 0.76], [0.66, 0.47, 0.7], [0.93, 0.9, 0.93], [0.36, 0.24, 0.52])
)
APART = 44.0
"""Mean distance of two glands, in pixels."""


def draw_glands(generator: Generator, space: tuple[int, ...], *, hard: bool) -> Drawn:
    """Bent ellipses with epithelium around a lumen; some touch, and a border of one pixel on each side parts them.

    Class 1 is what is not gland. Hard images have pale staining, holes that look like a lumen, nuclei outside the
    glands, and more noise.
    """
    level, second, gland = _glands(generator, space)
    mask = (level >= 1).astype(np.uint8)
    for axis in (0, 1):
        left = (slice(None),) * axis + (slice(None, -1),)
        right = (slice(None),) * axis + (slice(1, None),)
        touch = (gland[left] != gland[right]) & (mask[left] == 0) & (mask[right] == 0)
        mask[left][touch] = 1
        mask[right][touch] = 1
    image = _tissue(generator, level, second, gland)
    if hard:
        for centre in some_of(generator, level > 1.1, mask.size // 3500):
            _spot(image, centre, generator.uniform(2, 4.5), LUMEN)
    inside = some_of(generator, (level > 0.72) & (level < 0.93), mask.size // 45)
    outside = some_of(generator, level > 1.05, mask.size // (120 if hard else 500))
    nuclei = np.concatenate([inside, outside])
    cover = np.clip(depth_of_lines(nuclei, generator.uniform(0.9, 1.7, len(nuclei)), space)[0] + 0.5, 0, 1)
    image += cover * (NUCLEUS - image)
    if hard:
        pale = np.clip(0.25 + 0.3 * smooth_noise(generator, space, min(space) / 4), 0, 0.75)
        image += pale * (0.85 - image) * 0.8
    image = np.stack([blur(plane, 0.6) for plane in image])
    image += (0.045 if hard else 0.02) * generator.standard_normal(image.shape)
    return Drawn(image, mask, Truth(regions(mask)))


def _glands(generator: Generator, space: tuple[int, ...]) -> tuple[Array, Array, np.ndarray]:
    """Distance from a gland's centre as part of its radius there, least and second, and the nearest gland's number."""
    axes = [np.arange(APART / 3, size + APART / 3, APART) for size in space]
    centres = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)
    centres = centres + APART * generator.uniform(-0.3, 0.3, centres.shape)
    level, second, gland = np.full(space, np.inf), np.full(space, np.inf), np.zeros(space, np.int64)
    for number, centre in enumerate(centres):
        box, (down, right) = window(centre, APART, space)
        away = np.hypot(down, right) + 1e-9
        turn = (right + 1j * down) / away
        radius = APART * generator.uniform(0.33, 0.52) * np.ones(away.shape)
        for wave, size in ((2, 0.16), (3, 0.09), (4, 0.05), (5, 0.04)):
            bump = generator.normal(0, size) * np.exp(1j * generator.uniform(0, 2 * np.pi))
            radius *= np.maximum(1 + (bump * turn**wave).real, 0.3)
        own = away / radius
        second[box] = np.minimum(second[box], np.maximum(level[box], own))
        gland[box] = np.where(own < level[box], number, gland[box])
        level[box] = np.minimum(level[box], own)
    return level, second, gland


def _tissue(generator: Generator, level: Array, second: Array, gland: np.ndarray) -> Array:
    """Stroma with fibres, epithelium and lumen, (3, *space)."""
    space = level.shape
    open_to = generator.uniform(0.3, 0.6, gland.max() + 1)[gland] + 0.05 * smooth_noise(generator, space, 6)
    fibres = 0.05 * np.sin(smooth_noise(generator, space, 18) * 9) + 0.03 * smooth_noise(generator, space, 3)
    image = STROMA + fibres * np.array([0.6, 1.2, 0.9]).reshape(3, 1, 1)
    image = np.where(level < 1, EPITHELIUM + 0.03 * smooth_noise(generator, space, 3), image)
    return np.where((level < open_to) & (level < 0.7 * second), LUMEN, image)


def _spot(image: Array, centre: Array, radius: float, colour: Array) -> None:
    """Draw a round spot with a soft edge."""
    box, offset = window(centre, radius + 1, image.shape[1:])
    cover = np.clip(radius + 0.5 - np.sqrt((offset**2).sum(0)), 0, 1)
    part = image[(slice(None), *box)]
    part += cover * (colour - part)
