"""Mean corruption error: the AlexNet row, a table by hand, references that make no error."""

import math

import numpy as np
import pytest

from subband.metrics.robustness import (
    ALEXNET_CLEAN_ERROR,
    ALEXNET_ERRORS,
    GROUPS,
    ROBUSTNESS_METRICS,
    corruption_summary,
    mean_corruption_error,
    relative_mean_corruption_error,
)

ALEXNET = {name: [error] * 5 for name, error in ALEXNET_ERRORS.items()}


def test_the_alexnet_row_gives_100():
    summary = corruption_summary(ALEXNET, clean=ALEXNET_CLEAN_ERROR)
    assert summary.mce == pytest.approx(100, abs=1e-9)
    assert summary.relative_mce == pytest.approx(100, abs=1e-9)
    assert summary.reference == "AlexNet"
    assert all(value == pytest.approx(100) for value in summary.groups.values())
    assert mean_corruption_error(ALEXNET) == summary.mce
    assert relative_mean_corruption_error(ALEXNET, ALEXNET_CLEAN_ERROR) == summary.relative_mce
    assert sum(ALEXNET_ERRORS.values()) == pytest.approx(11.834896)
    assert summary.mean_error == pytest.approx(11.834896 / 15)


def test_a_table_by_hand():
    errors = {"fog": [0.2, 0.4], "snow": [0.3, 0.5], "contrast": [0.6, 1.0]}
    baseline = {"fog": [0.4, 0.8], "snow": [0.2, 0.6], "contrast": [0.5, 0.5]}
    summary = corruption_summary(
        errors, clean=0.1, baseline=baseline, baseline_clean=0.2, names=("fog", "snow", "contrast"), reference="vanilla"
    )
    # fog 0.3 / 0.6, snow 0.4 / 0.4, contrast 0.8 / 0.5
    assert summary.corruption_errors == pytest.approx({"fog": 50, "snow": 100, "contrast": 160})
    assert summary.mce == pytest.approx(310 / 3)
    # fog 0.2 / 0.4, snow 0.3 / 0.2, contrast 0.7 / 0.3
    assert summary.relative_errors == pytest.approx({"fog": 50, "snow": 150, "contrast": 700 / 3})
    assert summary.relative_mce == pytest.approx((50 + 150 + 700 / 3) / 3)
    assert summary.errors == pytest.approx({"fog": 0.3, "snow": 0.4, "contrast": 0.8})
    assert summary.mean_error == pytest.approx(0.5)
    assert summary.groups == pytest.approx({"weather": 75, "digital": 160})
    assert summary.group_errors == pytest.approx({"weather": 0.35, "digital": 0.8})
    assert summary.reference == "vanilla"


def test_unequal_severities_weigh_by_their_sums():
    errors = {name: [0.1, 0.2, 0.3, 0.4, 0.5] for name in ALEXNET_ERRORS}
    expected = np.mean([100 * 0.3 / error for error in ALEXNET_ERRORS.values()])
    assert mean_corruption_error(errors) == pytest.approx(expected)
    relative = np.mean([100 * (0.3 - 0.1) / (error - ALEXNET_CLEAN_ERROR) for error in ALEXNET_ERRORS.values()])
    assert relative_mean_corruption_error(errors, 0.1) == pytest.approx(relative)
    own = corruption_summary(errors, clean=0.1, baseline_clean=0.4)
    assert own.relative_errors["fog"] == pytest.approx(100 * 0.2 / (ALEXNET_ERRORS["fog"] - 0.4))


def test_a_network_is_100_against_itself():
    rng = np.random.default_rng(0)
    errors = {name: rng.uniform(0.3, 0.9, 5).tolist() for name in ALEXNET_ERRORS}
    assert mean_corruption_error(errors, baseline=errors) == pytest.approx(100)
    assert relative_mean_corruption_error(errors, 0.2, baseline=errors, baseline_clean=0.2) == pytest.approx(100)
    assert corruption_summary(errors, baseline=errors).reference == "baseline"


def test_groups_hold_each_corruption_once():
    members = [name for group in GROUPS.values() for name in group]
    assert members == list(ALEXNET_ERRORS)
    assert [len(group) for group in GROUPS.values()] == [3, 4, 4, 4]


def test_names_are_those_of_the_corruptions():
    from subband.corrupt import CORRUPTIONS

    assert tuple(ALEXNET_ERRORS) == CORRUPTIONS


def test_extra_corruptions_are_left_out_of_the_mean():
    assert mean_corruption_error({**ALEXNET, "spatter": [0.9] * 5}) == pytest.approx(100)


def test_a_reference_without_error():
    names = ("fog", "snow")
    zero = {"fog": [0.0], "snow": [0.0]}
    summary = corruption_summary({"fog": [0.1], "snow": [0.0]}, baseline=zero, names=names)
    assert summary.corruption_errors["fog"] == math.inf
    assert math.isnan(summary.corruption_errors["snow"])
    assert math.isnan(summary.mce)
    assert math.isnan(summary.relative_mce)
    assert summary.relative_errors == {}


def test_metrics_say_what_they_are():
    assert ROBUSTNESS_METRICS["mCE"].arrow == "↓"
    assert ROBUSTNESS_METRICS["shift consistency"].arrow == "↑"


@pytest.mark.message
def test_errors_say_what_to_do():
    with pytest.raises(
        ValueError, match="errors has no 'fog'; did you mean 'fogs'\\?; give all of names, or fewer names"
    ):
        mean_corruption_error({**{name: row for name, row in ALEXNET.items() if name != "fog"}, "fogs": [0.1]})
    with pytest.raises(ValueError, match="fog has 3 severities, but AlexNet's error is the mean of 5; give all"):
        mean_corruption_error({**ALEXNET, "fog": [0.1] * 3})
    with pytest.raises(ValueError, match="fog has 5 severities, but 2 in the baseline; give both the same"):
        mean_corruption_error(ALEXNET, baseline={**ALEXNET, "fog": [0.1, 0.2]})
    with pytest.raises(ValueError, match=r"errors of fog are \[61.0\], but must be error rates in \[0, 1\]"):
        mean_corruption_error({**ALEXNET, "fog": [61]})
    with pytest.raises(ValueError, match="AlexNet's error of 'spatter' is not known; give a baseline"):
        corruption_summary({"spatter": [0.1] * 5}, names=["spatter"])
    with pytest.raises(ValueError, match="names is empty"):
        corruption_summary(ALEXNET, names=())
    with pytest.raises(ValueError, match="baseline_clean is missing; give the clean error of the baseline"):
        relative_mean_corruption_error(ALEXNET, 0.2, baseline=ALEXNET)
