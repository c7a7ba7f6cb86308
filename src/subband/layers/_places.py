"""Finds the modules of a network that sample down, and says of each why it stays or nothing."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import jit, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.modules.pooling import _AdaptiveAvgPoolNd, _AdaptiveMaxPoolNd, _MaxUnpoolNd
from torch.nn.utils.parametrize import is_parametrized

from subband.layers._pooling import Pool, pool_of_module, stride_reason

_BLUR = re.compile("blur_?pool", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Place:
    """A module that samples down, or a call in the forward of ``module``; it stays as it is if there is a reason."""

    name: str
    module: nn.Module
    kind: str
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    reason: str
    pool: Pool | None = None
    called: bool = False


def places_of_modules(model: nn.Module, *, max_stride: int, skipped: set[nn.Module]) -> Iterator[Place]:
    """Every module that samples down, in the network's order, once for all names that it has."""
    for name, module in model.named_modules():
        pool = pool_of_module(module)
        kernel, stride = numbers_of(module)
        if pool is not None:
            reason = _own_reason(module, skipped) or pool.kept_because(max_stride)
            yield Place(name, module, type(module).__name__, pool.size, pool.stride, reason, pool)
        elif is_conv(module) and max(stride) > 1:
            reason = _own_reason(module, skipped) or stride_reason(stride, max_stride)
            yield Place(name, module, type(module).__name__, kernel, stride, reason)
        elif reason := _kept_kind(module, stride):
            yield Place(name, module, type(module).__name__, kernel, stride, reason)


def numbers_of(module: nn.Module) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Kernel size and stride; empty where there are none."""
    found = []
    for name in ("kernel_size", "stride"):
        value = getattr(module, name, ())
        values = tuple(value) if isinstance(value, tuple | list) else (value,)
        found.append(values if all(type(one) is int for one in values) else ())
    return found[0], found[1]


def is_conv(module: nn.Module) -> bool:
    """Whether it is a convolution of ``torch.nn``, or of a class made of one."""
    quantised = type(module).__module__.startswith("torch.ao.")
    return isinstance(module, _ConvNd) and not isinstance(module, _ConvTransposeNd) and not quantised


def may_be_swapped(module: nn.Module) -> bool:
    """Whether its class may be changed: not while other code does that too."""
    return not is_parametrized(module) and not isinstance(module, LazyModuleMixin)


def skipped_modules(model: nn.Module, skip: Sequence[str | nn.Module] | str | nn.Module) -> set[nn.Module]:
    """Modules to leave, with everything below them."""
    named = dict(model.named_modules(remove_duplicate=False))
    found: set[nn.Module] = set()
    for one in (skip,) if isinstance(skip, str | nn.Module) else skip:
        if isinstance(one, nn.Module):
            if one not in set(named.values()):
                raise ValueError(f"skip holds a {type(one).__name__} that is no part of this network; give its own")
            found.update(one.modules())
        elif one in named:
            found.update(named[one].modules())
        elif one == "stem":
            strided = (module for module in model.modules() if is_conv(module) and max(numbers_of(module)[1]) > 1)
            found.update([module for module in [next(strided, None)] if module is not None])
        else:
            near = difflib.get_close_matches(one, named, n=1, cutoff=0.3)
            guess = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"skip names {one!r}, but the network has no such module{guess} (or 'stem')")
    return found


def check_plain(model: nn.Module) -> None:
    """Refuse what is no longer Python."""
    if not isinstance(model, nn.Module):
        raise ValueError(
            f"model is a {type(model).__name__}, but must be a torch.nn.Module; convert it before exporting"
        )
    for name, module in model.named_modules():
        what = "scripted" if isinstance(module, jit.ScriptModule) else ""
        what = "compiled" if type(module).__name__ == "OptimizedModule" else what
        if what:
            where = f"module {name!r}" if name else "the network"
            raise ValueError(f"{where} is {what} ({type(module).__name__}); convert the plain network, then compile it")


def _own_reason(module: nn.Module, skipped: set[nn.Module]) -> str:
    if module in skipped:
        return "skipped"
    if is_parametrized(module):
        return "parametrized; convert the network first"
    if isinstance(module, LazyModuleMixin):
        return "lazy; run the network once first"
    return "quantised" if type(module).__module__.startswith("torch.ao.") else ""


def _kept_kind(module: nn.Module, stride: Sequence[int]) -> str:
    """Why a module of another kind stays, or an empty string if it does not sample down at all."""
    if isinstance(module, _AdaptiveAvgPoolNd | _AdaptiveMaxPoolNd):
        return "adaptive: its output has one size"
    if _BLUR.search(type(module).__name__):
        return "blurs already"
    if not stride or max(stride) == 1 or not hasattr(module, "kernel_size"):
        return ""
    if isinstance(module, _ConvTransposeNd | _MaxUnpoolNd):
        return "enlarges"
    if type(module).__module__.startswith("torch.ao.") or "quantized" in type(module).__module__:
        return "quantised; convert the network first"
    return "no convolution, maximum or average of torch.nn"
