"""What a run folder holds besides numbers: YAML, CSV, and what made it."""

import csv
import io
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from subband._files import write_text


def write_yaml(path: Path, value: Any) -> None:
    """Write YAML, keys in the given order."""
    write_text(path, yaml.safe_dump(value, sort_keys=False))


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV with a header; missing values are blank."""
    text = io.StringIO()
    table = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_text(path, text.getvalue())


def read_csv(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV, or none where there is no file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def versions() -> dict[str, str]:
    """Versions of what computes, and the commit of the working copy if there is one."""
    import torch

    import subband

    found = {"subband": subband.__version__, "torch": torch.__version__, "python": platform.python_version()}
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return {**found, "git": commit.stdout.strip()} if commit.returncode == 0 else found


def machine() -> dict[str, Any]:
    """Processor, threads and accelerator."""
    import torch

    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text(encoding="utf-8").splitlines() if line.startswith("model name")]
        cpu = lines[0].partition(":")[2].strip() if lines else cpu
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {"cpu": cpu, "cores": os.cpu_count(), "threads": torch.get_num_threads(), "gpu": gpu}


def command() -> str:
    """The command line that runs now."""
    import shlex

    return " ".join(["subband", *map(shlex.quote, sys.argv[1:])])
