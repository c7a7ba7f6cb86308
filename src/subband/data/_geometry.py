"""Random changes of place: image, mask and weight map move together."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from subband.data.sample import VOID

Generator = np.random.Generator
ELASTIC_GRID = 32
"""Pixels between the nodes of the elastic displacement."""


def scale_together(
    generator: Generator, arrays: Sequence[NDArray[Any]], scale: tuple[float, float], base: int
) -> list[NDArray[Any]]:
    """Resize arrays (C, *space) by one random factor, the first linearly and the others to the nearest pixel.

    Args:
        generator: Draws the factor, evenly.
        arrays: Image, mask, and what follows the mask; 2-D images are smoothed before they get smaller.
        scale: Least and largest factor.
        base: Length of the shorter side at factor 1, in pixels; 0 for the image's own.
    """
    space = arrays[0].shape[1:]
    factor = generator.uniform(*scale) * (base / min(space) if base else 1)
    size = [max(1, round(factor * length)) for length in space]
    picture = functional.interpolate(
        torch.from_numpy(arrays[0].copy())[None],
        size=size,
        mode="bilinear" if len(space) == 2 else "trilinear",
        align_corners=False,
        antialias=len(space) == 2,
    )
    nearest = np.ix_(*(((np.arange(new) + 0.5) * old / new).astype(int) for new, old in zip(size, space, strict=True)))
    return [picture[0].numpy(), *(array[(slice(None), *nearest)] for array in arrays[1:])]


def crop_together(
    generator: Generator,
    arrays: Sequence[NDArray[Any]],
    size: tuple[int, ...],
    pad: Literal["reflect", "void"] = "reflect",
) -> list[NDArray[Any]]:
    """Cut one random box of ``size`` out of arrays (C, *space); smaller ones are filled up to it first, evenly around.

    ``reflect`` mirrors all of them; ``void`` gives the image, which is the first, its mean colour, the mask, which is
    the second, `VOID`, and the others 0.
    """
    space = arrays[0].shape[1:]
    if len(size) != len(space):
        raise ValueError(f"crop is {size}, but the image has {len(space)} dimensions {space}; give one size for each")
    missing = [max(0, want - have) for want, have in zip(size, space, strict=True)]
    if any(missing):
        widths = [(0, 0)] + [(gap // 2, gap - gap // 2) for gap in missing]
        arrays = (
            [np.pad(array, widths, mode="reflect") for array in arrays] if pad == "reflect" else _around(arrays, widths)
        )
        space = arrays[0].shape[1:]
    start = [int(generator.integers(have - want + 1)) for want, have in zip(size, space, strict=True)]
    box = (slice(None), *(slice(at, at + want) for at, want in zip(start, size, strict=True)))
    return [array[box] for array in arrays]


def _around(arrays: Sequence[NDArray[Any]], widths: Sequence[tuple[int, int]]) -> list[NDArray[Any]]:
    """Image with its mean colour around it, mask with void, maps with 0."""
    image, mask, *maps = arrays
    colour = image.mean(tuple(range(1, image.ndim)), dtype=np.float64).astype(image.dtype)
    planes = [np.pad(plane, widths[1:], constant_values=value) for plane, value in zip(image, colour, strict=True)]
    return [np.stack(planes), np.pad(mask, widths, constant_values=VOID), *(np.pad(array, widths) for array in maps)]


def flip_together(generator: Generator, arrays: Sequence[NDArray[Any]], *, first: int = 0) -> list[NDArray[Any]]:
    """Flip each axis of arrays (C, *space) from the ``first`` on with probability 1/2."""
    axes = tuple(axis for axis in range(1 + first, arrays[0].ndim) if generator.random() < 0.5)
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
