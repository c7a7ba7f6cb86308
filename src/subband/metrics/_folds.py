"""How many pairs of each fold a grid of thresholds judges right."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from subband.metrics._labels import Bools, Floats, Integers
from subband.metrics._pair_scores import as_array, read_pairs

GRID: Floats = np.arange(0, 4, 0.01)
"""Squared distances of unit vectors that ten-fold accuracy tries."""


@dataclass(frozen=True, eq=False)
class FoldTable:
    """Where each pair lies among the thresholds, and in which fold.

    Args:
        cell: Fold times (thresholds + 1) plus the first threshold that accepts the pair (N,).
        same: Whether the pair shows one person (N,).
        folds: Number of folds.
    """

    cell: Integers
    same: Bools
    folds: int

    def counts(self, weights: Floats | None = None) -> tuple[Floats, Floats]:
        """Genuine and impostor pairs of each fold that each threshold accepts, (F, T + 1); the last accepts all.

        Args:
            weights: How often each pair counts (N,); once if not given.
        """
        shape = (self.folds, len(GRID) + 1)
        parts = []
        for kind in (self.same, ~self.same):
            own = None if weights is None else weights[kind]
            parts.append(np.bincount(self.cell[kind], own, minlength=shape[0] * shape[1]).reshape(shape).cumsum(1))
        return parts[0], parts[1]

    def accuracies(self, counts: tuple[Floats, Floats]) -> tuple[Floats, Integers]:
        """Accuracy of each fold (F,), NaN in an empty one, and the place of its threshold on the grid."""
        true, false = counts
        right = true[:, :-1] + false[:, -1:] - false[:, :-1]
        chosen: Integers = np.argmax(right.sum(0) - right, axis=1)
        size = true[:, -1] + false[:, -1]
        with np.errstate(invalid="ignore"):
            return right[np.arange(self.folds), chosen] / size, chosen


def fold_table(scores: Any, same: Any, folds: int | Sequence[int]) -> FoldTable:
    """Sort pairs into folds and thresholds.

    Raises:
        ValueError: As `ten_fold`.
    """
    cosines, truth = read_pairs(scores, same)
    if np.abs(cosines).max() > 1 + 1e-5:
        raise ValueError(
            f"scores go from {cosines.min():.4g} to {cosines.max():.4g}, but ten-fold accuracy takes cosines, "
            "from -1 to 1"
        )
    numbers, count = _numbered(folds, len(truth))
    first = np.searchsorted(GRID, 2 - 2 * cosines, side="right")
    return FoldTable(numbers * (len(GRID) + 1) + first, truth, count)


def _numbered(folds: int | Sequence[int], pairs: int) -> tuple[Integers, int]:
    """Fold of each pair from 0, and how many folds there are."""
    given = as_array(folds)
    if given.ndim == 0:
        count = int(given)
        if not 2 <= count <= pairs:
            raise ValueError(f"folds is {count}, but must be between 2 and the number of pairs, {pairs}")
        sizes = pairs // count + (np.arange(count) < pairs % count)
        return np.repeat(np.arange(count), sizes), count
    if given.shape != (pairs,):
        raise ValueError(f"folds names {given.shape} folds for {pairs} pairs; give one number, or one for each pair")
    names, numbers = np.unique(given, return_inverse=True)
    if len(names) < 2:
        raise ValueError("folds puts all pairs into one fold; two are needed at least")
    return numbers, len(names)
