"""Segmentations of neurons that learn nothing: what is brighter than a threshold."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from subband.tracing.bright import foreground_of


class GreyThreshold(nn.Module):
    """Voxels above a grey value.

    Args:
        level: Grey value in [0, 1]; 0 takes the one that separates two groups of voxels best (Otsu), in each volume.

    Raises:
        ValueError: If the level is out of range.

    Source:
        Otsu, A threshold selection method from gray-level histograms, 1979.

    Example:
        >>> image = np.zeros((2, 4, 4), np.float32)
        >>> image[0, 1] = 0.75
        >>> int(GreyThreshold().segment(image).sum())
        4
    """

    def __init__(self, *, level: float = 0.0) -> None:
        if not 0 <= level < 1:
            raise ValueError(f"level is {level}, but must be a grey value within [0, 1); 0 takes Otsu's")
        super().__init__()
        self.level = level

    def segment(self, image: NDArray[Any]) -> NDArray[np.uint8]:
        """Mask (Z, Y, X) of a volume (Z, Y, X); empty if all voxels are alike."""
        level = self.level or otsu(image)
        found: NDArray[np.uint8] = (image > level).astype(np.uint8)
        return found


class TracerForeground(GreyThreshold):
    """What the tracer itself takes for the neuron, as ``subband trace`` does without a network.

    A noisy volume is blurred a little; the threshold is `subband.tracing.find_threshold`'s, and faint voxels only join
    others in the trace.

    Example:
        >>> image = np.zeros((4, 8, 8), np.float32)
        >>> image[2, 4] = 0.75
        >>> int(TracerForeground().segment(image).sum())
        8
    """

    def __init__(self) -> None:
        super().__init__()

    def segment(self, image: NDArray[Any]) -> NDArray[np.uint8]:
        """Mask (Z, Y, X) of a volume (Z, Y, X); empty if no voxel is brighter than the threshold."""
        found = np.zeros(image.shape, np.uint8)
        if image.min() < image.max():
            found[tuple(foreground_of(image, None, None).voxels.places.T)] = 1
        return found


def otsu(image: NDArray[Any]) -> float:
    """Otsu's threshold of a volume; its largest value if all voxels are alike.

    Example:
        >>> float(otsu(np.full((2, 2, 2), 0.5)))
        0.5
    """
    from skimage.filters import threshold_otsu

    return float(threshold_otsu(image.ravel())) if image.min() < image.max() else float(image.max())  # type: ignore[no-untyped-call]
