"""Everything that is said of one set of pairs, each number with its bootstrap interval."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from subband._check import positive
from subband.metrics._folds import FoldTable, fold_table
from subband.metrics._labels import Bools, Floats
from subband.metrics._pair_scores import allowed, as_array, read_pairs
from subband.metrics.roc import gap_thresholds, group_ends

_CHUNK = 1 << 17
"""Weights at once: as many as stay in the cache."""


@dataclass(frozen=True)
class Interval:
    """A number, and the bounds of its bootstrap percentile interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class AtFar:
    """What a false accept rate gives, by the rule ``"at_most"``.

    Attributes:
        far: The rate asked for.
        tar: True accept rate, in [0, 1].
        threshold: The threshold.
    """

    far: float
    tar: Interval
    threshold: Interval


@dataclass(frozen=True)
class VerificationSummary:
    """Rates of one set of pairs.

    Attributes:
        genuine: Pairs of one person.
        impostors: Pairs of two people.
        accuracy: Ten-fold accuracy, in [0, 1].
        deviation: Deviation (n) of the folds' accuracies.
        eer: Equal error rate, interpolated, in [0, 1].
        eer_threshold: Threshold of the point nearest to it.
        best_threshold: The highest threshold that judges most pairs right.
        at_far: One for each false accept rate.
        drawn: What was drawn anew: pairs, or identities with all their pairs.
        resamples: How often.
    """

    genuine: int
    impostors: int
    accuracy: Interval
    deviation: float
    eer: Interval
    eer_threshold: Interval
    best_threshold: Interval
    at_far: tuple[AtFar, ...]
    drawn: Literal["pairs", "identities"]
    resamples: int


