"""Pools that a forward calls as functions: while it runs, those that were found are answered by low-pass filters."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn
from torch.overrides import TorchFunctionMode

from subband.layers._pooling import Pool, pool_of_call
from subband.layers._swap import Swapped, swap


class _Answers(TorchFunctionMode):
    """Answers the pools among PyTorch's functions."""

    def __init__(self, answers: Mapping[Pool, nn.Module]) -> None:
        super().__init__()
        self.answers = answers

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        options = kwargs or {}
        pool = pool_of_call(getattr(func, "__name__", ""), args, options)
        if pool is not None and pool in self.answers:
            return self.answers[pool](args[0] if args else options["input"])
        return func(*args, **options)


class FilteredCalls(Swapped):
    """Module whose own calls of pooling functions became low-pass filters."""

    low_pass_calls: nn.ModuleList
    low_pass_pools: tuple[Pool, ...]

    def forward(self, *args: Any, **options: Any) -> Any:
        """Run the original class's forward."""
        with _Answers(dict(zip(self.low_pass_pools, self.low_pass_calls, strict=True))):
            return super().forward(*args, **options)


def filter_calls(module: nn.Module, answers: Mapping[Pool, nn.Module]) -> None:
    """Answer these calls of a module's forward by these low-pass filters."""
    swap(module, FilteredCalls)
    module.low_pass_calls = nn.ModuleList(answers.values())
    module.low_pass_pools = tuple(answers)  # type: ignore[assignment]
