"""Metrics against the authors' recorded outputs (metrics.npz)."""

import numpy as np
import pytest

from subband.metrics import (
    adjusted_rand_index,
    average_precision_dsb2018,
    betti_errors,
    betti_numbers,
    even_lines,
    hausdorff_distance,
    mean_dice,
    mean_iou,
    segmentation_metrics,
    variation_of_information,
)

METRICS_BY_NAME = {
    "miou": lambda p, t: -mean_iou(p, t, convention="authors"),  # the authors return the negative
    "mdice": lambda p, t: mean_dice(p, t, convention="authors"),
    "vi": lambda p, t: variation_of_information(p, t, convention="authors"),
    "ari": adjusted_rand_index,
    "hausdorff_distance": lambda p, t: hausdorff_distance(p, t, convention="authors"),
    "map_2018kdsb": lambda p, t: average_precision_dsb2018(p, t, convention="authors"),
    "compute_bettis_own": lambda p, t: sum(betti_errors(p, t, convention="authors")),
}
METRICS_IN_ONE = {
    "miou": lambda found: -found["mIoU"],
    "mdice": lambda found: found["mDice"],
    "vi": lambda found: found["VI"],
    "ari": lambda found: found["ARI"],
    "hausdorff_distance": lambda found: found["HD"],
    "map_2018kdsb": lambda found: found["mAP"],
    "compute_bettis_own": lambda found: found["B0"] + found["B1"],
}


@pytest.fixture
def metrics_recorded(parity):
    return np.load(parity / "segmentation" / "metrics.npz")


def metrics_pairs(recorded):
    names = [key.removesuffix("_values") for key in recorded.files if key.endswith("_values")]
    assert names
    return {name: (recorded[f"{name}_pred"], recorded[f"{name}_mask"]) for name in names}


def test_metrics_are_the_authors(metrics_recorded):
    names = [str(name) for name in metrics_recorded["metric_names"]]
    for case, (p, t) in metrics_pairs(metrics_recorded).items():
        found = [METRICS_BY_NAME[name](p, t) for name in names]
        wanted = metrics_recorded[f"{case}_values"]
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-9, err_msg=f"{case}: {names}")


def test_all_metrics_at_once_are_the_authors(metrics_recorded):
    names = [str(name) for name in metrics_recorded["metric_names"]]
    for case, (p, t) in metrics_pairs(metrics_recorded).items():
        found = segmentation_metrics(p, t, convention="authors")
        values = [METRICS_IN_ONE[name](found) for name in names]
        np.testing.assert_allclose(values, metrics_recorded[f"{case}_values"], rtol=0, atol=1e-9, err_msg=case)


@pytest.mark.parametrize("which", ["mask", "pred"])
def test_betti_numbers_are_the_authors(metrics_recorded, which):
    for case in metrics_pairs(metrics_recorded):
        found = betti_numbers(metrics_recorded[f"{case}_{which}"], convention="authors")
        assert list(found) == metrics_recorded[f"{case}_betti_{which}"].tolist(), case


def test_default_metrics_are_finite_where_the_authors_are_not(metrics_recorded):
    pairs = metrics_pairs(metrics_recorded)
    assert any(not np.isfinite(metrics_recorded[f"{case}_values"]).all() for case in pairs)
    for case, (p, t) in pairs.items():
        assert np.isfinite(list(segmentation_metrics(p, t).values())).all(), case


def test_ordinary_default_metrics_are_the_authors(metrics_recorded):
    """The two conventions differ in edge cases, in the frame of mAP and in the Betti numbers only."""
    same = ("miou", "mdice", "vi", "ari", "hausdorff_distance")
    names = [str(name) for name in metrics_recorded["metric_names"]]
    for case, (p, t) in metrics_pairs(metrics_recorded).items():
        wanted = dict(zip(names, metrics_recorded[f"{case}_values"], strict=True))
        if not np.isfinite(list(wanted.values())).all() or not (t == 0).any():
            continue
        found = segmentation_metrics(p, t)
        for name in same:
            assert METRICS_IN_ONE[name](found) == pytest.approx(wanted[name], abs=1e-9), (case, name)


@pytest.mark.parametrize(
    ("key", "source", "close_gaps"), [("post_label", "mask", False), ("post_output", "pred", True)]
)
def test_even_lines_are_the_authors(metrics_recorded, key, source, close_gaps):
    names = [name.removeprefix(f"{key}_") for name in metrics_recorded.files if name.startswith(f"{key}_")]
    assert names
    for name in names:
        found = even_lines(metrics_recorded[f"{name}_{source}"], close_gaps=close_gaps)
        np.testing.assert_array_equal(found, metrics_recorded[f"{key}_{name}"] > 0, err_msg=name)
