"""Blur of lenses, glass, moving and zooming cameras."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

from subband.corrupt.constants import Constants
from subband.corrupt.noise import Planes


def gaussian_blur(image: Planes, constants: Constants, rng: np.random.Generator) -> Planes:
    """Gaussian filter of standard deviation c pixels."""
    return smooth(image, constants[0])


def defocus_blur(image: Planes, constants: Constants, rng: np.random.Generator) -> Planes:
    """Mean over a disk of radius c1 pixels, whose edge is softened by a Gaussian of c2."""
    kernel = disk(*constants)
    reach = len(kernel) // 2
    wide = np.pad(image, ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    return np.asarray(signal.fftconvolve(wide, kernel[..., None], mode="valid", axes=(0, 1)), np.float64)


def glass_blur(image: Planes, constants: Constants, rng: np.random.Generator) -> Planes:
    """Smooth by a Gaussian of c1 pixels, take pixels from c2 pixels around c3 times, and smooth again."""
    sigma, reach, times = constants[0], int(constants[1]), int(constants[2])
    mixed = smooth(image, sigma)
    for _ in range(times):
        mixed = mixed.reshape(-1, image.shape[2])[scattered(image.shape[:2], reach, rng)].reshape(image.shape)
    return smooth(mixed, sigma)


def motion_blur(image: Planes, constants: Constants, rng: np.random.Generator) -> Planes:
    """One-sided Gaussian of 2 c1 + 1 samples and standard deviation c2 along a line at -45 to 45 degrees."""
    return along_line(image, constants[0], constants[1], rng.uniform(-45, 45))


def zoom_blur(image: Planes, constants: Constants, rng: np.random.Generator) -> Planes:
    """Mean of the image and its zooms by 1, 1 + c2, ... below c1."""
    factors = np.arange(1, *constants)
    return (image + sum(zoomed(image, float(factor)) for factor in factors)) / (len(factors) + 1)


def smooth(image: Planes, sigma: float) -> Planes:
    """Gaussian filter over the first two axes, the edge pixel repeated outside."""
    axes = (0, 1)
    return np.asarray(ndimage.gaussian_filter(image, sigma, mode="nearest", truncate=4, axes=axes), np.float64)


def disk(radius: float, softness: float) -> Planes:
    """Kernel of a disk, smoothed by three taps of a Gaussian (five beyond a radius of 8); its sum is 1."""
    reach = 8 if radius <= 8 else int(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    flat = (x**2 + y**2 <= radius**2).astype(np.float64)
    half = 1 if radius <= 8 else 2
    taps = np.exp(-(np.arange(-half, half + 1) ** 2) / (2 * softness**2))
    for axis in (0, 1):
        flat = np.asarray(ndimage.correlate1d(flat, taps / taps.sum(), axis=axis, mode="mirror"))
    kept = flat.any(0).nonzero()[0]
    return np.asarray(flat[kept[0] : kept[-1] + 1, kept[0] : kept[-1] + 1] / flat.sum())


def scattered(shape: tuple[int, ...], reach: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Where each pixel, in reading order, comes from when glass scatters them once.

    Pixels are visited from the last to the first; each takes the value that a pixel up to ``reach`` away has by then
    (offsets -reach to reach - 1 on either axis; a frame of that width is not visited). A value may so come from far:
    the chain of pixels that took from one another is followed, all chains at once, by doubling.
    """
    height, width = shape
    numbers = np.arange(height * width).reshape(height, width)
    inner = numbers[reach + 1 : height - reach + 1, reach + 1 : width - reach + 1]
    rows, columns = rng.integers(-reach, reach, (2, *inner.shape))
    source = numbers.ravel().copy()
    source[inner] = inner + rows * width + columns
    follow = np.where(source > numbers.ravel(), source, numbers.ravel())  # it was visited before: what it took counts
    while not np.array_equal(further := follow[follow], follow):
        follow = further
    return source[follow]


def along_line(image: Planes, radius: float, sigma: float, degrees: float) -> Planes:
    """Mean along a line that begins at each pixel, weighed by one half of a Gaussian; the edge pixel is repeated."""
    count = 2 * math.ceil(radius) + 1
    weights = np.exp(-(np.arange(count) ** 2) / (2 * sigma**2))
    angle = math.radians(degrees)
    steps = np.arange(count)[:, None] * [math.sin(angle), math.cos(angle)]
    taken: dict[tuple[int, int], float] = {}
    for (row, column), weight in zip(np.ceil(steps - 0.5).astype(int).tolist(), weights / weights.sum(), strict=True):
        taken[row, column] = taken.get((row, column), 0.0) + float(weight)
    height, width = image.shape[:2]
    reach = count
    wide = np.pad(image, ((reach, reach), (reach, reach), *((0, 0),) * (image.ndim - 2)), mode="edge")
    blurred = np.zeros_like(image)
    for (row, column), weight in taken.items():
        blurred += weight * wide[reach + row : reach + row + height, reach + column : reach + column + width]
    return blurred


def zoomed(image: Planes, factor: float) -> Planes:
    """Zoom into the middle by linear interpolation; the size stays."""
    for axis in (0, 1):
        size = image.shape[axis]
        middle = (size - 1) / 2
        position = middle + (np.arange(size) - middle) / factor
        low = np.minimum(position.astype(int), size - 2)
        part = (position - low).reshape(-1, *(1,) * (image.ndim - 1 - axis))
        image = np.take(image, low, axis) * (1 - part) + np.take(image, low + 1, axis) * part
    return image
