"""Prediction of images of any size in blended tiles."""

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from subband._check import positive


def predict_tiled(
    function: Callable[[Tensor], Tensor],
    image: NDArray[np.float32],
    *,
    tile: int | tuple[int, ...] = 512,
    overlap: float = 0.25,
    batch: int = 4,
) -> NDArray[np.float32]:
    r"""Apply ``function`` to overlapping tiles of an image and blend what it gives.

    .. math:: P(x) = \sum_i w_i(x) \, p_i(x) \Big/ \sum_i w_i(x), \qquad
        w_i(x) = \prod_a \sin^2 \left( \pi \frac{x_a + 1/2}{\text{tile}_a} \right) + 10^{-3}

    The mean is updated tile by tile, so a function of single pixels comes back exactly, bit by bit. Beside the image
    and the result, memory holds one batch of tiles and one float32 for each pixel.

    Args:
        function: (B, C, *tile) to (B, K, *tile), for instance a network and a softmax.
        image: (C, *space), 2-D or 3-D. An axis shorter than the tile is given whole.
        tile: Size of a tile, in pixels, for all axes or for each.
        overlap: Part of a tile that neighbours share, at least, in [0, 1).
        batch: Tiles at a time.

    Returns:
        (K, *space), in units of what ``function`` gives.

    Raises:
        ValueError: If an option is out of range or ``function`` changes the size.

    Source:
        Overlapping tiles as in Ronneberger et al., 2015 (arXiv:1505.04597); the window is ours.

    Example:
        >>> image = np.arange(35, dtype=np.float32).reshape(1, 5, 7)
        >>> bool((predict_tiled(lambda x: 2 * x, image, tile=4) == 2 * image).all())
        True
    """
    space = image.shape[1:]
    sizes = (tile,) * len(space) if isinstance(tile, int) else tile
    if len(sizes) != len(space):
        raise ValueError(f"tile is {tile}, but the image has {len(space)} dimensions; give one size for each")
    positive(batch=batch, **{f"tile axis {axis}": size for axis, size in enumerate(sizes)})
    if not 0 <= overlap < 1:
        raise ValueError(f"overlap is {overlap}, but must be within [0, 1)")
    sizes = tuple(min(size, length) for size, length in zip(sizes, space, strict=True))
    window = blending_window(sizes)
    total = np.zeros(space, np.float32)
    result: NDArray[np.float32] | None = None
    for boxes in _batches(tile_boxes(space, sizes, overlap), batch):
        tiles = torch.from_numpy(np.stack([image[(slice(None), *box)] for box in boxes]))
        found = function(tiles).detach().float().cpu().numpy()
        if found.shape[0] != len(boxes) or found.shape[2:] != sizes:
            raise ValueError(f"the function made {tuple(found.shape)} of tiles {tuple(tiles.shape)}; sizes must stay")
        if result is None:
            result = np.zeros((found.shape[1], *space), np.float32)
        for box, values in zip(boxes, found, strict=True):
            total[box] += window
            part = result[(slice(None), *box)]
            part += (values - part) * (window / total[box])
    assert result is not None, "an image has at least one tile"
    return result


def blending_window(sizes: tuple[int, ...]) -> NDArray[np.float32]:
    """Weight of each pixel of a tile: smooth, largest in the middle, positive at the border."""
    window = np.ones(sizes, np.float64)
    for axis, size in enumerate(sizes):
        profile = np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2
        window *= profile.reshape([-1 if other == axis else 1 for other in range(len(sizes))])
    return (window + 1e-3).astype(np.float32)


def tile_boxes(space: tuple[int, ...], sizes: tuple[int, ...], overlap: float) -> Iterator[tuple[slice, ...]]:
    """Boxes of ``sizes`` that cover ``space``, evenly spaced, neighbours sharing at least ``overlap``."""
    starts = []
    for length, size in zip(space, sizes, strict=True):
        step = max(1, int(size * (1 - overlap)))
        count = 1 + -(-(length - size) // step)
        starts.append(np.linspace(0, length - size, count).round().astype(int).tolist())
    for corner in itertools.product(*starts):
        yield tuple(slice(at, at + size) for at, size in zip(corner, sizes, strict=True))


def _batches(boxes: Iterator[tuple[slice, ...]], batch: int) -> Iterator[list[tuple[slice, ...]]]:
    while chunk := list(itertools.islice(boxes, batch)):
        yield chunk
