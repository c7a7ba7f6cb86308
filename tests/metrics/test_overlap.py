"""mIoU and mDice: torchmetrics as oracle, hand arithmetic, edge cases."""

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_jaccard_index
from torchmetrics.functional.segmentation import dice_score

from subband.metrics import mean_dice, mean_iou


def pair(shape, classes, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, classes, shape), rng.integers(0, classes, shape)


@pytest.mark.parametrize(("shape", "classes"), [((31, 17), 2), ((40, 8), 5), ((5, 6, 7), 2), ((5, 6, 7), 3), ((9,), 3)])
def test_equal_torchmetrics(shape, classes):
    p, t = pair(shape, classes)
    iou = multiclass_jaccard_index(torch.tensor(p), torch.tensor(t), num_classes=classes, average="macro")
    assert mean_iou(p, t) == pytest.approx(float(iou), abs=1e-6)
    onehot = [torch.nn.functional.one_hot(torch.tensor(x), classes).movedim(-1, 0)[None] for x in (p, t)]
    dice = dice_score(*onehot, num_classes=classes, average="macro")
    assert mean_dice(p, t) == pytest.approx(float(dice), abs=1e-6)


def test_by_hand():
    p, t = np.array([[0, 1, 1, 2]]), np.array([[0, 1, 2, 2]])
    assert mean_iou(p, t) == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)
    assert mean_dice(p, t) == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)


def test_a_class_in_neither_image_is_left_out():
    p, t = np.array([[0, 2]]), np.array([[0, 0]])
    assert mean_iou(p, t, classes=5) == pytest.approx((1 / 2 + 0) / 2)
    assert mean_iou(np.ones((3, 3)), np.ones((3, 3))) == mean_dice(np.zeros((3, 3)), np.zeros((3, 3))) == 1
    assert np.isnan(mean_iou(p, t, classes=5, convention="authors"))
    assert np.isnan(mean_dice(np.ones((3, 3)), np.ones((3, 3)), convention="authors"))


@pytest.mark.parametrize("metric", [mean_iou, mean_dice])
def test_ignored_pixels_do_not_count(metric):
    p, t = pair((20, 20), 3)
    t[:, 7:11] = 255
    kept = t != 255
    assert metric(p, t, ignore_index=255) == metric(p[kept], t[kept])
    changed = np.where(kept, p, 2 - p)
    assert metric(changed, t, ignore_index=255) == metric(p, t, ignore_index=255)
    assert metric(p, np.full_like(t, 255), ignore_index=255) == 1


def test_masks_of_any_dtype_and_tensors_are_the_same_and_left_as_they_are():
    p, t = pair((13, 12), 2)
    wanted = mean_iou(p, t)
    for kind in (bool, np.uint8, np.int8, np.uint64, np.float32):
        assert mean_iou(p.astype(kind), t.astype(kind)) == wanted
    tensor = torch.tensor(p)
    assert mean_iou(tensor, torch.tensor(t).bool()) == wanted
    assert torch.equal(tensor, torch.tensor(p))


def test_a_mask_of_0_and_255_needs_no_conversion():
    p, t = pair((13, 12), 2)
    assert mean_dice(255 * p, 255 * t) == mean_dice(p, t)


@pytest.mark.message
@pytest.mark.parametrize(
    ("p", "t", "options", "message"),
    [
        (np.zeros((2, 2)), np.zeros((2, 3)), {}, r"target has shape \(2, 3\), but prediction has \(2, 2\)"),
        (np.full((2, 2), 0.5), np.zeros((2, 2)), {}, "prediction is of float64 .*probability > 0.5"),
        (
            np.zeros((2, 2)),
            np.full((2, 2), 255),
            {"classes": 2},
            "target holds the label 255, but .* 0 to 1",
        ),
        (np.zeros((2, 2)), np.full((2, 2), -1), {}, "target holds the label -1"),
        (np.zeros((0, 2)), np.zeros((0, 2)), {}, "not empty"),
        (np.zeros((1, 1, 2, 2)), np.zeros((1, 1, 2, 2)), {}, r"prediction has shape \(1, 1, 2, 2\), but must be"),
        (np.zeros((2, 2)), np.zeros((2, 2)), {"convention": "author"}, "did you mean 'authors'"),
    ],
)
def test_errors_say_what_to_do(p, t, options, message):
    with pytest.raises(ValueError, match=message):
        mean_iou(p, t, **options)
