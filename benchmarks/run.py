"""Run the benchmark scripts, each in a process of its own, and check the bounds they keep: ``run.py [NAME ...]``."""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tables import bound, spent

HERE = Path(__file__).resolve().parent
NOT_BENCHMARKS = {"common", "run", "record", "tables", "gpu"}
STUDIES = {"ecloss"}
"""Scripts that train networks for long, and run only if named."""


def scripts() -> list[str]:
    """Names of the benchmarks: every script here that is not machinery."""
    return sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NOT_BENCHMARKS and path.stem[0] != "_")


def run(name: str) -> list[dict[str, Any]] | None:
    """Run one script; its targets, or None if it failed."""
    result = HERE / "results" / f"{name}.json"
    threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "KINETO_LOG_LEVEL": "99"}
    begin = time.time()
    done = subprocess.run([sys.executable, str(HERE / f"{name}.py")], env={**os.environ, **threads}, check=False)
    if done.returncode:
        print(f"{name}: failed, see above", flush=True)
        return None
    if not result.exists() or result.stat().st_mtime < begin - 1:
        print(f"{name}: wrote no results/{name}.json", flush=True)
        return None
    record = json.loads(result.read_text(encoding="utf-8"))
    for title, timing in record.get("timings", {}).items():
        if timing.get("contended"):
            print(f"{name}: the machine was busy during {title!r}; run it again before you use the figures")
    print(f"{name}: {time.time() - begin:.0f} s", flush=True)
    return list(record.get("gates", []))


def line(name: str, target: dict[str, Any]) -> str:
    """One target: what was measured, its bound, its goal."""
    state = "BROKEN" if not target["kept"] else "kept" if target.get("reached", True) else "below its goal"
    goal = f"; goal {target['goal']:g}" if target.get("goal") is not None else ""
    return f"{state:14} {name}: {target['what']}: {target['value']:.3g} ({bound(target)}{goal})"


def main() -> None:
    """Run all benchmarks, or those named, and print one line for each target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"one of {', '.join(scripts())}; all but {', '.join(STUDIES)} if none is given",
    )
    names = parser.parse_args().names or [name for name in scripts() if name not in STUDIES]
    unknown = sorted(set(names) - set(scripts()))
    if unknown:
        parser.error(f"there is no benchmark called {', '.join(unknown)} (known: {', '.join(scripts())})")
    found = {name: run(name) for name in names}
    targets = [(name, target) for name, own in found.items() for target in own or ()]
    print()
    for name, target in targets:
        print(line(name, target))
    missed = [target for _, target in targets if not target.get("reached", True)]
    for target in missed:
        print(f"not reached: {target['what']}: " + (spent(target.get("profile", {})) or "not a matter of time"))
    broken = [name for name, own in found.items() if own is None or not all(target["kept"] for target in own)]
    print(f"{len(targets)} targets, {len(missed)} below their goal, {len(broken)} scripts failed or below a bound")
    if broken:
        sys.exit(f"failed or below its bounds: {', '.join(broken)}")


if __name__ == "__main__":
    main()
