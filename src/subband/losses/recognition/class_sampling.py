"""Loss over a part of the classes in each batch, and an optimiser step that leaves the others where they are."""

from typing import Any

import torch
from jaxtyping import Bool, Int64
from torch import Tensor, nn

from subband._check import between, positive


def sample_classes(
    own: Int64[Tensor, "batch"],
    classes: int,
    *,
    part: float,
    generator: torch.Generator | None = None,
) -> Int64[Tensor, "sampled"]:
    r"""Draw :math:`\lfloor r C \rfloor` classes among which are those of the batch.

    Args:
        own: Classes of the batch, or those of them that lie here.
        classes: C, the number of classes to draw from, of this process.
        part: r, in (0, 1].
        generator: Of random numbers, on the CPU; the global one if not given.

    Returns:
        Different classes in rising order. If the batch has more than r C, those and no others.

    Raises:
        ValueError: If r is out of range.

    Source:
        CVI-SZU/UniFace, ``train.py``: the other classes are drawn once for the whole batch (equation 32 of the paper
        draws for each sample). Departure: theirs drops classes of the batch that do not fit.

    Example:
        >>> import torch
        >>> sample_classes(torch.tensor([7, 2, 7]), 10, part=0.5, generator=torch.Generator().manual_seed(0)).numel()
        5
    """
    positive(part=part)
    between(0, 1, part=part)
    rank = torch.rand(classes, generator=generator).to(own.device)
    rank[own] = -1.0
    count = max(int(classes * part), int((rank < 0).sum()))
    return rank.topk(count, largest=False, sorted=False).indices.sort().values


class SampledRows:
    """Makes an optimiser move only the rows of a weight that losses have used since its last step.

    Momentum and weight decay else move the others too, by gradients of long ago. While the optimiser steps, it sees a
    weight, a gradient and a state of the used rows alone, so its time falls with their number.

    Args:
        optimizer: Any optimiser whose state has the shape of the weight.
        weight: The class weights, a parameter of it.
        used: Which rows have been used (n,), set by the head; it is cleared at every step.

    Source:
        As insightface's first Partial FC, and as CVI-SZU/UniFace, ``train.py``, which writes the momentum back; there
        weight decay moves all rows.

    Example:
        >>> import torch
        >>> weight, used = torch.nn.Parameter(torch.ones(3, 2)), torch.tensor([True, False, True])
        >>> optimizer = torch.optim.SGD([weight], lr=1.0, weight_decay=0.5)
        >>> rows = SampledRows(optimizer, weight, used)
        >>> weight.grad = torch.zeros(3, 2)
        >>> optimizer.step()
        >>> weight[:, 0].tolist(), used.any().item()
        ([0.5, 1.0, 0.5], False)
    """

    def __init__(self, optimizer: torch.optim.Optimizer, weight: nn.Parameter, used: Bool[Tensor, "classes"]) -> None:
        if not any(weight is other for group in optimizer.param_groups for other in group["params"]):
            raise ValueError("the weight is not among the parameters of the optimiser; give it those of the head too")
        self.optimizer, self.weight, self.used = optimizer, weight, used
        self._whole: tuple[Tensor, Tensor, dict[str, Any]] | None = None
        self._rows = used.nonzero()[:, 0]
        self._handles = (
            optimizer.register_step_pre_hook(lambda *_: self._narrow()),
            optimizer.register_step_post_hook(lambda *_: self._widen()),
        )

    def remove(self) -> None:
        """Let the optimiser move all rows again."""
        for handle in self._handles:
            handle.remove()

    def _narrow(self) -> None:
        if self.weight.grad is None:
            return
        self._rows = self.used.nonzero()[:, 0]
        state = self.optimizer.state[self.weight]
        whole = {key: value for key, value in state.items() if self._like(value)}
        self._whole = self.weight.data, self.weight.grad, whole
        weight, gradient = self.weight.data[self._rows], self.weight.grad[self._rows]
        state.update({key: value[self._rows] for key, value in whole.items()})
        self.weight.grad = None
        self.weight.data = weight
        self.weight.grad = gradient

    def _widen(self) -> None:
        if self._whole is None:
            return
        weight, gradient, whole = self._whole
        state = self.optimizer.state[self.weight]
        for key, value in state.items():
            if self._like(value):
                state[key] = whole.get(key, weight.new_zeros(weight.shape, dtype=value.dtype))
                state[key][self._rows] = value
        weight[self._rows] = self.weight.data
        self.weight.grad = None
        self.weight.data = weight
        self.weight.grad = gradient
        self._whole = None
        self.used.zero_()

    def _like(self, value: Any) -> bool:
        return isinstance(value, Tensor) and value.shape == self.weight.shape
