"""The 43 bytes before the voxels of Vaa3D's files."""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from subband.data.nifti import existing
from subband.data.sample import by

RAW = b"raw_image_stack_by_hpeng"
PACKED = b"v3d_volume_pkbitdf_encod"
SIZE = 43
"""Bytes of a header: the key, L or B, the bytes of a voxel (int16), the sizes of x, y, z and channel (uint32)."""
SUFFIX = {RAW: ".v3draw", PACKED: ".v3dpbd"}
TYPES = {1: "u1", 2: "u2", 4: "f4"}


@dataclass(frozen=True)
class V3dHeader:
    """What a header says.

    Attributes:
        dtype: Type of a voxel, with its byte order.
        shape: Sizes (C, Z, Y, X).
    """

    dtype: "np.dtype[np.generic]"
    shape: tuple[int, int, int, int]

    @property
    def count(self) -> int:
        """Number of voxels in all channels."""
        channels, depth, height, width = self.shape
        return channels * depth * height * width

    @property
    def words(self) -> str:
        """Sizes and type, for a message."""
        return f"x {self.shape[3]}, y {self.shape[2]}, z {self.shape[1]}, c {self.shape[0]} of {self.dtype.name}"


def read_header(path: str | Path, key: bytes) -> V3dHeader:
    """Read the header of a file that has to begin with ``key``.

    Raises:
        ValueError: If the file is missing, too short, of another kind, or its numbers make no sense.
    """
    path = existing(path)
    with path.open("rb") as file:
        head = file.read(SIZE)
    if len(head) < SIZE:
        raise ValueError(f"{path} has {len(head)} bytes, fewer than the {SIZE} of a Vaa3D header; it was cut off")
    if head[:24] != key:
        other = next((SUFFIX[known] for known in SUFFIX if head.startswith(known)), None)
        advice = f"this is a {other} file, rename it" if other else "it is damaged or of another kind"
        raise ValueError(f"{path} begins with {head[:24]!r}, not {key.decode()!r}: {advice}")
    order = {b"L": "<", b"B": ">"}.get(head[24:25])
    if order is None:
        raise ValueError(f"{path}: byte 25 of the header is {head[24:25]!r}, but must be 'L' or 'B', the byte order")
    width, x, y, z, channels = struct.unpack(f"{order}h4I", head[25:])
    if width not in TYPES:
        raise ValueError(f"{path}: the header says {width} bytes for a voxel, but must say 1, 2 or 4; it is damaged")
    if 0 in (x, y, z, channels):
        raise ValueError(f"{path}: the header says {by((x, y, z))} voxels in {channels} channels, an empty volume")
    return V3dHeader(np.dtype(f"{order}{TYPES[width]}"), (channels, z, y, x))


def make_header(array_dtype: "np.dtype[np.generic]", shape: tuple[int, ...]) -> bytes:
    """Header of a .v3draw file of one channel, ``shape`` (Z, Y, X), little-endian.

    Raises:
        ValueError: If the format has no such type.
    """
    width = next((bytes_ for bytes_, kind in TYPES.items() if np.dtype(kind) == array_dtype), None)
    if width is None:
        raise ValueError(f"the volume is {array_dtype}, but .v3draw holds uint8, uint16 or float32; convert it first")
    depth, height, breadth = shape
    return RAW + b"L" + struct.pack("<h4I", width, breadth, height, depth, 1)
