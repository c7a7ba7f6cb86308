import json
import pickle

import numpy as np
import pytest

from subband.data import block_store
from subband.data.block_source import VolumePath, fingerprint, open_source, spacing_of
from subband.data.block_store import check_whole, existing_block_store, open_block_store
from subband.data.ome_zarr import create_zarr
from subband.data.volume_file import open_volume, write_volume

SHAPE, BLOCK = (5, 6, 7), (4, 4, 4)
SETTINGS = {"source": {"name": "a.zarr", "shape": list(SHAPE)}, "halo": (2, 2, 2)}


def begun(path, **changed):
    return open_block_store(path, SHAPE, **{"block": BLOCK, "settings": SETTINGS, **changed})


def fill(store, blocks, value=3):
    for block in blocks:
        store.write(block, np.full(block.shape, value, np.uint8))


def test_what_is_written_is_an_ome_zarr_volume(tmp_path):
    store = begun(tmp_path / "v.zarr", spacing=(2.0, 1.0, 0.5), unit="micrometer")
    draw = np.random.default_rng(0)
    volume = draw.integers(0, 3, SHAPE, np.uint8)
    for place in draw.permutation(len(store.blocks)):
        block = store.blocks[place]
        assert not store.is_done(block)
        store.write(block, volume[block.slices])
    found = open_volume(tmp_path / "v.zarr")
    np.testing.assert_array_equal(found.array[:], volume)
    assert (found.spacing, found.unit) == ((2.0, 1.0, 0.5), "micrometer")
    assert store.missing() == []
    check_whole(tmp_path / "v.zarr")


def test_shards_share_the_blocks_out(tmp_path):
    store = begun(tmp_path / "v.zarr")
    shards = [store.missing((i, 3)) for i in range(3)]
    assert sorted((block for shard in shards for block in shard), key=lambda block: block.start) == store.blocks
    fill(store, shards[1])
    assert store.missing((1, 3)) == []
    assert store.missing() == [block for block in store.blocks if block not in shards[1]]


def test_going_on_finds_what_was_written(tmp_path):
    store = begun(tmp_path / "v.zarr")
    fill(store, store.blocks[:3])
    again = begun(tmp_path / "v.zarr")
    assert again == store == pickle.loads(pickle.dumps(store)) == existing_block_store(tmp_path / "v.zarr")
    assert again.missing() == store.blocks[3:]
    assert list(tmp_path.iterdir()) == [tmp_path / "v.zarr"]


def test_blocks_of_zeros_are_written_too(tmp_path):
    store = begun(tmp_path / "v.zarr")
    fill(store, store.blocks, value=0)
    begun(tmp_path / "v.zarr").check()


def test_a_block_longer_than_the_volume_becomes_it(tmp_path):
    assert begun(tmp_path / "v.zarr", block=(64, 64, 64)).block == SHAPE


def test_voxels_without_a_marker_are_written_again(tmp_path):
    """A worker that dies between the two leaves voxels, perhaps of a half-written file, that do not count."""
    store = begun(tmp_path / "v.zarr")
    fill(store, store.blocks)
    block = store.blocks[0]
    store._marker(block).unlink()
    store._file(block).write_bytes(b"half a chu")
    again = begun(tmp_path / "v.zarr")
    assert again.missing() == [block]
    fill(again, [block], value=9)
    assert (again.read(block) == 9).all()


def test_two_processes_may_begin_at_once(tmp_path, monkeypatch):
    """The slower one finds the store of the faster one in its way, and uses it."""
    make = create_zarr

    def slower(path, *args, **options):
        monkeypatch.setattr(block_store, "create_zarr", make)
        fill(begun(tmp_path / "v.zarr"), store_of_the_faster)
        return make(path, *args, **options)

    store_of_the_faster = begun(tmp_path / "other.zarr").blocks[:1]
    monkeypatch.setattr(block_store, "create_zarr", slower)
    store = begun(tmp_path / "v.zarr")
    assert store.missing() == store.blocks[1:]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.zarr", "v.zarr"]


