"""Volumes in TIFF files: pages, ImageJ hyperstacks, OME-TIFF, and a TIFF in a ZIP archive."""

import io
import re
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from subband._files import replacing
from subband._slabs import slabs
from subband.data._length_units import VOXEL, Spacing, with_unit
from subband.data._pages import TIFF, damaged, pixels
from subband.data.lazy_volume import FileVolume, LazyVolume, Sliced, choose_channel
from subband.data.nifti import existing
from subband.data.sample import by

DEPTH = "ZQIT"
"""Axes that may be z, the first one that is there: pages without a name, and ImageJ stacks saved as frames of time."""
LARGEST_MEMBER = 4 * 2**30
"""Bytes of a file that is unpacked from an archive into memory."""


def open_tiff(path: Path, channel: int | None) -> FileVolume[LazyVolume]:
    """Map an uncompressed file into memory, or read another whole; the spacing is ImageJ's or that of OME.

    Raises:
        ValueError: If the file is missing or damaged, holds a series, or no channel is chosen of several.
    """
    path = existing(path)
    with path.open("rb") as file:
        return _open(path, file, channel)


def open_zip(path: Path, channel: int | None) -> FileVolume[LazyVolume]:
    """Read the one TIFF of an archive. It is unpacked in memory alone.

    Raises:
        ValueError: If the archive is damaged or does not hold exactly one TIFF.
    """
    path = existing(path)
    try:
        with zipfile.ZipFile(path) as archive:
            found = [info for info in archive.infolist() if _is_tiff(info.filename)]
            if len(found) != 1:
                names = ", ".join(archive.namelist()[:5]) or "nothing"
                raise ValueError(f"it holds {names}; expected exactly one TIFF")
            if found[0].file_size > LARGEST_MEMBER:
                raise ValueError(f"it unpacks to {found[0].file_size} bytes; unpack it yourself")
            content = io.BytesIO(archive.read(found[0]))
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, RuntimeError, NotImplementedError) as error:
        raise ValueError(f"{path} cannot be read as a ZIP archive ({error})") from error
    return _open(path / found[0].filename, content, channel)


def _is_tiff(name: str) -> bool:
    return Path(name).suffix.lower() in TIFF and "__MACOSX" not in name and not Path(name).name.startswith(".")


def _open(path: Path, content: BinaryIO, channel: int | None) -> FileVolume[LazyVolume]:
    try:
        _check_pages(content)
        with tifffile.TiffFile(content) as file:
            series = file.series
            if len(series) != 1 and not file.is_ome:
                raise ValueError(f"its pages have {len(series)} different sizes or types; a volume needs one")
            voxels, (spacing, unit) = _voxels(path, content, series[0]), _spacing(file)
    except Exception as error:
        raise damaged(path, error) from error
    volume = _arranged(path, voxels, series[0].axes)
    return FileVolume(LazyVolume(volume[choose_channel(path, len(volume), channel)]), spacing, unit)


def _check_pages(content: BinaryIO) -> None:
    """Follow the chain of pages to its end, since tifffile leaves out those after a break."""
    size = content.seek(0, io.SEEK_END)
    content.seek(0)
    head = content.read(16)
    order, big = "<" if head[:2] == b"II" else ">", head[2:3] == b"+" or head[3:4] == b"+"
    entry, counter, pointer = (20, f"{order}Q", f"{order}Q") if big else (12, f"{order}H", f"{order}I")
    place, seen = 8 if big else 4, set[int]()
    while place + struct.calcsize(pointer) <= size:
        page = _number(content, place, pointer)
        if page == 0:
            break
        if page in seen or page + struct.calcsize(counter) > size:
            place = size
            continue
        seen.add(page)
        place = page + struct.calcsize(counter) + entry * _number(content, page, counter)
    else:
        raise ValueError(f"it has {size} bytes, and its chain of pages breaks after {len(seen)}; it was cut off")
    content.seek(0)


def _number(content: BinaryIO, place: int, kind: str) -> int:
    content.seek(place)
    return int(struct.unpack(kind, content.read(struct.calcsize(kind)))[0])


