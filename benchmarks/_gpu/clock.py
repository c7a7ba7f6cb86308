"""How all sections measure: CUDA events, a flushed L2 cache, interleaved rounds, medians of ratios, peak memory."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

FLUSH_BYTES = 256 * 2**20  # larger than any L2 cache
BUDGET_S = 60.0  # of one comparison; three rounds always run

Work = Callable[[], object]
Rows = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Given:
    """What every section is told."""

    device: str
    small: bool
    clock: "Clock"

    @property
    def cuda(self) -> bool:
        """Whether this is the real thing, and no trial on a CPU."""
        return self.device == "cuda"

    @property
    def rounds(self) -> int:
        """Rounds of a comparison."""
        return 2 if self.small else 20


class Clock:
    """Milliseconds of a piece of work, by CUDA events after the L2 cache was flushed."""

    def __init__(self, device: str) -> None:
        self.cuda = device == "cuda"
        self.flushed = torch.empty(FLUSH_BYTES if self.cuda else 1, dtype=torch.int8, device=device)

    def __call__(self, work: Work) -> float:
        self.flushed.zero_()
        if not self.cuda:
            begin = time.perf_counter()
            work()
            return 1e3 * (time.perf_counter() - begin)
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        work()
        end.record()
        torch.cuda.synchronize()
        return float(start.elapsed_time(end))


def ratios(works: Mapping[str, Work], given: Given, reference: str) -> Rows:
    """Medians, medians of the ratios to the reference within each round, and peak memory.

    Odd rounds run in reverse order. What does not fit into the device's memory, or finds no Cholesky factor, stays in
    the table without figures.
    """
    memory = {name: peak(work, given) for name, work in works.items()}
    able = [name for name in works if memory[name] is not None]
    if reference not in able:
        raise MemoryError(f"{reference!r}, the reference, does not fit into the memory of the device")
    samples: dict[str, list[float]] = {name: [] for name in able}
    begin = time.perf_counter()
    for count in range(given.rounds):
        if count >= 3 and time.perf_counter() - begin > BUDGET_S:
            break
        for name in reversed(able) if count % 2 else able:
            samples[name].append(given.clock(works[name]))
    over = f"over_{reference}"
    rows: Rows = {name: {"median_ms": None, over: None, "peak_mb": None} for name in works}
    for name, own in samples.items():
        shares = [mine / other for mine, other in zip(own, samples[reference], strict=True)]
        rows[name] = {
            "median_ms": statistics.median(own),
            over: statistics.median(shares),
            "peak_mb": memory[name] if given.cuda else None,
        }
    return rows


def peak(work: Work, given: Given) -> float | None:
    """Largest memory above the start of one call, in MB, after two warm-ups; 0 on a CPU, None if it cannot be done."""
    try:
        work()
        work()
        if not given.cuda:
            return 0.0
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        torch.cuda.synchronize()
        return (torch.cuda.max_memory_allocated() - before) / 1e6
    except (torch.OutOfMemoryError, torch.linalg.LinAlgError) as error:
        print(f"left out: {reason(error)}")
        torch.cuda.empty_cache()
        return None


def captured(work: Work, given: Given) -> Work | None:
    """The work as one CUDA graph; None without CUDA, or where it waits for the device and so cannot be captured."""
    if not given.cuda:
        return None
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            work()
    except RuntimeError as error:
        print(f"no CUDA graph: {reason(error)}")
        torch.cuda.synchronize()
        return None
    return graph.replay


def tf32(allowed: bool) -> None:
    """Let matrix products and convolutions round their inputs to TF32, or not."""
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed


def difference(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """Relative L2 difference, in float64 on the CPU."""
    own, expected = (x.detach().cpu().to(torch.complex128) for x in (found, wanted))
    return float((own - expected).norm() / expected.norm().clamp_min(1e-30))


def reason(error: BaseException) -> str:
    """An error in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
