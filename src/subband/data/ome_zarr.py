"""Volumes of any size as OME-Zarr: metadata of NGFF 0.5 written by us, 0.5 and 0.4 read."""

import math
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from subband._files import explain_failure
from subband._optional import require
from subband.data._length_units import VOXEL, Spacing, with_unit
from subband.data.images import held
from subband.data.lazy_volume import FileVolume, LazyVolume, Sliced, choose_channel
from subband.data.sample import by

LEVEL = "0"
"""Name of the array of full resolution."""
CHUNK = 64
"""Side of a chunk of a volume that is written whole."""
LARGEST_SLAB = 2**29
"""Bytes of the planes that are in memory at a time."""


def create_zarr(
    path: str | os.PathLike[str],
    shape: Sequence[int],
    dtype: Any,
    chunks: Sequence[int],
    *,
    spacing: Spacing = (1.0, 1.0, 1.0),
    unit: str = VOXEL,
) -> Any:
    """Make an OME-Zarr volume (NGFF 0.5, Zarr 3) of zeros; it appears whole or not at all.

    Writers that keep to different chunks may write at the same time, also from several processes, each through
    `writable_zarr`. A chunk of zeros alone takes no space.

    Args:
        path: Folder to make, by custom ``NAME.zarr``.
        shape: Number of voxels (z, y, x).
        dtype: Type of a voxel.
        chunks: Size (z, y, x) of a file of the store.
        spacing: Distance of neighbours along (z, y, x).
        unit: Unit of the spacing by OME-Zarr's names; ``voxel`` if there is none.

    Returns:
        The Zarr array, open for writing.

    Raises:
        ValueError: If a size is no positive number.
        FileExistsError: If there is something at ``path``.
        OSError: If it cannot be written.
        ImportError: If zarr is not installed.

    Source:
        OME-NGFF 0.5, "multiscales" metadata, with one level.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     volume = create_zarr(f"{folder}/v.zarr", (8, 16, 16), "uint8", (4, 8, 8), spacing=(2, 1, 1))
        ...     volume[:4] = 7
        ...     stored = open_zarr(f"{folder}/v.zarr")
        ...     int(stored.array[3, 0, 0]), int(stored.array[4, 0, 0]), stored.spacing
        (7, 0, (2.0, 1.0, 1.0))
    """
    path = Path(path)
    sizes, pieces = [int(size) for size in shape], [int(size) for size in chunks]
    if len(sizes) != 3 or len(pieces) != 3 or min(*sizes, *pieces) < 1:
        raise ValueError(f"the volume has shape {tuple(shape)} and chunks {tuple(chunks)}; give each as (z, y, x)")
    with _appearing(path) as partial:
        _make(partial, _metadata(path, spacing, unit), sizes, dtype, pieces)
    return writable_zarr(path)


def writable_zarr(path: str | os.PathLike[str]) -> Any:
    """The Zarr array (Z, Y, X) of a volume made by `create_zarr`, open for writing.

    Raises:
        ValueError: If there is no such store, or it has other axes.
        ImportError: If zarr is not installed.
    """
    array = _level(Path(path), "r+")[0]
    if array.ndim != 3:
        raise ValueError(f"{path} has {by(array.shape)} voxels; only a volume (Z, Y, X) can be written to")
    return array


def open_zarr(path: str | os.PathLike[str], channel: int | None = None) -> FileVolume[LazyVolume]:
    """Open the level of full resolution of an OME-Zarr store, or a Zarr array (Z, Y, X) alone.

    Raises:
        ValueError: If the store is missing or damaged, holds several time points, or no channel is chosen of several.
        ImportError: If zarr is not installed.
    """
    path = Path(path)
    array, axes, scale = _level(path, "r")
    sizes = dict(zip((axis["name"] for axis in axes), array.shape, strict=True))
    lead = [name for name in sizes if name not in "zyx"]
    if list(sizes) != [*lead, "z", "y", "x"] or not {"t", "c"} >= set(lead) or sizes.get("t", 1) > 1:
        said = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise ValueError(f"{path} has axes {said}; expected z, y, x in this order, a channel before, one time point")
    number = choose_channel(path, sizes.get("c", 1), channel)
    spacing, unit = with_unit(scale[-3:], [axis.get("unit", VOXEL) for axis in axes[-3:]])
    indices = tuple(number if name == "c" else 0 for name in lead)
    return FileVolume(LazyVolume(_Checked(path, array), indices), spacing, unit)


