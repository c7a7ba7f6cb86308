"""All metrics at once: the single functions as oracle, classes, ignored pixels, options."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from subband.metrics import (
    METRICS,
    adjusted_rand_index,
    average_precision_dsb2018,
    betti_errors,
    cldice_score,
    hausdorff_distance,
    mean_dice,
    mean_iou,
    segmentation_metrics,
    variation_of_information,
)


def images(shape, classes, seed=0):
    rng = np.random.default_rng(seed)
    noise = [ndimage.gaussian_filter(rng.normal(size=(classes, *shape)), (0, *(2,) * len(shape))) for _ in range(2)]
    return (noise[0] + 0.5 * noise[1]).argmax(0), noise[0].argmax(0)


@pytest.mark.parametrize("convention", ["default", "authors"])
@pytest.mark.parametrize("shape", [(50, 41), (11, 20, 17)])
def test_two_classes_equal_the_single_functions(convention, shape):
    p, t = images(shape, 2)
    spacing = (2.0,) * len(shape)
    options = {"convention": convention}
    betti = betti_errors(p, t, **options)
    wanted = {
        "mIoU": mean_iou(p, t, **options),
        "mDice": mean_dice(p, t, **options),
        "VI": variation_of_information(p, t, **options),
        "ARI": adjusted_rand_index(p, t),
        "HD": hausdorff_distance(p, t, spacing=spacing, **options),
        "HD95": hausdorff_distance(p, t, method="hd95", spacing=spacing, **options),
        "B0": betti[0],
        "B1": betti[1],
        "mAP": average_precision_dsb2018(p, t, **options),
        "clDice": cldice_score(p, t),
    }
    found = segmentation_metrics(p, t, spacing=spacing, **options)
    assert list(found) == list(METRICS)
    assert found == pytest.approx(wanted, abs=1e-12)
    assert all(type(value) is float for value in found.values())


@pytest.mark.parametrize("shape", [(50, 41), (11, 20, 17)])
def test_more_classes_are_means_over_those_that_occur(shape):
    p, t = images(shape, 3)
    t[t == 2] = 4
    p[p == 2] = 4
    found = segmentation_metrics(p, t, classes=6)
    assert found["mIoU"] == mean_iou(p, t, classes=6)
    assert found["VI"] == variation_of_information(p, t, boundary=None)
    assert found["mAP"] == average_precision_dsb2018(p, t, boundary=None)
    assert found["HD"] == pytest.approx(np.mean([hausdorff_distance(p == c, t == c) for c in (1, 4)]))
    assert found["B0"] == np.mean([betti_errors(p == c, t == c)[0] for c in (1, 4)])
    assert found["clDice"] == pytest.approx(np.mean([cldice_score(p == c, t == c) for c in (1, 4)]))
    faithful = segmentation_metrics(p, t, classes=6, convention="authors")
    assert faithful["mAP"] == average_precision_dsb2018(p, t, boundary=None)


@pytest.mark.parametrize("classes", [2, 3])
def test_perfect_and_worst(classes):
    _, t = images((40, 40), classes)
    best = segmentation_metrics(t, t)
    for name, metric in METRICS.items():
        assert best[name] == pytest.approx(1 if metric.better == "higher" else 0), name
    worse = segmentation_metrics(np.roll(t, 9, 0), t)
    for name, metric in METRICS.items():
        assert worse[name] <= best[name] if metric.better == "higher" else worse[name] >= best[name], name


@pytest.mark.parametrize("p", [0, 1])
@pytest.mark.parametrize("t", [0, 1])
def test_constant_images_are_finite(p, t):
    found = segmentation_metrics(np.full((12, 9), p), np.full((12, 9), t), classes=2)
    assert np.isfinite(list(found.values())).all()
    if p == t:
        assert found == {name: float(metric.better == "higher") for name, metric in METRICS.items()}


@pytest.mark.parametrize("classes", [2, 3])
def test_ignored_pixels_do_not_count(classes):
    p, t = images((30, 30), classes)
    t[10:20, 5:25] = 255
    found = segmentation_metrics(p, t, ignore_index=255, classes=classes)
    changed = np.where(t == 255, classes - 1 - p, p)
    assert segmentation_metrics(changed, t, ignore_index=255, classes=classes) == found
    right = np.where(t == 255, p, t)
    best = segmentation_metrics(right, t, ignore_index=255, classes=classes)
    assert best == {name: float(metric.better == "higher") for name, metric in METRICS.items()}


def test_only_the_wanted_metrics_in_the_table_s_order():
    p, t = images((20, 20), 2)
    everything = segmentation_metrics(p, t)
    found = segmentation_metrics(p, t, names=("clDice", "mIoU"))
    assert list(found) == ["mIoU", "clDice"]
    assert found == {name: everything[name] for name in found}


def test_tensors_and_inputs_left_as_they_are():
    p, t = images((20, 20), 2)
    wanted = segmentation_metrics(p, t)
    tensors = torch.tensor(p), torch.tensor(t, dtype=torch.uint8)
    assert segmentation_metrics(*tensors) == wanted
    p.flags.writeable = t.flags.writeable = False
    assert segmentation_metrics(p, t) == wanted
    assert torch.equal(tensors[0], torch.tensor(p))


def test_every_metric_says_what_it_is():
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.arrow == {"higher": "↑", "lower": "↓"}[metric.better]
        assert metric.line


@pytest.mark.message
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": ["miou"]}, "did you mean 'mIoU'"),
        ({"spacing": (1,)}, "must be 2 lengths"),
        ({"classes": 1}, "prediction holds the label 1, but labels go from 0 to 0"),
    ],
)
def test_errors_say_what_to_do(options, message):
    with pytest.raises(ValueError, match=message):
        segmentation_metrics(np.eye(4), np.eye(4), **options)


@pytest.mark.message
def test_a_line_is_no_image():
    with pytest.raises(ValueError, match=r"prediction has shape \(4,\)"):
        segmentation_metrics(np.zeros(4), np.zeros(4))
