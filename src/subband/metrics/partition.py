"""Agreement of partitions into regions: variation of information, adjusted Rand index, average precision."""

from typing import Any

import numpy as np

from subband._check import one_of
from subband.metrics._labels import Floats, Labels, Table, counted_pixels, read_pair, region_table
from subband.metrics.overlap import CONVENTIONS, Convention

THRESHOLDS = np.arange(50, 100, 5) / 100
"""Overlaps above which a region is found, in the Data Science Bowl 2018."""
NO_OBJECT = 10.0
"""What the authors take for the variation of information of a target without regions."""


def variation_of_information(
    prediction: Any,
    target: Any,
    *,
    boundary: int | None = 1,
    ignore_index: int | None = None,
    convention: Convention = "default",
) -> float:
    r"""Bits by which two partitions differ: by what is joined and by what is split.

    .. math:: H(P \mid T) + H(T \mid P)

    Regions are face-connected pixels of one label other than ``boundary``. Only pixels in regions of the target count;
    the predicted boundary inside them is one more region. So a prediction that is all boundary has the value 0 against
    a target with one region: read it beside `mean_iou`. If the target has no region, all pixels count.

    Args:
        prediction: Labels (*space), integers or bools; an array or a tensor.
        target: Labels of the same shape.
        boundary: Label that separates regions; None takes regions of every label.
        ignore_index: Target label of pixels that do not count.
        convention: ``"authors"`` gives 10 if the target has no region.

    Returns:
        Bits, from 0 (equal partitions) to twice the logarithm of the number of pixels; always finite.

    Raises:
        ValueError: If shapes differ or values are no labels.

    Source:
        Meila, 2007; lurenhaothu/CWMI, ``model/metrics.py`` since d8f03ad. scikit-image's ``variation_of_information``
        with ``ignore_labels=[0]`` is the same where the target has a region.

    Example:
        >>> import numpy as np
        >>> whole, halves = np.array([[0, 0, 0, 0, 0]]), np.array([[0, 0, 1, 0, 0]])
        >>> variation_of_information(whole, halves)
        1.0
    """
    one_of("convention", convention, CONVENTIONS)
    return table_vi(_read(prediction, target, boundary, ignore_index), convention)


def adjusted_rand_index(
    prediction: Any, target: Any, *, boundary: int | None = 1, ignore_index: int | None = None
) -> float:
    r"""Share of pixel pairs on which two partitions agree, above what chance gives.

    .. math:: \frac{\sum_{ij} \binom{n_{ij}}{2} - E}{\tfrac12 (A + B) - E}, \quad
              A = \sum_i \binom{a_i}{2},\; B = \sum_j \binom{b_j}{2},\; E = A B / \binom{n}{2}

    Regions as in `variation_of_information`; all pixels count, the boundary as one more region.

    Args:
        prediction: Labels (*space), integers or bools; an array or a tensor.
        target: Labels of the same shape.
        boundary: Label that separates regions; None takes regions of every label.
        ignore_index: Target label of pixels that do not count.

    Returns:
        A number of at most 1; 1 for equal partitions (two without any division among them), 0 on average by chance.

    Raises:
        ValueError: If shapes differ or values are no labels.

    Source:
        Hubert and Arabie, 1985; scikit-learn's ``adjusted_rand_score``, as in lurenhaothu/CWMI, ``model/metrics.py``.

    Example:
        >>> import numpy as np
        >>> halves = np.array([[0, 0, 1, 0, 0]])
        >>> adjusted_rand_index(halves, halves), adjusted_rand_index(np.zeros((1, 5), int), halves)
        (1.0, 0.0)
    """
    return table_ari(_read(prediction, target, boundary, ignore_index))


def average_precision_dsb2018(
    prediction: Any,
    target: Any,
    *,
    boundary: int | None = 1,
    ignore_index: int | None = None,
    convention: Convention = "default",
) -> float:
    r"""Precision of found regions, the mean over ten overlaps from 0.5 to 0.95.

    .. math:: \frac1{10} \sum_t \frac{TP_t}{TP_t + FP_t + FN_t}

    A region is found at :math:`t` if its intersection over union with one region of the other image is above
    :math:`t`. Regions as in `variation_of_information`. If neither image has a region, the value is 1.

    Args:
        prediction: Labels (*space), integers or bools; an array or a tensor.
        target: Labels of the same shape.
        boundary: Label that separates regions; None takes regions of every label.
        ignore_index: Target label of pixels that do not count.
        convention: ``"authors"`` makes the one-pixel frame of the image boundary first, and gives NaN if neither image
            has a region.

    Returns:
        A number in [0, 1]; 1 if all regions are found.

    Raises:
        ValueError: If shapes differ or values are no labels, or the authors' frame is wanted without ``boundary``.

    Source:
        Data Science Bowl 2018; lurenhaothu/SPW, ``model/metrics.py``, which writes the frame into its inputs.

    Example:
        >>> import numpy as np
        >>> halves = np.array([[0, 0, 1, 0, 0]])
        >>> average_precision_dsb2018(halves, halves), average_precision_dsb2018(np.ones((1, 5), int), halves)
        (1.0, 0.0)
    """
    one_of("convention", convention, CONVENTIONS)
    p, t = read_pair(prediction, target)
    counted = counted_pixels(t, ignore_index)
    if convention == "authors":
        if boundary is None:
            raise ValueError("boundary is None, but convention 'authors' draws a frame with it; pass the label")
        p, t = framed(p, boundary), framed(t, boundary)
    return table_map(region_table(p, t, boundary=boundary, counted=counted), convention)


def _read(prediction: Any, target: Any, boundary: int | None, ignore_index: int | None) -> Table:
    p, t = read_pair(prediction, target)
    return region_table(p, t, boundary=boundary, counted=counted_pixels(t, ignore_index))


def framed(labels: Labels, value: int) -> Labels:
    """A copy whose outermost pixels are ``value``."""
    inner = (slice(1, -1),) * labels.ndim
    found = np.full_like(labels, value)
    found[inner] = labels[inner]
    return found


def table_vi(table: Table, convention: Convention) -> float:
    """`variation_of_information` of a table."""
    if convention == "authors" and table.columns == 0:
        return NO_OBJECT
    kept = table.within()
    if not kept.count.size:
        return 0.0
    share = kept.count / kept.count.sum()
    of_row = kept.row_sums()[kept.row] / kept.count.sum()
    of_column = kept.column_sums()[kept.column] / kept.count.sum()
    return abs(float(np.sum(share * np.log2(of_row * of_column / share**2))))


def table_ari(table: Table) -> float:
    """`adjusted_rand_index` of a table."""
    together, rows, columns = (_pairs(x) for x in (table.count, table.row_sums(), table.column_sums()))
    total = _pairs(table.count.sum(keepdims=True))
    if total == 0 or rows == columns == total or rows == columns == 0:
        return 1.0
    chance = rows * columns / total
    return (together - chance) / ((rows + columns) / 2 - chance)


def table_map(table: Table, convention: Convention) -> float:
    """`average_precision_dsb2018` of a table."""
    if table.rows == 0 and table.columns == 0:
        return float("nan") if convention == "authors" else 1.0
    inside = (table.row > 0) & (table.column > 0)
    both = table.count[inside]
    overlap = both / (table.row_sums()[table.row[inside]] + table.column_sums()[table.column[inside]] - both)
    found = (overlap[:, None] > THRESHOLDS).sum(0)
    return float(np.mean(found / (table.rows + table.columns - found)))


def _pairs(counts: Floats) -> float:
    return float(np.sum(counts * (counts - 1))) / 2
