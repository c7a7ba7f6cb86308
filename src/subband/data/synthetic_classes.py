"""Seeded synthetic images of eight classes: shapes on a coloured, noisy ground."""

import math

import numpy as np

from subband._check import positive
from subband.data._drawing import Array, Generator, smooth_noise
from subband.data.class_sample import ClassReader, Pixels
from subband.data.splits import Split

CLASSES = ("disc", "ring", "square", "frame", "triangle", "cross", "bars", "checks")
SMOOTH = 0.03
"""Width of an edge, in units of the image's size."""


class SyntheticClasses(ClassReader):
    """Colour images of one shape each, drawn when first asked for; image i depends on the size, the seed and i alone.

    Position, size, turn and both colours vary; a second, fainter ground runs through the image and noise lies over it.
    Every fourth image tests. Classes take turns, so every part has equally many of each.

    Args:
        size: Height and width, in pixels.
        count: Number of images.
        seed: Seed.

    Raises:
        ValueError: If the size is below 16 pixels or there are too few images for a split.

    Example:
        >>> shapes = SyntheticClasses(size=32, count=64)
        >>> shapes[9].pixels.shape, shapes.class_names[shapes[9].label]
        ((3, 32, 32), 'ring')
    """

    def __init__(self, *, size: int = 32, count: int = 640, seed: int = 0) -> None:
        positive(count=count)
        if size < 16 or count < 4 * len(CLASSES):
            raise ValueError(f"size is {size} and count {count}, but must be at least 16 and {4 * len(CLASSES)}")
        self.size, self.seed = size, seed
        tests = [i for i in range(count) if i // len(CLASSES) % 4 == 3]
        train = [i for i in range(count) if i // len(CLASSES) % 4 != 3]
        super().__init__(
            [f"classes_{i:04d}" for i in range(count)],
            [i % len(CLASSES) for i in range(count)],
            class_names=list(CLASSES),
            split=Split(train, [], tests),
        )

    def read(self, index: int) -> Pixels:
        """Draw image ``index``."""
        generator = np.random.default_rng([self.seed, 17, index])
        space = (self.size, self.size)
        shade = np.clip(coverage(generator, self.labels[index], self.size), 0, 1)
        ground, figure = _colours(generator)
        texture = 0.06 * smooth_noise(generator, space, self.size / 5)
        image = ground[:, None, None] * (1 - shade) + figure[:, None, None] * shade + texture
        image = image + generator.normal(0, 0.04, (3, *space))
        return np.asarray(np.rint(np.clip(image, 0, 1) * 255), np.uint8)


def coverage(generator: Generator, label: int, size: int) -> Array:
    """Share of each pixel (size, size) that the shape covers, in about [0, 1]."""
    middle = generator.uniform(0.36, 0.64, 2)
    radius, turn = generator.uniform(0.2, 0.32), generator.uniform(-0.35, 0.35)
    grid = (np.arange(size) + 0.5) / size
    y, x = (axis - at for axis, at in zip(np.meshgrid(grid, grid, indexing="ij"), middle, strict=True))
    y, x = y * math.cos(turn) - x * math.sin(turn), y * math.sin(turn) + x * math.cos(turn)
    return np.asarray(0.5 - _distance(CLASSES[label], y, x, radius) / SMOOTH, np.float64)


def _distance(shape: str, y: Array, x: Array, radius: float) -> Array:
    """About the distance to the outline, negative inside."""
    square = np.maximum(np.abs(y), np.abs(x)) - radius
    if shape in ("disc", "ring"):
        disc = np.hypot(y, x) - radius
        return disc if shape == "disc" else np.abs(disc + radius / 5) - radius / 5
    if shape in ("square", "frame"):
        return square if shape == "square" else np.abs(square + radius / 5) - radius / 5
    if shape == "triangle":
        return np.maximum(y - radius / 2, np.abs(x) * math.cos(0.5236) - y * 0.5 - radius / 2)
    if shape == "cross":
        arms = np.minimum(np.abs(y), np.abs(x)) - radius / 4
        return np.maximum(arms, square)
    period = 0.8 * radius
    waves = np.sin(2 * math.pi * y / period)
    if shape == "checks":
        waves = waves * np.sin(2 * math.pi * x / period)
    return np.maximum(waves * period / (2 * math.pi), square)


def _colours(generator: Generator) -> tuple[Array, Array]:
    """Two colours that differ by at least a third in brightness."""
    while True:
        pair = generator.uniform(0.1, 0.9, (2, 3))
        if abs(pair[0].mean() - pair[1].mean()) > 0.33:
            return pair[0], pair[1]
