"""OME-Zarr: metadata as NGFF 0.5 says, 0.4 and bare arrays read, channels, and damaged stores."""

import json
import pickle

import numpy as np
import pytest

from subband.data.ome_zarr import create_zarr, open_zarr, writable_zarr
from subband.data.volume_file import open_volume, write_volume

zarr = pytest.importorskip("zarr")
SCALE = {"type": "scale", "scale": [1.0, 1.0, 2.0, 0.5, 0.5]}
AXES = [
    {"name": "t", "type": "time"},
    {"name": "c", "type": "channel"},
    *({"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"),
]


def test_metadata_are_those_of_ngff_0_5(tmp_path):
    create_zarr(tmp_path / "v.zarr", (10, 20, 30), "uint16", (4, 64, 8), spacing=(2, 0.5, 0.5), unit="micrometer")
    group = json.loads((tmp_path / "v.zarr" / "zarr.json").read_text())
    assert group["zarr_format"] == 3
    assert group["node_type"] == "group"
    space = {"type": "space", "unit": "micrometer"}
    level = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [2.0, 0.5, 0.5]}]}
    image = {"name": "v", "axes": [{"name": name, **space} for name in "zyx"], "datasets": [level]}
    assert group["attributes"] == {"ome": {"version": "0.5", "multiscales": [image]}}
    array = json.loads((tmp_path / "v.zarr" / "0" / "zarr.json").read_text())
    assert (array["shape"], array["data_type"], array["fill_value"]) == ([10, 20, 30], "uint16", 0)
    assert array["dimension_names"] == ["z", "y", "x"]
    assert array["chunk_grid"]["configuration"]["chunk_shape"] == [4, 20, 8]
    assert open_zarr(tmp_path / "v.zarr").array.chunks == (4, 20, 8)
    assert [entry.name for entry in tmp_path.iterdir()] == ["v.zarr"]


def test_writers_share_a_store(tmp_path):
    first = create_zarr(tmp_path / "v.zarr", (8, 8, 8), "uint8", (4, 4, 4))
    second = pickle.loads(pickle.dumps(writable_zarr(tmp_path / "v.zarr")))
    first[:4], second[4:] = 1, 2
    lazy = open_volume(tmp_path / "v.zarr").array
    assert lazy[:, 3, 3].tolist() == [1, 1, 1, 1, 2, 2, 2, 2]
    assert not (tmp_path / "v.zarr" / "0" / "c" / "9").exists()


def test_ngff_0_4_with_time_and_channels(tmp_path):
    stored = np.arange(2 * 3 * 4 * 5, dtype=">u2").reshape(1, 2, 3, 4, 5)
    halves = {"type": "scale", "scale": [1.0, 1.0, 1.0, 2.0, 2.0]}
    image = {
        "version": "0.4",
        "axes": AXES,
        "datasets": [{"path": "full", "coordinateTransformations": [SCALE]}],
        "coordinateTransformations": [halves, {"type": "translation", "translation": [0.0] * 5}],
    }
    group = zarr.open_group(str(tmp_path / "v.zarr"), mode="w", zarr_format=2, attributes={"multiscales": [image]})
    group.create_array("full", shape=stored.shape, dtype=">u2", chunks=(1, 1, 2, 2, 2))[:] = stored
    (tmp_path / "v.zarr").rename(tmp_path / "folder")
    for channel in (0, 1):
        found = open_volume(tmp_path / "folder", channel=channel)
        np.testing.assert_array_equal(found.array[:], stored[0, channel])
        np.testing.assert_array_equal(found.array[2, 1:3], stored[0, channel, 2, 1:3])
        assert (found.spacing, found.unit) == ((2.0, 1.0, 1.0), "micrometer")
        assert found.array.dtype.isnative
        assert found.array.chunks == (2, 2, 2)


