"""Checked pairs of label images, their regions, and the one table that region metrics share."""

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from subband._check import same_shape

Labels = NDArray[Any]
Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
DENSE = 2**22
"""Cells of a table up to which it is counted densely."""


def read_labels(image: Any, *, name: str) -> Labels:
    """A label image as an array of integers or bools, from a tensor on any device or an array.

    Raises:
        ValueError: If it has no or more than three axes, or values that are not integers from 0 on.
    """
    array = np.asarray(image.detach().cpu() if hasattr(image, "detach") else image)
    if array.ndim not in (1, 2, 3) or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}, but must be (W,), (H, W) or (D, H, W) and not empty")
    if array.dtype.kind == "f" and (array == np.floor(array)).all():
        array = array.astype(np.int64)
    if array.dtype.kind not in "bui":
        raise ValueError(f"{name} is of {array.dtype} and holds no whole numbers; pass labels, as in probability > 0.5")
    return array


def read_pair(prediction: Any, target: Any) -> tuple[Labels, Labels]:
    """Both label images, checked.

    Raises:
        ValueError: If one of them does not fit or the shapes differ.
    """
    pair = read_labels(prediction, name="prediction"), read_labels(target, name="target")
    same_shape(prediction=pair[0], target=pair[1])
    return pair


def counted_pixels(target: Labels, ignore_index: int | None) -> Bools | None:
    """Where the target is not ``ignore_index``; None where all pixels count."""
    if ignore_index is None:
        return None
    counted: Bools = target != ignore_index
    return None if counted.all() else counted


def regions(labels: Labels, boundary: int | None, counted: Bools | None = None) -> tuple[NDArray[np.int32], int]:
    """Face-connected regions of equal label, numbered from 1, and how many there are; the label ``boundary`` gets 0."""
    if boundary in (0, 1) and labels.max() <= 1 and labels.min() >= 0:
        inside = labels != boundary
        return parts(inside if counted is None else inside & counted)
    from skimage.measure import label

    image = labels.astype(np.int64)
    outside = int(image.min()) - 1
    if boundary is not None:
        image[image == boundary] = outside
    if counted is not None:
        image[~counted] = outside
    found, count = label(image, background=outside, connectivity=1, return_num=True)  # type: ignore[no-untyped-call]
    return found.astype(np.int32), int(count)


def parts(mask: Bools) -> tuple[NDArray[np.int32], int]:
    """Face-connected parts of a mask, numbered from 1 in any order, and how many; faster where cc3d is installed."""
    try:
        cc3d: Any = importlib.import_module("cc3d")
    except ImportError:
        found = np.empty(mask.shape, np.int32)
        return found, int(ndimage.label(mask, output=found))
    faces = {1: 4, 2: 4, 3: 6}[mask.ndim]
    labelled, count = cc3d.connected_components(np.atleast_2d(mask), connectivity=faces, return_N=True)
    return labelled.astype(np.int32).reshape(mask.shape), int(count)


@dataclass(frozen=True)
class Table:
    """How many pixels are in region ``row`` of the prediction and in region ``column`` of the target.

    Args:
        row: Region of the prediction, 0 for the boundary.
        column: Region of the target, 0 for the boundary.
        count: Pixels in both, at least 1.
        rows: Regions of the prediction.
        columns: Regions of the target.
    """

    row: Integers
    column: Integers
    count: Floats
    rows: int
    columns: int

    def within(self) -> "Table":
        """The part that lies in regions of the target, or everything if the target has none."""
        kept = self.column > 0
        if not kept.any():
            return self
        return Table(self.row[kept], self.column[kept], self.count[kept], self.rows, self.columns)

    def row_sums(self) -> Floats:
        """Pixels of each region of the prediction, boundary first."""
        return np.bincount(self.row, self.count, minlength=self.rows + 1).astype(np.float64, copy=False)

    def column_sums(self) -> Floats:
        """Pixels of each region of the target, boundary first."""
        return np.bincount(self.column, self.count, minlength=self.columns + 1).astype(np.float64, copy=False)


def region_table(prediction: Labels, target: Labels, *, boundary: int | None, counted: Bools | None = None) -> Table:
    """Label the regions of both images and count their overlaps."""
    (first, rows), (second, columns) = (regions(image, boundary, counted) for image in (prediction, target))
    wide = np.int32 if (rows + 1) * (columns + 1) <= DENSE else np.int64
    pairs = first * wide(columns + 1) + second
    pairs = pairs.ravel() if counted is None else pairs[counted]
    runs, lengths = _runs(pairs)
    if wide is np.int32:
        dense = np.bincount(runs, lengths)
        cells = np.flatnonzero(dense)
        counts = dense[cells]
    else:
        cells, places = np.unique(runs, return_inverse=True)
        counts = np.bincount(places, lengths)
    row, column = np.divmod(cells, columns + 1)
    return Table(row, column, counts.astype(np.float64, copy=False), rows, columns)


def _runs(values: NDArray[Any]) -> tuple[NDArray[Any], Integers]:
    """The value and the length of each run of equal values; in label images some ten times fewer than pixels."""
    begins = np.ones(values.size, bool)
    np.not_equal(values[1:], values[:-1], out=begins[1:])
    starts = np.flatnonzero(begins)
    return values[starts], np.diff(starts, append=values.size)
