"""Blocks in any order, on any scheduler, after any accident, give what the whole volume gives."""

import re
from functools import partial

import numpy as np
import pytest
from block_work import REACH, Deadly, refuses, smooth

from subband.data.block_source import VolumePath
from subband.data.block_store import existing_block_store, open_block_store
from subband.data.volume_file import open_volume, write_volume
from subband.tasks._pools import DASK, worker_died
from subband.tasks.block_run import BlocksDone, check_source, halo_of, run_blocks, run_tasks

SHAPE, BLOCK = (21, 18, 26), (8, 7, 8)
COUNT = 3 * 3 * 4


def noise(shape=SHAPE, seed=8):
    return np.random.default_rng(seed).integers(0, 200, shape, np.uint8)


@pytest.fixture
def source(tmp_path):
    write_volume(tmp_path / "grey.zarr", noise(), spacing=(2.0, 1.0, 1.0), unit="micrometer")
    return tmp_path / "grey.zarr"


def voxels(path):
    return open_volume(path).array[:]


def written_at(store):
    """Time of each marker."""
    return {block: store._marker(block).stat().st_mtime_ns for block in store.blocks if store.is_done(block)}


@pytest.mark.parametrize("halo", [REACH, (2, 9, 3), 30])
def test_a_halo_of_the_reach_or_more_gives_the_whole_volume(tmp_path, source, halo):
    found = run_blocks(smooth, source, tmp_path / "v.zarr", block=BLOCK, halo=halo)
    assert found == BlocksDone(COUNT, 0, COUNT)
    np.testing.assert_array_equal(voxels(tmp_path / "v.zarr"), smooth(noise()))
    assert open_volume(tmp_path / "v.zarr").spacing == (2.0, 1.0, 1.0)


def test_less_than_the_reach_does_not(tmp_path, source):
    run_blocks(smooth, source, tmp_path / "v.zarr", block=BLOCK, halo=REACH - 1)
    assert (voxels(tmp_path / "v.zarr") != smooth(noise())).any()


def test_any_order_gives_the_same(tmp_path, source):
    run_blocks(smooth, source, tmp_path / "a.zarr", block=BLOCK, halo=REACH)
    for shard in np.random.default_rng(1).permutation(5):
        run_blocks(smooth, source, tmp_path / "b.zarr", block=BLOCK, halo=REACH, shard=(int(shard), 5))
    np.testing.assert_array_equal(voxels(tmp_path / "a.zarr"), voxels(tmp_path / "b.zarr"))


def test_a_second_run_does_only_what_is_missing(tmp_path, source):
    told = []
    run_blocks(smooth, source, tmp_path / "v.zarr", block=BLOCK, halo=REACH, shard=(1, 4))
    store = existing_block_store(tmp_path / "v.zarr")
    before = written_at(store)
    found = run_blocks(
        smooth, source, tmp_path / "v.zarr", block=BLOCK, halo=REACH, progress=lambda *now: told.append(now)
    )
    assert found == BlocksDone(COUNT, 9, COUNT - 9)
    assert told == [(done, COUNT) for done in range(10, COUNT + 1)]
    assert before.items() <= written_at(store).items()
    assert run_blocks(smooth, source, tmp_path / "v.zarr", block=BLOCK, halo=REACH) == BlocksDone(COUNT, COUNT, 0)


def test_threads_and_arrays(tmp_path):
    run_blocks(smooth, noise(), tmp_path / "v.zarr", block=BLOCK, halo=REACH, scheduler="threads", workers=3)
    np.testing.assert_array_equal(voxels(tmp_path / "v.zarr"), smooth(noise()))


def test_the_work_failing_stops_the_run_and_keeps_what_is_done(tmp_path, source):
    calls = []

    def work(values):
        calls.append(1)
        return refuses(values) if len(calls) > 4 else smooth(values)

    for scheduler in ("serial", "threads"):
        calls.clear()
        target = tmp_path / f"{scheduler}.zarr"
        with pytest.raises(ValueError, match="this work fails") as caught:
            run_blocks(work, source, target, block=BLOCK, halo=REACH, scheduler=scheduler, workers=1)
        assert caught.value.__notes__ == ["while working on the block at (0, 7, 0)"]
        assert len(existing_block_store(target).missing()) == COUNT - 4
        assert len(calls) <= 6


class BrokenProcessPool(Exception):  # noqa: N818
    """As a pool raises that lost a process."""


def test_a_lost_worker_is_told_and_the_others_go_on(tmp_path, source):
    def work(values):
        if (values == noise()[0, 0, 0]).all():
            raise BrokenProcessPool
        return values

    volume = noise()
    volume[:8, :7, :8] = volume[0, 0, 0]
    with pytest.raises(RuntimeError, match=rf"1 blocks are not .* \(0, 0, 0\) .*; {COUNT - 1} are whole: run the same"):
        run_blocks(work, volume, tmp_path / "v.zarr", block=BLOCK)


@pytest.mark.slow
def test_processes_of_which_one_is_killed(tmp_path, source):
    volume = noise()
    volume[12, 10, 12] = 255
    write_volume(tmp_path / "deadly.zarr", volume)
    flag = tmp_path / "flag"
    flag.touch()
    run = partial(run_blocks, Deadly(str(flag)), tmp_path / "deadly.zarr", tmp_path / "v.zarr", halo=REACH)
    with pytest.raises(RuntimeError, match="workers died"):
        run(block=BLOCK, scheduler="processes", workers=1)
    store = existing_block_store(tmp_path / "v.zarr")
    before = written_at(store)
    assert 0 < len(before) < COUNT
    flag.unlink()
    found = run(block=BLOCK, scheduler="processes", workers=2)
    assert found == BlocksDone(COUNT, len(before), COUNT - len(before))
    assert before.items() <= written_at(store).items()
    np.testing.assert_array_equal(voxels(tmp_path / "v.zarr"), smooth(volume))


