"""Random changes of a cube of a neuron volume and of its labels."""

from dataclasses import dataclass

import numpy as np

from subband._check import not_negative
from subband.data.sample import FloatImage, Mask


@dataclass(frozen=True)
class NeuronAugment:
    """Flips, then noise on the grey values.

    Args:
        flips: Axes that are flipped with probability 1/2 each: 0 for z, 1 for y, 2 for x.
        noise: Standard deviation of Gaussian noise, in units of [0, 1]; values are not cut to that after it.

    Raises:
        ValueError: If an axis does not exist or is named twice, or the noise is negative.

    Source:
        LiQiufu/3D-WaveUNet: y and x, not z, and noise of one grey level of 255 on every cube.

    Example:
        >>> image, labels = np.zeros((1, 2, 2, 2), np.float32), np.zeros((2, 2, 2), np.uint8)
        >>> NeuronAugment(noise=0)(np.random.default_rng(0), image, labels)[0].shape
        (1, 2, 2, 2)
    """

    flips: tuple[int, ...] = (1, 2)
    noise: float = 1 / 255

    def __post_init__(self) -> None:
        not_negative(noise=self.noise)
        if not set(self.flips) <= {0, 1, 2} or len(set(self.flips)) < len(self.flips):
            raise ValueError(f"flips is {self.flips}, but must name each axis at most once: 0 (z), 1 (y), 2 (x)")

    def __call__(self, generator: np.random.Generator, image: FloatImage, labels: Mask) -> tuple[FloatImage, Mask]:
        """Change an image (1, Z, Y, X) in [0, 1] and its labels (Z, Y, X) alike, on copies."""
        flipped = tuple(axis - 3 for axis in self.flips if generator.random() < 0.5)
        image, labels = np.flip(image, flipped), np.ascontiguousarray(np.flip(labels, flipped))
        grain = generator.standard_normal(image.shape, np.float32) * np.float32(self.noise)
        return np.ascontiguousarray(image + grain), labels
