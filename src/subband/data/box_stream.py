"""Training items with boxes as a function of (seed, item), all of one size."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from subband._check import positive
from subband.data.boxes import BoxSample, BoxSamples
from subband.data.sample import FloatImage

PAPER = (0.485, 0.456, 0.406)
"""Colour of what an image does not fill: ImageNet's mean, which a detector takes for 0."""


class BoxStream(Dataset[dict[str, Any]]):
    """Training items; item t depends on the seed and on t alone, so training goes on exactly by starting at item t.

    Each image is brought to ``side`` pixels along its longer side and laid into the upper left corner of a square, so
    that images of any form fit into one batch. Boxes of crowds are left out. Epoch ``t // n`` goes through the n images
    in a new random order.

    Args:
        samples: Images with boxes.
        indices: Images to train on; None takes all.
        length: Number of items.
        side: Side of the square, in pixels; that of the detector.
        mirror: Mirror every second image left to right, by chance.
        most: Largest number of boxes of an image; items are padded to it, so that they form a batch.
        seed: Seed of orders and mirrors.

    Raises:
        ValueError: If there is no image, or one has more boxes than ``most``.
    """

    def __init__(
        self,
        samples: BoxSamples,
        *,
        indices: Sequence[int] | None = None,
        length: int,
        side: int,
        mirror: bool = True,
        most: int = 128,
        seed: int = 0,
    ) -> None:
        positive(length=length, side=side, most=most)
        self.indices = list(range(len(samples)) if indices is None else indices)
        if not self.indices:
            raise ValueError("there is no image to train on; give at least one index")
        self.samples, self.length, self.side = samples, length, side
        self.mirror, self.most, self.seed = mirror, most, seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, t: int) -> dict[str, Any]:
        """Item t.

        Returns:
            ``image`` (3, side, side) float32 in [0, 1]; ``boxes`` (most, 4) float32, of which the first ``count`` are
            real; ``labels`` (most,) int64, 0 where there is no box.
        """
        epoch, place = divmod(t, len(self.indices))
        order = np.random.default_rng((self.seed, 0, epoch)).permutation(len(self.indices))
        sample = self.samples[self.indices[order[place]]]
        image, boxes, labels = fitted(sample, self.side)
        count = len(labels)
        if count > self.most:
            raise ValueError(f"{sample.name} has {count} boxes, but items hold {self.most}; give a larger `most`")
        if self.mirror and np.random.default_rng((self.seed, 1, t)).random() < 0.5:
            image, boxes = mirrored(image, boxes)
        square = torch.tensor(PAPER)[:, None, None].repeat(1, self.side, self.side)
        square[:, : image.shape[1], : image.shape[2]] = image
        return {
            "image": square,
            "boxes": F.pad(torch.from_numpy(boxes), (0, 0, 0, self.most - count)),
            "labels": F.pad(torch.from_numpy(labels), (0, self.most - count)),
            "count": count,
        }


def resized(image: FloatImage, side: int) -> Tensor:
    """Image (3, H, W) with ``side`` pixels along its longer side, at least 1 along the other; smoothed, not aliased."""
    height, width = image.shape[1:]
    size = [max(1, round(length * side / max(height, width))) for length in (height, width)]
    whole = torch.from_numpy(image)
    if size == [height, width]:
        return whole
    return F.interpolate(whole[None], size, mode="bilinear", antialias=True, align_corners=False)[0].clamp(0, 1)


def fitted(sample: BoxSample, side: int) -> tuple[Tensor, NDArray[np.float32], NDArray[np.int64]]:
    """Image of ``side`` pixels along its longer side, with its boxes and labels; crowds are left out."""
    image = resized(sample.image, side)
    height, width = sample.image.shape[1:]
    factors = np.array([image.shape[2] / width, image.shape[1] / height] * 2, np.float32)
    kept = ~sample.crowd
    return image, sample.boxes[kept] * factors, sample.labels[kept]


def mirrored(image: Tensor, boxes: NDArray[np.float32]) -> tuple[Tensor, NDArray[np.float32]]:
    """Image (3, H, W) and boxes (n, 4), left for right.

    Example:
        >>> mirrored(torch.zeros(3, 4, 10), np.array([[1, 0, 3, 4]], np.float32))[1].tolist()
        [[7.0, 0.0, 9.0, 4.0]]
    """
    width = np.float32(image.shape[2])
    return image.flip(-1), np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], 1)
