"""Random changes of a training image and the fixed ones of a test image, for classification."""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image

from subband.data.class_sample import Pixels

Generator = np.random.Generator
Size = tuple[int, int]
AREA, RATIO = (0.08, 1.0), (3 / 4, 4 / 3)
"""Share of the area, and width over height, of a random part."""


def random_part(generator: Generator, pixels: Pixels, size: Size) -> Pixels:
    """A random part of random size and proportions, brought to ``size``, mirrored every second time.

    Source:
        torchvision's ``RandomResizedCrop`` and ``RandomHorizontalFlip``, whose numbers the WaveCNet authors take.
    """
    height, width = pixels.shape[1:]
    box = (0, 0, width, height)
    for _ in range(10):
        area = height * width * generator.uniform(*AREA)
        ratio = math.exp(generator.uniform(math.log(RATIO[0]), math.log(RATIO[1])))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            top, left = int(generator.integers(height - h + 1)), int(generator.integers(width - w + 1))
            box = (left, top, left + w, top + h)
            break
    else:
        w, h = min(width, round(height * RATIO[1])), min(height, round(width / RATIO[0]))
        left, top = (width - w) // 2, (height - h) // 2
        box = (left, top, left + w, top + h)
    return mirrored(generator, resized(pixels, size, box=box))


def shifted(generator: Generator, pixels: Pixels, size: Size) -> Pixels:
    """The centre of ``size``, moved by up to an eighth of it along each axis, black beyond the image."""
    reach = [max(1, length // 8) for length in size]
    moves = [int(generator.integers(-most, most + 1)) for most in reach]
    return centre(pixels, size, move=(moves[0], moves[1]))


def shifted_mirrored(generator: Generator, pixels: Pixels, size: Size) -> Pixels:
    """`shifted`, and mirrored every second time: CIFAR's usual change, 4 pixels of 32."""
    return mirrored(generator, shifted(generator, pixels, size))


def mirrored_centre(generator: Generator, pixels: Pixels, size: Size) -> Pixels:
    """The centre, mirrored every second time."""
    return mirrored(generator, centre(pixels, size))


def plain(generator: Generator, pixels: Pixels, size: Size) -> Pixels:
    """The centre."""
    return centre(pixels, size)


CHANGES: dict[str, Callable[[Generator, Pixels, Size], Pixels]] = {
    "imagenet": random_part,
    "cifar": shifted_mirrored,
    "digits": shifted,
    "mirror": mirrored_centre,
    "none": plain,
}
"""Values of ``data.augment`` for classification."""


def mirrored(generator: Generator, pixels: Pixels) -> Pixels:
    """Left and right exchanged, with a probability of one half."""
    return pixels[:, :, ::-1] if generator.random() < 0.5 else pixels


def centre(pixels: Pixels, size: Size, *, move: Size = (0, 0)) -> Pixels:
    """The part of ``size`` in the middle, moved by some pixels; black beyond the image."""
    found = np.zeros((len(pixels), *size), np.uint8)
    inside, outside = [slice(None)], [slice(None)]
    for length, wanted, step in zip(pixels.shape[1:], size, move, strict=True):
        start = round((length - wanted) / 2) + step
        first, last = max(0, start), min(length, start + wanted)
        inside.append(slice(first, max(first, last)))
        outside.append(slice(first - start, max(first, last) - start))
    found[tuple(outside)] = pixels[tuple(inside)]
    return found


def shorter_side(pixels: Pixels, side: int) -> Pixels:
    """The image whose shorter side is ``side`` pixels long; the same for 0."""
    height, width = pixels.shape[1:]
    if not side or min(height, width) == side:
        return pixels
    factor = side / min(height, width)
    return resized(pixels, (max(side, int(height * factor)), max(side, int(width * factor))))


def resized(pixels: Pixels, size: Size, *, box: tuple[int, int, int, int] | None = None) -> Pixels:
    """The image, or a box (left, top, right, bottom) of it, at another size, bilinear and anti-aliased as by PIL."""
    picture = Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(np.moveaxis(pixels, 0, -1)))
    found = np.asarray(picture.resize((size[1], size[0]), Image.Resampling.BILINEAR, box=box))
    return found[None] if found.ndim == 2 else np.ascontiguousarray(np.moveaxis(found, -1, 0))
