"""Work on a volume block by block: any order, any number of processes or machines, and only what is missing."""

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband._check import not_negative
from subband.data.block_source import Source, fingerprint, open_source, spacing_of
from subband.data.block_store import BlockStore, check_whole, open_block_store
from subband.data.blocks import Block
from subband.tasks._pools import Pool, pool, worker_died

Progress = Callable[[int, int], None]
"""Called with the number of finished blocks and of all."""
Work = Callable[[NDArray[Any]], NDArray[Any]]
Task = Callable[[Block], NDArray[Any]]


@dataclass(frozen=True)
class BlocksDone:
    """What a run did.

    Args:
        total: Blocks of the shard.
        before: How many of them were whole already.
        written: How many were written now.
    """

    total: int
    before: int
    written: int


def run_blocks(
    work: Work,
    source: Source,
    target: str | os.PathLike[str],
    *,
    block: Sequence[int] = (64, 64, 64),
    halo: int | Sequence[int] = 0,
    scheduler: str = "serial",
    workers: int = 2,
    shard: tuple[int, int] = (0, 1),
    progress: Progress | None = None,
) -> BlocksDone:
    """Apply a function to each block of a volume with what lies around it, and write a volume of uint8.

    Each block is read with ``halo`` voxels on every side, as far as the volume goes; of the result the block itself is
    written, as one file, and marked as whole. A run that was stopped, or lost a worker, goes on with what is missing.
    If the work at a voxel depends on voxels at most ``halo`` away, the result is that of the whole volume, bit for bit.

    Args:
        work: Takes voxels (z, y, x) in the source's type, and returns as many as uint8 or bool. For processes and Dask
            it must be importable there; its name is part of the settings of the target.
        source: File or Zarr store, or an array for ``serial`` and ``threads``.
        target: OME-Zarr volume to write, or to go on with.
        block: Voxels of a block: what is written as one file.
        halo: Voxels around a block that are read too, on each axis or one number for all; may exceed the block.
        scheduler: ``serial``, ``threads``, ``processes``, ``dask`` (a cluster on this machine), or the address of a
            Dask scheduler, whose workers see the same files.
        workers: Threads or processes.
        shard: (i, n) does every n-th block from i on, for n jobs that need no scheduler.
        progress: Called after each block.

    Returns:
        How many blocks were there and how many were written.

    Raises:
        ValueError: If an option is out of range, the target belongs to another input or other settings, or is damaged.
        RuntimeError: If workers died; what they finished is kept.
        ImportError: If zarr or Dask is not installed.

    Source:
        Section "Huge images" of LiQiufu/3D-WaveUNet is an intention; theirs holds all blocks in memory. Ours.

    Example:
        >>> import tempfile
        >>> def bright(voxels):
        ...     return voxels > 3
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run_blocks(bright, np.arange(8).reshape(2, 2, 2), f"{folder}/v.zarr", block=(1, 2, 2))
        BlocksDone(total=2, before=0, written=2)
    """
    margin = halo_of(halo)
    check_source(source, scheduler)
    name = getattr(work, "__qualname__", type(work).__qualname__)
    spacing, unit = spacing_of(source)
    store = open_block_store(
        target,
        open_source(source).shape,
        block=block,
        settings={"source": fingerprint(source), "work": name, "halo": margin},
        spacing=spacing,
        unit=unit,
    )
    task = _WithHalo(work, source, margin, store.shape)
    return run_tasks(task, store, scheduler=scheduler, workers=workers, shard=shard, progress=progress)


def run_tasks(
    task: Task,
    store: BlockStore,
    *,
    scheduler: str = "serial",
    workers: int = 2,
    shard: tuple[int, int] = (0, 1),
    progress: Progress | None = None,
) -> BlocksDone:
    """Write the missing blocks of a store, each with what ``task`` gives for it.

    If the task fails for a block, no further one is begun and the error is raised. If a worker dies, the others go on.

    Raises:
        ValueError: If an option is out of range.
        RuntimeError: If workers died; what they finished is kept.
    """
    index, count = shard
    if not 0 <= index < count:
        raise ValueError(f"shard is {index}/{count}, but must be i/n with i from 0 to n - 1")
    total = len(store.blocks[index::count])
    missing = store.missing(shard)
    done, lost = total - len(missing), list[tuple[Block, BaseException]]()
    with pool(scheduler, workers) as (executor, ahead):
        for block, error in _finished(partial(_one, task, store), missing, executor, ahead):
            if error is None or (worker_died(error) and store.is_done(block)):
                done += 1
                if progress is not None:
                    progress(done, total)
            elif worker_died(error):
                lost.append((block, error))
            else:
                error.add_note(f"while working on the block at {block.start}")
                raise error
    if lost:
        block, error = lost[0]
        raise RuntimeError(
            f"{total - done} blocks are not written because workers died (killed, or out of memory), the first at "
            f"{block.start} ({type(error).__name__}); {done} are whole: run the same command again for the others"
        ) from error
    return BlocksDone(total, total - len(missing), len(missing))


def _finished(
    work: Callable[[Block], None], blocks: Sequence[Block], executor: Pool, ahead: int
) -> Iterator[tuple[Block, BaseException | None]]:
    """Blocks as they end, with what went wrong; a few are handed out ahead. None is begun after the caller stops."""
    waiting: dict[Future[None], Block] = {}
    queue = iter(blocks)
    try:
        while True:
            for block in itertools.islice(queue, ahead - len(waiting)):
                try:
                    waiting[executor.submit(work, block)] = block
                except BrokenExecutor as error:
                    queue = iter(())
                    yield block, error
            if not waiting:
                return
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                yield waiting.pop(future), future.exception()
    finally:
        for future in waiting:
            future.cancel()


def check_source(source: Source, scheduler: str) -> None:
    """Refuse a source that is not whole yet, or that other processes cannot read.

    Raises:
        ValueError: With what to give instead.
    """
    path = getattr(source, "path", source)
    if isinstance(path, str | os.PathLike):
        check_whole(path)
    elif scheduler not in ("serial", "threads"):
        raise ValueError(
            f"the source is {type(source).__name__} in the memory of this process, but scheduler {scheduler!r} works "
            "in others; write it to a file (subband.data.write_volume) and give the path"
        )


def halo_of(halo: int | Sequence[int]) -> tuple[int, int, int]:
    """One number for each axis.

    Raises:
        ValueError: If there are not three, or one is negative.
    """
    numbers = (halo,) * 3 if isinstance(halo, int) else tuple(int(one) for one in halo)
    if len(numbers) != 3:
        raise ValueError(f"halo is {halo}, but must be one number or three (z, y, x)")
    not_negative(**{f"halo axis {axis}": one for axis, one in enumerate(numbers)})
    z, y, x = numbers
    return z, y, x


@dataclass(frozen=True)
class _WithHalo:
    """Reads a block with its halo, works on it and gives the block alone."""

    work: Work
    source: Source
    halo: tuple[int, ...]
    shape: tuple[int, ...]

    def __call__(self, block: Block) -> NDArray[Any]:
        seen = block.grown(self.halo, self.shape)
        found = np.asarray(self.work(np.asarray(open_source(self.source)[seen.slices])))
        if found.shape != seen.shape:
            raise ValueError(f"the work made {found.shape} of {seen.shape} voxels; it must return as many as it gets")
        return found[block.within(seen)]


def _one(task: Task, store: BlockStore, block: Block) -> None:
    """One block from reading to its marker; doing it twice does no harm."""
    if not store.is_done(block):
        store.write(block, task(block))
