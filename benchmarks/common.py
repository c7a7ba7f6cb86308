"""The benchmark contract as code: interleaved rounds, processor time, a copy as anchor, allocator peaks, JSON out.

The rules and the reasons for them are in benchmarks/README.md. A script first asserts that every case gives the right
values and gradients, then calls `compare`, then `write`.
"""

import cProfile
import datetime
import gc
import json
import os
import platform
import pstats
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.autograd.profiler import profile

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
CONTENDED = 1.3  # median over minimum of the copy above which the machine was busy
MIB = 2**20

torch.set_num_threads(1)

Case = Callable[[], Any]


def compare(
    cases: Mapping[str, Case],
    *,
    reference: str,
    anchor: torch.Tensor | None = None,
    rounds: int = 9,
    budget_s: float = 60.0,
    warmups: int = 2,
) -> dict[str, Any]:
    """Time all cases side by side and return their figures.

    Every round runs each case once; odd rounds run them in reverse order. A copy of ``anchor`` runs in the same rounds.

    Args:
        cases: What to time, by name. Use `torch.autograd.grad` inside, so that no ``.grad`` is left over.
        reference: Name of the case the others are divided by.
        anchor: Tensor whose copy is the physical anchor; 16 MiB of float32 if not given.
        rounds: Rounds to run, at least 7 unless ``budget_s`` ends them.
        budget_s: Seconds of wall time after which no further round begins (3 rounds always run).
        warmups: Calls of each case before the first round, at least 2.

    Returns:
        ``cases``: for each name ``median_ms``, ``min_ms``, ``iqr_ms``, ``ratio`` (its time over the reference's, the
        median over the rounds), ``speedup`` (the same the other way round) and ``over_copy``; beside it
        ``reference``, ``rounds``, ``anchor`` and ``contended``.
    """
    if reference not in cases:
        raise ValueError(f"reference is {reference!r}, but must be one of {', '.join(cases)}")
    source = torch.ones(4 * MIB) if anchor is None else anchor.detach()
    copied = torch.empty_like(source)
    timed: dict[str, Case] = {**cases, "copy": lambda: copied.copy_(source)}
    for case in timed.values():
        for _ in range(max(2, warmups)):
            case()
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    begin = time.perf_counter()
    for count in range(rounds):
        if count >= 3 and time.perf_counter() - begin > budget_s:
            break
        for name in reversed(timed) if count % 2 else timed:
            seconds[name].append(_sample(timed[name]))
    report = {name: _figures(seconds[name], seconds[reference], seconds["copy"]) for name in timed}
    copy = report.pop("copy")
    return {
        "cases": report,
        "reference": reference,
        "rounds": len(seconds[reference]),
        "anchor": {"bytes": source.nbytes, "median_ms": copy["median_ms"], "min_ms": copy["min_ms"]},
        "contended": copy["median_ms"] > CONTENDED * copy["min_ms"],
    }


