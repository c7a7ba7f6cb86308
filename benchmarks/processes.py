"""Images per second of training by one process, by two runs at a time, and by one run over two processes (gloo).

The command line itself is run, with one thread for each process. The images are those of all steps, the seconds those
from the first step to the last, on the clock: another program on the machine takes its part.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from common import gate, write

BATCH, STEPS = 4, 20
AT_LEAST, GOAL = 1.3, 1.7
CELL = ["compare", "segmentation/demo", "--losses", "cwmi", "--threads", "1", "--validations", "1"]
SIZE = ["--budget", f"{STEPS} steps", "--data.batch", str(BATCH), "--model.width", "16"]
RUNS = {
    "one process": (["-m", "subband.cli"], ["--seeds", "0"]),
    "two runs at a time (--jobs 2)": (["-m", "subband.cli"], ["--seeds", "0,1", "--jobs", "2"]),
    "one run over two processes (torchrun)": (
        ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "subband.cli"],
        ["--seeds", "0"],
    ),
}


def images_per_second() -> dict[str, float]:
    """Of each way, summed over the runs that go on at the same time."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    found = {}
    with tempfile.TemporaryDirectory() as name:
        for number, (way, (start, options)) in enumerate(RUNS.items()):
            out = Path(name) / str(number)
            command = [sys.executable, *start, *CELL, *SIZE, *options, "--out", str(out)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"{way} failed:\n{done.stderr[-2000:]}")
            results = [json.loads(path.read_text("utf-8")) for path in out.glob("runs/*/result.json")]
            found[way] = sum(BATCH * STEPS / result["seconds"] for result in results)
    return found


def main() -> None:
    """Run all ways one after the other and write ``results/processes.json``."""
    before, found = os.getloadavg()[0], images_per_second()
    alone = found[next(iter(RUNS))]
    rows = [[way, f"{speed:.3g}", f"{speed / alone:.2f}"] for way, speed in found.items()]
    note = (
        f"`subband compare segmentation/demo` with CWMI and a U-Net of width 16, one thread for each process, on "
        f"{os.cpu_count()} cores; load average before: {before:.1f}, where 0 is a quiet machine."
    )
    title, columns = "Training by two processes", ["way", "images/s", "over one process"]
    gates = [
        gate(f"training, {way}: images/s over one process", speed / alone, at_least=AT_LEAST, goal=GOAL)
        for way, speed in found.items()
        if speed != alone
    ]
    print(*rows, sep="\n")
    table = {"title": title, "columns": columns, "rows": rows, "note": note}
    print(write("processes", {"title": title, "tables": [table], "gates": gates}))


if __name__ == "__main__":
    main()