@pytest.mark.slow
def test_a_dask_cluster_of_which_a_worker_is_killed(tmp_path):
    """The acceptance's case at a quarter of its side; by benchmarks/blocks.py at 512."""
    dask, distributed = pytest.importorskip("dask"), pytest.importorskip("distributed")
    volume = noise((96, 96, 96))
    volume[48, 48, 48] = 255
    write_volume(tmp_path / "grey.zarr", volume)
    flag = tmp_path / "flag"
    flag.touch()
    run = partial(run_blocks, Deadly(str(flag)), tmp_path / "grey.zarr", tmp_path / "v.zarr", halo=REACH)
    with dask.config.set(DASK):
        cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster:
        with pytest.raises(RuntimeError, match=r"workers died.* \(32, 32, 32\) \(KilledWorker\)"):
            run(block=(32, 32, 32), scheduler=cluster.scheduler_address)
        store = existing_block_store(tmp_path / "v.zarr")
        before = written_at(store)
        assert len(before) >= 20
        flag.unlink()
        assert run(block=(32, 32, 32), scheduler=cluster.scheduler_address).written == 27 - len(before)
    assert before.items() <= written_at(store).items()
    np.testing.assert_array_equal(voxels(tmp_path / "v.zarr"), smooth(volume))


@pytest.mark.slow
def test_a_cluster_of_our_own(tmp_path, source):
    pytest.importorskip("distributed")
    found = run_blocks(smooth, source, tmp_path / "v.zarr", block=(21, 18, 13), halo=REACH, scheduler="dask", workers=1)
    assert found.written == 2
    np.testing.assert_array_equal(voxels(tmp_path / "v.zarr"), smooth(noise()))


@pytest.mark.message
class TestMessages:
    def test_another_input_work_and_halo(self, tmp_path, source):
        run_blocks(smooth, source, tmp_path / "v.zarr", block=BLOCK, halo=REACH)
        with pytest.raises(ValueError, match=r"v.zarr was begun for another source: name grey.zarr, .* content \w+ no"):
            run_blocks(smooth, noise(seed=9), tmp_path / "v.zarr", block=BLOCK, halo=REACH)
        with pytest.raises(ValueError, match="begun with another work: smooth then, refuses now"):
            run_blocks(refuses, source, tmp_path / "v.zarr", block=BLOCK, halo=REACH)
        with pytest.raises(ValueError, match="begun with another halo: 2 x 2 x 2 then, 3 x 3 x 3 now"):
            run_blocks(smooth, source, tmp_path / "v.zarr", block=BLOCK, halo=3)

    def test_an_unfinished_source(self, tmp_path, source):
        run_blocks(smooth, source, tmp_path / "v.zarr", block=BLOCK, halo=REACH, shard=(0, 2))
        with pytest.raises(ValueError, match=r"v.zarr is not whole: 18 of its 36 blocks are missing"):
            run_blocks(smooth, tmp_path / "v.zarr", tmp_path / "w.zarr")
        with pytest.raises(ValueError, match=r"v.zarr is not whole"):
            check_source(VolumePath(str(tmp_path / "v.zarr")), "serial")

    @pytest.mark.parametrize("scheduler", ["processes", "dask"])
    def test_an_array_for_other_processes(self, tmp_path, scheduler):
        with pytest.raises(ValueError, match=rf"the source is ndarray .* {scheduler!r} works in others; write it to"):
            run_blocks(smooth, noise(), tmp_path / "v.zarr", scheduler=scheduler)
        assert not (tmp_path / "v.zarr").exists()

    def test_work_that_changes_the_size_or_the_type(self, tmp_path):
        with pytest.raises(ValueError, match=re.escape("the work made (20, 18, 26) of (21, 18, 26) voxels; it must")):
            run_blocks(lambda values: values[1:], noise(), tmp_path / "v.zarr")
        with pytest.raises(ValueError, match=r"of uint8, but the work gave .* of float64; give as many"):
            run_blocks(lambda values: values / 2, noise(), tmp_path / "w.zarr")

    def test_words_and_numbers(self, tmp_path, source):
        store = open_block_store(tmp_path / "v.zarr", SHAPE)
        with pytest.raises(ValueError, match=r"scheduler is 'thread', but .* tcp://.*; did you mean 'threads'\?"):
            run_tasks(refuses, store, scheduler="thread")
        with pytest.raises(ValueError, match="shard is 3/3, but must be i/n with i from 0 to n - 1"):
            run_tasks(refuses, store, shard=(3, 3))
        with pytest.raises(ValueError, match="workers is 0, but must be greater than 0"):
            run_tasks(refuses, store, workers=0)
        with pytest.raises(ValueError, match="halo axis 1 is -1, but must be 0 or greater"):
            halo_of((0, -1, 0))
        with pytest.raises(ValueError, match=r"halo is \(1, 2\), but must be one number or three"):
            halo_of((1, 2))


def test_what_counts_as_a_dead_worker():
    assert worker_died(BrokenProcessPool())
    assert not worker_died(ValueError())
