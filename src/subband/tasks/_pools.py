"""Where blocks are worked on: in this thread, in threads or processes of this machine, or on a Dask cluster."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

from subband._check import closest, positive
from subband._optional import require

SCHEDULERS = ("serial", "threads", "processes", "dask")
AHEAD = 2
"""Blocks that are waiting or under way, for each worker."""


@contextmanager
def pool(scheduler: str, workers: int) -> Iterator[tuple[Executor, int]]:
    """An executor and how many blocks to hand it at once.

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
    return type(error).__name__ in ("BrokenProcessPool", "KilledWorker")


class _Here(Executor):
    """Works at once, in this thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def _dask(scheduler: str, workers: int) -> Iterator[tuple[Executor, int]]:
    """A cluster of our own on this machine, or one that is there already."""
    distributed = require("distributed", extra="volumes")
    with ExitStack() as stack:
        where: Any = scheduler
        if scheduler == "dask":
            where = stack.enter_context(
                distributed.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
            )
        client = stack.enter_context(distributed.Client(where, timeout="30s"))
        threads = sum(client.nthreads().values())
        yield client.get_executor(pure=False), AHEAD * max(workers, threads)


def _one_thread() -> None:
    """Let each process use one thread, since there are as many processes as cores."""
    import torch

    torch.set_num_threads(1)
