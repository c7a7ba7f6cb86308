"""One compiled graph for each filter and axis."""

from collections.abc import Callable
from types import FunctionType
from typing import ParamSpec, TypeVar, cast

import torch

P = ParamSpec("P")
T = TypeVar("T")


def own_graph(function: Callable[P, T], name: str) -> Callable[P, T]:
    """The function as one fused kernel, compiled at its first call, with a code object of its own.

    torch.compile counts recompilations by code object, and refuses after eight of them.
    """
    whole = cast(FunctionType, function)
    code = whole.__code__.replace(co_name=name)
    return torch.compile(FunctionType(code, whole.__globals__, closure=whole.__closure__), fullgraph=True)
