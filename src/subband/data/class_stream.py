"""Training images with their classes as a function of (seed, item), and test images in [0, 1]."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from subband._check import one_of
from subband.data._class_changes import CHANGES, centre, shorter_side
from subband.data.class_sample import ClassSamples, Pixels


class ClassStream(Dataset[dict[str, Any]]):
    """Training items; item t depends on the seed and on t alone, so training goes on exactly by starting at item t.

    Epoch ``t // n`` goes through the n images in a new random order; the change of each t has its own random numbers.

    Args:
        samples: Images and classes.
        indices: Images to train on.
        length: Number of items.
        augment: Random change, one of ``imagenet``, ``cifar``, ``digits``, ``mirror``, ``none``: see
            `subband.config.Data`.
        crop: Height and width of an item, in pixels; one number for both.
        mean: Mean of each channel (C,), in units of [0, 1].
        std: Deviation of each channel (C,).
        seed: Seed of orders and changes.

    Raises:
        ValueError: If there is no image, or an option is wrong.

    Source:
        LiQiufu/WaveCNet, ``main.py``, for ``imagenet``. Fixed random numbers for each item are ours.
    """

    def __init__(
        self,
        samples: ClassSamples,
        *,
        indices: Sequence[int],
        length: int,
        augment: str = "none",
        crop: Sequence[int] = (),
        mean: NDArray[Any] | float = 0.0,
        std: NDArray[Any] | float = 1.0,
        seed: int = 0,
    ) -> None:
        one_of("data.augment of a classification", augment, CHANGES)
        if not len(indices):
            raise ValueError("there is no image to train on; give at least one index")
        self.samples, self.indices, self.length, self.seed = samples, list(indices), length, seed
        self.change, self.size = CHANGES[augment], height_and_width(crop)
        self.mean, self.std = (torch.as_tensor(np.atleast_1d(each), dtype=torch.float32) for each in (mean, std))
        self._order: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, np.int64))

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, t: int) -> dict[str, Any]:
        """``image`` (C, *crop) float32, normalised; ``target``, the class; ``index`` of the image."""
        if not 0 <= t < self.length:
            raise IndexError(f"there is no item {t}; there are {self.length}")
        epoch, place = divmod(t, len(self.indices))
        if self._order[0] != epoch:
            self._order = epoch, np.random.default_rng([self.seed, 0, epoch]).permutation(len(self.indices))
        index = self.indices[self._order[1][place]]
        sample = self.samples[index]
        pixels = self.change(np.random.default_rng([self.seed, 1, t]), sample.pixels, self.size)
        image = (in_unit_range(pixels) - self.mean[:, None, None]) / self.std[:, None, None]
        return {"image": image, "target": sample.label, "index": index}


class ClassImages(Dataset[dict[str, Any]]):
    """Test images in [0, 1], not normalised: the centre, after the shorter side was brought to a length.

    Args:
        samples: Images and classes.
        indices: Images to give.
        crop: Height and width of the centre, in pixels; one number for both.
        resize: Shorter side before, in pixels; 0 leaves the image as it is.

    Source:
        LiQiufu/WaveCNet, ``main.py``: 256, then 224.
    """

    def __init__(self, samples: ClassSamples, *, indices: Sequence[int], crop: Sequence[int], resize: int = 0) -> None:
        self.samples, self.indices, self.size, self.resize = samples, list(indices), height_and_width(crop), resize

    def __len__(self) -> int:
        return len(self.indices)

    def pixels(self, position: int) -> Pixels:
        """The image (C, H, W), 8 bits."""
        return centre(shorter_side(self.samples[self.indices[position]].pixels, self.resize), self.size)

    def widened(self, margin: int) -> "ClassImages | None":
        """The same images with ``margin`` more rows and columns; None where ``resize`` does not leave so many."""
        if self.resize < max(self.size) + margin:
            return None
        wide = (self.size[0] + margin, self.size[1] + margin)
        return ClassImages(self.samples, indices=self.indices, crop=wide, resize=self.resize)

    def __getitem__(self, position: int) -> dict[str, Any]:
        """``image`` (C, H, W) float32 in [0, 1]; ``target``, the class; ``name``."""
        index = self.indices[position]
        image = in_unit_range(self.pixels(position))
        return {"image": image, "target": self.samples.labels[index], "name": self.samples.names[index]}


def height_and_width(crop: Sequence[int]) -> tuple[int, int]:
    """Two sizes of one or two.

    Raises:
        ValueError: If there are others, or one is not positive.
    """
    if len(crop) not in (1, 2) or min(crop) < 1:
        raise ValueError(f"data.crop is {list(crop)}, but a classification needs height and width, such as [224, 224]")
    return crop[0], crop[-1]


def in_unit_range(pixels: Pixels) -> torch.Tensor:
    """8-bit pixels as float32 in [0, 1]."""
    return torch.from_numpy(pixels.astype(np.float32) / np.float32(255))
