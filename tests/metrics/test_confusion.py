"""The confusion matrix: scikit-learn and torchmetrics as oracles, then arithmetic by hand, then properties."""

import numpy as np
import pytest
import torch

from subband.metrics import (
    SET_METRICS,
    ConfusionMatrix,
    class_accuracy,
    class_iou,
    confusion_matrix,
    frequency_weighted_iou,
    mean_iou,
    pixel_accuracy,
)

VOID = 255


@pytest.fixture
def labels():
    """A prediction and a truth with five classes, of which one does not occur, and void."""
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 4, (23, 31))
    prediction = np.where(rng.random(truth.shape) < 0.6, truth, rng.integers(0, 4, truth.shape))
    truth[rng.random(truth.shape) < 0.1] = VOID
    return prediction, truth


def test_matrix_is_scikit_learns(labels):
    metrics = pytest.importorskip("sklearn.metrics")
    prediction, truth = labels
    kept = truth != VOID
    expected = metrics.confusion_matrix(truth[kept], prediction[kept], labels=range(5))
    assert np.array_equal(confusion_matrix(prediction, truth, classes=5, ignore_index=VOID), expected)


def test_scores_are_scikit_learns(labels):
    metrics = pytest.importorskip("sklearn.metrics")
    prediction, truth = labels
    kept = truth != VOID
    table = confusion_matrix(prediction, truth, classes=4, ignore_index=VOID)
    pair = truth[kept], prediction[kept]
    assert class_iou(table) == pytest.approx(metrics.jaccard_score(*pair, average=None))
    assert frequency_weighted_iou(table) == pytest.approx(metrics.jaccard_score(*pair, average="weighted"))
    assert pixel_accuracy(table) == pytest.approx(metrics.accuracy_score(*pair))
    assert np.mean(class_accuracy(table)) == pytest.approx(metrics.balanced_accuracy_score(*pair))


def test_by_hand():
    truth, prediction = np.array([0, 0, 1, 1, 2, VOID]), np.array([0, 1, 1, 1, 0, 2])
    table = confusion_matrix(prediction, truth, classes=4, ignore_index=VOID)
    assert table.tolist() == [[1, 1, 0, 0], [0, 2, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert class_iou(table)[:3].tolist() == [1 / 3, 2 / 3, 0]
    assert np.isnan(class_iou(table)[3])
    assert class_accuracy(table)[:3].tolist() == [0.5, 1, 0]
    assert np.isnan(class_accuracy(table)[3])
    assert pixel_accuracy(table) == 3 / 5
    assert frequency_weighted_iou(table) == pytest.approx((2 / 3 + 2 * 2 / 3 + 0) / 5)


def test_a_class_that_is_only_predicted_counts_in_the_mean_iou():
    table = ConfusionMatrix(3)
    table.update(np.array([0, 2]), np.array([0, 0]))
    assert table.metrics()["mIoU"] == pytest.approx((0.5 + 0) / 2)
    assert table.metrics()["class accuracy"] == 0.5


def test_images_together_are_one_long_image(labels):
    prediction, truth = labels
    table = ConfusionMatrix(5, ignore_index=VOID)
    for rows in (slice(0, 7), slice(7, 8), slice(8, None)):
        table.update(prediction[rows], truth[rows])
    assert np.array_equal(table.counts, confusion_matrix(prediction, truth, classes=5, ignore_index=VOID))
    assert table.metrics()["mIoU"] == pytest.approx(mean_iou(prediction, truth, classes=5, ignore_index=VOID))
    assert list(table.metrics()) == list(SET_METRICS)


@pytest.mark.parametrize("shape", [(1,), (7, 5), (3, 4, 5)])
def test_tensors_and_dimensions(shape):
    truth = torch.arange(int(np.prod(shape))).reshape(shape) % 3
    table = confusion_matrix(truth, truth, classes=3)
    assert table.sum() == truth.numel()
    assert np.array_equal(table, np.diag(np.diag(table)))
    assert confusion_matrix(truth.byte(), truth, classes=3).tolist() == table.tolist()


def test_unsigned_labels_do_not_overflow():
    truth = np.full((4, 4), 20, np.uint8)
    assert confusion_matrix(truth, truth, classes=21)[20, 20] == 16


def test_nothing_counts():
    table = ConfusionMatrix(3, ignore_index=VOID)
    table.update(np.zeros((2, 2), int), np.full((2, 2), VOID))
    assert table.counts.sum() == 0
    assert table.metrics() == dict.fromkeys(SET_METRICS, 1.0)


def test_perfect_and_swapped():
    truth = np.array([[0, 1], [1, 0]])
    table = ConfusionMatrix(2)
    table.update(truth, truth)
    assert set(table.metrics().values()) == {1.0}
    assert pixel_accuracy(confusion_matrix(1 - truth, truth, classes=2)) == 0


def test_inputs_are_untouched(labels):
    before = [array.copy() for array in labels]
    confusion_matrix(*labels, classes=4, ignore_index=VOID)
    assert all(np.array_equal(a, b) for a, b in zip(before, labels, strict=True))


@pytest.mark.message
def test_wrong_labels():
    truth = np.array([[0, 1]])
    with pytest.raises(ValueError, match="target holds the label 255, but labels go from 0 to 1; pass ignore_index"):
        confusion_matrix(truth, np.array([[0, VOID]]), classes=2)
    with pytest.raises(ValueError, match="prediction holds the label 2"):
        confusion_matrix(truth * 2, truth, classes=2)
    with pytest.raises(ValueError, match="give both the same shape"):
        confusion_matrix(truth, truth.T, classes=2)
    with pytest.raises(ValueError, match="classes is 0, but must be greater than 0"):
        ConfusionMatrix(0)
