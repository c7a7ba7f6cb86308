"""Processes joined by gloo on this machine: ``results = gloo_world(job, 4, tmp_path, ...)``."""

import io
import multiprocessing
import traceback

import torch
from torch import distributed


def gloo_world(job, world, folder, *arguments):
    """What ``job(*arguments)`` returned on each of ``world`` processes; without a process group for ``world`` 1.

    Raises:
        RuntimeError: With the traceback of the first process that failed.
    """
    if world == 1:
        return [job(*arguments)]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "torch.distributed.checkpoint", "torch.distributed.tensor"])
    results = context.SimpleQueue()
    store = folder / f"store-{world}-{len(list(folder.iterdir()))}"
    processes = [
        context.Process(target=_process, args=(rank, world, store, results, job, arguments), daemon=True)
        for rank in range(world)
    ]
    for process in processes:
        process.start()
    found = dict(_unpacked(results) for _ in processes)
    for process in processes:
        process.join(timeout=60)
    return [found[rank] for rank in range(world)]


def _process(rank, world, store, results, job, arguments):
    torch.set_num_threads(1)
    try:
        distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world)
        packed = io.BytesIO()
        torch.save(job(*arguments), packed)
        results.put((rank, packed.getvalue(), ""))
        distributed.barrier()
        distributed.destroy_process_group()
    except BaseException:
        results.put((rank, b"", traceback.format_exc()))


def _unpacked(results):
    rank, packed, failure = results.get()
    if failure:
        raise RuntimeError(f"process {rank} failed:\n{failure}")
    return rank, torch.load(io.BytesIO(packed), weights_only=False)
