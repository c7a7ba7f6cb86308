"""Check and time losses, heads, transforms and networks on a CUDA device: ``gpu.py [SECTION ...]``.

It runs unattended, each section in its own process and under 10 minutes. It needs PyTorch >= 2.9 and this checkout, and
installs nothing. The file is written after each section. A second call does the sections that are missing or have
failed, and goes on with what was cut short; ``--again`` does all anew. ``--device cpu --small`` tries every section
without a GPU.
"""

import argparse
import datetime
import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from _gpu.clock import Clock, Given, reason, tf32
from _gpu.process import alone
from _gpu.protocol import Unfinished, protocol
from _gpu.stand_ins import ROOT, prepare_imports

LIMIT_S = 600.0
Section = Callable[[Given], dict[str, Any]]
Record = dict[str, Any]


def sections(runs: Path) -> dict[str, Section]:
    """All sections in their order: each returns tables, a mapping from a title to rows."""
    from _gpu import compiled, correctness, environment, heads, networks, segmentation, wavelets

    return {
        "environment": environment.environment,
        "correctness": correctness.correctness,
        "tests": correctness.tests,
        "dwt": wavelets.dwt,
        "networks": wavelets.networks,
        "losses": segmentation.losses,
        "cwmi": segmentation.cwmi,
        "peers": segmentation.peers,
        "overhead": segmentation.overhead,
        "heads": heads.heads,
        "waveresnet": networks.waveresnet,
        "compiled-losses": compiled.losses,
        "compiled-layers": compiled.layers,
        "protocol": lambda given: protocol(given, runs),
    }


def device_name(device: str) -> str:
    """What will be measured; empty where there is no CUDA device."""
    if device == "cpu":
        return "cpu"
    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""


def measure(name: str, asked: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tables of one section, and how it ended."""
    prepare_imports()
    warnings.filterwarnings("ignore", message=".*TF32.*")
    tf32(False)
    try:
        given = Given(asked.device, asked.small, Clock(asked.device))
        return sections(asked.runs)[name](given), {"finished": True}
    except Unfinished as stopped:
        return stopped.tables, {"finished": False, "note": str(stopped)}
    except Exception as error:  # one section must not keep the others from running
        return {}, {"finished": False, "error": reason(error)}


def run(name: str, asked: argparse.Namespace, record: Record) -> None:
    """Put the tables of one section, or its error in one line, into the record."""
    begin = time.perf_counter()
    try:
        tables, state = alone(measure, name, asked, limit_s=LIMIT_S)
    except (RuntimeError, TimeoutError) as error:
        tables, state = {}, {"finished": False, "error": reason(error)}
    for title in record["sections"].pop(name, {}).get("tables", ()):
        record["gpu"].pop(title, None)
    record["gpu"] |= tables
    record["sections"][name] = {**state, "seconds": round(time.perf_counter() - begin, 1), "tables": list(tables)}


def opened(asked: argparse.Namespace, device: str) -> Record:
    """The record to go on with: the file's own if it is of the same device and PyTorch, else a new one."""
    record = {
        "name": asked.out.stem,
        "title": "Losses, heads, transforms and networks on a GPU",
        "command": "make gpu" if asked.device == "cuda" else "python benchmarks/gpu.py --device cpu",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "of": {"device": device, "torch": torch.__version__, "small": asked.small},
        "sections": {},
        "gpu": {},
    }
    if asked.out.exists() and not (asked.again and not asked.names):
        before: Record = json.loads(asked.out.read_text(encoding="utf-8"))
        if before.get("of") == record["of"]:
            return {**record, "sections": before["sections"], "gpu": before["gpu"]}
    return record


def save(record: Record, path: Path) -> None:
    """Write the record in one move."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)


def failures(record: Record) -> list[str]:
    """What is not right, and the sections that failed, a line each."""
    checked = [(title, rows) for title, rows in record["gpu"].items() if title.endswith(", correctness")]
    found = [f"{title}: {name}" for title, rows in checked for name, row in rows.items() if not row["right"]]
    return found + [f"{name}: {state['error']}" for name, state in record["sections"].items() if "error" in state]


def options(known: list[str]) -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="SECTION", help=f"one of {', '.join(known)}; all if none is given")
    parser.add_argument("--list", action="store_true", help="name the sections")
    parser.add_argument("--again", action="store_true", help="run what is finished anew")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "gpu.json", help="file to write")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "gpu", help="folder of the protocol's runs")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"), help="cpu only tries the script")
    parser.add_argument("--small", action="store_true", help="small images and few rounds")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in known]:
        parser.error(f"there is no section called {', '.join(unknown)} (known: {', '.join(known)})")
    return asked


def main() -> None:
    """Run the sections that are asked for."""
    prepare_imports()
    known = list(sections(Path()))
    asked = options(known)
    if asked.list:
        print("\n".join(known))
        return
    device = alone(device_name, asked.device, limit_s=LIMIT_S)
    if not device:
        sys.exit(f"PyTorch {torch.__version__} finds no CUDA device here; nothing was measured.")
    record = opened(asked, device)
    for name in asked.names or known:
        if record["sections"].get(name, {}).get("finished") and not asked.again:
            print(f"{name}: finished before")
            continue
        run(name, asked, record)
        save(record, asked.out)
        state = record["sections"][name]
        print(f"{name}: {state.get('error') or state.get('note') or 'finished'}, {state['seconds']:.0f} s", flush=True)
    print(f"result: {asked.out}")
    if found := failures(record):
        sys.exit(f"wrong on {device}:\n" + "\n".join(found))


if __name__ == "__main__":
    main()
