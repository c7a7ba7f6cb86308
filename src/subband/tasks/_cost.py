"""What one loss costs: milliseconds and peak memory of a forward and backward pass."""

import os
import statistics
import time
from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity, profile


def time_ms(work: Callable[[], object], *, repeats: int = 5) -> float:
    """Median wall time of ``work`` in milliseconds, after one warm-up; waits for the GPU if there is one."""
    work()
    samples = []
    for _ in range(repeats):
        _wait()
        start = time.perf_counter()
        work()
        _wait()
        samples.append(time.perf_counter() - start)
    return 1000 * statistics.median(samples)


def peak_mb(work: Callable[[], object]) -> float:
    """Largest memory that PyTorch's allocator held above its start while ``work`` ran, in MB (10^6 bytes).

    Memory of the FFT and BLAS libraries' own workspaces is not seen.
    """
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        return (torch.cuda.max_memory_allocated() - before) / 1e6
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # its profiler greets on standard error
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        work()
    level = peak = 0
    events = sorted(
        (event for event in record.profiler.kineto_results.events() if event.name() == "[memory]"),
        key=lambda event: event.start_ns(),
    )
    for event in events:
        level += event.nbytes()
        peak = max(peak, level)
    return peak / 1e6


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