def _sample(case: Case) -> float:
    """Processor seconds of one call, without the garbage collector; short calls are repeated and averaged."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        calls, begin = 0, time.process_time()
        while True:
            case()
            calls += 1
            spent = time.process_time() - begin
            if spent > 2e-3:
                return spent / calls
    finally:
        if enabled:
            gc.enable()


def _figures(own: Sequence[float], reference: Sequence[float], copy: Sequence[float]) -> dict[str, float]:
    low, _, high = statistics.quantiles(own, n=4) if len(own) > 1 else (own[0], own[0], own[0])

    def over(others: Sequence[float]) -> float:
        return statistics.median(mine / max(other, 1e-9) for mine, other in zip(own, others, strict=True))

    return {
        "median_ms": round(1e3 * statistics.median(own), 4),
        "min_ms": round(1e3 * min(own), 4),
        "iqr_ms": round(1e3 * (high - low), 4),
        "ratio": round(over(reference), 4),
        "speedup": round(statistics.median(r / max(o, 1e-9) for o, r in zip(own, reference, strict=True)), 3),
        "over_copy": round(over(copy), 2),
    }


def peak_memory(case: Case, *, warmups: int = 1) -> int:
    """Bytes above the start that PyTorch's allocator held at the worst moment of one call.

    Replays the profiler's memory events. Scratch of MKL, C++ and NumPy is not seen. A gradient that is freed inside the
    call hides its size, so use `torch.autograd.grad` or clear gradients before.
    """
    for _ in range(warmups):
        case()
    gc.collect()
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # its profiler greets on standard error
    with profile(profile_memory=True) as record:
        case()
    events = [event for event in record.kineto_results.events() if event.name() == "[memory]"]
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


def difference(value: torch.Tensor, expected: torch.Tensor) -> float:
    """Relative L2 difference of two tensors, in float64."""
    wanted = expected.detach().double()
    return float((value.detach().double() - wanted).norm() / wanted.norm().clamp_min(1e-300))


def require_close(what: str, value: torch.Tensor, expected: torch.Tensor, tolerance: float) -> float:
    """Return the relative difference, or refuse to go on to the timing."""
    found = difference(value, expected)
    if not found <= tolerance:
        raise SystemExit(f"{what}: relative difference {found:.2e} is above {tolerance:.0e}; nothing was timed")
    return found


def gate(
    what: str,
    value: float,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    goal: float | None = None,
    case: Case | None = None,
) -> dict[str, Any]:
    """A target: a figure, the bound it has to keep, and the goal that it is to reach.

    ``benchmarks/run.py`` fails if the bound does not hold, and lists the goals that are not reached.

    Args:
        what: What the figure is.
        value: The figure.
        at_least: The bound, where more is better.
        at_most: The bound, where less is better. Exactly one of the two is given.
        goal: Better than the bound.
        case: What was timed; profiled where the goal is missed, so that the record says where its time goes.
    """
    if (at_least is None) == (at_most is None):
        raise ValueError(f"{what!r} has to have one bound: at_least or at_most")
    bound, sign = (at_most, -1) if at_least is None else (at_least, 1)
    kept = sign * value >= sign * bound
    found = {"what": what, "value": value, "at_least": at_least, "at_most": at_most, "goal": goal, "kept": kept}
    if goal is not None:
        found["reached"] = sign * value >= sign * goal
        if case is not None and not found["reached"]:
            found["profile"] = where_time_goes(case)
    return found


def where_time_goes(case: Case, *, most: int = 6) -> dict[str, float]:
    """Share of the processor time of one call that each of the ``most`` longest operations has for itself.

    Operations are PyTorch's; where there is none, Python's functions.
    """
    case()
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    with profile() as record:
        case()
    own: dict[str, float] = {}
    for average in record.key_averages():
        name = "compiled graph" if "CompiledFxGraph" in average.key else average.key.removeprefix("aten::")
        own[name] = own.get(name, 0.0) + average.self_cpu_time_total
    own = own if any(own.values()) else _function_times(case)
    whole = sum(own.values()) or 1.0
    longest = sorted(own, key=lambda name: own[name], reverse=True)[:most]
    return {name: round(own[name] / whole, 3) for name in longest}


def _function_times(case: Case) -> dict[str, float]:
    """Seconds that each function has for itself in one call."""
    record = cProfile.Profile(time.process_time)
    record.runcall(case)
    stats: dict[tuple[str, int, str], Any] = pstats.Stats(record).stats  # type: ignore[attr-defined]
    found: dict[str, float] = {}
    for (_, _, name), (_, _, own, *_) in stats.items():
        found[name] = found.get(name, 0.0) + own
    return found


def machine() -> dict[str, Any]:
    """What ran the benchmark: processor, threads, load, versions, commit."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "commit": _git("rev-parse", "--short=12", "HEAD"),
        "changed": bool(_git("status", "--porcelain", "--", "src", "benchmarks/*.py")),
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


def _git(*words: str) -> str:
    try:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def command() -> str:
    """The command that runs the calling script again, from the project's root."""
    script = Path(sys.argv[0]).resolve()
    shown = script.relative_to(ROOT).as_posix() if script.is_relative_to(ROOT) else script.name
    return shlex.join(["python", shown, *sys.argv[1:]])


def write(name: str, payload: Mapping[str, Any]) -> Path:
    """Write ``benchmarks/results/NAME.json``: the payload beside the command, the date and the machine."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    record = {
        "name": name,
        "command": command(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        **payload,
    }
    path = RESULTS / f"{name}.json"
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)
    return path
