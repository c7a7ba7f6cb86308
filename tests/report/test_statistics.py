"""Statistics of the report: scipy as the oracle, then arithmetic by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from subband.metrics import METRICS
from subband.report import read_comparison
from subband.report.statistics import ENOUGH, best, differences, higher_is_better, holm, paired, spread


def test_wilcoxon_equals_scipy_and_the_interval_its_bootstrap():
    d = np.random.default_rng(3).normal(0.3, 1, 25)
    found = paired(d, resamples=4000)
    oracle = stats.bootstrap((d,), np.mean, n_resamples=4000, method="percentile", random_state=1).confidence_interval
    assert found.p == stats.wilcoxon(d).pvalue
    assert found.mean == pytest.approx(d.mean())
    assert (found.low, found.high) == pytest.approx((oracle.low, oracle.high), abs=0.03)


def test_six_equal_signs_give_the_smallest_possible_p():
    assert paired([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).p == pytest.approx(2 / 2**6)
    assert math.isnan(paired([1.0] * (ENOUGH - 1)).p)


def test_differences_that_are_not_finite_are_left_out():
    found = paired([1.0, math.nan, math.inf, 3.0])
    assert (found.n, found.mean) == (2, 2.0)
    assert paired([math.nan]) is None
    assert math.isnan(paired([0.5]).low)


def test_no_difference_at_all_is_no_evidence():
    assert paired([0.0] * 8).p == 1.0


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    corrected = holm([0.5, math.nan, 0.6])
    assert corrected[0] == corrected[2] == 1.0
    assert math.isnan(corrected[1])


def test_holm_equals_scipy_free_definition_on_random_values():
    p = np.random.default_rng(0).random(9)
    order = np.argsort(p)
    expected = np.empty(9)
    expected[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(9, 0, -1)))
    assert holm(p.tolist()) == pytest.approx(expected.tolist())


def test_spread_divides_by_n_minus_one():
    assert spread([1.0, 2.0, 6.0]).sd == pytest.approx(np.std([1, 2, 6], ddof=1))
    assert math.isnan(spread([1.0]).sd)
    assert (spread([1.0, math.nan]).mean, spread([1.0, math.nan]).n) == (1.0, 1)
    assert spread([1.0, math.inf]).mean == math.inf
    assert math.isnan(spread([math.nan]).mean)


def test_directions_are_those_of_the_metrics():
    assert {name for name in METRICS if not higher_is_better(name)} == {"VI", "HD", "HD95", "B0", "B1"}
    assert best({"a": 1.0, "b": 2.0, "c": math.inf}, "mIoU") == "b"
    assert best({"a": 1.0, "b": 2.0, "c": -math.inf}, "VI") == "a"
    assert best({"a": math.nan}, "VI") is None


def test_an_image_with_several_seeds_counts_once(comparison):
    folder = comparison(losses=("ce", "cwmi"), seeds=(0, 1, 2), folds=(0, 1), images=4)
    read = read_comparison(folder)
    found = differences(read, "VI")["cwmi"]
    table = {(run.method, run.fold, run.seed, image["name"]): image["VI"] for run, image in read.rows()}
    by_hand = [
        np.mean([table["cwmi", fold, seed, name] - table["ce", fold, seed, name] for seed in (0, 1, 2)])
        for fold in (0, 1)
        for name in (f"image_{fold}_{number}" for number in range(4))
    ]
    assert found.n == 8
    assert found.mean == pytest.approx(np.mean(by_hand))
    assert found.p == pytest.approx(stats.wilcoxon(by_hand).pvalue)
    assert found.holm == found.p


def test_only_runs_that_both_losses_have_are_paired(comparison, change_result):
    folder = comparison(losses=("ce", "cwmi"), seeds=(0, 1), images=6)
    change_result(folder / "runs" / "cwmi-fold0-seed1", status="failed", error="stopped")
    assert differences(read_comparison(folder), "VI")["cwmi"].n == 6
    change_result(folder / "runs" / "ce-fold0-seed0", status="failed", error="stopped")
    assert differences(read_comparison(folder), "VI") == {}
