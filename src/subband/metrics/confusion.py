"""The table of true and predicted classes, over one image or many, and the scores read off it."""

from typing import Any

import numpy as np

from subband._check import positive
from subband.metrics._labels import Floats, Integers, counted_pixels, read_pair
from subband.metrics.overlap import largest_label
from subband.metrics.table import Metric

SET_METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("mIoU", "higher", "intersection over union of all test pixels together, mean of the classes"),
        Metric("accuracy", "higher", "part of the pixels whose class is right"),
        Metric("class accuracy", "higher", "that part in each true class, mean of the classes"),
        Metric("FWIoU", "higher", "intersection over union, each class weighing as much as its pixels"),
    )
}
"""Scores of a set with several classes, all pixels together."""


def confusion_matrix(prediction: Any, target: Any, *, classes: int, ignore_index: int | None = None) -> Integers:
    r"""How many pixels of true class i were predicted as class j.

    .. math:: M_{ij} = |\{x : t(x) = i, \; p(x) = j\}|

    Args:
        prediction: Labels (*space), integers or bools; an array or a tensor.
        target: Labels of the same shape.
        classes: C.
        ignore_index: Target label of pixels that do not count, such as 255 for void.

    Returns:
        Counts (C, C) in pixels: rows are true, columns predicted classes.

    Raises:
        ValueError: If shapes differ, values are no labels, or a label is not below ``classes``.

    Source:
        LiQiufu/WaveSNet, ``utils/metrics.py``. Departure: a target label outside the classes is refused unless it is
        ``ignore_index``; theirs leaves out every such pixel without a word.

    Example:
        >>> import numpy as np
        >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 0, 1]), classes=2).tolist()
        [[1, 1], [0, 1]]
    """
    positive(classes=classes)
    p, t = read_pair(prediction, target)
    counted = counted_pixels(t, ignore_index)
    if counted is not None:
        p, t = p[counted], t[counted]
    for name, labels in (("prediction", p), ("target", t)):
        largest_label(name, labels, classes)
    cells = t.ravel().astype(np.int64) * classes + p.ravel()
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes).astype(np.int64, copy=False)


def class_iou(matrix: Integers) -> Floats:
    r"""Intersection over union of each class, :math:`M_{cc} / (\sum_i M_{ic} + \sum_j M_{cj} - M_{cc})`.

    Args:
        matrix: Counts (C, C) of `confusion_matrix`.

    Returns:
        Numbers in [0, 1]; NaN for a class that occurs neither in truth nor in prediction.

    Example:
        >>> import numpy as np
        >>> class_iou(np.array([[1, 1], [0, 1]])).tolist()
        [0.5, 0.5]
    """
    right = np.diag(matrix).astype(float)
    return _ratio(right, matrix.sum(0) + matrix.sum(1) - right)


def pixel_accuracy(matrix: Integers) -> float:
    """Part of the pixels whose class is right; 1 where no pixel counts.

    Example:
        >>> import numpy as np
        >>> pixel_accuracy(np.array([[3, 1], [0, 4]]))
        0.875
    """
    total = int(matrix.sum())
    return float(np.trace(matrix)) / total if total else 1.0


def class_accuracy(matrix: Integers) -> Floats:
    """Part of the pixels of each true class that is found; NaN for a class that is not in the truth.

    Example:
        >>> import numpy as np
        >>> class_accuracy(np.array([[3, 1], [0, 4]])).tolist()
        [0.75, 1.0]
    """
    return _ratio(np.diag(matrix).astype(float), matrix.sum(1))


def frequency_weighted_iou(matrix: Integers) -> float:
    """Intersection over union of the classes, weighed by their parts of the truth; 1 where no pixel counts.

    Example:
        >>> import numpy as np
        >>> frequency_weighted_iou(np.array([[1, 1], [0, 2]]))
        0.5833333333333333
    """
    pixels = matrix.sum(1)
    if not pixels.sum():
        return 1.0
    return float((pixels * np.nan_to_num(class_iou(matrix))).sum() / pixels.sum())


class ConfusionMatrix:
    """`confusion_matrix` of many images together.

    Args:
        classes: C.
        ignore_index: Target label of pixels that do not count.

    Example:
        >>> import numpy as np
        >>> table = ConfusionMatrix(2, ignore_index=255)
        >>> table.update(np.array([0, 1, 1]), np.array([0, 0, 255]))
        >>> table.counts.tolist(), round(table.metrics()["mIoU"], 2)
        ([[1, 1], [0, 0]], 0.25)
    """

    def __init__(self, classes: int, *, ignore_index: int | None = None) -> None:
        positive(classes=classes)
        self.classes, self.ignore_index = classes, ignore_index
        self.counts: Integers = np.zeros((classes, classes), np.int64)

    def update(self, prediction: Any, target: Any) -> None:
        """Add the pixels of an image."""
        self.counts += confusion_matrix(prediction, target, classes=self.classes, ignore_index=self.ignore_index)

    @property
    def iou(self) -> Floats:
        """`class_iou` of all images together."""
        return class_iou(self.counts)

    def metrics(self) -> dict[str, float]:
        """`SET_METRICS`: means leave out classes that do not occur; 1 where no pixel counts."""
        return {
            "mIoU": _mean(self.iou),
            "accuracy": pixel_accuracy(self.counts),
            "class accuracy": _mean(class_accuracy(self.counts)),
            "FWIoU": frequency_weighted_iou(self.counts),
        }


def _ratio(part: Floats, whole: Any) -> Floats:
    found = np.full(len(part), np.nan)
    np.divide(part, whole, out=found, where=np.asarray(whole) > 0)
    return found


def _mean(values: Floats) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else 1.0
