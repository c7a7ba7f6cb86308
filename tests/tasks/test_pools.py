"""How the end of a Dask task becomes that of a future, on a client that is no cluster."""

from concurrent.futures.process import BrokenProcessPool

import pytest

from subband.data.blocks import partition
from subband.tasks._pools import _Dask, worker_died

BLOCK = partition((4, 4, 4))[0]


class NoWorkerError(Exception):
    """As Dask raises where no worker is left."""


class Task:
    """A task of Dask that ends when it is told to."""

    def __init__(self):
        self.status, self.error, self.listener = "pending", None, None

    def add_done_callback(self, listener):
        self.listener = listener

    def end(self, status, error=None):
        self.status, self.error = status, error
        self.listener(self)

    def cancel(self):
        self.end("cancelled")

    def cancelled(self):
        return self.status == "cancelled"

    def exception(self):
        return self.error

    def traceback(self):
        return None


class Client:
    def __init__(self):
        self.tasks = []

    def submit(self, function, *args, pure):
        self.tasks.append(Task())
        return self.tasks[-1]


@pytest.fixture
def client():
    return Client()


@pytest.mark.parametrize("status", ["finished", "lost"])
def test_a_task_that_was_done_is_done_though_its_worker_dies(client, status):
    future = _Dask(client).submit(print, BLOCK)
    assert not future.done()
    client.tasks[0].end(status)
    assert future.exception(0) is None


def test_an_error_is_handed_on(client):
    future = _Dask(client).submit(print, BLOCK)
    client.tasks[0].end("error", ValueError("this work fails"))
    with pytest.raises(ValueError, match="this work fails"):
        future.result(0)


def test_cancelling_goes_both_ways(client):
    pool = _Dask(client)
    ours, theirs = pool.submit(print, BLOCK), pool.submit(print, BLOCK)
    ours.cancel()
    assert client.tasks[0].status == "cancelled"
    client.tasks[1].end("cancelled")
    assert ours.cancelled()
    assert theirs.cancelled()


def test_nothing_is_handed_to_a_cluster_without_workers(client):
    pool = _Dask(client)
    future = pool.submit(print, BLOCK)
    client.tasks[0].end("error", NoWorkerError())
    assert worker_died(future.exception(0))
    with pytest.raises(BrokenProcessPool, match="no worker of the Dask cluster is left") as caught:
        pool.submit(print, BLOCK)
    assert worker_died(caught.value)
    assert len(client.tasks) == 1
