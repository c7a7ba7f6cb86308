"""Sections on ``torch.compile``: is a loss or a layer one graph, is its gradient the eager one, is it faster."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from _gpu.clock import Given, Rows, difference, ratios, reason
from _gpu.segmentation import example, step, weight_map

TOLERANCE = 1e-3


def losses(given: Given) -> dict[str, Rows]:
    """A loss of each class. CWMI, SPW, RMI and others leave the graph on purpose; they have breaks in it."""
    from subband import catalog

    logits, target = (part.to(given.device) for part in example(2, 64 if given.small else 512))
    found: dict[str, Callable[[Tensor], Tensor]] = {}
    first = {entry.target: entry for entry in reversed(catalog.ENTRIES) if entry.kind == "loss"}
    for entry in reversed(first.values()):
        if given.small and entry.name not in ("ce", "cwmi"):
            continue
        loss = entry.load()(**entry.options).to(given.device)
        extra = weight_map(loss, target)
        found[entry.name] = lambda z, loss=loss, extra=extra: loss(z, target, **extra)
    return beside_eager(given, found, logits, "losses")


def layers(given: Given) -> dict[str, Rows]:
    """Wavelet layers on a batch of feature maps."""
    from subband import layers as own

    shape = (2, 4, 32, 32) if given.small else (16, 64, 112, 112)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(20261)).to(given.device)
    modules: dict[str, torch.nn.Module] = {
        "low band, haar": own.WaveletDownsample("haar"),
        "low band, db4": own.WaveletDownsample("db4"),
        "all bands, db2": own.WaveletDownsample("db2", bands="all"),
        "DWT, db4": own.DWT("db4"),
        "learnt filters": own.DWT(own.OrthogonalFilters(4)),
    }
    chosen = list(modules)[:1] if given.small else list(modules)
    functions = {name: _summed(modules[name].to(given.device)) for name in chosen}
    return beside_eager(given, functions, x, "layers")


def _summed(layer: torch.nn.Module) -> Callable[[Tensor], Tensor]:
    """The sum of squares of what a layer returns."""

    def function(x: Tensor) -> Tensor:
        found: Any = layer(x)
        bands = found.values() if isinstance(found, dict) else [found]
        return sum((band.square().sum() for band in bands), x.new_zeros(()))

    return function


def beside_eager(
    given: Given, functions: dict[str, Callable[[Tensor], Tensor]], x: Tensor, what: str
) -> dict[str, Rows]:
    """Compile each function, as one graph if it can be one; compare its gradient with the eager one, time both."""
    leaf = x.clone().requires_grad_()
    right: Rows = {}
    times: Rows = {}
    for name, function in functions.items():
        eager = step(lambda function=function: function(leaf), leaf)
        for whole in (True, False):
            torch._dynamo.reset()
            compiled = torch.compile(function, fullgraph=whole, backend="inductor" if given.cuda else "aot_eager")
            work = step(lambda compiled=compiled: compiled(leaf), leaf)
            try:
                error = difference(work()[0], eager()[0])
            except Exception as failure:  # in whichever way a compiler fails, it is a result
                right[name] = {"gradient_error": None, "right": False, "why": reason(failure)}
                continue
            right[name] = {"gradient_error": error, "right": error <= TOLERANCE, "why": right.get(name, {}).get("why")}
            times[name] = {"one_graph": int(whole), **_row(ratios({"eager": eager, "compiled": work}, given, "eager"))}
            break
    return {f"compiled {what}, correctness": right, f"compiled {what}, time": times}


def _row(rows: Rows) -> dict[str, Any]:
    eager, compiled = rows["eager"], rows["compiled"]
    same = {key: compiled[key] for key in ("over_eager", "peak_mb")}
    return {"eager_ms": eager["median_ms"], "compiled_ms": compiled["median_ms"], **same}
