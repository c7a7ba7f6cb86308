"""Section on the machine: versions, the device, and a plain copy at six sizes, to which all else is compared."""

import contextlib
import platform
from importlib import metadata
from typing import Any

import torch

from _gpu.clock import Given, Rows, Work, ratios

MIB = 2**20


def environment(given: Given) -> dict[str, Any]:
    """Versions and the device, then the copies."""
    found: dict[str, Any] = {"gpu": "none, a trial on a CPU", "torch": torch.__version__, "cuda": torch.version.cuda}
    found["python"] = platform.python_version()
    if given.cuda:
        properties = torch.cuda.get_device_properties(0)
        found |= {"gpu": properties.name, "memory_gb": round(properties.total_memory / 1e9, 1)}
    for package in ("triton", "torchvision", "timm", "lightning"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return {"environment": found, "copy": copies(given)}


def copies(given: Given) -> Rows:
    """Time and bytes per second (read and written) of a copy; memory is left out."""
    sizes = (4 * MIB,) if given.small else (4 * MIB, 16 * MIB, 64 * MIB, 256 * MIB, 1024 * MIB, 2048 * MIB)
    rows: Rows = {}
    for size in sizes:
        source = torch.ones(size, dtype=torch.int8, device=given.device)
        target = torch.empty_like(source)
        works: dict[str, Work] = {"copy": lambda target=target, source=source: target.copy_(source)}
        milliseconds = ratios(works, given, "copy")["copy"]["median_ms"]
        rows[f"{size // MIB} MB"] = {"median_ms": milliseconds, "gb_per_s": 2e-6 * size / milliseconds}
    return rows
