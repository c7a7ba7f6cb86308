"""Run the benchmark scripts, each in a process of its own, and check the bounds they keep: ``run.py [NAME ...]``."""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from tables import bound

HERE = Path(__file__).resolve().parent
NOT_BENCHMARKS = {"common", "run", "record", "tables", "gpu"}


def scripts() -> list[str]:
    """Names of the benchmarks: every script here that is not machinery."""
    return sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NOT_BENCHMARKS and path.stem[0] != "_")


def run(name: str) -> bool:
    """Run one script and print its bounds; True if it ended well and all are kept."""
    result = HERE / "results" / f"{name}.json"
    threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    begin = time.time()
    done = subprocess.run([sys.executable, str(HERE / f"{name}.py")], env={**os.environ, **threads}, check=False)
    if done.returncode:
        print(f"{name}: failed, see above")
        return False
    if not result.exists() or result.stat().st_mtime < begin - 1:
        print(f"{name}: wrote no results/{name}.json")
        return False
    record = json.loads(result.read_text(encoding="utf-8"))
    busy = [title for title, timing in record.get("timings", {}).items() if timing.get("contended")]
    for title in busy:
        print(f"{name}: the machine was busy during {title!r}; run it again before you use the figures")
    gates = record.get("gates", [])
    for gate in gates:
        kept = "kept" if gate["kept"] else "BROKEN"
        print(f"{name}: {kept}: {gate['what']} {gate['value']:.3g} ({bound(gate)})")
    return all(gate["kept"] for gate in gates)


def main() -> None:
    """Run all benchmarks, or those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(scripts())}; all if none is given")
    names = parser.parse_args().names or scripts()
    unknown = sorted(set(names) - set(scripts()))
    if unknown:
        parser.error(f"there is no benchmark called {', '.join(unknown)} (known: {', '.join(scripts())})")
    failed = [name for name in names if not run(name)]
    if failed:
        sys.exit(f"failed or below its bounds: {', '.join(failed)}")


if __name__ == "__main__":
    main()
