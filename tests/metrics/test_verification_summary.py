"""Summary of a set: its numbers are those of the single functions; intervals against plain resampling and theory."""

import math

import numpy as np
import pytest

from subband.metrics.roc import most_accurate_point
from subband.metrics.verification import equal_error_point, equal_error_rate, operating_point, ten_fold
from subband.metrics.verification_summary import _draw, verification_summary

FARS = (0.1, 0.02)


def some(seed, pairs=300, ties=False):
    random = np.random.default_rng(seed)
    same = random.random(pairs) < 0.5
    scores = np.clip(random.normal(size=pairs) * 0.2 + 0.4 * same, -1, 1)
    return (np.round(scores, 1) if ties else scores), same


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_values_are_those_of_the_functions(seed, ties):
    scores, same = some(seed, ties=ties)
    found = verification_summary(scores, same, fars=FARS, resamples=5)
    folds = ten_fold(scores, same)
    assert (found.accuracy.value, found.deviation) == (pytest.approx(folds.mean, abs=1e-15), folds.std)
    assert found.eer.value == equal_error_rate(scores, same)
    assert found.eer_threshold.value == equal_error_point(scores, same).threshold
    assert found.best_threshold.value == most_accurate_point(scores, same).threshold
    for one in found.at_far:
        point = operating_point(scores, same, one.far)
        assert (one.tar.value, one.threshold.value) == (point.tar, point.threshold)
    assert (found.genuine, found.impostors, found.drawn) == (same.sum(), (~same).sum(), "pairs")


@pytest.mark.parametrize("by_people", [False, True])
def test_intervals_are_those_of_pairs_written_out(by_people):
    """Each pair repeated as often as it was drawn, then the single functions."""
    scores, same = some(4, pairs=120)
    people = named(same, 15) if by_people else None
    options = {"fars": (0.1,), "resamples": 40, "seed": 7, "folds": 4}
    found = verification_summary(scores, same, identities=people, **options)
    random = np.random.default_rng(7)
    rows = []
    for _ in range(40):
        times = _draw(random, same, people)
        many, truth = np.repeat(scores, times), np.repeat(same, times)
        fold = np.repeat(np.repeat(np.arange(4), 30), times)
        accuracy = ten_fold(many, truth, folds=fold.tolist()).mean
        rows.append([accuracy, equal_error_rate(many, truth), operating_point(many, truth, 0.1).tar])
    low, high = np.percentile(rows, [2.5, 97.5], axis=0)
    for place, interval in enumerate((found.accuracy, found.eer, found.at_far[0].tar)):
        assert interval.low == pytest.approx(low[place], abs=1e-12)
        assert interval.high == pytest.approx(high[place], abs=1e-12)
    assert found.drawn == ("identities" if by_people else "pairs")


def named(same, people):
    """Two people of each pair."""
    random = np.random.default_rng(1)
    first = random.integers(people, size=len(same))
    other = (first + random.integers(1, people, size=len(same))) % people
    return np.stack([first, np.where(same, first, other)], 1)


def test_interval_of_a_share_is_the_binomial_one():
    """At a rate that allows every impostor but those far off, TAR is a share of 500 pairs: sd = sqrt(pq / n)."""
    random = np.random.default_rng(0)
    genuine = np.where(random.random(500) < 0.8, 0.9, -0.9)
    scores, same = np.concatenate([genuine, np.zeros(500)]), np.repeat([True, False], 500)
    tar = verification_summary(scores, same, fars=(0.1,), resamples=1000, folds=2).at_far[0].tar
    half = 1.96 * math.sqrt(tar.value * (1 - tar.value) / 500)
    assert tar.high - tar.value == pytest.approx(half, rel=0.15)
    assert tar.value - tar.low == pytest.approx(half, rel=0.15)


def test_people_in_many_pairs_make_wider_intervals():
    """Ten people, five of whom always score low: the pairs of each are not independent."""
    people = np.repeat(np.arange(10), 40)
    same = np.tile(np.repeat([True, False], 20), 10)
    other = np.where(same, people, (people + 1 + np.tile(np.arange(40) % 9, 10)) % 10)
    scores = np.where(same, np.where(people < 5, 0.2, 0.8), 0.4) + np.random.default_rng(0).normal(size=400) * 0.01
    options = {"fars": (0.05,), "resamples": 200}
    narrow = verification_summary(scores, same, **options).at_far[0].tar
    wide = verification_summary(scores, same, identities=np.stack([people, other], 1), **options).at_far[0].tar
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_seeds_and_levels():
    scores, same = some(2)
    first, again, other = (verification_summary(scores, same, resamples=30, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    narrow = verification_summary(scores, same, resamples=30, seed=1, level=0.5)
    assert narrow.eer.high - narrow.eer.low < first.eer.high - first.eer.low


def test_samples_without_both_kinds_are_left_out():
    """Two people, one genuine pair: half of the draws hold no pair of two people, so many samples say nothing."""
    people = np.array([["ann", "ann"], ["ann", "bob"]])
    found = verification_summary([0.9, 0.1], [True, False], identities=people, resamples=50, folds=2)
    assert (found.eer.low, found.eer.high) == (0, 0)
    alone = verification_summary([0.9, 0.1], [True, False], identities=people, resamples=1, folds=2, seed=1)
    kinds = [seed for seed in range(20) if math.isnan(_eer_low(people, seed))]
    assert kinds
    assert alone.eer.value == 0


def _eer_low(people, seed):
    return verification_summary([0.9, 0.1], [True, False], identities=people, resamples=1, folds=2, seed=seed).eer.low


@pytest.mark.message
def test_errors_say_what_to_do():
    scores, same = some(0, pairs=20)
    with pytest.raises(ValueError, match="resamples is 0, but must be greater than 0"):
        verification_summary(scores, same, resamples=0)
    with pytest.raises(ValueError, match=r"identities have shape \(20,\), but must be \(20, 2\), two people for each"):
        verification_summary(scores, same, identities=np.zeros(20))
    with pytest.raises(ValueError, match=r"identities and same disagree in .* pairs, the first is pair "):
        verification_summary(scores, same, identities=np.zeros((20, 2)))