def write_zarr(path: Path, array: Sliced, spacing: Spacing, unit: str) -> None:
    """Write a volume slab by slab as a store that appears whole or not at all."""
    plane = max(1, array.shape[1] * array.shape[2] * np.dtype(array.dtype).itemsize)
    chunks = (min(CHUNK, max(1, LARGEST_SLAB // plane)), CHUNK, CHUNK)
    with _appearing(path) as partial:
        target = _make(partial, _metadata(path, spacing, unit), array.shape, array.dtype, chunks)
        for start in range(0, array.shape[0], chunks[0]):
            target[start : start + chunks[0]] = array[start : start + chunks[0]]


@contextmanager
def _appearing(path: Path) -> Iterator[Path]:
    """A folder to fill that becomes ``path`` when the block ends without an error."""
    if path.exists():
        raise FileExistsError(f"{path} is there already ({held(path)}); choose another name, or delete it")
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with explain_failure(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield partial
            partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _make(folder: Path, attributes: dict[str, Any], shape: Sequence[int], dtype: Any, chunks: Sequence[int]) -> Any:
    """Make the group and its array."""
    zarr = require("zarr", extra="volumes")
    group = zarr.open_group(str(folder), mode="w", zarr_format=3, attributes=attributes)
    pieces = [min(piece, size) for piece, size in zip(chunks, shape, strict=True)]
    return group.create_array(
        LEVEL, shape=tuple(shape), dtype=np.dtype(dtype), chunks=tuple(pieces), dimension_names=["z", "y", "x"]
    )


class _Checked:
    """A Zarr array whose damaged chunks are said plainly."""

    def __init__(self, path: Path, array: Any) -> None:
        self.path, self.array = path, array
        self.shape, self.dtype, self.chunks = array.shape, array.dtype, array.chunks

    def __getitem__(self, key: tuple[int | slice, ...]) -> Any:
        with _whole(self.path):
            return self.array[key]


def _level(path: Path, mode: str) -> tuple[Any, list[dict[str, Any]], list[float]]:
    """The array of full resolution, its axes and the length of a voxel along each."""
    zarr = require("zarr", extra="volumes")
    if not path.is_dir():
        raise ValueError(f"there is no Zarr store {path}")
    with _whole(path):
        node = zarr.open(str(path), mode=mode)
        if isinstance(node, zarr.Array):
            return node, [{"name": name} for name in "tczyx"[-node.ndim :]], [1.0] * node.ndim
        attributes = node.attrs.asdict()
        series = attributes.get("ome", attributes).get("multiscales")
        if not series:
            raise ValueError(f"it is no image of OME-Zarr: its group has no multiscales, {held(path)}")
        level = series[0]["datasets"][0]
        axes = [{"name": axis} if isinstance(axis, str) else axis for axis in series[0]["axes"]]
        array = node[level["path"]]
        scales = [_scale(part, array.ndim) for part in (level, series[0])]
        return array, axes, [first * second for first, second in zip(*scales, strict=True)]


def _scale(part: Mapping[str, Any], dims: int) -> list[float]:
    """Factor of each axis in the coordinate transformations of a level or of all levels."""
    known = [step["scale"] for step in part.get("coordinateTransformations", ()) if step.get("type") == "scale"]
    return [float(math.prod(factors)) for factors in zip(*known, strict=True)] if known else [1.0] * dims


def _metadata(path: Path, spacing: Spacing, unit: str) -> dict[str, Any]:
    """Attributes of the group."""
    named = {} if unit == VOXEL else {"unit": unit}
    scale = {"type": "scale", "scale": [float(length) for length in spacing]}
    image = {
        "name": path.stem,
        "axes": [{"name": name, "type": "space", **named} for name in "zyx"],
        "datasets": [{"path": LEVEL, "coordinateTransformations": [scale]}],
    }
    return {"ome": {"version": "0.5", "multiscales": [image]}}


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Turn what a damaged store raises into one sentence."""
    try:
        yield
    except (ValueError, TypeError, KeyError, IndexError, OSError, RuntimeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ValueError(f"{path} cannot be read as OME-Zarr ({reason})") from error
