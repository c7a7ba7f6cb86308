"""Maps in files: hit, corruption, concurrency, resuming, errors by file."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from subband.maps import KINDS, cached_map, write_maps

MASK = np.pad(np.eye(13, 11, dtype=np.uint8), 2)


def read_npy(path):
    if "broken" in path.name:
        raise OSError("cannot read the image")
    return np.load(path)


def crash(path):
    os._exit(3)


def cache_from_another_process(folder):
    return cached_map("unet", MASK, folder=folder)


@pytest.fixture
def masks(tmp_path):
    folder = tmp_path / "masks"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in "abc":
        np.save(folder / f"{name}.npy", (rng.random((20, 24)) > 0.7).astype(np.uint8))
    return sorted(folder.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_a_map_is_computed_once(kind, tmp_path, monkeypatch):
    wanted = KINDS[kind](MASK)
    np.testing.assert_array_equal(cached_map(kind, MASK, folder=tmp_path / "new"), wanted)
    monkeypatch.setitem(KINDS, kind, lambda mask: pytest.fail("computed again"))
    found = cached_map(kind, MASK.copy(order="F"), folder=tmp_path / "new")
    np.testing.assert_array_equal(found, wanted)
    assert found.dtype == np.float32
    assert [path.suffix for path in (tmp_path / "new").iterdir()] == [".npy"]


def test_another_mask_kind_or_option_is_another_file(tmp_path):
    for kind, mask, options in (
        ("unet", MASK, None),
        ("abw", MASK, None),
        ("unet", MASK.T, None),
        ("unet", MASK, {"sigma": 2.0}),
        ("unet", MASK, {"convention": "authors"}),
    ):
        found = cached_map(kind, mask, folder=tmp_path, options=options)
        np.testing.assert_array_equal(found, KINDS[kind](mask, **(options or {})))
    assert len(list(tmp_path.iterdir())) == 5


def test_without_a_folder_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.testing.assert_array_equal(cached_map("abw", MASK), KINDS["abw"](MASK))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00"])
def test_a_corrupt_file_is_computed_again(content, tmp_path):
    wanted = cached_map("unet", MASK, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(content)
    np.testing.assert_array_equal(cached_map("unet", MASK, folder=tmp_path), wanted)
    np.testing.assert_array_equal(np.load(path), wanted)


def test_a_cut_file_and_one_of_another_shape_are_computed_again(tmp_path):
    wanted = cached_map("unet", MASK, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-7])
    np.testing.assert_array_equal(cached_map("unet", MASK, folder=tmp_path), wanted)
    np.save(path, np.zeros(3))
    np.testing.assert_array_equal(cached_map("unet", MASK, folder=tmp_path), wanted)


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    def full(self, other):
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        cached_map("unet", MASK, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_several_processes_share_a_folder(tmp_path):
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        for found in pool.map(cache_from_another_process, [tmp_path] * 6):
            np.testing.assert_array_equal(found, KINDS["unet"](MASK))
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_of_masks(kind, masks, tmp_path):
    done = list(write_maps(kind, masks, tmp_path / "maps", read=read_npy))
    assert done == [(path, None) for path in masks]
    for path in masks:
        np.testing.assert_array_equal(np.load(tmp_path / "maps" / path.name), KINDS[kind](np.load(path)))


def test_it_goes_on_where_it_stopped(masks, tmp_path):
    first = next(write_maps("unet", masks, tmp_path / "maps", read=read_npy))
    read = []

    def note(path):
        read.append(path)
        return read_npy(path)

    done = list(write_maps("unet", masks, tmp_path / "maps", read=note))
    assert first == (masks[0], None)
    assert read == masks[1:]
    assert sorted(done) == [(path, None) for path in masks]
    list(
        write_maps(
            "unet", masks, tmp_path / "maps", read=lambda path: read.append(path) or read_npy(path), overwrite=True
        )
    )
    assert read == masks[1:] + masks


def test_a_map_older_than_its_mask_is_told(masks, tmp_path):
    list(write_maps("unet", masks, tmp_path / "maps", read=read_npy))
    os.utime(tmp_path / "maps" / "b.npy", (1, 1))
    done = dict(write_maps("unet", masks, tmp_path / "maps", read=read_npy))
    assert "b.npy is older than this mask" in done.pop(masks[1])
    assert set(done.values()) == {None}


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_bad_file_does_not_stop_the_others(masks, tmp_path, jobs):
    for name, content in (("broken", np.zeros((3, 3))), ("grey", np.full((3, 3), 7))):
        np.save(masks[0].with_name(f"{name}.npy"), content)
    files = sorted(masks[0].parent.iterdir())
    done = dict(write_maps("abw", files, tmp_path / "maps", read=read_npy, jobs=jobs))
    assert done[masks[0].with_name("broken.npy")] == "cannot read the image"
    assert "mask holds the values 7" in done[masks[0].with_name("grey.npy")]
    assert [done[path] for path in masks] == [None] * 3
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == ["a.npy", "b.npy", "c.npy"]


@pytest.mark.slow
def test_a_worker_that_dies_is_told(masks, tmp_path):
    done = dict(write_maps("abw", masks, tmp_path / "maps", read=crash, jobs=2))
    assert set(done) == set(masks)
    assert all("BrokenProcessPool" in error for error in done.values())


@pytest.mark.message
def test_errors_say_what_to_do(tmp_path):
    with pytest.raises(ValueError, match=r"kind is 'unnet'.*did you mean 'unet'"):
        cached_map("unnet", MASK)
    with pytest.raises(ValueError, match=r"a\.png and a\.tif would both write a\.npy"):
        list(write_maps("unet", [Path("a.png"), Path("a.tif")], tmp_path, read=read_npy))
    with pytest.raises(ValueError, match="jobs is 0"):
        list(write_maps("unet", [], tmp_path, read=read_npy, jobs=0))