def test_an_array_alone_and_axes_by_name(tmp_path):
    zarr.create_array(str(tmp_path / "a.zarr"), shape=(2, 3, 4), dtype="float32", chunks=(1, 3, 4))[:] = 5
    found = open_volume(tmp_path / "a.zarr")
    assert (found.array[:].mean(), found.spacing, found.unit) == (5, (1, 1, 1), "voxel")
    image = {"version": "0.3", "axes": ["z", "y", "x"], "datasets": [{"path": "0"}]}
    group = zarr.open_group(str(tmp_path / "b.zarr"), mode="w", zarr_format=2, attributes={"multiscales": [image]})
    group.create_array("0", shape=(2, 3, 4), dtype="uint8")[:] = 6
    assert open_volume(tmp_path / "b.zarr").array[1, 2, 3] == 6


def test_thick_planes_are_written_in_thin_slabs(tmp_path, monkeypatch):
    monkeypatch.setattr("subband.data.ome_zarr.LARGEST_SLAB", 100)
    stored = np.arange(7 * 6 * 5, dtype=np.uint8).reshape(7, 6, 5)
    write_volume(tmp_path / "v.zarr", stored)
    lazy = open_volume(tmp_path / "v.zarr").array
    assert lazy.chunks == (3, 6, 5)
    np.testing.assert_array_equal(lazy[:], stored)


@pytest.mark.message
def test_nothing_is_written_over_or_left_half_made(tmp_path, monkeypatch):
    path = tmp_path / "v.zarr"
    create_zarr(path, (2, 2, 2), "uint8", (1, 1, 1))
    words = r"v.zarr is there already \(it holds 0/, zarr.json\); choose another"
    with pytest.raises(FileExistsError, match=words):
        create_zarr(path, (2, 2, 2), "uint8", (1, 1, 1))
    with pytest.raises(FileExistsError, match=words):
        write_volume(path, np.ones((1, 1, 1)))
    for shape, chunks in [((2, 2), (1, 1, 1)), ((2, 2, 0), (1, 1, 1)), ((2, 2, 2), (0, 1, 1))]:
        with pytest.raises(ValueError, match=r"give each as \(z, y, x\)"):
            create_zarr(tmp_path / "w.zarr", shape, "uint8", chunks)
    with pytest.raises(TypeError):
        create_zarr(tmp_path / "w.zarr", (2, 2, 2), "no type", (1, 1, 1))
    assert [entry.name for entry in tmp_path.iterdir()] == ["v.zarr"]


@pytest.mark.message
def test_says_what_is_wrong_with_a_store(tmp_path):
    def refused(path, words, function=open_zarr):
        with pytest.raises(ValueError, match=words):
            function(path)

    refused(tmp_path / "none.zarr", "there is no Zarr store .*none.zarr")
    (tmp_path / "v.zarr").mkdir()
    refused(tmp_path / "v.zarr", "v.zarr cannot be read as OME-Zarr")
    (tmp_path / "v.zarr" / "zarr.json").write_text("{")
    refused(tmp_path / "v.zarr", r"cannot be read as OME-Zarr \(Expecting property name")
    zarr.open_group(str(tmp_path / "g.zarr"), mode="w")
    refused(tmp_path / "g.zarr", r"its group has no multiscales, it holds zarr.json")
    for name, shape, words in [("s", (2, 2, 2, 2, 2), "has axes t 2, c 2, z 2"), ("p", (2, 2), "has axes y 2, x 2")]:
        zarr.create_array(str(tmp_path / f"{name}.zarr"), shape=shape, dtype="uint8")
        refused(tmp_path / f"{name}.zarr", words)
        refused(tmp_path / f"{name}.zarr", r"only a volume \(Z, Y, X\) can be written to", writable_zarr)
    zarr.create_array(str(tmp_path / "c.zarr"), shape=(3, 2, 2, 2), dtype="uint8")
    refused(tmp_path / "c.zarr", "holds 3 channels, 0 to 2; choose one with channel=")
    broken = create_zarr(tmp_path / "b.zarr", (4, 4, 4), "uint8", (4, 4, 4))
    broken[:] = np.arange(64).reshape(4, 4, 4)
    chunk = tmp_path / "b.zarr" / "0" / "c" / "0" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:9])
    refused(tmp_path / "b.zarr", "b.zarr cannot be read as OME-Zarr", lambda path: open_zarr(path).array[:])
