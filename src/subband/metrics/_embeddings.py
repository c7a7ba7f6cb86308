"""Embeddings as rows of unit length, and the largest of very many numbers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from subband.metrics._labels import Floats, Integers
from subband.metrics._pair_scores import as_array

if TYPE_CHECKING:
    from torch import Tensor


def unit_rows(embeddings: Any, *, name: str, device: Any = None) -> "Tensor":
    """Embeddings (N, D) divided by their lengths: float64 as they are, else float32; rows of zeros stay.

    Raises:
        ValueError: If they are not (N, D) of floats, or a number is not finite.
    """
    import torch

    rows = torch.as_tensor(embeddings).detach().to(device)
    if rows.ndim != 2 or not rows.is_floating_point() or 0 in rows.shape:
        raise ValueError(f"{name} have shape {tuple(rows.shape)} and dtype {rows.dtype}, but must be floating (N, D)")
    rows = rows if rows.dtype == torch.float64 else rows.float()
    broken = torch.nonzero(~rows.isfinite().all(1))[:, 0].tolist()
    if broken:
        shown = ", ".join(map(str, broken[:5])) + (", ..." if len(broken) > 5 else "")
        raise ValueError(f"{name} of {len(broken)} of {len(rows)} rows are not finite: {shown}")
    return torch.nn.functional.normalize(rows, eps=1e-12)


def identity_numbers(labels: Any, *, rows: int, name: str) -> Any:
    """Names or numbers of identities (N,), numbered from 0, int64.

    Raises:
        ValueError: If there is not one for each row.
    """
    names = as_array(labels)
    if names.shape != (rows,):
        raise ValueError(f"{name} have shape {names.shape}, but must be ({rows},), one identity for each row")
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


class Largest:
    """The largest ``count`` of all numbers it is given, in any number of pieces.

    Numbers wait until as many as are kept have come together, so that one is sorted but a few times.

    Example:
        >>> import torch
        >>> largest = Largest(2)
        >>> largest.update(torch.tensor([1.0, 5.0])); largest.update(torch.tensor([3.0]))
        >>> largest.result()
        tensor([5., 3.])
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._kept: list[Tensor] = []
        self._waiting = 0
        self._least = -np.inf

    @classmethod
    def of(cls, allowances: Sequence[int], total: int) -> "Largest":
        """As many of ``total`` numbers as `above` needs."""
        return cls(max((min(most, total - 1) + 1 for most in allowances), default=1))

    def update(self, values: "Tensor") -> None:
        """Take the numbers that may be among the largest."""
        values = values[values > self._least]
        self._kept.append(values)
        self._waiting += len(values)
        if self._waiting > 2 * self.count + (1 << 20):
            self._shrink()

    def result(self) -> "Tensor":
        """The largest, falling; fewer if fewer were given.

        Raises:
            ValueError: If nothing was given.
        """
        if not self._kept:
            raise ValueError("there are no numbers to choose the largest of")
        self._shrink()
        return self._kept[0]

    def above(self, genuine: Floats, allowances: Sequence[int], total: int) -> tuple[Floats, Integers]:
        """Limit that a score must exceed so that each allowance of all numbers does, and how many genuine ones do.

        Args:
            genuine: Scores of genuine pairs.
            allowances: Numbers that may exceed the limit, for each limit.
            total: How many numbers were given in all; -inf is the limit that allows them all.
        """
        falling, rising = self.result().cpu().numpy(), np.sort(genuine)
        limits = np.array([falling[most] if most < total else -np.inf for most in allowances], rising.dtype)
        return limits, len(rising) - np.searchsorted(rising, limits, side="right")

    def _shrink(self) -> None:
        import torch

        values = torch.cat(self._kept)
        values = values.topk(min(self.count, len(values))).values
        self._kept, self._waiting = [values], len(values)
        if len(values) == self.count:
            self._least = float(values[-1])
