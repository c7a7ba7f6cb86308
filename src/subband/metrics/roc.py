"""The curve of false and true accepts over all thresholds, and its points."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from subband.metrics._best_cut import best_cut
from subband.metrics._labels import Bools, Floats, Integers
from subband.metrics._pair_scores import read_pairs


@dataclass(frozen=True)
class OperatingPoint:
    """What one threshold does: a pair counts as one person if its score is the threshold or more.

    Attributes:
        threshold: The threshold.
        true_accepts: Genuine pairs (of one person) that are accepted.
        false_accepts: Impostor pairs (of two people) that are accepted.
        genuine: All genuine pairs.
        impostors: All impostor pairs.
    """

    threshold: float
    true_accepts: int
    false_accepts: int
    genuine: int
    impostors: int

    @property
    def tar(self) -> float:
        """True accept rate, in [0, 1]."""
        return self.true_accepts / self.genuine

    @property
    def far(self) -> float:
        """False accept rate, in [0, 1]."""
        return self.false_accepts / self.impostors

    @property
    def frr(self) -> float:
        """False reject rate, 1 - `tar`."""
        return (self.genuine - self.true_accepts) / self.genuine

    @property
    def accuracy(self) -> float:
        """Part of all pairs that are judged right."""
        right = self.true_accepts + self.impostors - self.false_accepts
        return right / (self.genuine + self.impostors)


@dataclass(frozen=True, eq=False)
class Roc:
    """Accepted pairs at every threshold that makes a difference, from accepting none to accepting all.

    Attributes:
        scores: Distinct scores in falling order (G,).
        true_accepts: Genuine pairs with a score above the first, second, ... distinct one (G + 1,); 0 first.
        false_accepts: The same of the impostor pairs.
    """

    scores: Floats
    true_accepts: Integers
    false_accepts: Integers

    @property
    def tar(self) -> Floats:
        """True accept rates (G + 1,), rising from 0 to 1."""
        rates: Floats = self.true_accepts / self.true_accepts[-1]
        return rates

    @property
    def far(self) -> Floats:
        """False accept rates (G + 1,), rising from 0 to 1; `tar` over `far` is the ROC curve."""
        rates: Floats = self.false_accepts / self.false_accepts[-1]
        return rates

    @property
    def frr(self) -> Floats:
        """False reject rates (G + 1,), 1 - `tar`; over `far` the DET curve."""
        rates: Floats = (self.true_accepts[-1] - self.true_accepts) / self.true_accepts[-1]
        return rates

    @property
    def auc(self) -> float:
        """Area under the ROC curve, in [0, 1], a tie counting half."""
        return float(np.trapezoid(self.tar, self.far))

    @property
    def thresholds(self) -> Floats:
        """A threshold for each point (G + 1,): the middle of the gap between accepted and refused scores."""
        return gap_thresholds(self.scores)

    def point(self, place: int) -> OperatingPoint:
        """The point at a place of the curve."""
        counts = self.true_accepts[place], self.false_accepts[place], self.true_accepts[-1], self.false_accepts[-1]
        return OperatingPoint(float(self.thresholds[place]), *(int(count) for count in counts))


def roc_curve(scores: Any, same: Any) -> Roc:
    """True and false accepts over all thresholds.

    Args:
        scores: Scores (N,), higher for one person, such as cosines; an array or a tensor.
        same: Whether each pair shows one person (N,).

    Returns:
        The curve, with the rates of ROC (`Roc.tar` over `Roc.far`) and DET (`Roc.frr` over `Roc.far`). Equal scores
        are accepted together, so each makes one point; no point is left out.

    Raises:
        ValueError: If shapes do not fit, a score is NaN or all pairs are of one kind.

    Source:
        The points of scikit-learn's ``roc_curve(drop_intermediate=False)``; its thresholds are the accepted scores
        themselves, where these lie half-way to the next.

    Example:
        >>> curve = roc_curve([0.9, 0.8, 0.3, 0.1], [True, False, True, False])
        >>> curve.false_accepts, curve.true_accepts, curve.auc
        (array([0, 0, 1, 1, 2]), array([0, 1, 1, 2, 2]), 0.75)
    """
    numbers, truth = read_pairs(scores, same)
    order = np.argsort(-numbers)
    falling, truth = numbers[order], truth[order]
    ends = group_ends(falling)
    true = np.cumsum(truth)[ends]
    false = ends + 1 - true
    return Roc(falling[ends], np.concatenate([[0], true]), np.concatenate([[0], false]))


def point_at(scores: Any, same: Any, threshold: float) -> OperatingPoint:
    """What a given threshold does, such as one that a head learnt; for arguments and errors see `roc_curve`.

    Example:
        >>> point_at([0.9, 0.8, 0.3, 0.1], [True, False, True, False], 0.8).accuracy
        0.5
    """
    return _judged(*read_pairs(scores, same), threshold)


def most_accurate_point(scores: Any, same: Any) -> OperatingPoint:
    """The highest threshold that judges most pairs right; for arguments and errors see `roc_curve`.

    Example:
        >>> point = most_accurate_point([0.9, 0.7, 0.3, 0.1], [True, True, False, False])
        >>> point.threshold, point.accuracy
        (0.5, 1.0)
    """
    numbers, truth = read_pairs(scores, same)
    cut = best_cut(numbers, truth)
    if cut is None:
        return _judged(numbers, truth, np.nextafter(numbers.max(), np.inf))
    below = numbers[numbers < cut]
    return _judged(numbers, truth, gap_thresholds(np.array([cut, below.max()]))[1] if below.size else cut)


def _judged(scores: Floats, same: Bools, threshold: float) -> OperatingPoint:
    """What a threshold does to checked pairs."""
    accepted = scores >= threshold
    genuine, true, every = (int(np.count_nonzero(x)) for x in (same, accepted & same, accepted))
    return OperatingPoint(float(threshold), true, every - true, genuine, len(same) - genuine)


def group_ends(falling: Floats) -> Integers:
    """Places at which a run of equal numbers ends."""
    ends: Integers = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
    return ends


def gap_thresholds(falling: Floats) -> Floats:
    """Thresholds that accept none, the first, the first two, ... of distinct falling scores.

    Each lies in the middle of its gap, so that the rounding of a score changes nothing; the first just above them all.
    """
    middle = falling[1:] + (falling[:-1] - falling[1:]) / 2
    middle = np.where((falling[1:] < middle) & (middle < falling[:-1]), middle, falling[:-1])
    return np.concatenate([[np.nextafter(falling[0], np.inf)], middle, falling[-1:]])
