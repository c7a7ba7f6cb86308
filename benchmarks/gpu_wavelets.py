"""The wavelet sections of ``gpu.py``: transforms and converted networks on a CUDA device."""

import statistics
from collections.abc import Callable, Mapping
from typing import Any

import torch

WAVELETS = ("haar", "db2", "db4", "bior4.4", "ch3.3")
MODES = ("periodization", "symmetric", "reflect", "zero", "authors")


def correctness(device: str) -> dict[str, Any]:
    """Bands, inverse and gradient on the device in float32 against float64 on the CPU."""
    from subband.transforms import dwt, idwt

    x = torch.randn((2, 3, 45, 64), generator=torch.Generator().manual_seed(20261), dtype=torch.float64)
    rows: dict[str, Any] = {}
    for wavelet in WAVELETS:
        for mode in MODES:
            leaf, own = x.clone().requires_grad_(), x.float().to(device).requires_grad_()
            wanted, found = dwt(leaf, wavelet, mode=mode), dwt(own, wavelet, mode=mode)
            slopes = [
                torch.autograd.grad(sum(band.square().sum() for band in bands.values()), start)[0]
                for bands, start in ((wanted, leaf), (found, own))
            ]
            back = idwt(found, wavelet, mode=mode, shape=(45, 64))
            pairs = [(found[name], wanted[name]) for name in wanted]
            pairs += [(slopes[1], slopes[0]), (back, idwt(wanted, wavelet, mode=mode, shape=(45, 64)))]
            error = max(float((a.double().cpu() - b).abs().max() / b.abs().max()) for a, b in pairs)
            rows[f"{wavelet}, {mode}"] = {"error": error, "right": error <= 1e-5}
    return rows


def timing(device: str, clock: Callable[[Callable[[], object]], float], *, small: bool, rounds: int) -> dict[str, Any]:
    """Forward and backward of the transform, eager and compiled, over a copy of the image."""
    from subband.transforms import dwt

    shape = (2, 4, 32, 32) if small else (64, 64, 224, 224)
    x = torch.randn(shape, device=device)
    copied = torch.empty_like(x)
    works: dict[str, Callable[[], object]] = {"copy": lambda: copied.copy_(x)}
    for wavelet in ("haar", "db4"):
        for compiled in (False,) if small else (False, True):
            works[f"{wavelet}{', compiled' if compiled else ''}"] = _both_ways(dwt, x, wavelet, compiled)
    return _ratios(works, clock, rounds, "copy")


def networks(
    device: str, clock: Callable[[Callable[[], object]], float], *, small: bool, rounds: int
) -> dict[str, Any]:
    """One training step of ResNet-50 and of its wavelet forms, in bfloat16 and channels last."""
    import torchvision

    from subband.layers import waveletize

    batch, size = (1, 64) if small else (64, 224)
    image = torch.randn((batch, 3, size, size), device=device).contiguous(memory_format=torch.channels_last)
    works: dict[str, Callable[[], object]] = {}
    for name in ("vanilla", "haar", "db4", "blur3"):
        model = torchvision.models.resnet50(weights=None)
        if name != "vanilla":
            waveletize(model, name, skip=("conv1",))
        works[name] = _step(model.to(device, memory_format=torch.channels_last), image, device)
    return _ratios(works, clock, rounds, "vanilla")


def _both_ways(dwt: Any, x: torch.Tensor, wavelet: str, compiled: bool) -> Callable[[], object]:
    leaf = x.detach().requires_grad_()
    slopes = [torch.ones_like(band) for band in dwt(x, wavelet).values()]

    def work() -> object:
        return torch.autograd.grad(list(dwt(leaf, wavelet, compiled=compiled).values()), leaf, slopes)

    return work


def _step(model: torch.nn.Module, image: torch.Tensor, device: str) -> Callable[[], object]:
    def work() -> None:
        with torch.autocast(device, dtype=torch.bfloat16):
            value = model(image).float().square().mean()
        value.backward()
        model.zero_grad(set_to_none=True)

    return work


def _ratios(
    works: Mapping[str, Callable[[], object]],
    clock: Callable[[Callable[[], object]], float],
    rounds: int,
    reference: str,
) -> dict[str, Any]:
    """Medians, and medians of the ratios to the reference within each round."""
    for work in works.values():
        work()
        work()
    samples: dict[str, list[float]] = {name: [] for name in works}
    for count in range(rounds):
        for name in reversed(works) if count % 2 else works:
            samples[name].append(clock(works[name]))
    return {
        name: {
            "median_ms": statistics.median(own),
            f"over_{reference}": statistics.median(a / b for a, b in zip(own, samples[reference], strict=True)),
        }
        for name, own in samples.items()
    }
