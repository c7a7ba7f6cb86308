"""Vaa3D's uncompressed volumes, .v3draw (also called .raw)."""

from pathlib import Path

import numpy as np

from subband._files import replacing
from subband._slabs import slabs
from subband.data._length_units import Spacing
from subband.data._v3d_header import RAW, SIZE, make_header, read_header
from subband.data.lazy_volume import FileVolume, LazyVolume, Sliced, choose_channel


def open_v3draw(path: Path, channel: int | None) -> FileVolume[LazyVolume]:
    """Map a file into memory; x runs fastest, then y, z and channel. The format has no spacing.

    Raises:
        ValueError: If the header is wrong, the file is cut off or too long, or no channel is chosen of several.
    """
    header = read_header(path, RAW)
    needed, held = header.count * header.dtype.itemsize, path.stat().st_size - SIZE
    if held != needed:
        which = "it was cut off" if held < needed else "something was appended, or the header is another's"
        raise ValueError(
            f"{path} has {held} bytes of voxels, but its header ({header.words}) asks for {needed}; {which}"
        )
    number = choose_channel(path, header.shape[0], channel)
    voxels = np.memmap(path, header.dtype, "r", offset=SIZE, shape=header.shape)
    return FileVolume(LazyVolume(voxels[number]))


def write_v3draw(path: Path, array: Sliced, spacing: Spacing, unit: str) -> None:
    """Write (Z, Y, X) as one channel, little-endian, as it is; the format has no place for the spacing.

    Source:
        The layout of Vaa3D. The authors (3D-WaveUNet) write ``array[:, ::-1]``, since they read SWC files upside down.
    """
    header = make_header(np.dtype(array.dtype), array.shape)
    with replacing(path) as file:
        file.write(header)
        for slab in slabs(array):
            file.write(slab.astype(slab.dtype.newbyteorder("<"), copy=False).tobytes())