def _voxels(path: Path, content: BinaryIO, series: Any) -> NDArray[Any]:
    """The voxels with all their axes: mapped if they lie in one piece, else in memory."""
    kind, offset = series.dtype.newbyteorder(series.parent.byteorder), series.dataoffset
    if offset is not None and series.dtype.kind != "b":
        held, needed = content.seek(0, io.SEEK_END) - offset, int(np.prod(series.shape)) * kind.itemsize
        if held < needed:
            raise ValueError(f"it has {held} bytes of voxels, but its header asks for {needed}; it was cut off")
        if path.is_file():
            return np.memmap(path, kind, "r", offset=offset, shape=series.shape)
    try:
        voxels: NDArray[Any] = series.asarray()
        return voxels
    except Exception as error:
        if "imagecodecs" not in str(error):
            raise
    pages = []
    with Image.open(content) as picture:  # Pillow knows the compressions (LZW) that tifffile alone does not
        for number in range(len(series.pages)):
            picture.seek(number)
            pages.append(pixels(picture, "stored"))
    voxels = np.stack(pages).reshape(series.shape)
    return voxels


def _arranged(path: Path, voxels: NDArray[Any], axes: str) -> NDArray[Any]:
    """Voxels as (C, Z, Y, X), without a copy."""
    sizes = {name: size for name, size in zip(axes, voxels.shape, strict=True) if size > 1}
    depth = next((name for name in DEPTH if name in sizes), "")
    several = [name for name in "CS" if name in sizes]
    other = [name for name in sizes if name not in ("Y", "X", depth, *several)]
    if other or len(several) > 1 or "Y" not in axes or "X" not in axes:
        raise ValueError(
            f"{path} has axes {axes} of {by(voxels.shape)}, more than a volume has; save one time point or tile"
        )
    order = [axes.index(name) for name in (*several, depth, "Y", "X") if name]
    rest = [place for place in range(len(axes)) if place not in order]
    flat = np.transpose(voxels, rest + order)[(0,) * len(rest)]
    shape = [sizes.get(name, 1) for name in ("".join(several), depth)]
    arranged: NDArray[Any] = flat.reshape(*shape, *flat.shape[-2:])
    return arranged


def _spacing(file: tifffile.TiffFile) -> tuple[Spacing, str]:
    """Spacing along (z, y, x) and its unit. Resolution tags alone are the density of a print: nothing of them."""
    if file.is_ome:
        pixels_tag = re.search(r"<(?:\w+:)?Pixels\b[^>]*>", file.ome_metadata or "")
        found = dict(re.findall(r'(PhysicalSize\w+)="([^"]*)"', pixels_tag.group() if pixels_tag else ""))
        given = [name for name in "ZYX" if f"PhysicalSize{name}" in found]
        units = [found.get(f"PhysicalSize{name}Unit", "µm") if name in given else "" for name in "ZYX"]
        return with_unit([found.get(f"PhysicalSize{name}") for name in "ZYX"], units)
    if not file.is_imagej:
        return with_unit([1, 1, 1], [VOXEL] * 3)
    notes, tags = file.imagej_metadata or {}, file.pages.first.tags
    across = [tags[name].value if name in tags else (1, 1) for name in ("YResolution", "XResolution")]
    lengths = [notes.get("spacing", 1), *(below / above if above else 1 for above, below in across)]
    return with_unit(lengths, [notes.get("unit", "")] * 3)


def write_tiff_stack(path: Path, array: Sliced, spacing: Spacing, unit: str) -> None:
    """Write an ImageJ stack, uncompressed, with its spacing.

    Raises:
        ValueError: If ImageJ has no such type.
    """
    kind = np.dtype(array.dtype)
    if kind not in (np.uint8, np.uint16, np.float32):
        raise ValueError(f"the volume is {kind}, but an ImageJ stack holds uint8, uint16 or float32; convert it first")
    word = {"micrometer": "micron", VOXEL: "pixel"}.get(unit, unit)
    notes = {"axes": "ZYX", "spacing": spacing[0], "unit": word}
    with replacing(path) as file:
        tifffile.imwrite(
            file,
            _planes(array),
            shape=array.shape,
            dtype=kind,
            imagej=True,
            photometric="minisblack",
            resolution=(1 / spacing[2], 1 / spacing[1]),
            metadata=notes,
        )


def _planes(array: Sliced) -> Iterator[NDArray[Any]]:
    for slab in slabs(array):
        yield from slab
