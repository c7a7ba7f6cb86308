"""Work on blocks that other processes can import."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

REACH = 2


def smooth(voxels):
    """Where a binomial mean of 5 x 5 x 5 voxels, in integers, is above the middle grey."""
    found = voxels.astype(np.int32)
    for axis in range(3):
        found = ndimage.correlate1d(found, [1, 4, 6, 4, 1], axis=axis, mode="constant")
    return (found > 100 * 16**3).astype(np.uint8)


@dataclass(frozen=True)
class Deadly:
    """`smooth`, but ends the process at the block that holds 255, as long as a file is there."""

    flag: str

    def __call__(self, voxels):
        if (voxels == 255).any() and Path(self.flag).exists():
            os._exit(1)
        return smooth(voxels)


def refuses(voxels):
    """Fails."""
    raise ValueError("this work fails")
