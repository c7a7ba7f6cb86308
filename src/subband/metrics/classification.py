"""Uniform classification: how many samples one threshold for all of them, or one for each class, gets right."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from subband._check import positive
from subband.metrics._labels import Floats, Integers
from subband.metrics._threshold_sweep import best_threshold, class_sweeps, own_and_hardest

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup


def sample_wise_accuracy(scores: Any, labels: Any) -> float:
    r"""Part of the samples whose true class has the largest score, :math:`\frac1N |\{n : h_n < p_n\}|`; ties are wrong.

    Args:
        scores: See `uniform_accuracy`.
        labels: See `uniform_accuracy`.

    Returns:
        A number in [0, 1]: every sample may have a threshold of its own.

    Example:
        >>> sample_wise_accuracy(np.array([[3.0, 1.0], [5.0, 4.0]]), np.array([0, 0]))
        1.0
    """
    own, hardest, _ = UniformClassification.of(scores, labels).samples()
    return float(np.mean(own > hardest))


def class_wise_accuracy(scores: Any, labels: Any) -> float:
    r"""Part of the samples that the best threshold of each class gets right.

    .. math:: \frac1N \sum_i \max_{t_i} |\{n : y_n = i, \; h_n < t_i \le p_n\}|

    Args:
        scores: See `uniform_accuracy`.
        labels: See `uniform_accuracy`.

    Returns:
        A number in [0, 1], between the uniform and the sample-wise accuracy.

    Example:
        >>> class_wise_accuracy(np.array([[3.0, 1.0], [5.0, 4.0], [7.0, 8.0]]), np.array([0, 0, 1]))
        0.6666666666666666
    """
    return UniformClassification.of(scores, labels).result().class_wise


def uniform_accuracy(scores: Any, labels: Any) -> float:
    r"""Part of the samples that the best single threshold gets right.

    .. math:: \max_t \frac1N |\{n : h_n < t \le p_n\}|, \quad p_n = z_{n, y_n}, \quad h_n = \max_{j \ne y_n} z_{n, j}

    exactly, in :math:`O(N \log N)`. `UniformClassification` gives the threshold too, and takes scores piece by piece.

    Args:
        scores: Scores z (N, C) of C >= 2 classes, floats; an array or a tensor on any device. To compare the threshold
            with a learned unified bias, those without the bias; for a bias of each class those with it,
            :math:`z_j - b_j`, whose threshold ought to be 0.
        labels: True classes (N,), integers.

    Returns:
        A number in [0, 1], no larger than the class-wise accuracy. A sample with a NaN is wrong.

    Raises:
        ValueError: If shapes do not fit, a label is no class or there is no sample.

    Source:
        Li et al., Rediscovering BCE loss for uniform classification, 2024 (arXiv:2403.07289), as its summaries state
        it; the half-open interval is that of UniTSFace, 2023 (arXiv:2311.02523), equation 3.

    Example:
        >>> uniform_accuracy(np.array([[4.0, 1.0], [2.0, 3.0], [9.0, 8.0]]), np.array([0, 1, 0]))
        0.6666666666666666
    """
    own, hardest, _ = UniformClassification.of(scores, labels).samples()
    return best_threshold(own, hardest).count / len(own)


@dataclass(frozen=True)
class UniformResult:
    """Accuracies in [0, 1] of `UniformClassification`, and the thresholds that reach them.

    Attributes:
        samples: N.
        sample_wise: `sample_wise_accuracy`.
        class_wise: `class_wise_accuracy`.
        uniform: `uniform_accuracy`.
        threshold: The best threshold, NaN if none gets a sample right.
        interval: All thresholds t with interval[0] < t <= interval[1] are as good; there may be other intervals.
        class_thresholds: The best threshold of each class that occurs, NaN where none gets a sample right.
    """

    samples: int
    sample_wise: float
    class_wise: float
    uniform: float
    threshold: float
    interval: tuple[float, float]
    class_thresholds: dict[int, float] = field(repr=False)

    def metrics(self) -> dict[str, float]:
        """The three accuracies and the threshold, by name."""
        return {
            "sample-wise accuracy": self.sample_wise,
            "class-wise accuracy": self.class_wise,
            "uniform accuracy": self.uniform,
            "threshold": self.threshold,
        }


class UniformClassification:
    """The three accuracies of many batches of scores, of which two numbers and the label of each sample are kept.

    Example:
        >>> scores = UniformClassification()
        >>> scores.update(np.array([[4.0, 1.0], [2.0, 3.0]]), np.array([0, 1]))
        >>> scores.update(np.array([[9.0, 8.0]]), np.array([0]))
        >>> result = scores.result()
        >>> round(result.uniform, 2), result.threshold, round(scores.accuracy_at(8.5), 2)
        (0.67, 2.5, 0.33)
    """

    def __init__(self) -> None:
        self._parts: list[tuple[Floats, Floats, Integers]] = []

    @classmethod
    def of(cls, scores: Any, labels: Any) -> "UniformClassification":
        """Take one batch."""
        found = cls()
        found.update(scores, labels)
        return found

    def update(self, scores: Any, labels: Any) -> None:
        """Add a batch: scores (N, C) and labels (N,), see `uniform_accuracy`."""
        self._parts.append(own_and_hardest(scores, labels))

    def gathered(self, group: "ProcessGroup | None" = None) -> "UniformClassification":
        """The samples of all processes of a group, on each of them; itself where there is but one process.

        Source:
            20 bytes of each sample are sent, once, as CPU tensors (gloo) or on the current CUDA device (NCCL).
        """
        import torch
        from torch import distributed

        if not (distributed.is_available() and distributed.is_initialized()) or distributed.get_world_size(group) == 1:
            return self
        device = "cuda" if distributed.get_backend(group) == "nccl" else "cpu"
        parts = self._arrays()
        mine = torch.stack([torch.from_numpy(np.asarray(part, np.float64)) for part in parts], 1).to(device)
        own, hardest, labels = _all_gather(mine, group).cpu().numpy().T
        found = UniformClassification()
        found._parts.append((own, hardest, labels.astype(np.int32)))
        return found

    def accuracy_at(self, threshold: float) -> float:
        """Part of the samples that a threshold gets right, such as a learned bias: h < threshold <= p.

        Raises:
            ValueError: If there is no sample.
        """
        own, hardest, _ = self.samples()
        return float(np.mean((hardest < threshold) & (threshold <= own)))

    def result(self) -> UniformResult:
        """Sort, and find the accuracies.

        Raises:
            ValueError: If there is no sample.
        """
        own, hardest, labels = self.samples()
        one = best_threshold(own, hardest)
        each = class_sweeps(own, hardest, labels)
        return UniformResult(
            samples=len(own),
            sample_wise=float(np.mean(own > hardest)),
            class_wise=sum(sweep.count for sweep in each.values()) / len(own),
            uniform=one.count / len(own),
            threshold=one.threshold,
            interval=one.interval,
            class_thresholds={label: sweep.threshold for label, sweep in each.items()},
        )

    def _arrays(self) -> tuple[Floats, Floats, Integers]:
        if not self._parts:
            return np.empty(0), np.empty(0), np.empty(0, np.int64)
        own, hardest, labels = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        return own, hardest, labels

    def samples(self) -> tuple[Floats, Floats, Integers]:
        """Score of the true class, largest other score and class of every sample, (N,) each.

        Raises:
            ValueError: If there is no sample.
        """
        arrays = self._arrays()
        positive(samples=len(arrays[0]))
        return arrays


def _all_gather(rows: Any, group: "ProcessGroup | None") -> Any:
    """Join the rows of all processes, which may differ in number."""
    import torch
    from torch import distributed

    world = distributed.get_world_size(group)
    sizes = [torch.zeros(1, dtype=torch.int64, device=rows.device) for _ in range(world)]
    distributed.all_gather(sizes, torch.tensor([len(rows)], device=rows.device), group=group)
    padded = rows.new_zeros(max(int(size) for size in sizes), *rows.shape[1:])
    padded[: len(rows)] = rows
    parts = [torch.empty_like(padded) for _ in range(world)]
    distributed.all_gather(parts, padded, group=group)
    return torch.cat([part[: int(size)] for part, size in zip(parts, sizes, strict=True)])
