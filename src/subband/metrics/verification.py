"""Verification: are these two pictures of one person? Ten-fold accuracy, true accepts at a false accept rate, EER."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from subband._check import one_of
from subband.metrics._folds import GRID, FoldTable, fold_table
from subband.metrics._labels import Floats
from subband.metrics._pair_scores import allowed
from subband.metrics.roc import OperatingPoint, Roc, roc_curve

FarRule = Literal["at_most", "nearest", "nearest_insightface"]
EerRule = Literal["interpolated", "nearest"]
FAR_RULES: tuple[FarRule, ...] = ("at_most", "nearest", "nearest_insightface")


@dataclass(frozen=True, eq=False)
class FoldAccuracy:
    """Accuracy over folds, each judged at the threshold that is best on the others.

    Attributes:
        mean: Mean over the folds, in [0, 1].
        std: Deviation over the folds (n, not n - 1).
        folds: Accuracy of each fold (F,).
        thresholds: Threshold of each fold (F,), as a cosine: one person if the cosine is greater.
        far: False accept rate at each squared distance of the grid (T,), mean over the folds.
        tar: True accept rate at each (T,), mean over the folds; 0 in a fold without genuine pairs.
    """

    mean: float
    std: float
    folds: Floats
    thresholds: Floats
    far: Floats
    tar: Floats


def verification_accuracy(scores: Any, same: Any, *, folds: int | Sequence[int] = 10) -> float:
    """Accuracy of verification over ten folds, as LFW, CFP and AgeDB are judged.

    Args:
        scores: Cosines (N,); an array or a tensor.
        same: Whether each pair shows one person (N,).
        folds: Number of contiguous folds, or the fold of each pair (N,).

    Returns:
        The mean accuracy, in [0, 1]; `ten_fold` gives the deviation and the thresholds too.

    Raises:
        ValueError: If shapes do not fit, a score is no cosine, or all pairs are of one kind.

    Source:
        See `ten_fold`.

    Example:
        >>> verification_accuracy([0.9, 0.1, 0.9, 0.3], [True, False, True, False], folds=2)
        1.0
    """
    return ten_fold(scores, same, folds=folds).mean


def ten_fold(scores: Any, same: Any, *, folds: int | Sequence[int] = 10) -> FoldAccuracy:
    r"""Accuracy of each fold at the threshold that is best on the other folds.

    .. math:: \text{same} \iff 2 - 2 \cos < t, \qquad t \in \{0, 0.01, \dots, 3.99\}

    the smallest t with the best accuracy on the other folds.

    Args:
        scores: See `verification_accuracy`.
        same: See `verification_accuracy`.
        folds: See `verification_accuracy`.

    Returns:
        Accuracies, thresholds, and the curve averaged over the folds.

    Raises:
        ValueError: If shapes do not fit, a score is no cosine, or all pairs are of one kind.

    Source:
        deepinsight/insightface, ``recognition/arcface_torch/eval/verification.py``. Its VAL at a FAR is not kept: it
        fails with today's SciPy; take `tar_at_far`.

    Example:
        >>> found = ten_fold([0.9, 0.1, 0.9, 0.3], [True, False, True, False], folds=2)
        >>> found.folds, found.thresholds.round(3)
        (array([1., 1.]), array([0.9, 0.9]))
    """
    return _summed(fold_table(scores, same, folds))


def _summed(table: FoldTable) -> FoldAccuracy:
    counts = table.counts()
    accuracy, chosen = table.accuracies(counts)
    true, false = counts
    with np.errstate(invalid="ignore"):
        tar, far = (np.nan_to_num(part[:, :-1] / part[:, -1:]).mean(0) for part in (true, false))
    return FoldAccuracy(float(accuracy.mean()), float(accuracy.std()), accuracy, 1 - GRID[chosen] / 2, far, tar)


def tar_at_far(scores: Any, same: Any, far: float, *, rule: FarRule = "at_most") -> float:
    """True accept rate at a false accept rate.

    Args:
        scores: Scores (N,), higher for one person; an array or a tensor.
        same: Whether each pair shows one person (N,).
        far: False accept rate, in [0, 1].
        rule: See `operating_point`.

    Returns:
        The rate, in [0, 1]; `operating_point` gives the threshold too.

    Raises:
        ValueError: If shapes do not fit, a score is NaN, all pairs are of one kind, or an option is unknown.

    Source:
        See `operating_point`.

    Example:
        >>> tar_at_far([0.9, 0.8, 0.7, 0.6], [True, False, True, False], 0.5)
        1.0
        >>> tar_at_far([0.9, 0.8, 0.7, 0.6], [True, False, True, False], 0.1)
        0.5
    """
    return operating_point(scores, same, far, rule=rule).tar


def operating_point(scores: Any, same: Any, far: float, *, rule: FarRule = "at_most") -> OperatingPoint:
    r"""The threshold for a false accept rate, and what it does.

    Args:
        scores: See `tar_at_far`.
        same: See `tar_at_far`.
        far: See `tar_at_far`.
        rule: ``"at_most"``: the lowest threshold that accepts at most :math:`\lfloor \text{far} \cdot
            N_\text{impostor} \rfloor` impostor pairs. ``"nearest"``: the point of the whole ROC curve with the nearest
            false accept rate, of equally near ones that with the most accepts; it may accept more than was asked for.
            ``"nearest_insightface"``: the same on a curve without its points on straight lines, by which insightface
            and the papers' tables on IJB are made.

    Returns:
        The point.

    Raises:
        ValueError: If shapes do not fit, a score is NaN, all pairs are of one kind, or an option is unknown.

    Source:
        deepinsight/insightface, ``recognition/_evaluation_/ijb/ijb_evals.py`` for the last rule, which takes
        scikit-learn's ``roc_curve`` as it is.

    Example:
        >>> operating_point([0.9, 0.8, 0.7, 0.6], [True, False, True, False], 0.1).threshold.__round__(3)
        0.85
    """
    one_of("rule", rule, FAR_RULES)
    curve = roc_curve(scores, same)
    most = allowed(far, curve.false_accepts[-1])
    if rule == "at_most":
        return curve.point(int(np.searchsorted(curve.false_accepts, most, side="right")) - 1)
    places = np.arange(len(curve.far)) if rule == "nearest" else _corners(curve)
    distance = np.abs(curve.far[places] - far)
    return curve.point(int(places[len(places) - 1 - np.argmin(distance[::-1])]))


def equal_error_rate(scores: Any, same: Any, *, rule: EerRule = "interpolated") -> float:
    """The error at which as large a part of genuine as of impostor pairs is judged wrong.

    Args:
        scores: Scores (N,), higher for one person; an array or a tensor.
        same: Whether each pair shows one person (N,).
        rule: ``"interpolated"``: where straight lines between the points of the ROC curve meet far = 1 - tar.
            ``"nearest"``: mean of the two rates at `equal_error_point`.

    Returns:
        The rate, in [0, 1].

    Raises:
        ValueError: If shapes do not fit, a score is NaN, all pairs are of one kind, or the rule is unknown.

    Source:
        ``"nearest"`` is torchmetrics' BinaryEER.

    Example:
        >>> equal_error_rate([0.9, 0.8, 0.7, 0.6], [True, False, True, False])
        0.5
    """
    one_of("rule", rule, ("interpolated", "nearest"))
    curve = roc_curve(scores, same)
    if rule == "nearest":
        place = int(np.argmin(np.abs(curve.far - curve.frr)))
        return float(curve.far[place] + curve.frr[place]) / 2
    excess = curve.far - curve.frr
    after = int(np.argmax(excess >= 0))
    share = excess[after - 1] / (excess[after - 1] - excess[after])
    return float(curve.far[after - 1] + share * (curve.far[after] - curve.far[after - 1]))


def equal_error_point(scores: Any, same: Any) -> OperatingPoint:
    """The point whose false accept and false reject rates are nearest to each other, at the highest threshold.

    Arguments and errors are those of `equal_error_rate`.

    Example:
        >>> equal_error_point([0.9, 0.7, 0.3, 0.1], [True, True, False, False]).threshold
        0.5
    """
    curve = roc_curve(scores, same)
    return curve.point(int(np.argmin(np.abs(curve.far - curve.frr))))


def _corners(curve: Roc) -> Any:
    """Places that scikit-learn keeps: the origin, both ends, and where the steps change."""
    true, false = curve.true_accepts[1:], curve.false_accepts[1:]
    if len(true) <= 2:
        return np.arange(len(true) + 1)
    turns = (np.diff(false, 2) != 0) | (np.diff(true, 2) != 0)
    return np.concatenate([[0], 1 + np.flatnonzero(np.concatenate([[True], turns, [True]]))])
