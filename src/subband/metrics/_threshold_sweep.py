"""Two numbers of each sample, and the threshold that gets most samples right."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from subband.metrics._labels import Floats, Integers

if TYPE_CHECKING:
    from torch import Tensor

_CHUNK = 1 << 18


@dataclass(frozen=True)
class Sweep:
    """The best threshold, see `best_threshold`.

    Attributes:
        count: Number of samples that it gets right.
        threshold: The middle of the first interval that does; NaN if there is none.
        interval: That interval: open below, closed above.
    """

    count: int
    threshold: float
    interval: tuple[float, float]


def own_and_hardest(scores: Any, labels: Any) -> tuple[Floats, Floats, Integers]:
    r"""Score of the true class, and the largest of the others: all that uniform accuracy needs of a sample.

    .. math:: p_n = z_{n, y_n}, \quad h_n = \max_{j \ne y_n} z_{n, j}

    Args:
        scores: Scores (N, C) of C >= 2 classes, floats; an array or a tensor, reduced on its device. Not changed.
        labels: True classes (N,), integers.

    Returns:
        p and h (N,): float64 as they are, all other dtypes as float32, which holds them exactly; and the classes (N,)
        as int32. An infinite or undefined score of another class makes h infinite or NaN.

    Raises:
        ValueError: If shapes do not fit or a label is no class.

    Example:
        >>> own_and_hardest(np.array([[3.0, 1.0, 2.0], [0.0, 5.0, 4.0]]), np.array([0, 2]))[:2]
        (array([3., 4.]), array([2., 5.]))
    """
    import torch

    z, y = torch.as_tensor(scores).detach(), torch.as_tensor(labels)
    _check(z, y)
    y = y.to(device=z.device, dtype=torch.int64)
    z = z if z.dtype == torch.float64 else z.float()
    own = z.gather(1, y[:, None])[:, 0]
    hardest = torch.empty_like(own)
    rows = max(_CHUNK // z.shape[1], 1)  # what is copied stays in the cache
    for at in range(0, len(z), rows):
        part = slice(at, at + rows)
        hardest[part] = z[part].scatter(1, y[part, None], -math.inf).amax(1)
    return own.cpu().numpy(), hardest.cpu().numpy(), y.to(device="cpu", dtype=torch.int32).numpy()


def best_threshold(own: Floats, hardest: Floats) -> Sweep:
    r"""Exact maximum of :math:`|\{n : h_n < t \le p_n\}|` over t, by two sorts.

    The number of samples at :math:`t = p_i` is :math:`|\{h < t\}| - |\{p < t\}|` over the samples with h < p. One of
    these is the greatest: from one of them down to the next it never rises.

    Args:
        own: p (N,), the score of each true class.
        hardest: h (N,), the largest other one. A sample with a NaN is not right at any threshold.

    Returns:
        The number, and where it is reached; of several such intervals the lowest.

    Example:
        >>> best_threshold(np.array([4.0, 3.0, 9.0]), np.array([1.0, 2.0, 8.0]))
        Sweep(count=2, threshold=2.5, interval=(2.0, 3.0))
    """
    kept = own > hardest
    if not kept.any():
        return Sweep(0, math.nan, (math.nan, math.nan))
    p, h = np.sort(own[kept]), np.sort(hardest[kept])
    below = np.searchsorted(h, p, side="left")
    counts = below - np.arange(len(p))  # among equal p the first has |{p < t}|, and the most
    best = int(counts.argmax())
    top = float(p[best])
    bottom = float(h[below[best] - 1])
    bottom = max(bottom, float(p[best - 1])) if best else bottom
    middle = bottom + (top - bottom) / 2
    return Sweep(int(counts[best]), middle if bottom < middle < top else top, (bottom, top))


def class_sweeps(own: Floats, hardest: Floats, labels: Integers) -> dict[int, Sweep]:
    """`best_threshold` of each class that occurs."""
    order = np.argsort(labels, kind="stable")
    classes, starts = np.unique(labels[order], return_index=True)
    groups = np.split(order, starts[1:])
    return {
        int(label): best_threshold(own[group], hardest[group]) for label, group in zip(classes, groups, strict=False)
    }


def _check(scores: "Tensor", labels: "Tensor") -> None:
    if scores.ndim != 2 or scores.shape[1] < 2 or not scores.is_floating_point():
        raise ValueError(
            f"scores have shape {tuple(scores.shape)} and dtype {scores.dtype}, but must be floating point (N, C) with "
            "two classes or more"
        )
    if labels.shape != scores.shape[:1] or labels.is_floating_point() or str(labels.dtype) == "torch.bool":
        raise ValueError(
            f"labels have shape {tuple(labels.shape)} and dtype {labels.dtype}, but must be integers ({len(scores)},)"
        )
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < scores.shape[1]:
        raise ValueError(
            f"labels go from {int(labels.min())} to {int(labels.max())}, but the scores are of {scores.shape[1]} "
            "classes, from 0"
        )
