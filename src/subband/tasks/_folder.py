"""What a run folder holds: JSON, YAML, CSV, and what made it."""

import csv
import io
import json
import math
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import yaml

from subband._files import write_atomic, write_bytes


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write JSON; infinities and NaN become null-safe strings that `read_json` reads back."""
    write_text(path, json.dumps(_encode(value), indent=1) + "\n")


def read_json(path: Path) -> Any:
    """Read what `write_json` wrote."""
    return _decode(json.loads(path.read_text(encoding="utf-8")))


def write_yaml(path: Path, value: Any) -> None:
    """Write YAML, keys in the given order."""
    write_text(path, yaml.safe_dump(value, sort_keys=False))


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV with a header; missing values are blank."""

    def write(file: IO[bytes]) -> None:
        text = io.TextIOWrapper(file, "utf-8", newline="")
        table = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        text.flush()
        text.detach()

    write_atomic(path, write)


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
    """The command line that runs now, without the folders of the machine."""
    import shlex

    return " ".join(["subband", *map(shlex.quote, sys.argv[1:])])


def _encode(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encode(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _decode(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _decode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_decode(item) for item in value]
    return float(value) if value in ("nan", "inf", "-inf") else value
