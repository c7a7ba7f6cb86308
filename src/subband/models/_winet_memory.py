"""What a training step needs, told by a rehearsal in which tensors have shapes and no memory."""

import copy
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from subband._check import positive
from subband.transforms.exponential import exponential
from subband.transforms.field import Field
from subband.transforms.warp import warp

Loss = Callable[[Tensor, Tensor, Field], Tensor]
"""Of the warped image, the fixed image and the field."""
MIB, GIB = 2**20, 2**30


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes of a step.

    Attributes:
        weights: Parameters, and in training their gradients and the two moments of Adam.
        saved: What the forward pass keeps for the backward pass, images included; 0 in prediction.
        peak: Most that tensors hold at one time, all of the above included.
        title: What the step is of.
    """

    weights: int
    saved: int
    peak: int
    title: str

    def __str__(self) -> str:
        kept = f", of which {_shown(self.saved)} is kept for the backward pass" if self.saved else ""
        return f"{self.title} needs about {_shown(self.peak)}{kept}"


def estimate_memory(
    model: nn.Module,
    shape: Sequence[int],
    *,
    batch: int = 1,
    loss: Loss | None = None,
    training: bool = True,
) -> MemoryEstimate:
    r"""Memory that a step of a registration network needs, before there is any.

    The step runs once on tensors without memory, and each is counted from when it is made to when it is
    freed: field, warp, loss, gradients and Adam's moments in training; field and warp in prediction. What kernels
    allocate inside themselves, the libraries and the images of other steps are not in it.

    Args:
        model: ``model(moving, fixed)`` returns a `Field`; as `WiNet`. It is not changed.
        shape: Voxels along each axis.
        batch: Pairs in a step.
        loss: Called as ``loss(warped, fixed, field)``; None is the mean squared difference and the mean square of the
            field.
        training: Whether it is a training step or a prediction.

    Returns:
        Bytes; ``print`` it.

    Raises:
        ValueError: If ``batch`` is not positive; what the model says of such images.

    Source:
        Ours.

    Example:
        >>> from subband.models.winet import WiNet
        >>> print(estimate_memory(WiNet(width=2, checkpointing=True), (64, 64, 64)))
        A training step at 64 x 64 x 64 needs about 41 MiB, of which 19 MiB is kept for the backward pass
    """
    positive(batch=batch)
    weights = sum(one.numel() * one.element_size() for one in model.parameters()) * (4 if training else 1)
    first = next(model.parameters())
    size = (batch, getattr(model, "channels", 1), *shape)
    with FakeTensorMode(allow_non_fake_inputs=True), torch.set_grad_enabled(training):
        double = copy.deepcopy(model).train(training)
        with _Ledger() as ledger:
            moving, fixed = (torch.empty(size, dtype=first.dtype, device=first.device) for _ in range(2))
            field = double(moving, fixed)
            warped = warp(moving, exponential(field) if field.kind == "velocity" else field)
            if training:
                value = _squares(warped, fixed, field) if loss is None else loss(warped, fixed, field)
                del warped, field
                saved = ledger.held
                torch.autograd.backward(value)
    name = f"A {'training step' if training else 'prediction'} at {' x '.join(map(str, shape))}"
    gradients = weights // 4 if training else 0  # which the ledger has seen
    return MemoryEstimate(
        weights,
        saved if training else 0,
        ledger.peak + weights - gradients,
        name + (f" x {batch}" if batch > 1 else ""),
    )


class _Ledger(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of the tensors that are made, until they are freed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.held = self.peak = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        given = {one.untyped_storage()._cdata for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)}
        for one in tree_leaves(found):
            if isinstance(one, Tensor) and one.untyped_storage()._cdata not in given:
                self._enter(one.untyped_storage())
        self.peak = max(self.peak, self.held)
        return found

    def _enter(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key not in self._seen:
            self._seen.add(key)
            self.held += storage.nbytes()
            weakref.finalize(storage, self._leave, key, storage.nbytes())

    def _leave(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self.held -= size


def _squares(warped: Tensor, fixed: Tensor, field: Field) -> Tensor:
    return (warped - fixed).square().mean() + field.vectors.square().mean()


def _shown(size: int) -> str:
    return f"{size / GIB:.2f} GiB" if size >= GIB else f"{size / MIB:.0f} MiB"
