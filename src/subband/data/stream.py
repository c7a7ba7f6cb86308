"""Training crops as a function of (seed, item), and whole images for tests."""

import os
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from subband._check import one_of
from subband.data.augment import Augment
from subband.data.sample import VOID, FloatImage, Mask, Sample, Samples, by
from subband.maps.cache import cached_map

MapKind = Literal["unet", "abw", "skea_topo"]
MAP_BYTES = 1_000_000_000
"""Bytes of weight maps that a stream keeps in memory."""


class CropStream(Dataset[dict[str, Any]]):
    """Training items; item t depends on the seed and on t alone, so training goes on exactly by starting at item t.

    Epoch ``t // n`` goes through the n images in a new random order; the crop and its changes have their own random
    numbers for each t.

    Args:
        samples: Images and masks.
        indices: Images to train on; None takes all.
        length: Number of items.
        augment: Crop and random changes.
        mean: Mean of each channel (C,), in units of the image.
        std: Deviation of each channel (C,).
        seed: Seed of orders and changes.
        map_kind: Weight map to add, or None; with more than two classes it is that of all classes from 1 on together,
            void counted with class 0.
        map_scope: Where a map is computed: on the whole ``image`` before cropping, as the authors do, or on each
            ``crop``. The two differ near the borders of the crop.
        map_folder: Folder that keeps the maps of whole images; None keeps them in memory only.

    Raises:
        ValueError: If there is no image or a deviation is 0.

    Source:
        lurenhaothu/CWMI, ``model/dataset.py``; fixed random numbers for each item are ours.
    """

    def __init__(  # noqa: PLR0913 (one for each step from a file to an item)
        self,
        samples: Samples,
        *,
        indices: Sequence[int] | None = None,
        length: int,
        augment: Augment = Augment(),  # noqa: B008 (frozen)
        mean: NDArray[Any] | float = 0.0,
        std: NDArray[Any] | float = 1.0,
        seed: int = 0,
        map_kind: MapKind | None = None,
        map_scope: Literal["image", "crop"] = "image",
        map_folder: str | os.PathLike[str] | None = None,
    ) -> None:
        one_of("map_scope", map_scope, ("image", "crop"))
        self.indices = list(range(len(samples)) if indices is None else indices)
        if not self.indices:
            raise ValueError("there is no image to train on; give at least one index")
        self.samples, self.length, self.augment, self.seed = samples, length, augment, seed
        self.mean, self.std = _normal(mean, std)
        self.map_kind, self.map_scope, self.map_folder = map_kind, map_scope, map_folder
        self._maps: dict[int, FloatImage] = {}
        self._weights: dict[int, NDArray[np.float32]] = {}

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, t: int) -> dict[str, Any]:
        """Item t.

        Returns:
            ``image`` (C, *crop) float32, normalised; ``target`` (*crop) int64, void as 255; ``class_weight`` (classes,)
            float32 of the whole image; ``weight_map`` (M, *crop) float32 if asked for; ``index`` of the image.
        """
        if not 0 <= t < self.length:
            raise IndexError(f"there is no item {t}; there are {self.length}")
        epoch, place = divmod(t, len(self.indices))
        order = np.random.default_rng([self.seed, 0, epoch]).permutation(len(self.indices))
        index = self.indices[order[place]]
        sample = self.samples[index]
        if not self.augment.crop:
            self._refuse_other_size(sample)
        weights = self._map(index, sample.mask) if self.map_scope == "image" else None
        generator = np.random.default_rng([self.seed, 1, t])
        image, mask, weights = self.augment(generator, sample.image, sample.mask, weights)
        if self.map_scope == "crop":
            weights = self._map(None, mask)
        item = {
            "image": torch.from_numpy(normalised(image, self.mean, self.std)),
            "target": torch.from_numpy(mask.astype(np.int64)),
            "class_weight": torch.from_numpy(self._weight(index, sample.mask).copy()),
            "index": index,
        }
        return item if weights is None else {**item, "weight_map": torch.from_numpy(weights.copy())}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_maps": {}}

    def _weight(self, index: int, mask: Mask) -> NDArray[np.float32]:
        if index not in self._weights:
            self._weights[index] = balanced_weight(mask, self.samples.classes)
        return self._weights[index]

    def _map(self, index: int | None, mask: Mask) -> FloatImage | None:
        """Weight map (M, *space) of a mask, kept in memory for an ``index``."""
        if self.map_kind is None:
            return None
        if index is not None and index in self._maps:
            return self._maps[index]
        folder = None if index is None else self.map_folder
        found = np.asarray(cached_map(self.map_kind, (mask > 0) & (mask != VOID), folder=folder), np.float32)
        weights: FloatImage = found[None] if found.ndim == mask.ndim else found
        if index is not None and weights.nbytes + sum(kept.nbytes for kept in self._maps.values()) <= MAP_BYTES:
            self._maps[index] = weights
        return weights

    def _refuse_other_size(self, sample: Sample) -> None:
        first = self.samples[self.indices[0]]
        if sample.mask.shape != first.mask.shape:
            raise ValueError(
                f"{sample.name} has {by(sample.mask.shape)} pixels, but {first.name} has {by(first.mask.shape)}; "
                "images of several sizes need a crop"
            )


class WholeImages(Dataset[dict[str, Any]]):
    """Whole images, for validation and test.

    Args:
        samples: Images and masks.
        indices: Images to give; None gives all.
        mean: Mean of each channel (C,), in units of the image.
        std: Deviation of each channel (C,).

    Raises:
        ValueError: If a deviation is 0.
    """

    def __init__(
        self,
        samples: Samples,
        *,
        indices: Sequence[int] | None = None,
        mean: NDArray[Any] | float = 0.0,
        std: NDArray[Any] | float = 1.0,
    ) -> None:
        self.samples = samples
        self.indices = list(range(len(samples)) if indices is None else indices)
        self.mean, self.std = _normal(mean, std)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, position: int) -> dict[str, Any]:
        """``image`` (C, *space) float32, normalised; ``target`` (*space) int64, void as 255; ``name``."""
        sample = self.samples[self.indices[position]]
        return {
            "image": torch.from_numpy(normalised(sample.image, self.mean, self.std)),
            "target": torch.from_numpy(sample.mask.astype(np.int64)),
            "name": sample.name,
        }


def normalised(image: FloatImage, mean: NDArray[np.float32], std: NDArray[np.float32]) -> FloatImage:
    """``(image - mean) / std`` for each channel of (C, *space)."""
    if mean.size not in (1, len(image)):
        raise ValueError(f"the image has {len(image)} channel(s), but mean and std have {mean.size}")
    spread = (-1, *([1] * (image.ndim - 1)))
    return np.asarray((image - mean.reshape(spread)) / std.reshape(spread), np.float32)


def balanced_weight(mask: Mask, classes: int) -> NDArray[np.float32]:
    """Class weights (classes,): the largest class count over each class's own, counts at least 1; void is left out."""
    count = np.maximum(np.bincount(mask.ravel(), minlength=classes)[:classes], 1)
    return np.asarray(count.max() / count, np.float32)


def _normal(mean: NDArray[Any] | float, std: NDArray[Any] | float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    means, deviations = np.atleast_1d(np.asarray(mean, np.float32)), np.atleast_1d(np.asarray(std, np.float32))
    if not (deviations > 0).all():
        raise ValueError(f"std is {deviations.tolist()}, but must be greater than 0")
    return means, deviations
