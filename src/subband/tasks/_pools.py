"""Where blocks are worked on: in this thread, in threads or processes of this machine, or on a Dask cluster."""

import logging
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

from subband._check import closest, positive
from subband._optional import require
from subband.data.blocks import Block

SCHEDULERS = ("serial", "threads", "processes", "dask")
AHEAD = 2
"""Blocks that are waiting or under way, for each worker."""
DASK = {
    "distributed.scheduler.allowed-failures": 1,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.no-workers-timeout": "60s",
}
"""Settings of our own cluster: a block that ended two workers is given up, each worker holds one block at a time, and
blocks that find no worker fail, since Dask does not always restart one and they would wait for ever.
"""


Work = Callable[[Block], None]


class Pool(Protocol):
    """Where blocks are handed to; the executors of `concurrent.futures` are such."""

    def submit(self, work: Work, block: Block, /) -> Future[None]:
        """Begin to work on a block."""


@contextmanager
def pool(scheduler: str, workers: int) -> Iterator[tuple[Pool, int]]:
    """A pool and how many blocks to hand it at once.

    Raises:
        ValueError: If the word is unknown or there is no worker.
        ImportError: If Dask is asked for and not installed.
    """
    positive(workers=workers)
    if scheduler == "serial":
        yield _Here(), 1
    elif scheduler == "threads":
        with ThreadPoolExecutor(workers) as threads:
            yield threads, AHEAD * workers
    elif scheduler == "processes":
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context, initializer=_one_thread) as processes:
            yield processes, AHEAD * workers
    elif scheduler == "dask" or "://" in scheduler:
        with _dask(scheduler, workers) as found:
            yield found
    else:
        raise ValueError(
            f"scheduler is {scheduler!r}, but must be one of {', '.join(SCHEDULERS)}, or the address of a Dask "
            f"scheduler, such as tcp://10.0.0.1:8786{closest(scheduler, SCHEDULERS)}"
        )


def worker_died(error: BaseException) -> bool:
    """Whether the process that worked on a block ended, rather than the work failing."""
    return type(error).__name__ in ("BrokenProcessPool", "KilledWorker", "NoWorkerError")


class _Here:
    """Works at once, in this thread."""

    def submit(self, work: Work, block: Block, /) -> Future[None]:
        future: Future[None] = Future()
        try:
            work(block)
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(None)
        return future


class _Dask:
    """Works on a Dask cluster; results are dropped.

    Dask's own executor fetches them, and waits for ever for that of a worker that died after it was done.
    """

    def __init__(self, client: Any) -> None:
        self._client, self._deserted = client, False

    def submit(self, work: Work, block: Block, /) -> Future[None]:
        if self._deserted:
            raise BrokenProcessPool("no worker of the Dask cluster is left")
        future: Future[None] = Future()
        remote = self._client.submit(work, block, pure=False)

        def end(_: Any) -> None:
            if remote.status == "cancelled":
                future.cancel()
            if not future.set_running_or_notify_cancel():
                return
            if remote.status == "error":
                self._deserted |= type(remote.exception()).__name__ == "NoWorkerError"
                future.set_exception(remote.exception().with_traceback(remote.traceback()))
            else:
                future.set_result(None)

        future.add_done_callback(lambda ours: remote.cancel() if ours.cancelled() and not remote.cancelled() else None)
        remote.add_done_callback(end)
        return future


@contextmanager
def _dask(scheduler: str, workers: int) -> Iterator[tuple[Pool, int]]:
    """A cluster of our own on this machine, or one that is there already."""
    dask, distributed = (require(name, extra="volumes") for name in ("dask", "distributed"))
    with ExitStack() as stack:
        where: Any = scheduler
        if scheduler == "dask":
            stack.enter_context(dask.config.set(DASK))
            cluster = distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=logging.ERROR
            )
            where = stack.enter_context(cluster)
        client = stack.enter_context(distributed.Client(where, timeout="30s"))
        threads = sum(client.nthreads().values())
        yield _Dask(client), AHEAD * max(workers, threads)


def _one_thread() -> None:
    """Let each process use one thread, since there are as many processes as cores."""
    import torch

    torch.set_num_threads(1)
