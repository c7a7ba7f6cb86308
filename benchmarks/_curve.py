"""A growth curve: one subject at several sizes, each a call that is right before it is timed."""

import os
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.profiler import profile

from _fit import linear
from common import Case, peak_memory, require_close


def torch_peak(case: Case) -> int:
    """Bytes of tensors at the worst moment of a call that has been made before."""
    return peak_memory(case, warmups=0)


def numpy_peak(case: Case) -> int:
    """Bytes that Python and NumPy held at the worst moment of one call; other libraries' are not seen."""
    tracemalloc.start()
    try:
        case()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@dataclass(frozen=True)
class Curve:
    """One subject at several sizes.

    Attributes:
        name: What is done.
        units: What the sizes count.
        cases: What to time, by size.
        law: What the time is expected to be proportional to; memory is to grow as the size.
        law_name: The law in words.
        peak: Memory of a call.
        stays: Bytes of each unit that stay after a call, filters and plans; measured at the largest size.
    """

    name: str
    units: str
    cases: Mapping[int, Case]
    law: Callable[[float], float] = linear
    law_name: str = "n"
    peak: Callable[[Case], int] = torch_peak
    stays: float = 0.0


def staying(case: Case) -> int:
    """Bytes of tensors that the first of all calls leaves behind, beyond what it returns."""

    os.environ.setdefault("KINETO_LOG_LEVEL", "99")

    def left() -> int:
        with profile(profile_memory=True) as record:
            _returned = case()
        return sum(event.nbytes() for event in record.kineto_results.events() if event.name() == "[memory]")

    return left() - left()


def right(what: str, work: Callable[[Tensor], Tensor], x: Tensor) -> None:
    """Refuse to time what is not the float64 result, in value and gradient."""
    values = [work(one) for one in (x, x.detach().double().requires_grad_())]
    require_close(f"{what}, value", *values, 1e-4)
    found, expected = gradient(work, x), gradient(work, x.detach().double().requires_grad_())
    require_close(f"{what}, gradient", found, expected, 1e-3)


def gradient(work: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Forward and backward."""
    return torch.autograd.grad(work(x), x)[0]
