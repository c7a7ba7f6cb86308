"""NRRD files, raw or gzip: a header of lines, an empty line, the voxels with x fastest."""

import math
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband._files import replacing
from subband._slabs import slabs
from subband.data._length_units import VOXEL, Spacing, with_unit
from subband.data.lazy_volume import FileVolume, LazyVolume, Sliced, choose_channel
from subband.data.nifti import existing

TYPES = {
    "i1": ("int8", "int8_t", "signed char"),
    "u1": ("uint8", "uint8_t", "uchar", "unsigned char"),
    "i2": ("int16", "int16_t", "short", "short int", "signed short", "signed short int"),
    "u2": ("uint16", "uint16_t", "ushort", "unsigned short", "unsigned short int"),
    "i4": ("int32", "int32_t", "int", "signed int"),
    "u4": ("uint32", "uint32_t", "uint", "unsigned int"),
    "i8": ("int64", "int64_t", "longlong", "long long", "long long int", "signed long long", "signed long long int"),
    "u8": ("uint64", "uint64_t", "ulonglong", "unsigned long long", "unsigned long long int"),
    "f4": ("float",),
    "f8": ("double",),
}
CODES = {word: code for code, words in TYPES.items() for word in words}
LONGEST = 2**20
"""Bytes in which a header has to end."""
SHORT = {"micrometer": "um", "millimeter": "mm", "nanometer": "nm"}


def open_nrrd(path: Path, channel: int | None) -> FileVolume[LazyVolume]:
    """Map a raw file into memory, or unpack one of gzip. A fourth axis, the first or the last, is that of channels.

    Raises:
        ValueError: If the header is wrong, the file is cut off, or no channel is chosen of several.
    """
    path = existing(path)
    try:
        fields, start = _header(path)
        kind, sizes = _type(fields), [int(size) for size in fields.get("sizes", "").split()]
        if len(sizes) not in (3, 4) or min(sizes) < 1:
            raise ValueError(f"its sizes are {fields.get('sizes', 'missing')!r}; expected 3, or 4 with channels")
        voxels = _voxels(path, start, kind, sizes, fields.get("encoding", ""))
        lengths, apart = _lengths(fields, len(sizes))
    except (ValueError, OSError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read as NRRD: {error}") from error
    turned = voxels.transpose() if len(sizes) == 4 else voxels.transpose()[None]
    volume = np.moveaxis(turned, -1, 0) if apart == 0 else turned
    spacing, unit = with_unit(lengths, _units(fields))
    return FileVolume(LazyVolume(volume[choose_channel(path, len(volume), channel)]), spacing, unit)


def _header(path: Path) -> tuple[dict[str, str], int]:
    """The fields, by their names in lower case, and the place of the first voxel."""
    with path.open("rb") as file:
        head = file.read(LONGEST)
    end = re.search(rb"\r?\n\r?\n", head)
    if not head.startswith(b"NRRD000") or end is None:
        raise ValueError("it does not begin with NRRD000 and a header that ends with an empty line")
    lines = head[: end.start()].decode("latin-1").splitlines()[1:]
    pairs = [re.split(r":=?\s*", line, maxsplit=1) for line in lines if ":" in line and not line.startswith("#")]
    fields = {name.strip().lower(): value.strip() for name, value in pairs}
    for name in ("data file", "datafile", "line skip", "byte skip", "lineskip", "byteskip"):
        if fields.get(name, "0") != "0":
            raise ValueError(f"it has the field {name!r}; save the volume with its voxels in one file")
    return fields, end.end()


def _type(fields: dict[str, str]) -> "np.dtype[Any]":
    code = CODES.get(fields.get("type", "").lower())
    if code is None:
        raise ValueError(f"its type is {fields.get('type', 'missing')!r}; expected a whole or real number")
    if code[1] != "1" and fields.get("endian") not in ("little", "big"):
        raise ValueError(f"its endian is {fields.get('endian', 'missing')!r}; expected little or big")
    return np.dtype((">" if fields.get("endian") == "big" else "<") + code)


def _voxels(path: Path, start: int, kind: "np.dtype[Any]", sizes: list[int], encoding: str) -> NDArray[Any]:
    """Voxels with the axes of the file, the fastest one first."""
    needed = math.prod(sizes) * kind.itemsize
    if encoding.lower() == "raw":
        held = path.stat().st_size - start
        if held == needed:
            return np.memmap(path, kind, "r", offset=start, shape=tuple(sizes), order="F")
    elif encoding.lower() in ("gzip", "gz"):
        with path.open("rb") as file:
            file.seek(start)
            content = zlib.decompressobj(wbits=31).decompress(file.read(), needed + 1)
        held = len(content)
        if held == needed:
            return np.frombuffer(content, kind).reshape(sizes, order="F")
    else:
        raise ValueError(f"its encoding is {encoding!r}; expected raw or gzip")
    amount = f"{held}" if held <= needed or encoding.lower() == "raw" else "more"
    raise ValueError(f"it has {amount} bytes of voxels, but its sizes ask for {needed}; it was cut off or is damaged")


def _lengths(fields: dict[str, str], axes: int) -> tuple[list[float], int | None]:
    """Spacing (z, y, x), and the number of the axis of channels in the file."""
    if "space directions" in fields:
        words = re.findall(r"none|\([^)]*\)", fields["space directions"].lower())
        lengths = [None if word == "none" else math.hypot(*map(float, word[1:-1].split(","))) for word in words]
    else:
        kinds = [word.lower() for word in fields.get("kinds", "").split()]
        spatial = [word in ("domain", "space", "???", "none") for word in kinds] or [True] * axes
        steps = [float(word) for word in fields.get("spacings", "nan " * axes).split()]
        lengths = [step if here else None for step, here in zip(steps, spatial, strict=True)]
    if len(lengths) != axes:
        raise ValueError(f"it gives {len(lengths)} spacings for {axes} axes")
    apart = None if axes == 3 else 0 if lengths[0] is None else 3
    kept = [1.0 if length is None else length for place, length in enumerate(lengths) if place != apart]
    return kept[::-1], apart


def _units(fields: dict[str, str]) -> list[str]:
    """Units of (z, y, x)."""
    named = re.findall(r'"([^"]*)"', fields.get("space units", fields.get("units", "")))
    return (named[-3:] if len(named) >= 3 else [VOXEL] * 3)[::-1]


def write_nrrd(path: Path, array: Sliced, spacing: Spacing, unit: str) -> None:
    """Write a raw file, little-endian, with its spacing.

    Raises:
        ValueError: If the format has no such type.
    """
    kind = np.dtype(array.dtype)
    word = TYPES.get(kind.str[1:], ("",))[0]
    if not word:
        raise ValueError(f"the volume is {kind}, but NRRD holds whole numbers, float32 or float64; convert it first")
    rows = ("({},0,0)", "(0,{},0)", "(0,0,{})")
    lines = [
        "NRRD0004",
        f"type: {word}",
        "dimension: 3",
        "space dimension: 3",
        f"sizes: {' '.join(str(size) for size in array.shape[::-1])}",
        f"space directions: {' '.join(row.format(step) for row, step in zip(rows, spacing[::-1], strict=True))}",
        *([f"space units: {' '.join([chr(34) + SHORT.get(unit, unit) + chr(34)] * 3)}"] if unit != VOXEL else []),
        "kinds: domain domain domain",
        "endian: little",
        "encoding: raw",
    ]
    with replacing(path) as file:
        file.write(("\n".join(lines) + "\n\n").encode())
        for slab in slabs(array):
            file.write(slab.astype(slab.dtype.newbyteorder("<"), copy=False).tobytes())
