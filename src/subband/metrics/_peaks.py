"""Where each channel of a layer peaks in each image."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Peaks:
    """The highest place of each map, in pixels of the image.

    Attributes:
        places: (N, C, 2), x to the right and y downwards; the middle of the first pixel is (0, 0). NaN where a map has
            no activation above 0.
        heights: Activation there (N, C); 0 where there is none.
        size: Height and width of the images.
    """

    places: Floats
    heights: Floats
    size: tuple[int, int]


def channel_peaks(maps: Any, size: tuple[int, int]) -> Peaks:
    """Find the peak of each channel in each image; of equal ones the first, row by row.

    Args:
        maps: Activations (N, C, h, w) of a layer whose cells tile the image; an array or a tensor.
        size: Height and width of the images, in pixels.

    Raises:
        ValueError: If the maps are not four-dimensional, are empty, or hold NaN.

    Example:
        >>> channel_peaks(np.array([[[[0.0, 2.0]]]]), (4, 8)).places
        array([[[5.5, 1.5]]])
    """
    found = as_maps(maps)
    count, channels, rows, columns = found.shape
    flat = found.reshape(count, channels, -1)
    at = flat.argmax(2)
    heights = np.maximum(np.take_along_axis(flat, at[..., None], 2)[..., 0], 0)
    y, x = np.divmod(at, columns)
    places = np.stack([(x + 0.5) * size[1] / columns - 0.5, (y + 0.5) * size[0] / rows - 0.5], -1)
    places[heights <= 0] = np.nan
    return Peaks(places, heights, (int(size[0]), int(size[1])))


def as_maps(maps: Any) -> Floats:
    """The maps as an array of float64."""
    found = np.asarray(maps.detach().cpu() if hasattr(maps, "detach") else maps, np.float64)
    if found.ndim != 4 or not found.size:
        raise ValueError(f"maps have shape {found.shape}, but must be (images, channels, height, width) and not empty")
    if np.isnan(found).any():
        raise ValueError("maps hold NaN; the network has diverged, or an image holds NaN")
    return found
