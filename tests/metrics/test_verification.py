"""Verification: scikit-learn, torchmetrics and plain loops, by hand, ties, tiny sets."""

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_curve as reference
from sklearn.model_selection import KFold

from subband.metrics._pair_scores import allowed
from subband.metrics.verification import (
    equal_error_point,
    equal_error_rate,
    operating_point,
    tar_at_far,
    ten_fold,
    verification_accuracy,
)


def some(seed, pairs=400, ties=False):
    random = np.random.default_rng(seed)
    same = random.random(pairs) < 0.4
    scores = np.clip(random.normal(size=pairs) * 0.2 + 0.35 * same, -1, 1)
    return (np.round(scores, 1) if ties else scores), same


def looped_folds(scores, same, folds):
    """The authors' loops: every threshold, every fold."""
    grid = np.arange(0, 4, 0.01)
    found, chosen = [], []
    for train, test in KFold(folds).split(scores):
        right = [np.mean((2 - 2 * scores[train] < cut) == same[train]) for cut in grid]
        best = grid[int(np.argmax(right))]
        found.append(np.mean((2 - 2 * scores[test] < best) == same[test]))
        chosen.append(1 - best / 2)
    return np.array(found), np.array(chosen)


@pytest.mark.parametrize(("pairs", "folds"), [(400, 10), (57, 10), (30, 3), (7, 7)])
@pytest.mark.parametrize("ties", [False, True])
def test_ten_fold_is_the_loop(pairs, folds, ties):
    scores, same = some(pairs, pairs=pairs, ties=ties)
    found = ten_fold(scores, same, folds=folds)
    accuracies, thresholds = looped_folds(scores, same, folds)
    assert np.allclose(found.folds, accuracies, rtol=0, atol=1e-15)
    assert np.allclose(found.thresholds, thresholds, rtol=0, atol=1e-15)
    assert found.mean == pytest.approx(accuracies.mean(), abs=1e-15)
    assert found.std == pytest.approx(accuracies.std(), abs=1e-15)
    assert verification_accuracy(scores, same, folds=folds) == found.mean


def test_folds_by_name_are_those_by_number():
    scores, same = some(3, pairs=100)
    expected = ten_fold(scores, same, folds=10)
    names = np.repeat(np.arange(10), 10)
    order = np.random.default_rng(0).permutation(100)
    found = ten_fold(scores[order], same[order], folds=names[order].tolist())
    assert np.array_equal(found.folds, expected.folds)
    assert np.array_equal(found.tar, expected.tar)


def test_folds_without_genuine_pairs_count_as_accepting_none():
    found = ten_fold([0.9, 0.8, 0.1, 0.0], [True, True, False, False], folds=2)
    assert found.tar[-1] == 0.5
    assert found.far[-1] == 0.5


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("far", [0.0, 0.001, 0.01, 0.1, 0.29, 1.0])
def test_tar_at_far_by_its_definitions(far, ties):
    scores, same = some(11, ties=ties)
    negatives = np.sort(scores[~same])[::-1]
    most = math.floor(round(far * len(negatives), 9))
    limit = negatives[most] if most < len(negatives) else -np.inf
    point = operating_point(scores, same, far)
    assert point.tar == tar_at_far(scores, same, far) == (scores[same] > limit).mean()
    assert point.false_accepts <= most
    assert ((scores >= point.threshold) == (scores > limit)).all()
    for rule, drop in (("nearest", False), ("nearest_insightface", True)):
        fpr, tpr, _ = (part[::-1] for part in reference(same, scores, drop_intermediate=drop))
        place = min(zip(np.abs(fpr - far), range(len(fpr)), strict=True))[1]
        assert tar_at_far(scores, same, far, rule=rule) == tpr[place]


