"""Check and time losses, wavelet transforms and converted networks on a CUDA device: ``gpu.py [--out FILE]``.

It runs unattended, under 10 minutes. It needs PyTorch >= 2.9 and this checkout, and installs nothing. The file is
written after each section, so that a stopped run keeps what it has. ``--device cpu --small`` tries the script itself
without a GPU.
"""

import argparse
import datetime
import json
import statistics
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

import gpu_wavelets

ROOT = Path(__file__).resolve().parents[1]
FLUSH_BYTES = 256 * 2**20  # larger than any L2 cache
BUDGET_S = 540.0
TIMED = ("ce", "bce", "dice", "rmi", "cldice", "cwmi", "cwmi-real", "spw")


def prepare_imports() -> None:
    """Take the package from this checkout, and a stand-in for jaxtyping where it is missing: it only annotates."""
    sys.path.insert(0, str(ROOT / "src"))
    try:
        import jaxtyping  # noqa: F401
    except ImportError:
        stand_in = types.ModuleType("jaxtyping")
        for name in ("Float", "Int", "Complex", "Bool", "Shaped", "Num", "Integer"):
            setattr(stand_in, name, type(name, (), {"__class_getitem__": classmethod(lambda cls, item: item[0])}))
        sys.modules["jaxtyping"] = stand_in


