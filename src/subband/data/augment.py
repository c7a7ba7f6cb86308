"""Random changes of an image, its mask and its weight map together, in 2-D and 3-D."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from subband._check import one_of
from subband.data.sample import FloatImage, Mask

Generator = np.random.Generator
ELASTIC_GRID = 32
"""Pixels between the nodes of the elastic displacement."""


@dataclass(frozen=True)
class Augment:
    """Random crop, flips, rotation, deformation and intensity, in this order.

    Args:
        crop: Size of the crop, in pixels; empty keeps the image whole. Smaller images are reflected up to it.
        flips: Flip each axis with probability 1/2.
        rot90: Turn by a random multiple of 90 degrees in the last two axes; only if they are equally long.
        elastic: Standard deviation of a smooth random displacement, in pixels; 0 for none.
        brightness: Largest shift of the intensity, as part of its range [0, 1].
        contrast: Largest relative change of the deviation from the image's mean.

    Raises:
        ValueError: If a size is not positive, or a strength negative.
    """

    crop: tuple[int, ...] = ()
    flips: bool = False
    rot90: bool = False
    elastic: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0

    def __post_init__(self) -> None:
        if any(size < 1 for size in self.crop) or min(self.elastic, self.brightness, self.contrast) < 0:
            raise ValueError(f"{self}: crop sizes must be at least 1, and strengths at least 0")

    @classmethod
    def named(cls, name: Literal["none", "flips", "full"], *, crop: Sequence[int] = ()) -> "Augment":
        """Settings by name: a crop alone, crop and flips as published, or turns and intensity as well."""
        one_of("augment", name, ("none", "flips", "full"))
        if name == "full":
            return cls(tuple(crop), flips=True, rot90=True, brightness=0.1, contrast=0.2)
        return cls(tuple(crop), flips=name == "flips")

    def __call__(
        self, generator: Generator, image: FloatImage, mask: Mask, weight_map: FloatImage | None = None
    ) -> tuple[FloatImage, Mask, FloatImage | None]:
        """Change an image (C, *space) in [0, 1], its mask (*space), and its map (M, *space) alike, on copies.

        Raises:
            ValueError: If the crop has another number of dimensions than the image.
        """
        arrays: list[NDArray[Any]] = [image, mask[None], *([] if weight_map is None else [weight_map])]
        if self.crop:
            arrays = crop_together(generator, arrays, self.crop)
        if self.flips:
            arrays = flip_together(generator, arrays)
        if self.rot90 and arrays[0].shape[-1] == arrays[0].shape[-2]:
            turns = int(generator.integers(4))
            arrays = [np.rot90(array, turns, (-2, -1)) for array in arrays]
        if self.elastic > 0:
            arrays = bend_together(generator, arrays, self.elastic)
        picture = arrays[0]
        if self.brightness > 0 or self.contrast > 0:
            picture = change_intensity(generator, picture, self.brightness, self.contrast)
        found = [np.ascontiguousarray(array) for array in (picture, arrays[1][0], *arrays[2:])]
        return found[0], found[1], found[2] if weight_map is not None else None


def crop_together(generator: Generator, arrays: Sequence[NDArray[Any]], size: tuple[int, ...]) -> list[NDArray[Any]]:
    """Cut one random box of ``size`` out of arrays (C, *space); smaller ones are reflected up to it first."""
    space = arrays[0].shape[1:]
    if len(size) != len(space):
        raise ValueError(f"crop is {size}, but the image has {len(space)} dimensions {space}; give one size for each")
    missing = [max(0, want - have) for want, have in zip(size, space, strict=True)]
    if any(missing):
        widths = [(0, 0)] + [(gap // 2, gap - gap // 2) for gap in missing]
        arrays = [np.pad(array, widths, mode="reflect") for array in arrays]
        space = arrays[0].shape[1:]
    start = [int(generator.integers(have - want + 1)) for want, have in zip(size, space, strict=True)]
    box = (slice(None), *(slice(at, at + want) for at, want in zip(start, size, strict=True)))
    return [array[box] for array in arrays]


def flip_together(generator: Generator, arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Flip each axis of arrays (C, *space) with probability 1/2."""
    axes = tuple(axis for axis in range(1, arrays[0].ndim) if generator.random() < 0.5)
    return [np.flip(array, axes) for array in arrays]


def bend_together(generator: Generator, arrays: Sequence[NDArray[Any]], strength: float) -> list[NDArray[Any]]:
    """Move the pixels of arrays (C, *space) by one smooth displacement; integer arrays take the nearest value.

    Source:
        Ronneberger et al., 2015 (arXiv:1505.04597), section 3.1: normal displacements on a coarse grid, bicubic
        between its nodes.
    """
    from scipy import ndimage

    space = arrays[0].shape[1:]
    nodes = tuple(-(-size // ELASTIC_GRID) + 3 for size in space)
    axes = [1 + np.arange(size) / ELASTIC_GRID for size in space]
    at = np.stack(np.meshgrid(*axes, indexing="ij"))
    places = np.stack(np.meshgrid(*map(np.arange, space), indexing="ij")).astype(np.float64)
    for axis in range(len(space)):
        places[axis] += ndimage.map_coordinates(generator.normal(0, strength, nodes), at, order=3, mode="nearest")
    bent = []
    for array in arrays:
        order: Literal[0, 1] = 0 if array.dtype.kind in "iub" else 1
        moved = np.empty_like(array)
        for plane, out in zip(array, moved, strict=True):
            ndimage.map_coordinates(plane, places, output=out, order=order, mode="reflect")
        bent.append(moved)
    return bent


def change_intensity(generator: Generator, image: FloatImage, brightness: float, contrast: float) -> FloatImage:
    """Shift an image in [0, 1] and stretch it around its mean, both at random; cut to [0, 1]."""
    shift = np.float32(generator.uniform(-brightness, brightness))
    gain = np.float32(1 + generator.uniform(-contrast, contrast))
    mean = image.mean(dtype=np.float32)
    changed: FloatImage = np.clip((image - mean) * gain + mean + shift, 0, 1)
    return changed
