"""ISBI 2012: an electron microscopy stack with binary labels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband.data.readers._stack import Stack
from subband.data.sample import Mask


class EmStack(Stack):
    """ISBI 2012 challenge stack, 30 slices of 512 x 512: ``train-volume.tif`` and ``train-labels.tif``.

    The files mark membranes with 0; here class 1 is the membrane.

    Args:
        root: Folder of the two files.

    Raises:
        ValueError: If a file is missing or damaged, or they do not fit.

    Source:
        https://imagej.net/events/isbi-2012-segmentation-challenge
    """

    images = "train-volume.tif"
    labels = "train-labels.tif"
    page = "https://imagej.net/events/isbi-2012-segmentation-challenge"

    def to_mask(self, labels: NDArray[Any]) -> Mask:
        """1 where the label is 0."""
        return np.asarray(labels == 0, np.uint8)
