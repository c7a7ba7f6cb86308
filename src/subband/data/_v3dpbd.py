"""Vaa3D's compressed volumes, .v3dpbd, through v3d-py-helper."""

from pathlib import Path

from subband._optional import require
from subband.data._v3d_header import PACKED, SIZE, V3dHeader, read_header
from subband.data.lazy_volume import FileVolume, LazyVolume, choose_channel

DIFFERENCES = {1: ((33, 128, 2),), 2: ((32, 80, 3), (80, 183, 4), (183, 223, 5))}
"""For 1 and 2 bytes a voxel: first code, end of the codes and bits of a difference, for runs of differences."""


def open_v3dpbd(path: Path, channel: int | None) -> FileVolume[LazyVolume]:
    """Unpack a file into memory. The format has no spacing.

    The runs are counted first, since the decoder does not look where it writes.

    Raises:
        ValueError: If the header is wrong, the runs do not fit it, or no channel is chosen of several.
        ImportError: If v3d-py-helper is not installed.
    """
    header = read_header(path, PACKED)
    number = choose_channel(path, header.shape[0], channel)
    _check_runs(path, header)
    voxels = require("v3dpy.loaders", extra="volumes").PBD().load(path)
    # The decoder turns every voxel to the machine's byte order, but calls it by that of the file.
    return FileVolume(LazyVolume(voxels.view(voxels.dtype.newbyteorder("="))[number]))


def _check_runs(path: Path, header: V3dHeader) -> None:
    """Walk through the runs: a code says how many bytes follow and how many voxels they make."""
    width = header.dtype.itemsize
    if width not in DIFFERENCES:
        raise ValueError(f"{path}: the header says {width} bytes for a voxel, but .v3dpbd holds 1 or 2; it is damaged")
    runs = path.read_bytes()[SIZE:]
    used, made = _run_lengths(width)
    if runs and any(first <= runs[0] < end for first, end, _ in DIFFERENCES[width]):
        raise ValueError(f"{path} begins with a difference to no voxel; it is damaged")
    place = voxels = 0
    while place < len(runs):
        code = runs[place]
        place += used[code]
        voxels += made[code]
    if place != len(runs) or voxels != header.count:
        raise ValueError(
            f"{path} has {len(runs)} bytes of runs that make {voxels} voxels, "
            f"but its header ({header.words}) asks for {header.count}; it was cut off or is damaged"
        )


def _run_lengths(width: int) -> tuple[list[int], list[int]]:
    """Bytes and voxels of a run that begins with each code: values, then differences, then a value repeated."""
    steps = DIFFERENCES[width]
    values, repeats = steps[0][0], steps[-1][1]
    used = [1 + count * width for count in range(1, values + 1)]
    made = list(range(1, values + 1))
    for first, end, bits in steps:
        made += range(1, end - first + 1)
        used += [1 + -(-count * bits // 8) for count in range(1, end - first + 1)]
    made += range(1, 256 - repeats + 1)
    used += [1 + width] * (256 - repeats)
    return used, made
