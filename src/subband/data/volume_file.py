"""Volumes of neurons in files of any format, chosen by the name."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband._check import closest
from subband.data._length_units import VOXEL, Spacing
from subband.data._nifti_stack import open_nifti, write_nifti_stack
from subband.data._nrrd import open_nrrd, write_nrrd
from subband.data._slice_folder import open_slices
from subband.data._tiff_stack import open_tiff, open_zip, write_tiff_stack
from subband.data._v3dpbd import open_v3dpbd
from subband.data._v3draw import open_v3draw, write_v3draw
from subband.data.lazy_volume import FileVolume, LazyVolume, Sliced
from subband.data.ome_zarr import open_zarr, write_zarr
from subband.data.sample import by

READERS: dict[str, Callable[[Path, int | None], FileVolume[LazyVolume]]] = {
    ".v3draw": open_v3draw,
    ".raw": open_v3draw,
    ".v3dpbd": open_v3dpbd,
    ".tif": open_tiff,
    ".tiff": open_tiff,
    ".tif.zip": open_zip,
    ".tiff.zip": open_zip,
    ".nii": open_nifti,
    ".nii.gz": open_nifti,
    ".nrrd": open_nrrd,
    ".zarr": open_zarr,
}
WRITERS: dict[str, Callable[[Path, Sliced, Spacing, str], None]] = {
    ".v3draw": write_v3draw,
    ".raw": write_v3draw,
    ".tif": write_tiff_stack,
    ".tiff": write_tiff_stack,
    ".nii": write_nifti_stack,
    ".nii.gz": write_nifti_stack,
    ".nrrd": write_nrrd,
    ".zarr": write_zarr,
}
STORE = ("zarr.json", ".zgroup", ".zarray")
"""Files that make a folder a Zarr store, whatever its name."""


def open_volume(path: str | os.PathLike[str], *, channel: int | None = None) -> FileVolume[LazyVolume]:
    """Open a volume without reading its voxels, where the format allows it.

    Zarr, v3draw, slices, and uncompressed TIFF, NIfTI and NRRD are read as they are sliced; what is compressed in one
    piece (v3dpbd, gzip, ZIP, other TIFF) is unpacked into memory. Voxels keep the order of the file: nothing is turned
    or flipped, since traces count in it.

    Args:
        path: .v3draw, .raw (of Vaa3D), .v3dpbd, .tif, .tif.zip, .nii, .nii.gz, .nrrd, .zarr, or a folder of slices.
        channel: Which channel of several, from 0 on.

    Returns:
        The volume, its spacing along (z, y, x) and the unit.

    Raises:
        ValueError: If the file is missing, damaged, cut off or of an unknown kind, or no channel is chosen of several.
        ImportError: If the format needs a package that is not installed.

    Source:
        v3draw: the layout of Vaa3D; OME-Zarr: NGFF 0.4 and 0.5; NRRD: its format definition, version 5.

    Example:
        >>> open_volume("neuron.v3drw")
        Traceback (most recent call last):
        ValueError: neuron.v3drw has an unknown suffix; expected .v3draw, .raw, .v3dpbd, .tif, .tiff, .tif.zip, \
.tiff.zip, .nii, .nii.gz, .nrrd, .zarr, or a folder; did you mean '.v3draw'?
    """
    path = Path(path)
    if path.is_dir() and (path.suffix.lower() == ".zarr" or any((path / name).is_file() for name in STORE)):
        return open_zarr(path, channel)
    if path.is_dir():
        return open_slices(path, channel)
    return READERS[_suffix(path, READERS)](path, channel)


def read_volume(path: str | os.PathLike[str], *, channel: int | None = None) -> FileVolume[NDArray[Any]]:
    """Read a volume into memory; see `open_volume`.

    Returns:
        The volume as an array (Z, Y, X) of the file's type in the machine's byte order.

    Raises:
        ValueError: As `open_volume`.
        ImportError: If the format needs a package that is not installed.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_volume(f"{folder}/v.v3draw", np.arange(24, dtype="uint8").reshape(2, 3, 4))
        ...     read_volume(f"{folder}/v.v3draw").array.shape
        (2, 3, 4)
    """
    volume = open_volume(path, channel=channel)
    return FileVolume(volume.array[:], volume.spacing, volume.unit)


def write_volume(
    path: str | os.PathLike[str], array: Sliced, *, spacing: Spacing = (1.0, 1.0, 1.0), unit: str = VOXEL
) -> None:
    """Write a volume, whole or not at all; only one slab at a time is in memory (NIfTI: the whole volume).

    Args:
        path: .v3draw, .raw, .tif (an ImageJ stack), .nii, .nii.gz, .nrrd or .zarr.
        array: Grey values (Z, Y, X), also a `LazyVolume`; bool is written as uint8.
        spacing: Distance of neighbours along (z, y, x); v3draw cannot keep it.
        unit: Unit of the spacing by OME-Zarr's names; ``voxel`` if there is none.

    Raises:
        ValueError: If the array is no volume, or the format has no such suffix or type.
        FileExistsError: If a Zarr store is there already; a file is replaced.
        OSError: If it cannot be written.
        ImportError: If the format needs a package that is not installed.

    Source:
        The authors (3D-WaveUNet) write v3draw upside down, ``array[:, ::-1]``, since they read SWC files so; here
        neither is flipped.
    """
    path = Path(path)
    suffix = _suffix(path, WRITERS)
    if len(array.shape) != 3 or 0 in array.shape:
        raise ValueError(f"cannot write {by(array.shape)} values as {path.name}; a volume is (Z, Y, X) and not empty")
    if not all(0 < length < float("inf") for length in spacing) or len(spacing) != 3:
        raise ValueError(f"spacing is {spacing}, but must be three lengths (z, y, x), greater than 0")
    if array.dtype == bool:
        array = np.asarray(array[:]).view(np.uint8)
    depth, height, width = (float(length) for length in spacing)
    WRITERS[suffix](path, array, (depth, height, width), unit)


def convert_volume(
    source: str | os.PathLike[str], target: str | os.PathLike[str], *, channel: int | None = None
) -> FileVolume[LazyVolume]:
    """Bring a volume to another format with its spacing, without reading it whole where both formats allow it.

    Args:
        source: Volume to read, as in `open_volume`.
        target: File or store to write, as in `write_volume`.
        channel: Which channel of several, from 0 on.

    Returns:
        The new volume, opened.

    Raises:
        ValueError: As `open_volume` and `write_volume`, or if both are the same file.
        FileExistsError: If a Zarr store is there already.
        OSError: If it cannot be written.
        ImportError: If a format needs a package that is not installed.
    """
    if Path(source).resolve() == Path(target).resolve():
        raise ValueError(f"{source} is both source and target; choose another target")
    volume = open_volume(source, channel=channel)
    write_volume(target, volume.array, spacing=volume.spacing, unit=volume.unit)
    return open_volume(target)


def _suffix(path: Path, known: dict[str, Any]) -> str:
    """The longest known suffix of a name.

    Raises:
        ValueError: If there is none.
    """
    found = [suffix for suffix in known if path.name.lower().endswith(suffix)]
    if not found:
        advice = closest(path.suffix.lower(), known)
        also = ", or a folder" if known is READERS else ""
        raise ValueError(f"{path} has an unknown suffix; expected {', '.join(known)}{also}{advice}")
    return max(found, key=len)
