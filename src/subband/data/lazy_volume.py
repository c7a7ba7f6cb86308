"""A volume as a file holds it: voxels, spacing and unit, the same for every format."""

from dataclasses import dataclass
from types import EllipsisType
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from subband._slabs import Planes
from subband.data._length_units import VOXEL, Spacing

Index = int | slice
Key = Index | EllipsisType | tuple[Index | EllipsisType, ...]


class Sliced(Planes, Protocol):
    """Voxels (Z, Y, X) that are read when sliced: an array, a memory map, a Zarr array, a `LazyVolume`."""

    @property
    def dtype(self) -> Any: ...


class LazyVolume:
    """Voxels (Z, Y, X) of a file, read when they are sliced; a slice is a new array, in the machine's byte order.

    To another process send the path, not this object.

    Args:
        source: What holds the voxels.
        lead: Indices of the axes before (Z, Y, X), those of time and channel.

    Example:
        >>> import numpy as np
        >>> volume = LazyVolume(np.arange(24).reshape(1, 2, 3, 4), lead=(0,))
        >>> volume.shape, volume[1, ..., 2:].tolist()
        ((2, 3, 4), [[14, 15], [18, 19], [22, 23]])
    """

    def __init__(self, source: Sliced, lead: tuple[int, ...] = ()) -> None:
        self._source, self._lead = source, lead
        self.shape = tuple(int(size) for size in source.shape[len(lead) :])
        self.dtype: np.dtype[Any] = np.dtype(source.dtype).newbyteorder("=")
        chunks = getattr(source, "chunks", None)
        self.chunks: tuple[int, ...] | None = None if chunks is None else tuple(chunks[len(lead) :])
        """Size (z, y, x) of the pieces that are read at once; None if any part is as quick."""

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Key) -> NDArray[Any]:
        return np.array(self._source[(*self._lead, *_full(key))], dtype=self.dtype, order="C")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        whole = self[:]
        return whole if dtype is None else whole.astype(dtype, copy=False)


def _full(key: Key) -> tuple[Index, ...]:
    """One index for each of three axes."""
    given = list(key) if isinstance(key, tuple) else [key]
    places = [place for place, index in enumerate(given) if index is ...]
    place = places[0] if places else len(given)
    missing: list[Index] = [slice(None)] * (3 - len(given) + len(places))
    return tuple(index for index in [*given[:place], *missing, *given[place + len(places[:1]) :]] if index is not ...)


Array_co = TypeVar("Array_co", bound=Sliced, covariant=True)


@dataclass(frozen=True, eq=False)
class FileVolume(Generic[Array_co]):
    """Voxels of a file with their spacing.

    Attributes:
        array: Grey values (Z, Y, X) as stored, in memory or a `LazyVolume`.
        spacing: Distance of neighbours along (z, y, x); 1 where the file says nothing.
        unit: Unit of the spacing by OME-Zarr's names (``micrometer``, ``millimeter``); ``voxel`` if there is none.
    """

    array: Array_co
    spacing: Spacing = (1.0, 1.0, 1.0)
    unit: str = VOXEL


def choose_channel(path: object, channels: int, channel: int | None) -> int:
    """The channel to read.

    Raises:
        ValueError: If there are several and none is chosen, or there is no such channel.
    """
    if channel is None and channels > 1:
        raise ValueError(f"{path} holds {channels} channels, 0 to {channels - 1}; choose one with channel=")
    if channel is not None and not 0 <= channel < channels:
        there = "channel 0 alone" if channels == 1 else f"channels 0 to {channels - 1}"
        raise ValueError(f"{path} has no channel {channel}; it holds {there}")
    return channel or 0
