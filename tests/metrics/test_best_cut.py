"""The most accurate threshold, found without sorting all scores: the whole ROC curve as oracle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subband.metrics._best_cut import best_cut
from subband.metrics.roc import gap_thresholds, most_accurate_point, roc_curve

SCORES = st.sampled_from([-0.5, -0.0, 0.0, 0.25, 0.5, 1.0, 1.0 + 2**-40]) | st.floats(-1, 1)
PAIRS = st.lists(st.tuples(SCORES, st.booleans()), max_size=25)
MIXED = PAIRS.filter(lambda pairs: len({same for _, same in pairs}) == 2)


def by_curve(scores, same):
    curve = roc_curve(scores, same)
    return curve.point(int(np.argmax(curve.true_accepts - curve.false_accepts)))


@settings(max_examples=100, deadline=None)
@given(MIXED)
def test_is_the_best_point_of_the_curve(pairs):
    scores, same = (np.array(part) for part in zip(*pairs, strict=True))
    assert most_accurate_point(scores, same) == by_curve(scores, same)


@pytest.mark.parametrize("scale", [1e-300, 1e-3, 1, 1e60])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
@pytest.mark.parametrize("rounded", [False, True])
def test_many_pairs_of_any_size(scale, share, rounded):
    rng = np.random.default_rng(7)
    same = rng.random(20_000) < share
    scores = rng.normal(size=len(same)) + 1.5 * same
    scores = scale * (np.round(scores, 1) if rounded else scores)
    assert most_accurate_point(scores, same) == by_curve(scores, same)


def test_scores_that_are_one_number_in_float32():
    scores = 0.5 + 2.0**-40 * np.array([3.0, 2, 1, 0])
    same = np.array([True, True, False, True])
    assert best_cut(scores, same) == scores[1]
    assert most_accurate_point(scores, same).threshold == gap_thresholds(scores)[2]


def test_none_is_accepted_where_that_is_best():
    scores, same = np.array([0.9, 0.1, 0.0]), np.array([False, False, True])
    assert best_cut(scores, same) is None
    point = most_accurate_point(scores, same)
    assert (point.true_accepts, point.false_accepts) == (0, 0)
    assert point.threshold == np.nextafter(0.9, 1)


def test_all_are_accepted_where_that_is_best():
    assert most_accurate_point([0.3, 0.2, 0.9], [True, True, False]).threshold == 0.2


def test_infinite_scores():
    assert best_cut(np.array([np.inf, 0.5, -np.inf]), np.array([True, True, False])) == 0.5