@pytest.mark.message
class TestMessages:
    def test_a_marker_without_voxels(self, tmp_path):
        store = begun(tmp_path / "v.zarr")
        fill(store, store.blocks[:4])
        store._file(store.blocks[2]).unlink()
        with pytest.raises(ValueError, match=r"v.zarr is damaged: 1 blocks .* no voxels, the first at \(0, 4, 0\)"):
            begun(tmp_path / "v.zarr")

    def test_other_settings(self, tmp_path):
        begun(tmp_path / "v.zarr")
        with pytest.raises(ValueError, match="begun with another halo: 2 x 2 x 2 then, 3 x 3 x 3 now; choose another"):
            begun(tmp_path / "v.zarr", settings={**SETTINGS, "halo": (3, 3, 3)})
        with pytest.raises(ValueError, match="begun with another block: 4 x 4 x 4 then, 2 x 4 x 4 now"):
            begun(tmp_path / "v.zarr", block=(2, 4, 4))
        with pytest.raises(ValueError, match="begun with another dtype: uint8 then, int32 now"):
            begun(tmp_path / "v.zarr", dtype=np.int32)
        with pytest.raises(ValueError, match="begun with another halo: 2 x 2 x 2 then, none now"):
            begun(tmp_path / "v.zarr", settings={"source": SETTINGS["source"]})

    def test_another_input(self, tmp_path):
        begun(tmp_path / "v.zarr")
        other = {"name": "b.zarr", "shape": list(SHAPE)}
        with pytest.raises(ValueError, match=r"begun for another source: name a.zarr, .* then, name b.zarr, .* now"):
            begun(tmp_path / "v.zarr", settings={**SETTINGS, "source": other})

    def test_something_else(self, tmp_path):
        create_zarr(tmp_path / "v.zarr", SHAPE, "uint8", BLOCK)
        with pytest.raises(ValueError, match=r"v.zarr is there already and was not written block by block \(it holds"):
            begun(tmp_path / "v.zarr")
        (tmp_path / "file.zarr").write_text("mine")
        with pytest.raises(ValueError, match=r"file.zarr is there already"):
            begun(tmp_path / "file.zarr")
        assert (tmp_path / "file.zarr").read_text() == "mine"

    def test_a_volume_that_is_not_whole(self, tmp_path):
        store = begun(tmp_path / "v.zarr")
        fill(store, store.blocks[:5])
        with pytest.raises(ValueError, match=r"v.zarr is not whole: 3 of its 8 blocks are missing; run the command"):
            check_whole(tmp_path / "v.zarr")

    def test_what_does_not_fit(self, tmp_path):
        store = begun(tmp_path / "v.zarr")
        block = store.blocks[0]
        with pytest.raises(ValueError, match=r"is \(4, 4, 4\) of uint8, but the work gave \(4, 4, 3\) of uint8"):
            store.write(block, np.zeros((4, 4, 3), np.uint8))
        with pytest.raises(ValueError, match=r"gave .* of float32; give as many voxels as came, as integers that fit"):
            store.write(block, np.zeros(block.shape, np.float32))
        assert store.missing() == store.blocks

    def test_no_place(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(OSError, match=r"cannot write .*v\.zarr"):
            begun(tmp_path / "file" / "v.zarr")


def test_a_volume_that_is_no_block_store_counts_as_whole(tmp_path):
    create_zarr(tmp_path / "v.zarr", SHAPE, "uint8", BLOCK)
    check_whole(tmp_path / "v.zarr")
    assert existing_block_store(tmp_path / "v.zarr") is None


class TestSource:
    def test_a_fingerprint_tells_volumes_apart_and_not_their_places(self, tmp_path):
        volume = np.random.default_rng(1).integers(0, 255, (20, 30, 40), np.uint8)
        other = volume.copy()
        other[-1, -1, -1] ^= 1
        for folder, values in (("a", volume), ("b", volume), ("c", other)):
            (tmp_path / folder).mkdir()
            write_volume(tmp_path / folder / "v.zarr", values)
        a, b, c = (fingerprint(tmp_path / folder / "v.zarr") for folder in "abc")
        assert a == b == json.loads(json.dumps(a))
        assert a != c
        assert fingerprint(volume) == {**a, "name": ""}
        assert fingerprint(volume[..., 1:]) != fingerprint(volume)

    def test_a_file_is_opened_once_until_it_changes(self, tmp_path):
        write_volume(tmp_path / "v.v3draw", np.ones((2, 3, 4), np.uint8))
        first = open_source(tmp_path / "v.v3draw")
        assert open_source(str(tmp_path / "v.v3draw")) is first
        write_volume(tmp_path / "v.v3draw", np.full((2, 3, 5), 2, np.uint8))
        assert open_source(tmp_path / "v.v3draw")[0, 0].tolist() == [2] * 5

    def test_one_channel_and_spacing(self, tmp_path):
        import tifffile

        values = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(3, 2, 4, 5)
        tifffile.imwrite(tmp_path / "v.tif", values, imagej=True, metadata={"axes": "ZCYX", "spacing": 2, "unit": "um"})
        source = VolumePath(str(tmp_path / "v.tif"), channel=1)
        np.testing.assert_array_equal(open_source(source)[:], values[:, 1])
        assert fingerprint(source)["channel"] == 1
        assert spacing_of(source) == (open_volume(source.path, channel=1).spacing, "micrometer")
        assert spacing_of(values[:, 1]) == ((1.0, 1.0, 1.0), "voxel")

    @pytest.mark.message
    def test_an_empty_volume(self):
        with pytest.raises(ValueError, match=r"has shape \(0, 4, 4\) and holds no voxel"):
            open_source(np.zeros((0, 4, 4), np.uint8))
