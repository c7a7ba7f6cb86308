"""A volume as a folder of its slices, one image for each z."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband.data._pages import Pages
from subband.data.images import list_images
from subband.data.lazy_volume import FileVolume, LazyVolume, choose_channel
from subband.data.sample import by


def open_slices(path: Path, channel: int | None) -> FileVolume[LazyVolume]:
    """Slices in natural order (2 before 10), each read when it is asked for. Images have no spacing.

    Raises:
        ValueError: If the folder holds no image, a slice is damaged or has several pages, or no channel is chosen.
    """
    files = sorted(list_images(path), key=natural)
    first = _slice(files[0])
    number = choose_channel(path, first.shape[2], channel)
    return FileVolume(LazyVolume(_Slices(files, number, first.shape, first.dtype)))


def natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Key that sorts numbers in names by their value.

    Example:
        >>> [path.name for path in sorted(map(Path, ["z10.png", "z2.png"]), key=natural)]
        ['z2.png', 'z10.png']
    """
    parts = re.split(r"([0-9]+)", path.name.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], path.name


class _Slices:
    """One channel of the slices as (Z, Y, X)."""

    def __init__(self, files: list[Path], channel: int, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> None:
        self.files, self.channel, self.plane, self.dtype = files, channel, shape, dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of voxels (z, y, x)."""
        return (len(self.files), *self.plane[:2])

    def __getitem__(self, key: tuple[int | slice, ...]) -> NDArray[Any]:
        chosen = self.files[key[0]]
        if isinstance(chosen, Path):
            return self._read(chosen)[key[1:]]
        planes = [self._read(file)[key[1:]] for file in chosen]
        return np.stack(planes) if planes else np.empty((0, *self.plane[:2]), self.dtype)[(slice(None), *key[1:])]

    def _read(self, file: Path) -> NDArray[Any]:
        pixels = _slice(file)
        if pixels.shape != self.plane or pixels.dtype != self.dtype:
            raise ValueError(
                f"{file} has {by(pixels.shape)} values of {pixels.dtype}, but {self.files[0].name} has "
                f"{by(self.plane)} of {self.dtype}; the slices of a volume are alike"
            )
        return pixels[..., self.channel]


def _slice(file: Path) -> NDArray[Any]:
    """Pixels (Y, X, C) of one slice."""
    pages = Pages(file)
    if len(pages) != 1:
        raise ValueError(f"{file} has {len(pages)} pages, but a slice of a volume is one; give the file itself")
    pixels = pages[0]
    return pixels[..., None] if pixels.ndim == 2 else pixels
