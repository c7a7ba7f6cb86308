"""Cells with dark membranes, as in electron microscopy."""

import numpy as np

from subband.data._drawing import (
    Array,
    Drawn,
    Generator,
    Truth,
    blur,
    curve,
    depth_of_lines,
    gaps,
    grid,
    regions,
    smooth_noise,
    some_of,
    turned,
    window,
)
from subband.data.readers.snemi3d import membrane

CELL = 22.0
"""Mean distance of two cells, in pixels."""


def draw_membranes(generator: Generator, space: tuple[int, ...], *, hard: bool) -> Drawn:
    """Warped Voronoi cells; the membrane is the gap between the nearest and the second nearest seed.

    Hard images have gaps of contrast in the membrane, organelles, distractor lines inside the cells, and more noise.
    """
    cell, distance = _cells(generator, space)
    half = np.clip(1.0 + 0.35 * smooth_noise(generator, space, 30), 0.5, 1.8)
    mask = np.maximum(membrane(cell + 1), distance < half).astype(np.uint8)
    image = 0.7 + 0.04 * generator.standard_normal(cell.max() + 1)[cell]
    image += 0.05 * smooth_noise(generator, space, 40) + 0.03 * smooth_noise(generator, space, 3)
    contrast = np.clip(0.42 + 0.06 * smooth_noise(generator, space, 25), 0.25, 0.55)
    if hard:
        pixels = mask.size
        contrast *= gaps(generator, mask > 0, pixels // 420, (2.5, 5.5))
        _organelles(generator, image, mask, pixels // 2500)
        _distractors(generator, image, mask, pixels // 1400)
    image -= contrast * np.clip(half + 0.7 - distance, 0, 1)
    image = blur(image, 0.7) + (0.085 if hard else 0.03) * generator.standard_normal(space)
    return Drawn(image[None], mask, Truth(regions(mask)))


def _cells(generator: Generator, space: tuple[int, ...]) -> tuple[np.ndarray, Array]:
    """Nearest seed of each pixel, and its distance to the border with the second nearest, in warped space."""
    from scipy.spatial import cKDTree

    axes = [np.arange(-CELL, size + CELL, CELL) for size in space]
    seeds = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(space))
    seeds = seeds + CELL * generator.uniform(-0.55, 0.55, seeds.shape)
    places = grid(space) + 4 * np.stack([smooth_noise(generator, space, 22) for _ in space])
    found = cKDTree(seeds).query(places.reshape(len(space), -1).T, k=2)
    away, nearest = np.asarray(found[0]), np.asarray(found[1])
    apart = np.linalg.norm(seeds[nearest[:, 0]] - seeds[nearest[:, 1]], axis=1)
    border = (away[:, 1] ** 2 - away[:, 0] ** 2) / (2 * apart)
    return nearest[:, 0].reshape(space), border.reshape(space)


def _organelles(generator: Generator, image: Array, mask: np.ndarray, count: int) -> None:
    """Draw mitochondria, grey with a dark rim and folds, and vesicles into the cells."""
    for centre in some_of(generator, mask == 0, count):
        long, short = generator.uniform(3.5, 8), generator.uniform(2, 3.5)
        box, offset = window(centre, long + 1, image.shape)
        along, across = turned(offset, generator.uniform(0, np.pi))
        level = np.hypot(along / long, across / short)
        fold = 0.05 * np.sin(2.2 * along) - 0.14
        part = image[box]
        part += np.where(level < 1, np.where(level > 0.75, -0.26, fold), 0) * (mask[box] == 0)
    for centre in some_of(generator, mask == 0, 2 * count):
        box, offset = window(centre, 2, image.shape)
        image[box] -= 0.2 * np.exp(-(offset**2).sum(0) / 1.5)


def _distractors(generator: Generator, image: Array, mask: np.ndarray, count: int) -> None:
    """Draw dark lines inside the cells, like endoplasmic reticulum."""
    starts = some_of(generator, mask == 0, count)
    points = np.concatenate([np.empty((0, 2)), *(curve(generator, at, generator.uniform(7, 20)) for at in starts)])
    depth, _ = depth_of_lines(points, np.full(len(points), 0.75), image.shape)
    image -= 0.34 * np.clip(depth + 0.5, 0, 1) * (mask == 0)