@pytest.mark.slow
def test_at_most_is_torchmetrics_sensitivity_at_specificity():
    from torchmetrics.functional.classification import binary_eer, binary_sensitivity_at_specificity

    scores, same = some(5)
    inside, truth = torch.from_numpy((scores + 1) / 2), torch.from_numpy(same).int()
    for far in (0.01, 0.05, 0.2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sensitivity, _ = binary_sensitivity_at_specificity(inside, truth, min_specificity=1 - far)
            error = binary_eer(inside, truth)
        assert tar_at_far(scores, same, far) == pytest.approx(sensitivity.item(), abs=1e-6)
    assert equal_error_rate(scores, same, rule="nearest") == pytest.approx(error.item(), abs=1e-6)


def test_products_that_round_down_allow_what_they_mean():
    assert 0.29 * 100 < 29
    assert (allowed(0.29, 100), allowed(1e-6, 2_638_365_108_720), allowed(0.01, 199)) == (29, 2_638_365, 1)


def test_by_hand():
    """Genuine 0.9 0.7 0.6 0.2, impostors 0.8 0.4 0.3 0.1 0.0."""
    scores = [0.9, 0.7, 0.6, 0.2, 0.8, 0.4, 0.3, 0.1, 0.0]
    same = [True] * 4 + [False] * 5
    assert [tar_at_far(scores, same, far) for far in (0, 0.19, 0.2, 0.4, 0.6)] == [0.25, 0.25, 0.75, 0.75, 1.0]
    assert operating_point(scores, same, 0.2).threshold == 0.5
    assert operating_point(scores, same, 0).threshold == pytest.approx(0.85)
    # (far, frr): (0, .75) (.2, .75) (.2, .5) (.2, .25) (.4, .25): from -0.05 to 0.15, a quarter of the way
    assert equal_error_rate(scores, same) == pytest.approx(0.25)
    assert equal_error_rate(scores, same, rule="nearest") == pytest.approx(0.225)
    assert equal_error_point(scores, same).threshold == 0.5
    assert tar_at_far(scores, same, 0.29, rule="nearest") == 0.75
    assert tar_at_far(scores, same, 0.31, rule="nearest") == 0.75
    assert tar_at_far(scores, same, 0.51, rule="nearest") == 1.0


def test_two_pairs():
    right, wrong, tied = ([0.9, 0.1], [0.1, 0.9], [0.5, 0.5])
    same = [True, False]
    assert [equal_error_rate(scores, same) for scores in (right, wrong, tied)] == [0, 1, 0.5]
    assert [tar_at_far(scores, same, 0.5) for scores in (right, wrong, tied)] == [1, 0, 0]
    assert operating_point(tied, same, 0).threshold == np.nextafter(0.5, 1)
    assert tar_at_far(tied, same, 1, rule="nearest_insightface") == 1


NUMBERS = st.sampled_from([-0.5, 0.0, 0.25, 0.5]) | st.floats(-1, 1, width=16)
MIXED = st.lists(st.tuples(NUMBERS, st.booleans())).filter(lambda pairs: len({same for _, same in pairs}) == 2)


@settings(max_examples=150, deadline=None)
@given(MIXED, st.floats(0, 1))
def test_properties(pairs, far):
    scores, same = (np.array(part) for part in zip(*pairs, strict=True))
    point = operating_point(scores, same, far)
    assert point.far <= far + 1e-12
    assert point.tar <= operating_point(scores, same, min(1, far + 0.1)).tar
    moved = operating_point(3 * scores + 1, same, far)
    assert (moved.true_accepts, moved.false_accepts) == (point.true_accepts, point.false_accepts)
    swapped = equal_error_rate(-scores, ~same)
    assert equal_error_rate(scores, same) == pytest.approx(swapped, abs=1e-12)
    assert 0 <= equal_error_rate(scores, same, rule="nearest") <= 1


@pytest.mark.message
def test_errors_say_what_to_do():
    scores, same = some(0, pairs=20)
    with pytest.raises(
        ValueError, match=r"rule is 'nearst', but must be one of at_most, nearest.*did you mean 'nearest'"
    ):
        tar_at_far(scores, same, 0.1, rule="nearst")
    with pytest.raises(ValueError, match="far is 2, but must be between 0 and 1, such as 1e-3"):
        tar_at_far(scores, same, 2)
    with pytest.raises(ValueError, match="rule is 'exact', but must be one of interpolated, nearest"):
        equal_error_rate(scores, same, rule="exact")
    with pytest.raises(ValueError, match="scores go from -8 to 9, but ten-fold accuracy takes cosines, from -1 to 1"):
        ten_fold([-8.0, 9.0], [False, True], folds=2)
    with pytest.raises(ValueError, match="folds is 21, but must be between 2 and the number of pairs, 20"):
        ten_fold(scores, same, folds=21)
    with pytest.raises(ValueError, match=r"folds names \(3,\) folds for 20 pairs; give one number, or one for each"):
        ten_fold(scores, same, folds=[1, 2, 3])
    with pytest.raises(ValueError, match="folds puts all pairs into one fold; two are needed at least"):
        ten_fold(scores, same, folds=[4] * 20)
    with pytest.raises(ValueError, match="all 20 pairs are of two people each"):
        verification_accuracy(scores, np.zeros(20, bool))
