"""What the synthetic images are drawn with."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Generator = np.random.Generator


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known of a synthetic image beside its mask.

    Args:
        instances: Number of the object at each pixel (*space), from 1; 0 where the mask is 1. For membranes and glands
            a cell or gland, for vessels and roads a region between them. For scenes a house, tree, car, pole or sign
            with its pole, as far as it is seen; 0 for sky, road and void.
        centreline: Centre line (*space), of vessels and roads.
        nodes: Crossings and ends of roads, tips and forks of vessels, (n, dims), in pixels.
        edges: Pairs of nodes that are joined, (m, 2).
    """

    instances: NDArray[np.int32]
    centreline: NDArray[np.bool_] | None = None
    nodes: Array | None = None
    edges: NDArray[np.int64] | None = None


@dataclass(frozen=True, eq=False)
class Drawn:
    """Image (C, *space), mask (*space) of 0 and 1, or of classes and void, and truth."""

    image: Array
    mask: NDArray[np.uint8]
    truth: Truth


def regions(mask: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Face-connected components of 0, numbered from 1; 0 where the mask is 1."""
    from scipy import ndimage

    found, _ = ndimage.label(mask == 0)
    return np.asarray(found, np.int32)


def smooth_noise(generator: Generator, space: tuple[int, ...], scale: float) -> Array:
    """Smooth noise of mean 0 and deviation about 1, with bumps of about ``scale`` pixels: a random cubic spline."""
    values = generator.standard_normal(tuple(int(size / scale) + 5 for size in space))
    for axis, size in enumerate(space):
        basis = _spline(1 + generator.random() + np.arange(size) / scale, values.shape[axis])
        values = np.moveaxis(basis @ np.moveaxis(values, axis, -2), -2, axis)
    return np.asarray(values * (315 / 151) ** (len(space) / 2), np.float64)


def _spline(at: Array, nodes: int) -> Array:
    """Cubic B-splines (len(at), nodes) of unit spacing; the square of one integrates to 151/315."""
    away = np.abs(at[:, None] - np.arange(nodes))
    near = 2 / 3 - away**2 + away**3 / 2
    far = (2 - np.minimum(away, 2)) ** 3 / 6
    return np.where(away < 1, near, far)


def depth_of_lines(points: Array, radii: Array, space: tuple[int, ...]) -> tuple[Array, NDArray[np.bool_]]:
    """How deep each pixel lies inside round lines, in pixels, and the pixels of their centre.

    Args:
        points: Points of the centre lines, (n, dims), at most a pixel apart.
        radii: Radius at each point (n,); rounded to quarters of a pixel.
        space: Size of the image.

    Returns:
        Largest radius minus distance over all points, (*space), negative outside; and the centre lines.
    """
    from scipy import ndimage

    depth = np.full(space, -np.inf)
    centre = np.zeros(space, bool)
    pixels = np.rint(points).astype(np.int64)
    inside = ((pixels >= 0) & (pixels < np.array(space))).all(1)
    pixels, quarters = pixels[inside], np.rint(radii[inside] * 4).astype(np.int64)
    for quarter in np.unique(quarters):
        line = np.zeros(space, bool)
        line[tuple(pixels[quarters == quarter].T)] = True
        centre |= line
        depth = np.maximum(depth, quarter / 4 - ndimage.distance_transform_edt(~line))
    return depth, centre


def window(centre: Array, reach: float, space: tuple[int, ...]) -> tuple[tuple[slice, ...], Array]:
    """Box of pixels within ``reach`` of a point, and their offsets from it (dims, *box)."""
    low = [max(0, int(np.floor(at - reach))) for at in centre]
    high = [min(size, int(np.ceil(at + reach)) + 1) for at, size in zip(centre, space, strict=True)]
    box = tuple(slice(a, max(a, b)) for a, b in zip(low, high, strict=True))
    offset = np.empty((len(box), *(part.stop - part.start for part in box)))
    for axis, part in enumerate(box):
        along = np.arange(part.start, part.stop) - centre[axis]
        offset[axis] = along.reshape([-1 if other == axis else 1 for other in range(len(box))])
    return box, offset


def turned(offset: Array, angle: float) -> Array:
    """Offsets (2, *box) in axes turned by ``angle``."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([cos * offset[0] + sin * offset[1], cos * offset[1] - sin * offset[0]])


def some_of(generator: Generator, where: NDArray[np.bool_], count: int) -> Array:
    """Up to ``count`` pixels of a set, at random, (n, dims)."""
    found = np.flatnonzero(where)
    chosen = generator.choice(found, min(count, len(found)), replace=False)
    return np.stack(np.unravel_index(chosen, where.shape), 1).astype(np.float64)


def curve(generator: Generator, start: Array, length: float, *, bend: float = 0.15) -> Array:
    """Points half a pixel apart on a random smooth plane curve, (n, 2)."""
    steps = max(2, int(2 * length))
    turn = np.cumsum(generator.normal(0, bend, steps))
    angle = generator.uniform(0, 2 * np.pi) + np.cumsum(turn) / 20
    return start + np.cumsum(0.5 * np.stack([np.sin(angle), np.cos(angle)], 1), 0)


def gaps(generator: Generator, where: NDArray[np.bool_], count: int, reach: tuple[float, float]) -> Array:
    """Factor in [0, 1] that is 1 nearly everywhere and falls to 0.05 around ``count`` points of ``where``."""
    factor = np.ones(where.shape)
    for centre in some_of(generator, where, count):
        radius = generator.uniform(*reach)
        box, offset = window(centre, 2 * radius, where.shape)
        factor[box] *= 1 - 0.95 * np.exp(-(((offset**2).sum(0) / radius**2) ** 2))
    return factor


def grid(space: tuple[int, ...]) -> Array:
    """Coordinates of the pixels, (dims, *space)."""
    return np.stack(np.meshgrid(*map(np.arange, space), indexing="ij")).astype(np.float64)


def blur(image: Array, sigma: float) -> Array:
    """Gaussian blur of (*space)."""
    from scipy import ndimage

    return np.asarray(ndimage.gaussian_filter(image, sigma, truncate=3), np.float64)
