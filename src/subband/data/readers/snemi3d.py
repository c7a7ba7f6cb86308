"""SNEMI3D: electron microscopy with instance labels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband.data.readers._stack import Stack
from subband.data.sample import Mask


class Snemi3d(Stack):
    """SNEMI3D, 100 slices of 1024 x 1024: ``train-input.tif`` and ``train-labels.tif``; class 1 is the membrane.

    Args:
        root: Folder of the two files.

    Raises:
        ValueError: If a file is missing or damaged, or they do not fit.

    Source:
        https://zenodo.org/records/7142003; membranes as in lurenhaothu/CWMI, ``data/dataprepare.py``.
    """

    images = "train-input.tif"
    labels = "train-labels.tif"
    page = "https://zenodo.org/records/7142003"

    def to_mask(self, labels: NDArray[Any]) -> Mask:
        """Membrane of instance labels."""
        return membrane(labels)


def membrane(labels: NDArray[Any]) -> Mask:
    """1 where a pixel has label 0, or one of its 4 neighbours has another label; 0 inside an instance.

    Args:
        labels: Instance numbers (H, W), or (D, H, W) with 6 neighbours.

    Source:
        `skimage.segmentation.find_boundaries` with ``connectivity=1, mode="thick"``, written with comparisons only.

    Example:
        >>> membrane(np.array([[1, 1, 1, 2, 2, 2]]))
        array([[0, 0, 1, 1, 0, 0]], dtype=uint8)
    """
    border = labels == 0
    for axis in range(labels.ndim):
        left = (slice(None),) * axis + (slice(None, -1),)
        right = (slice(None),) * axis + (slice(1, None),)
        differ = labels[left] != labels[right]
        border[left] |= differ
        border[right] |= differ
    return np.asarray(border, np.uint8)
