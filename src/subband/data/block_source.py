"""The volume that blocks are read from: opened once in each process, and known again by its content."""

import functools
import hashlib
import itertools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from subband.data.lazy_volume import Sliced
from subband.data.volume_file import open_volume

BRICKS, BRICK = 3, 8
"""Bricks along each axis that tell two volumes apart, and their side in voxels."""


@dataclass(frozen=True)
class VolumePath:
    """One channel of a volume in a file.

    Args:
        path: As in `subband.data.open_volume`.
        channel: Which of several, from 0 on.
    """

    path: str
    channel: int | None = None


Source = str | os.PathLike[str] | VolumePath | Sliced


def open_source(source: Source) -> Sliced:
    """The voxels of a source; a file is opened once in each process, as long as it does not change.

    Raises:
        ValueError: If it cannot be read or is empty.
    """
    found: Any = source
    if isinstance(source, str | os.PathLike):
        found = VolumePath(os.fspath(source))
    if isinstance(found, VolumePath):
        path = Path(found.path)
        changed = path.stat().st_mtime_ns if path.exists() else 0
        found = _opened(found, changed)
    if 0 in found.shape:
        raise ValueError(f"the volume has shape {tuple(found.shape)} and holds no voxel; give another")
    volume: Sliced = found
    return volume


def spacing_of(source: Source) -> tuple[tuple[float, float, float], str]:
    """Spacing along (z, y, x) and its unit; 1 voxel for what is in no file."""
    if isinstance(source, str | os.PathLike):
        source = VolumePath(os.fspath(source))
    if not isinstance(source, VolumePath):
        return (1.0, 1.0, 1.0), "voxel"
    volume = open_volume(source.path, channel=source.channel)
    return volume.spacing, volume.unit


def fingerprint(source: Source) -> dict[str, Any]:
    """What tells a volume from another: file name, shape, type, and a hash of 27 bricks spread over it.

    A change of voxels between the bricks goes unseen. The folder does not matter, so that volumes may move.
    """
    volume = open_source(source)
    digest = hashlib.sha256()
    for corner in itertools.product(*(_places(length) for length in volume.shape)):
        brick = volume[tuple(slice(at, at + BRICK) for at in corner)]
        digest.update(np.ascontiguousarray(brick).tobytes())
    path = source.path if isinstance(source, VolumePath) else source
    return {
        "name": Path(path).name if isinstance(path, str | os.PathLike) else "",
        "channel": source.channel if isinstance(source, VolumePath) else None,
        "shape": list(volume.shape),
        "dtype": str(np.dtype(volume.dtype)),
        "content": digest.hexdigest()[:16],
    }


def _places(length: int) -> list[int]:
    """Where bricks begin along an axis."""
    last = max(0, length - BRICK)
    return sorted({round(last * part / (BRICKS - 1)) for part in range(BRICKS)})


@functools.lru_cache(maxsize=2)
def _opened(place: VolumePath, changed: int) -> Sliced:
    """A file as it was when it changed last."""
    volume: Sliced = open_volume(place.path, channel=place.channel).array
    return volume
