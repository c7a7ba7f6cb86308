"""ROC: scikit-learn's curve, arithmetic by hand, and what every threshold accepts."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import auc, det_curve
from sklearn.metrics import roc_curve as reference

from subband.metrics.roc import gap_thresholds, most_accurate_point, point_at, roc_curve


def some(seed, pairs=400, ties=False):
    random = np.random.default_rng(seed)
    same = random.random(pairs) < 0.4
    scores = random.normal(size=pairs) * 0.2 + 0.35 * same
    return (np.round(scores, 1) if ties else scores), same


PAIRS = st.lists(st.tuples(st.sampled_from([-0.5, 0.0, 0.25, 0.5, 1.0]) | st.floats(-1, 1, width=16), st.booleans()))
MIXED = PAIRS.filter(lambda pairs: len({same for _, same in pairs}) == 2)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_curve_is_scikit_learns(seed, ties):
    scores, same = some(seed, ties=ties)
    curve = roc_curve(scores, same)
    far, tar, accepted = reference(same, scores, drop_intermediate=False)
    assert np.array_equal(curve.far, far)
    assert np.array_equal(curve.tar, tar)
    assert np.array_equal(curve.scores, accepted[1:])
    assert curve.auc == pytest.approx(auc(far, tar), abs=1e-14)
    det_far, det_frr, _ = det_curve(same, scores)
    assert np.isin(np.stack([det_far, det_frr], 1).round(12), np.stack([curve.far, curve.frr], 1).round(12)).all()


def test_by_hand():
    """Genuine 0.9 0.5 0.5, impostors 0.8 0.5 0.1 0.1: the three at 0.5 go together."""
    scores, same = [0.9, 0.5, 0.5, 0.8, 0.5, 0.1, 0.1], [1, 1, 1, 0, 0, 0, 0]
    curve = roc_curve(scores, same)
    assert curve.scores.tolist() == [0.9, 0.8, 0.5, 0.1]
    assert curve.true_accepts.tolist() == [0, 1, 1, 3, 3]
    assert curve.false_accepts.tolist() == [0, 0, 1, 2, 4]
    assert curve.frr.tolist() == [1, 2 / 3, 2 / 3, 0, 0]
    assert curve.thresholds[1:].tolist() == pytest.approx([0.85, 0.65, 0.3, 0.1])
    point = curve.point(3)
    assert (point.tar, point.far, point.frr, point.accuracy) == (1, 0.5, 0, 5 / 7)


@settings(max_examples=150, deadline=None)
@given(MIXED)
def test_thresholds_accept_what_the_points_say(pairs):
    scores, same = (np.array(part) for part in zip(*pairs, strict=True))
    curve = roc_curve(scores, same)
    assert (np.diff(curve.thresholds) < 0).all()
    for place in range(len(curve.thresholds)):
        assert point_at(scores, same, curve.thresholds[place]) == curve.point(place)
    best = max(((scores >= cut) == same).mean() for cut in [*scores, np.inf])
    assert most_accurate_point(scores, same).accuracy == best


def test_neighbouring_numbers_have_a_threshold_between_them():
    high = np.nextafter(0.5, 1)
    assert gap_thresholds(np.array([high, 0.5])).tolist() == [np.nextafter(high, 1), high, 0.5]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
def test_tensors_and_truth_values_of_every_kind(dtype):
    scores, same = (torch.from_numpy(part) for part in some(1))
    scores = scores.to(dtype).requires_grad_()
    expected = roc_curve(scores.detach().double().numpy(), same.numpy())
    for kind in (same, same.int(), same.float()):
        found = roc_curve(scores, kind)
        assert np.array_equal(found.true_accepts, expected.true_accepts)
        assert np.array_equal(found.thresholds, expected.thresholds)


def test_infinite_scores_are_scores():
    curve = roc_curve([np.inf, 0.5, -np.inf], [True, True, False])
    assert curve.auc == 1
    assert point_at([np.inf, 0.5, -np.inf], [True, True, False], 0.5).accuracy == 1


@pytest.mark.message
def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="all 3 pairs are of one person each; verification needs pairs of both kinds"):
        roc_curve([0.1, 0.2, 0.3], [True, True, True])
    with pytest.raises(ValueError, match="all 1 pairs are of two people each"):
        roc_curve([0.1], [False])
    with pytest.raises(ValueError, match="scores of 2 of 3 pairs are NaN, the first is pair 1; look for NaN embedd"):
        roc_curve([0.1, np.nan, np.nan], [True, False, True])
    with pytest.raises(ValueError, match=r"scores have shape \(2,\) and same has \(3,\), but both must be \(N,\)"):
        roc_curve([0.1, 0.2], [True, False, True])
    with pytest.raises(ValueError, match=r"scores have shape \(0,\)"):
        roc_curve([], [])
    with pytest.raises(ValueError, match="same holds values of int64 other than true and false; pass 1 for one person"):
        roc_curve([0.1, 0.2], [2, 0])
