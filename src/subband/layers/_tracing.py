"""Graphs of a network by torch.fx, as far as its Python can be traced."""

import warnings
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import fx, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from subband.layers._pooling import pool_of_module

_FROZEN = ("FrozenBatchNorm2d", "FrozenBatchNormAct2d")


@dataclass
class Traces:
    """Graphs of the largest parts that could be traced, each with its module and name; names of what could not."""

    parts: list[tuple[str, nn.Module, fx.Graph]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


class _Tracer(fx.Tracer):
    """Goes into modules down to layers; a layer of a class made of a layer of PyTorch is one."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return super().is_leaf_module(m, module_qualified_name) or is_layer(m)


def is_layer(module: nn.Module) -> bool:
    """Whether the graph shows the module, not what is in it."""
    return isinstance(module, _ConvNd) or is_norm(module) or pool_of_module(module) is not None


def is_norm(module: nn.Module) -> bool:
    """Whether it is a batch, instance or group normalisation."""
    return isinstance(module, _NormBase | nn.GroupNorm) or type(module).__name__ in _FROZEN


def trace(model: nn.Module) -> Traces:
    """Trace a network as it evaluates and as it trains.

    Nothing of the network or of the random numbers is changed: what its forward stores is taken back.
    """
    traces = Traces()
    with _undisturbed(model), warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        for training in (False, True):
            model.train(training)
            _trace(model, "", traces)
    return traces


def _trace(module: nn.Module, name: str, traces: Traces) -> None:
    """Trace a module, or else its children."""
    try:
        traces.parts.append((name, module, _Tracer().trace(module)))
    except Exception:  # whatever the network's own Python raises when it is given no tensors
        if not isinstance(module, nn.ModuleList | nn.ModuleDict) and name not in traces.failed:
            traces.failed.append(name)
        for child_name, child in module.named_children():
            if not is_layer(child):
                _trace(child, f"{name}.{child_name}" if name else child_name, traces)


@contextmanager
def _undisturbed(model: nn.Module) -> Iterator[None]:
    """Restore what modules hold afterwards: mode, attributes, buffers, children; hooks see nothing of the tracing."""
    stores = ("_parameters", "_buffers", "_modules")
    kept = [
        (module, dict(module.__dict__), [dict(module.__dict__[store]) for store in stores])
        for module in model.modules()
    ]
    for module in model.modules():
        for hooks in ("_forward_hooks", "_forward_pre_hooks"):
            module.__dict__[hooks] = OrderedDict()
    try:
        yield
    finally:
        for module, attributes, contents in kept:
            module.__dict__.clear()
            module.__dict__.update(attributes)
            for store, content in zip(stores, contents, strict=True):
                module.__dict__[store].clear()
                module.__dict__[store].update(content)