def example(batch: int, size: int, *, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    """Seeded logits (B, 1, H, W) and a membrane-like mask (B, H, W), on the CPU."""
    generator = torch.Generator().manual_seed(20261)
    smooth = F.avg_pool2d(torch.randn((batch, 1, size, size), generator=generator), 9, 1, 4)
    target = (smooth.abs() < 0.03).long()[:, 0]
    logits = 2.0 * (2 * target[:, None] - 1) + torch.randn((batch, 1, size, size), generator=generator)
    return logits.to(dtype), target


def gradient(
    loss: torch.nn.Module, logits: torch.Tensor, target: torch.Tensor, extra: dict[str, Any]
) -> tuple[float, Any]:
    """Value and gradient of a loss."""
    leaf = logits.detach().requires_grad_()
    value = loss(leaf, target, **extra)
    return float(value.detach()), torch.autograd.grad(value, leaf)[0]


def weight_map(loss: Any, target: torch.Tensor) -> dict[str, Any]:
    """A weight map for the losses that read one: any positive map will do here."""
    if loss.map_kind is None:
        return {}
    shape = (target.shape[0], loss.map_channels, *target.shape[1:])
    return {"weight_map": 10 * torch.rand(shape, generator=torch.Generator().manual_seed(1)).to(target.device)}


def correctness(device: str, *, small: bool) -> dict[str, Any]:
    """Value and gradient of every loss on the device, in float32 and under autocast, against float64 on the CPU."""
    from subband import catalog

    size = 64 if small else 256
    rows: dict[str, Any] = {}
    for name in catalog.names("loss"):
        entry = catalog.find("loss", name)
        loss = entry.load()(**entry.options)
        logits, target = example(2, size, dtype=torch.float64)
        extra = weight_map(loss, target)
        wanted, slope = gradient(loss, logits, target, extra)
        moved = {key: value.to(device) for key, value in extra.items()}
        on_device = loss.to(device)
        found, own = gradient(on_device, logits.float().to(device), target.to(device), moved)
        with torch.autocast(device, dtype=torch.bfloat16):
            half, _ = gradient(on_device, logits.to(torch.bfloat16).to(device), target.to(device), moved)
        error = float((own.double().cpu() - slope).norm() / slope.norm().clamp_min(1e-30))
        rows[name] = {
            "value_error": abs(found - wanted) / max(abs(wanted), 1e-30),
            "gradient_error": error,
            "bfloat16_value": half,
            "right": abs(found - wanted) <= 1e-4 * max(abs(wanted), 1.0) and error <= 1e-3 and half == half,
        }
    return rows


class Clock:
    """Milliseconds of a piece of work, by CUDA events after the L2 cache was flushed."""

    def __init__(self, device: str) -> None:
        self.cuda = device == "cuda"
        self.flushed = torch.empty(FLUSH_BYTES if self.cuda else 1, dtype=torch.int8, device=device)

    def __call__(self, work: Callable[[], object]) -> float:
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


def timing(device: str, *, batch: int, size: int, rounds: int) -> dict[str, Any]:
    """Forward and backward of the losses side by side: medians, and the median ratio to cross-entropy in each round."""
    from subband import catalog

    logits, target = (part.to(device) for part in example(batch, size))
    leaf = logits.requires_grad_()
    works: dict[str, Callable[[], object]] = {}
    for name in TIMED:
        entry = catalog.find("loss", name)
        loss = entry.load()(**entry.options).to(device)
        extra = weight_map(loss, target)
        works[name] = lambda loss=loss, extra=extra: torch.autograd.grad(loss(leaf, target, **extra), leaf)
    source = logits.detach()
    copied = torch.empty_like(source)
    works["copy"] = lambda: copied.copy_(source)
    works["rfft2 + irfft2"] = lambda: torch.fft.irfft2(torch.fft.rfft2(source), s=source.shape[-2:])
    clock = Clock(device)
    memory = {name: peak(work, device) for name, work in works.items()}
    samples: dict[str, list[float]] = {name: [] for name in works}
    for count in range(rounds):
        for name in reversed(works) if count % 2 else works:
            samples[name].append(clock(works[name]))
    return {
        name: {
            "median_ms": statistics.median(own),
            "min_ms": min(own),
            "over_ce": statistics.median(mine / ce for mine, ce in zip(own, samples["ce"], strict=True)),
            "peak_mb": memory[name],
        }
        for name, own in samples.items()
    }


def peak(work: Callable[[], object], device: str) -> float | None:
    """Largest memory above the start of one call after two warm-ups, in MB; None without CUDA."""
    work()
    work()
    if device != "cuda":
        return None
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    work()
    torch.cuda.synchronize()
    return (torch.cuda.max_memory_allocated() - before) / 1e6


def environment(device: str) -> dict[str, Any]:
    """Versions and the device."""
    found: dict[str, Any] = {"torch": torch.__version__, "python": sys.version.split()[0], "cuda": torch.version.cuda}
    if device == "cuda":
        properties = torch.cuda.get_device_properties(0)
        found |= {"gpu": properties.name, "memory_gb": round(properties.total_memory / 1e9, 1)}
    return found


def main() -> None:
    """Run all sections."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "gpu.json", help="file to write")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"), help="cpu only tries the script")
    parser.add_argument("--small", action="store_true", help="small images and few rounds")
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        sys.exit(f"PyTorch {torch.__version__} finds no CUDA device here; nothing was measured.")
    prepare_imports()
    torch.backends.cuda.matmul.allow_tf32 = False
    cases = [(2, 64)] if given.small else [(10, 512), (1, 512), (4, 1024)]
    rounds = 3 if given.small else 20
    sections: dict[str, Callable[[], Any]] = {
        "environment": lambda: environment(given.device),
        "correctness": lambda: correctness(given.device, small=given.small),
        **{
            f"B={batch}, {size} x {size}": lambda batch=batch, size=size: timing(
                given.device, batch=batch, size=size, rounds=rounds
            )
            for batch, size in cases
        },
    }
    clock = Clock(given.device)
    options = {"small": given.small, "rounds": rounds}
    sections |= {
        "wavelets, correctness": lambda: gpu_wavelets.correctness(given.device),
        "wavelets, time": lambda: gpu_wavelets.timing(given.device, clock, **options),
        "networks, time": lambda: gpu_wavelets.networks(given.device, clock, **options),
    }
    record: dict[str, Any] = {
        "name": given.out.stem,
        "title": "Losses, transforms and networks on a GPU",
        "command": "make gpu" if given.device == "cuda" else "python benchmarks/gpu.py --device cpu",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "gpu": {},
    }
    begin = time.perf_counter()
    for title, section in sections.items():
        if time.perf_counter() - begin > BUDGET_S:
            print(f"{title}: left out, the {BUDGET_S:.0f} s are used up")
            continue
        record["gpu"][title] = section()
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        print(f"{title}: {time.perf_counter() - begin:.0f} s")
    checked = [record["gpu"].get(title, {}) for title in ("correctness", "wavelets, correctness")]
    wrong = [name for rows in checked for name, row in rows.items() if not row["right"]]
    print(f"result: {given.out}")
    sys.exit(f"wrong on {given.device}: {', '.join(wrong)}" if wrong else 0)


if __name__ == "__main__":
    main()
