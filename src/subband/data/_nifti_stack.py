"""Neuron volumes in NIfTI files: voxels in the order of the file, which traces count in; nothing is turned."""

import gzip
from pathlib import Path

import numpy as np

from subband._files import replacing
from subband._optional import require
from subband.data._length_units import MICROMETRES, Spacing, with_unit
from subband.data.lazy_volume import FileVolume, LazyVolume, Sliced, choose_channel
from subband.data.nifti import existing, whole
from subband.data.sample import by

TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
WORDS = {"micrometer": "micron", "millimeter": "mm", "meter": "meter"}


def open_nifti(path: Path, channel: int | None) -> FileVolume[LazyVolume]:
    """Map an uncompressed file into memory, or unpack another. The file's axes x, y, z become (Z, Y, X).

    Raises:
        ValueError: If the file is missing or damaged, or no channel is chosen of several.
        ImportError: If nibabel is not installed.
    """
    path = existing(path)
    nibabel = require("nibabel", extra="volumes")
    with whole(path):
        image = nibabel.load(path)
        stored = np.asanyarray(image.dataobj)
        lengths, unit = image.header.get_zooms()[:3], image.header.get_xyzt_units()[0]
    sizes = [size for size in stored.shape[3:] if size > 1]
    if stored.ndim < 2 or len(sizes) > 1 or stored.dtype.kind not in "iufb":
        raise ValueError(f"{path} holds {by(stored.shape)} values of {stored.dtype}; expected a volume of real numbers")
    shape = (*stored.shape[:3], 1)[:3]
    channels = stored.reshape(*shape, *(sizes or [1]), order="F").transpose(3, 2, 1, 0)
    spacing, name = with_unit(([*lengths, 1.0])[:3][::-1], [unit] * 3)
    return FileVolume(LazyVolume(channels[choose_channel(path, len(channels), channel)]), spacing, name)


def write_nifti_stack(path: Path, array: Sliced, spacing: Spacing, unit: str) -> None:
    """Write (Z, Y, X) with axes x, y, z and the spacing; nanometres become micrometres.

    Raises:
        ValueError: If the format has no such type.
        ImportError: If nibabel is not installed.
    """
    nibabel = require("nibabel", extra="volumes")
    kind = np.dtype(array.dtype)
    if kind.name not in TYPES:
        raise ValueError(f"the volume is {kind}, but NIfTI files are written of {', '.join(TYPES)}; convert it first")
    if unit in MICROMETRES and unit not in WORDS:
        spacing, unit = with_unit([length * MICROMETRES[unit] for length in spacing], ["micrometer"] * 3)
    image = nibabel.Nifti1Image(np.asarray(array[:]).T, np.diag([*spacing[::-1], 1.0]))
    image.header.set_xyzt_units(WORDS.get(unit, "unknown"))
    with replacing(path) as file:
        if path.name.lower().endswith(".gz"):
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=6) as packed:
                packed.write(image.to_bytes())
        else:
            file.write(image.to_bytes())
