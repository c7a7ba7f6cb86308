"""Rectangles, discs and triangles with exact boxes."""

import numpy as np
from numpy.typing import NDArray

from subband._check import positive
from subband.data._drawing import smooth_noise
from subband.data.boxes import BoxSample

CLASSES = ("rectangle", "disc", "triangle")
SMALLEST = 32
"""Shortest side of an image, in pixels."""
_SEEN = 0.6
"""Part of a shape that later ones leave to be seen, at least."""


class Shapes:
    """Images of coloured shapes on a cloudy ground; each box is exactly around the pixels of its shape that are seen.

    Image i depends on the seed and on i alone. Shapes are turned by chance, have a texture, and may hide up to 40 % of
    one another; they are up to 0.45 of the shorter side wide, so that all three of COCO's sizes occur only in images
    of more than 200 pixels.

    Args:
        count: Number of images.
        size: Height and width, in pixels, at least 32 each.
        most: Largest number of shapes in an image; the least is none, in one image of twenty.
        noise: Deviation of the noise of every pixel, in units of the image.
        seed: Seed of all images.

    Raises:
        ValueError: If a number is out of range.

    Source:
        Ours.

    Example:
        >>> sample = Shapes(count=2, size=(64, 96))[0]
        >>> sample.image.shape, sample.boxes.shape[1]
        ((3, 64, 96), 4)
    """

    def __init__(
        self, *, count: int = 32, size: tuple[int, int] = (128, 128), most: int = 5, noise: float = 0.04, seed: int = 0
    ) -> None:
        positive(count=count, most=most)
        if min(size) < SMALLEST:
            raise ValueError(f"size is {size[0]} x {size[1]}, but must be at least {SMALLEST} pixels along both")
        self.class_names = list(CLASSES)
        self.names = [f"shapes-{number:04d}" for number in range(count)]
        self._size, self._most, self._noise, self._seed = size, most, noise, seed

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int, /) -> BoxSample:
        generator = np.random.default_rng((self._seed, range(len(self))[index]))
        image, owner = _ground(generator, self._size), np.zeros(self._size, np.int64)
        labels: list[int] = []
        wanted = 0 if generator.random() < 0.05 else int(generator.integers(1, self._most + 1))
        for _ in range(4 * wanted):
            if len(labels) == wanted:
                break
            label = int(generator.integers(len(CLASSES)))
            mask = _shape(generator, label, self._size)
            if _hides(mask, owner) or mask.sum() < 12:
                continue
            labels.append(label + 1)
            owner[mask] = len(labels)
            image[:, mask] = _paint(generator, image, mask)
        image += self._noise * generator.standard_normal(image.shape)
        seen = [owner == number for number in range(1, len(labels) + 1)]
        boxes = np.array([_around(mask) for mask in seen], np.float32).reshape(-1, 4)
        area = np.array([mask.sum() for mask in seen], np.float32)
        pixels = np.rint(np.clip(image, 0, 1) * 255).astype(np.float32) / np.float32(255)
        return BoxSample(self.names[index], pixels, boxes, np.array(labels, np.int64), area=area)


def _ground(generator: np.random.Generator, size: tuple[int, int]) -> NDArray[np.float64]:
    """A cloudy ground of one colour, (3, H, W)."""
    colour = generator.uniform(0.2, 0.8, (3, 1, 1))
    clouds = smooth_noise(generator, size, min(size) / 10)
    return np.asarray(colour + 0.08 * clouds, np.float64)


def _shape(generator: np.random.Generator, label: int, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels (H, W) of a shape, whole inside the image."""
    radius = float(min(size) * generator.uniform(0.07, 0.225))
    row, column = (generator.uniform(radius + 1, side - radius - 1) for side in size)
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    turn = generator.uniform(0, 2 * np.pi)
    across = (x - column) * np.cos(turn) + (y - row) * np.sin(turn)
    along = (y - row) * np.cos(turn) - (x - column) * np.sin(turn)
    if label == 1:
        return np.asarray(across**2 + along**2 <= radius**2)
    if label == 0:
        flat = generator.uniform(0.45, 0.8)
        return np.asarray((np.abs(across) <= radius * np.sqrt(1 - flat**2)) & (np.abs(along) <= radius * flat))
    below = along >= -radius / 2
    return np.asarray(below & (np.sqrt(3) * np.abs(across) + along <= radius))


def _hides(mask: NDArray[np.bool_], owner: NDArray[np.int64]) -> bool:
    """Whether a new shape would hide too much of an older one, by what is still seen of that."""
    before = np.bincount(owner.ravel())
    left = np.bincount(owner[~mask].ravel(), minlength=len(before))
    return bool((left[1:] < _SEEN * before[1:]).any())


def _paint(generator: np.random.Generator, image: NDArray[np.float64], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Colours (3, n) of a shape that stands out from what it covers, with a grain of its own."""
    below = image[:, mask].mean(1)
    for _ in range(20):
        colour = generator.uniform(0.05, 0.95, 3)
        if np.abs(colour - below).max() > 0.3:
            break
    grain = smooth_noise(generator, mask.shape, 1.5)[mask]
    return np.asarray(colour[:, None] + 0.05 * grain, np.float64)


def _around(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Box around the pixels of a mask (H, W), outer edges."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
