"""Overlap of classes: intersection over union and Dice."""

from typing import Any, Literal

import numpy as np

from subband._check import one_of
from subband.metrics._labels import Bools, Floats, Labels, counted_pixels, read_pair

Convention = Literal["default", "authors"]
CONVENTIONS = ("default", "authors")


def mean_iou(
    prediction: Any,
    target: Any,
    *,
    classes: int | None = None,
    ignore_index: int | None = None,
    convention: Convention = "default",
) -> float:
    r"""Intersection over union, the mean over the classes.

    .. math:: \frac1C \sum_c \frac{|P_c \cap T_c|}{|P_c \cup T_c|}

    A class that is in neither image is left out of the mean; where no class is left (all pixels are ignored), nothing
    is wrong and the value is 1.

    Args:
        prediction: Labels (*space), integers or bools; an array or a tensor.
        target: Labels of the same shape.
        classes: C; the largest label plus one, at least 2, if None.
        ignore_index: Target label of pixels that do not count.
        convention: ``"authors"`` keeps classes that are in neither image, so that the value is NaN. Their function
            also returns the negative of it.

    Returns:
        A number in [0, 1]; 1 for equal images. The background is a class like the others.

    Raises:
        ValueError: If shapes differ, values are no labels, or a label is not below ``classes``.

    Source:
        lurenhaothu/SPW, ``model/metrics.py``; torchmetrics' macro average of ``multiclass_jaccard_index``.

    Example:
        >>> import numpy as np
        >>> mean_iou(np.array([[0, 0, 1, 1]]), np.array([[0, 1, 1, 1]]))
        0.5833333333333333
    """
    both, either = _class_counts(prediction, target, classes, ignore_index, convention)
    return class_mean(both, either - both, convention)


def mean_dice(
    prediction: Any,
    target: Any,
    *,
    classes: int | None = None,
    ignore_index: int | None = None,
    convention: Convention = "default",
) -> float:
    r"""Dice coefficient, the mean over the classes.

    .. math:: \frac1C \sum_c \frac{2 |P_c \cap T_c|}{|P_c| + |T_c|}

    Edge cases are those of `mean_iou`.

    Args:
        prediction: Labels (*space), integers or bools; an array or a tensor.
        target: Labels of the same shape.
        classes: C; the largest label plus one, at least 2, if None.
        ignore_index: Target label of pixels that do not count.
        convention: ``"authors"`` keeps classes that are in neither image, so that the value is NaN.

    Returns:
        A number in [0, 1]; 1 for equal images. The background is a class like the others.

    Raises:
        ValueError: If shapes differ, values are no labels, or a label is not below ``classes``.

    Source:
        lurenhaothu/SPW, ``model/metrics.py``; torchmetrics' macro average of ``dice_score``.

    Example:
        >>> import numpy as np
        >>> round(mean_dice(np.array([[0, 0, 1, 1]]), np.array([[0, 1, 1, 1]])), 4)
        0.7333
    """
    both, either = _class_counts(prediction, target, classes, ignore_index, convention)
    return class_mean(2 * both, either, convention)


def _class_counts(
    prediction: Any, target: Any, classes: int | None, ignore_index: int | None, convention: Convention
) -> tuple[Floats, Floats]:
    """Check everything and count, for each class, pixels in both images and pixels in one plus pixels in the other."""
    one_of("convention", convention, CONVENTIONS)
    p, t = read_pair(prediction, target)
    return class_counts(p, t, classes, counted_pixels(t, ignore_index))


def class_counts(p: Labels, t: Labels, classes: int | None, counted: Bools | None) -> tuple[Floats, Floats]:
    """For each class: pixels in both images, and pixels in one plus pixels in the other.

    Raises:
        ValueError: If a label is negative or not below ``classes``.
    """
    if counted is not None:
        p, t = p[counted], t[counted]
    largest = max(largest_label("prediction", p, classes), largest_label("target", t, classes))
    count = max(2, largest + 1) if classes is None else classes
    if count == 2:
        both, first, second = (np.count_nonzero(x) for x in (np.logical_and(p, t), p, t))
        neither = p.size - first - second + both
        return np.array([neither, both], float), np.array([2 * p.size - first - second, first + second], float)
    table = np.bincount(t.ravel().astype(np.int64) * count + p.ravel(), minlength=count * count).reshape(count, count)
    return np.diag(table).astype(float), (table.sum(0) + table.sum(1)).astype(float)


def largest_label(name: str, labels: Labels, classes: int | None) -> int:
    """The largest label, 0 where there is none.

    Raises:
        ValueError: If a label is negative or not below ``classes``.
    """
    if labels.size == 0:
        return 0
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or (classes is not None and high >= classes):
        wrong = low if low < 0 else high
        limit = "" if classes is None else f" to {classes - 1}"
        raise ValueError(f"{name} holds the label {wrong}, but labels go from 0{limit}; pass ignore_index or classes")
    return high


def class_mean(part: Floats, whole: Floats, convention: Convention) -> float:
    """Mean of the ratios of the classes that occur, or of all of them."""
    if convention == "authors":
        with np.errstate(invalid="ignore"):
            return float(np.mean(part / whole))
    present = whole > 0
    return float(np.mean(part[present] / whole[present])) if present.any() else 1.0
