"""Vaa3D's files: v3d-py-helper reads the same; headers by hand in both byte orders; every damage is named in bytes."""

import struct

import numpy as np
import pytest

from subband.data.volume_file import open_volume, read_volume, write_volume

KEYS = {".v3draw": b"raw_image_stack_by_hpeng", ".v3dpbd": b"v3d_volume_pkbitdf_encod"}


def file_of(path, body, sizes, *, width=1, order="<", key=None, mark=None):
    """A file with a header written by hand; ``sizes`` are x, y, z, channel."""
    letter = mark or (b"L" if order == "<" else b"B")
    path.write_bytes((key or KEYS[path.suffix]) + letter + struct.pack(f"{order}h4I", width, *sizes) + body)
    return path


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("width", "kind"), [(1, "u1"), (2, "u2"), (4, "f4")])
def test_both_byte_orders_and_channels(tmp_path, order, width, kind):
    stored = np.arange(2 * 3 * 4 * 5).astype(order + kind).reshape(2, 3, 4, 5)
    path = file_of(tmp_path / "v.v3draw", stored.tobytes(), (5, 4, 3, 2), width=width, order=order)
    for channel in (0, 1):
        found = read_volume(path, channel=channel).array
        assert found.dtype.isnative
        np.testing.assert_array_equal(found, stored[channel])
        np.testing.assert_array_equal(open_volume(path, channel=channel).array[1:, 2, ::2], stored[channel, 1:, 2, ::2])


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_vaa3d_helper_reads_and_writes_the_same(tmp_path, dtype):
    loaders, rng = pytest.importorskip("v3dpy.loaders"), np.random.default_rng(0)
    smooth = np.cumsum(rng.integers(-1, 2, (4, 9, 30)), -1)
    stored = np.where(rng.random((4, 9, 30)) < 0.1, rng.integers(0, 255, (4, 9, 30)), 50 + smooth).astype(dtype)
    stored[1] = 3
    write_volume(tmp_path / "ours.v3draw", stored)
    np.testing.assert_array_equal(loaders.Raw().load(tmp_path / "ours.v3draw")[0], stored)
    loaders.PBD().save(tmp_path / "theirs.v3dpbd", np.stack([stored, stored[::-1]]))
    for channel, expected in enumerate([stored, stored[::-1]]):
        np.testing.assert_array_equal(read_volume(tmp_path / "theirs.v3dpbd", channel=channel).array, expected)


@pytest.mark.parametrize("order", "<>")
def test_packed_runs_by_hand(tmp_path, order):
    """Two values as they are, three differences 0, +1, -1 (codes 0, 1 and 5), and one value four times."""
    pytest.importorskip("v3dpy.loaders")
    differences = bytes([32 + 2, 0b000_001_10, 0b1_0000000])
    body = b"\x01" + struct.pack(f"{order}2H", 300, 7) + differences + bytes([226]) + struct.pack(f"{order}H", 40000)
    path = file_of(tmp_path / "v.v3dpbd", body, (3, 3, 1, 1), width=2, order=order)
    assert read_volume(path).array.ravel().tolist() == [300, 7, 7, 8, 7, 40000, 40000, 40000, 40000]


def refused(path, words, **options):
    with pytest.raises(ValueError, match=words):
        open_volume(path, **options)


@pytest.mark.message
def test_says_what_is_wrong_with_a_header(tmp_path):
    path = tmp_path / "v.v3draw"
    refused(path, "there is no file")
    path.write_bytes(b"raw_image")
    refused(path, "v.v3draw has 9 bytes, fewer than the 43 of a Vaa3D header; it was cut off")
    refused(file_of(path, b"", (1, 1, 1, 1), key=KEYS[".v3dpbd"]), r"this is a .v3dpbd file, rename it")
    refused(file_of(path, b"", (1, 1, 1, 1), key=b"II*" + bytes(21)), r"begins with b'II.*damaged or of another kind")
    refused(file_of(path, b"", (1, 1, 1, 1), mark=b"X"), r"byte 25 of the header is b'X', but must be 'L' or 'B'")
    refused(file_of(path, b"", (1, 1, 1, 1), width=3), "says 3 bytes for a voxel, but must say 1, 2 or 4")
    refused(file_of(path, b"", (4, 0, 3, 1)), "says 4 x 0 x 3 voxels in 1 channels, an empty volume")
    packed = tmp_path / "v.v3dpbd"
    refused(file_of(packed, b"", (1, 1, 1, 1), width=4), "says 4 bytes for a voxel, but .v3dpbd holds 1 or 2")


@pytest.mark.message
def test_says_how_many_bytes_are_missing(tmp_path):
    path = file_of(tmp_path / "v.v3draw", bytes(117), (5, 4, 3, 2))
    refused(
        path, r"has 117 bytes of voxels, but its header \(x 5, y 4, z 3, c 2 of uint8\) asks for 120; it was cut off"
    )
    file_of(path, bytes(121), (5, 4, 3, 2))
    refused(path, "has 121 bytes of voxels, .* asks for 120; something was appended")
    file_of(path, bytes(8), (2**32 - 1, 2**32 - 1, 2**32 - 1, 2**32 - 1))
    refused(path, "has 8 bytes of voxels, .* it was cut off")
    file_of(path, bytes(120), (5, 4, 3, 2))
    refused(path, r"v.v3draw holds 2 channels, 0 to 1; choose one with channel=")
    refused(path, r"has no channel 2; it holds channels 0 to 1", channel=2)
    refused(path, r"has no channel -1", channel=-1)


@pytest.mark.message
@pytest.mark.parametrize("width", [1, 2])
def test_damaged_runs_never_reach_the_decoder(tmp_path, width):
    path, repeat = tmp_path / "v.v3dpbd", bytes([223 + 9 if width == 2 else 128 + 9, *[5] * width])
    refused(file_of(path, repeat, (11, 1, 1, 1), width=width), r"bytes of runs that make 10 voxels, .* asks for 11")
    refused(file_of(path, repeat, (9, 1, 1, 1), width=width), r"make 10 voxels, .* asks for 9")
    refused(file_of(path, repeat[:-1], (10, 1, 1, 1), width=width), "it was cut off or is damaged")
    refused(file_of(path, b"\x28\x00\x00\x00", (9, 1, 1, 1), width=width), "begins with a difference to no voxel")
    refused(file_of(path, b"", (9, 1, 1, 1), width=width), "0 bytes of runs that make 0 voxels")