def verification_summary(
    scores: Any,
    same: Any,
    *,
    fars: Sequence[float] = (1e-2, 1e-3),
    folds: int | Sequence[int] = 10,
    identities: Any = None,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> VerificationSummary:
    """Ten-fold accuracy, equal error rate, true accept rates and their thresholds, with bootstrap intervals.

    Args:
        scores: Cosines (N,); an array or a tensor.
        same: Whether each pair shows one person (N,).
        fars: False accept rates.
        folds: Number of contiguous folds, or the fold of each pair (N,).
        identities: Names or numbers of the two people of each pair (N, 2). If given, people are drawn with
            replacement, and a pair counts as often as both were drawn together. If not, pairs are drawn, genuine and
            impostor ones apart: narrower than is true where a person is in many pairs.
        resamples: Number of bootstrap samples; each takes about 0.2 microseconds for each pair.
        level: Share of them within an interval.
        seed: Of the draws.

    Returns:
        The summary; an interval is NaN where no sample has pairs of both kinds.

    Raises:
        ValueError: As `subband.metrics.verification.ten_fold`, or if ``identities`` and ``same`` disagree.

    Source:
        Efron, Bootstrap methods, 1979; people as the unit: Bolle, Ratha and Pankanti, Error analysis of pattern
        recognition systems: the subsets bootstrap, 2004.

    Example:
        >>> pairs = np.array([0.9, 0.8, 0.7, 0.2, 0.1, 0.0] * 4), np.array([True, True, True, False, False, False] * 4)
        >>> verification_summary(*pairs, folds=4).eer
        Interval(value=0.0, low=0.0, high=0.0)
    """
    positive(resamples=resamples, level=level)
    numbers, truth = read_pairs(scores, same)
    people = None if identities is None else _numbered_people(identities, truth)
    ranked = _Ranked(numbers, truth, fold_table(numbers, truth, folds), fars)
    single = ranked.statistics(np.ones((1, len(truth))))[0]
    rows = [ranked.statistics(weights) for weights in _weights(truth, people, resamples, seed)]
    low, high = _bounds(np.concatenate(rows), level)
    found = [Interval(*(float(end) for end in ends)) for ends in zip(single, low, high, strict=True)]
    accuracies, _ = ranked.table.accuracies(ranked.table.counts())
    genuine = int(truth.sum())
    at_far = tuple(AtFar(float(far), *found[4 + 2 * at : 6 + 2 * at]) for at, far in enumerate(fars))
    return VerificationSummary(
        genuine=genuine,
        impostors=len(truth) - genuine,
        accuracy=found[0],
        deviation=float(accuracies.std()),
        eer=found[1],
        eer_threshold=found[2],
        best_threshold=found[3],
        at_far=at_far,
        drawn="pairs" if people is None else "identities",
        resamples=resamples,
    )


class _Ranked:
    """Pairs by falling score, of which any weighting gives all numbers at once."""

    def __init__(self, scores: Floats, same: Bools, table: FoldTable, fars: Sequence[float]) -> None:
        self.table, self.fars = table, tuple(fars)
        self.order = np.argsort(-scores)
        falling = scores[self.order]
        self.same, self.ends = same[self.order], group_ends(falling)
        self.thresholds = gap_thresholds(falling[self.ends])

    def statistics(self, weights: Floats) -> Floats:
        """Accuracy, EER, its threshold, the best one, then rate and threshold at each FAR, for each row (R, 4 + 2 F).

        Args:
            weights: How often each pair counts (R, N). Rows without both kinds of pairs are left out.
        """
        sorted_ = weights[:, self.order]
        both = sorted_[:, self.same].any(1) & sorted_[:, ~self.same].any(1)
        true, false = (self._accepts(sorted_[both] * kind) for kind in (self.same, ~self.same))
        rows = np.arange(len(true))
        tar, far = true / true[:, -1:], false / false[:, -1:]
        excess = far - (true[:, -1:] - true) / true[:, -1:]
        after = np.argmax(excess >= 0, axis=1)
        before = after - 1
        share = excess[rows, before] / (excess[rows, before] - excess[rows, after])
        eer = far[rows, before] + share * (far[rows, after] - far[rows, before])
        columns = [self._fold_accuracy(weights[both]), eer]
        columns += [self.thresholds[np.argmin(np.abs(excess), 1)], self.thresholds[np.argmax(true - false, 1)]]
        for rate in self.fars:
            most = np.array([allowed(rate, total) for total in false[:, -1]])
            place = (false <= most[:, None]).sum(1) - 1
            columns += [tar[rows, place], self.thresholds[place]]
        return np.stack(columns, 1)

    def _accepts(self, weights: Floats) -> Floats:
        counted: Floats = np.cumsum(weights, axis=1)[:, self.ends]
        return np.concatenate([np.zeros((len(counted), 1)), counted], axis=1)

    def _fold_accuracy(self, weights: Floats) -> Floats:
        return np.array([np.nanmean(self.table.accuracies(self.table.counts(row))[0]) for row in weights])


def _weights(same: Bools, people: Any, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each pair counts in each bootstrap sample, (r, N) at a time."""
    random = np.random.default_rng(seed)
    size = max(1, _CHUNK // len(same))
    for at in range(0, resamples, size):
        rows = [_draw(random, same, people) for _ in range(min(size, resamples - at))]
        yield np.stack(rows).astype(np.float64)


def _draw(random: np.random.Generator, same: Bools, people: Any) -> Any:
    if people is not None:
        count = int(people.max()) + 1
        times = np.bincount(random.integers(count, size=count), minlength=count)
        first, second = times[people[:, 0]], times[people[:, 1]]
        return np.where(same, first, first * second)
    weights = np.zeros(len(same), np.int64)
    for kind in (np.flatnonzero(same), np.flatnonzero(~same)):
        weights[kind] = np.bincount(random.integers(len(kind), size=len(kind)), minlength=len(kind))
    return weights


def _numbered_people(identities: Any, same: Bools) -> Any:
    names = as_array(identities)
    if names.shape != (len(same), 2):
        raise ValueError(f"identities have shape {names.shape}, but must be ({len(same)}, 2), two people for each pair")
    wrong = np.flatnonzero((names[:, 0] == names[:, 1]) != same)
    if len(wrong):
        raise ValueError(f"identities and same disagree in {len(wrong)} pairs, the first is pair {wrong[0]}")
    return np.unique(names, return_inverse=True)[1].reshape(names.shape)


def _bounds(values: Floats, level: float) -> Any:
    """Lower and upper ends of the intervals, (2, S)."""
    if not len(values):
        return np.full((2, values.shape[1]), np.nan)
    return np.percentile(values, [50 * (1 - level), 50 * (1 + level)], axis=0)
