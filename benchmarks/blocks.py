"""A Zarr volume worked on block by block on a Dask cluster that loses a worker, and by two jobs without a scheduler.

    python benchmarks/blocks.py [--side 512] [--block 64] [--folder FOLDER]

The work is a binomial mean of 5 x 5 x 5 voxels in integers and a threshold, so that the whole volume and its blocks can
be compared bit for bit; a float convolution rounds as its library orders the sums of an array of that size. The work
ends its process at the block in the middle as long as a file lies there: Dask gives that block to other workers until
it gives up, and the second run finds the file gone. Memory is what the driver and the two workers hold together,
sampled every 0.1 s; the mapped files of the largest count once.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from scipy import ndimage

from common import gate, write
from subband.data.block_store import existing_block_store
from subband.data.ome_zarr import create_zarr, open_zarr
from subband.tasks.block_run import run_blocks
from subband.tasks.label_volume import label_volume

HALO, WORKERS = 2, 2
FLAG, DEADLY = "deadly", 255


@dataclass(frozen=True)
class Work:
    """A mean above the middle, in integers; ends the process at one block while a file is there."""

    flag: str

    def __call__(self, voxels):
        found = smooth(voxels)
        if (voxels == DEADLY).any() and Path(self.flag).exists():
            time.sleep(1)
            os._exit(1)
        return found


def smooth(voxels):
    """Where the binomial mean of 5 x 5 x 5 voxels is above 110."""
    found = voxels.astype(np.int32)
    for axis in range(3):
        found = ndimage.correlate1d(found, [1, 4, 6, 4, 1], axis=axis, mode="constant")
    return (found > 110 * 16**3).astype(np.uint8)


class Memory:
    """Peak memory of this process and all that it started, in MB, with the pages of libraries counted once."""

    def __enter__(self):
        self.peak, self._stop = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        self._thread.join()

    def _watch(self):
        me = psutil.Process()
        while not self._stop.wait(0.1):
            own, shared = zip(*(held(one) for one in [me, *me.children(recursive=True)]), strict=True)
            self.peak = max(self.peak, (sum(own) + max(shared)) / 1e6)


def held(process):
    """Bytes of a process in memory: its own, and those of mapped files, which others may share; 0 if it has ended."""
    try:
        found = process.memory_info()
    except psutil.Error:
        return 0, 0
    return found.rss - found.shared, found.shared


def volume(path, side, block):
    """Noise that is a little brighter in some places, and the deadly voxel in the middle; written slab by slab."""
    target, draw = create_zarr(path, (side,) * 3, np.uint8, (block,) * 3), np.random.default_rng(0)
    for start in range(0, side, block):
        slab = draw.integers(0, 220, (min(block, side - start), side, side), np.uint8)
        middle = side // 2 // block * block + block // 2
        if start <= middle < start + block:
            slab[middle - start, middle, middle] = DEADLY
        target[start : start + block] = slab


def same_as_whole(folder, source, names):
    """Whether each result equals the work on the whole volume, which is read slab by slab with the reach around it."""
    opened, side = open_zarr(source).array, open_zarr(source).array.shape[0]
    results, step = [open_zarr(folder / name).array for name in names], 128
    equal = [True] * len(names)
    for start in range(0, side, step):
        low, high = max(0, start - HALO), min(side, start + step + HALO)
        expected = smooth(opened[low:high])[start - low : start - low + min(step, side - start)]
        equal = [e and np.array_equal(r[start : start + step], expected) for e, r in zip(equal, results, strict=True)]
    return equal


def markers(path):
    """When each block was marked."""
    store = existing_block_store(path)
    return {block.start: store._marker(block).stat().st_mtime_ns for block in store.blocks if store.is_done(block)}


def killed_and_resumed(folder, options):
    """The run on Dask that loses a worker, and the one after it."""
    work, target = Work(str(folder / FLAG)), folder / "dask.zarr"
    (folder / FLAG).touch()
    begin = time.perf_counter()
    try:
        run_blocks(work, folder / "grey.zarr", target, scheduler="dask", workers=WORKERS, **options)
        raise SystemExit("the worker was to die and did not; nothing was measured")
    except RuntimeError as error:
        said = str(error).replace(str(folder), "FOLDER")
    between, before = time.perf_counter(), markers(target)
    (folder / FLAG).unlink()
    done = run_blocks(work, folder / "grey.zarr", target, scheduler="dask", workers=WORKERS, **options)
    end, after = time.perf_counter(), markers(target)
    kept = sum(after[block] == when for block, when in before.items())
    return {
        "blocks": done.total,
        "whole after the first run": len(before),
        "written by the second run": done.written,
        "kept as they were": kept,
        "first run, s": round(between - begin, 1),
        "second run, s": round(end - between, 1),
        "said": said,
    }


def shards(folder, side, block):
    """Two processes of this script, one for every other block."""
    command = [sys.executable, __file__, "--side", str(side), "--block", str(block), "--folder", str(folder)]
    jobs = [subprocess.Popen([*command, "--shard", f"{i}/2"]) for i in range(2)]
    if any(job.wait() for job in jobs):
        raise SystemExit("a shard failed")


def components(folder, options):
    """Components by blocks, and whether they are those of the whole volume up to names."""
    begin = time.perf_counter()
    sizes = label_volume(folder / "dask.zarr", folder / "labels.zarr", block=options["block"])
    seconds = time.perf_counter() - begin
    whole, count = ndimage.label(open_zarr(folder / "dask.zarr").array[:], np.ones((3, 3, 3)))
    found = open_zarr(folder / "labels.zarr").array[:]
    names = np.zeros(count + 1, np.int32)
    names[whole.ravel()] = found.ravel()
    same = count == len(sizes) == len(np.unique(names)) - 1 and np.array_equal(names[whole], found)
    return {"components": count, "the same": bool(same), "s": round(seconds, 1)}


def main() -> None:
    """Run all, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--block", type=int, default=64)
    parser.add_argument("--folder", type=Path, help="where the volumes lie while it runs; a temporary one if left out")
    parser.add_argument("--shard", help="i/n: do only this part, for the script itself")
    asked = parser.parse_args()
    options = {"block": (asked.block,) * 3, "halo": HALO}
    if asked.shard:
        index, count = map(int, asked.shard.split("/"))
        work = Work(str(asked.folder / FLAG))
        run_blocks(work, asked.folder / "grey.zarr", asked.folder / "shards.zarr", shard=(index, count), **options)
        return
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder = Path(name)
        volume(folder / "grey.zarr", asked.side, asked.block)
        with Memory() as memory:
            told = killed_and_resumed(folder, options)
        with Memory() as two_jobs:
            shards(folder, asked.side, asked.block)
        equal = same_as_whole(folder, folder / "grey.zarr", ["dask.zarr", "shards.zarr"])
        found = components(folder, options)
    whole, written = told["whole after the first run"], told["written by the second run"]
    missing, again = told["blocks"] - whole, whole - told["kept as they were"]
    what = f"{asked.side}^3 in {asked.block}^3 blocks"
    gates = [
        gate(f"{what}: Dask's blocks equal the whole volume", float(equal[0]), at_least=1),
        gate(f"{what}: two shards' blocks equal the whole volume", float(equal[1]), at_least=1),
        gate(f"{what}: blocks that the killed worker left", missing, at_least=1),
        gate(f"{what}: blocks that the second run did more or fewer than these", abs(written - missing), at_most=0),
        gate(f"{what}: blocks of the first run written again", again, at_most=0),
        gate(f"{what}: peak memory of all processes, MB", round(max(memory.peak, two_jobs.peak)), at_most=2000),
        gate(f"{what}: components equal those of the whole volume", float(found["the same"]), at_least=1),
    ]
    rows = [[key, str(value)] for key, value in told.items()]
    rows += [["peak memory, Dask, MB", f"{memory.peak:.0f}"], ["peak memory, two shards, MB", f"{two_jobs.peak:.0f}"]]
    rows += [["components", str(found["components"])], ["components, s", str(found["s"])]]
    note = (
        f"{what} on two workers: one that ends itself leaves {missing} of {told['blocks']} blocks to the second run, "
        f"which does {written} and {'gives' if all(equal) else 'DOES NOT GIVE'} the whole volume's result bit for bit."
    )
    table = {"title": "Volumes in blocks", "columns": ["figure", "value"], "rows": rows, "note": note}
    write("blocks", {"title": "Volumes in blocks: a killed worker, shards, memory", "tables": [table], "gates": gates})


if __name__ == "__main__":
    main()
