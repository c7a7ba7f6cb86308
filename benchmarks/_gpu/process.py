"""One process for each section: what crashes, hangs or leaves the device unusable ends with it."""

import multiprocessing
import warnings
from collections.abc import Callable
from typing import Any

METHOD = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"  # a fork need not import again


def alone(function: Callable[..., Any], *arguments: Any, limit_s: float) -> Any:
    """Result of a function of a module, called in a process of its own.

    Raises:
        TimeoutError: If it takes longer than ``limit_s``; its process is killed.
        RuntimeError: If its process ends without a result.
    """
    context = multiprocessing.get_context(METHOD)
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(there, function, arguments))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads, none of which holds a lock here
        process.start()
    there.close()
    try:
        if not here.poll(limit_s):
            raise TimeoutError(f"not finished after {limit_s:.0f} s")
        return here.recv()
    except EOFError:
        process.join()
        raise RuntimeError(f"its process ended with code {process.exitcode}") from None
    finally:
        process.kill()
        process.join()


def _send(there: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    there.send(function(*arguments))
