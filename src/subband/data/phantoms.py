"""Pairs of nested ellipsoids, the one warped into the other by a known smooth flow."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from subband._check import not_negative, positive
from subband.data._drawing import grid as voxels
from subband.data._drawing import smooth_noise
from subband.data.registration_pairs import Pairs
from subband.data.registration_sample import Volume, VolumeReader
from subband.transforms.exponential import exponential
from subband.transforms.field import Field, Grid
from subband.transforms.warp import warp, warp_labels

Array = NDArray[np.float64]
STRUCTURES = {
    1: "skull",
    2: "brain",
    3: "left nucleus",
    4: "right nucleus",
    5: "left ventricle",
    6: "right ventricle",
    7: "stem",
}
GREY = (0.0, 0.9, 0.55, 0.8, 0.8, 0.2, 0.2, 0.7)
"""Grey value of the background and of each structure."""
CONTROL = 5
"""Control points of the velocity along each axis."""
SMALLEST = 16
"""Smallest size along an axis, in voxels."""


@dataclass(frozen=True, eq=False)
class _Drawn:
    """A pair and the displacement that leads from the fixed voxels to the moving ones."""

    moving: Volume
    fixed: Volume
    truth: Field


class Phantoms(VolumeReader):
    r"""Synthetic pairs of images (H, W) or volumes (D, H, W) with seven structures and the true field.

    .. math:: f(x) = b_f(x) \, m(\exp(v)(x)) + n_f

    Volume 2i moves onto volume 2i + 1. Both depend on the seed and on i alone; each pair has its own anatomy
    (ellipsoids of random place and size) and its own velocity v (`CONTROL` random values along each axis, cubic
    between, less their mean over the head, a mere shift). Noise n and bias field b of the two are independent, and not
    warped.

    Args:
        count: Number of pairs.
        size: Size along each axis in voxels, at least 16.
        seed: Seed of all pairs.
        amplitude: Root mean square length of the velocity over the head, in voxels.
        noise: Deviation of the noise of every voxel, in units of the image.
        bias: Largest departure of the bias field from 1.

    Raises:
        ValueError: If a size is too small, or a number is out of range.

    Source:
        Ours. Labels of the fixed volume are those of the moving one, warped label-wise (``linear``), so that the true
        field scores a Dice of 1.

    Example:
        >>> phantoms = Phantoms(count=2, size=(24, 32))
        >>> phantoms.names[:2], phantoms[0].image.shape, tuple(phantoms.truth(0).vectors.shape)
        (['phantom-0000-moving', 'phantom-0000-fixed'], (24, 32), (1, 2, 24, 32))
    """

    def __init__(
        self,
        *,
        count: int = 8,
        size: tuple[int, ...] = (32, 32, 32),
        seed: int = 0,
        amplitude: float = 2.5,
        noise: float = 0.01,
        bias: float = 0.1,
    ) -> None:
        positive(count=count)
        not_negative(amplitude=amplitude, noise=noise, bias=bias)
        if len(size) not in (2, 3) or min(size) < SMALLEST:
            raise ValueError(f"size is {tuple(size)}, but must be 2 or 3 sizes of at least {SMALLEST} voxels")
        self.size, self.seed = tuple(size), seed
        self._amplitude, self._noise, self._bias = amplitude, noise, bias
        self._drawn: dict[int, _Drawn] = {}
        names = [f"phantom-{number:04d}-{part}" for number in range(count) for part in ("moving", "fixed")]
        pairs = Pairs(list(range(0, 2 * count, 2)), list(range(1, 2 * count, 2)))
        super().__init__(names, structures=STRUCTURES, pairs=pairs)

    def read(self, index: int) -> Volume:
        """Draw volume ``index``."""
        drawn = self._pair(index // 2)
        return drawn.fixed if index % 2 else drawn.moving

    def truth(self, pair: int) -> Field:
        """The displacement, in voxels, that warps moving volume 2 ``pair`` into fixed volume 2 ``pair`` + 1."""
        return self._pair(range(len(self) // 2)[pair]).truth

    def _pair(self, number: int) -> _Drawn:
        if number not in self._drawn:
            self._drawn = {number: self._draw(number)}
        return self._drawn[number]

    def _draw(self, number: int) -> _Drawn:
        generator = np.random.default_rng((self.seed, number))
        labels = _anatomy(generator, self.size)
        image = np.array(GREY)[labels] + 0.03 * smooth_noise(generator, self.size, 4) * (labels > 0)
        grid = Grid.of(self.size)
        velocity = Field(_velocity(generator, labels > 0, self._amplitude), "voxel", "velocity", grid)
        truth = exponential(velocity)
        warped = warp(torch.from_numpy(image)[None, None], truth)[0, 0].numpy()
        moved = warp_labels(torch.from_numpy(labels)[None], truth, method="linear")[0].numpy()
        names = self.names[2 * number : 2 * number + 2]
        pictures = [_acquired(generator, each, self._noise, self._bias) for each in (image, warped)]
        return _Drawn(Volume(names[0], pictures[0], labels, grid), Volume(names[1], pictures[1], moved, grid), truth)


def _anatomy(generator: np.random.Generator, size: tuple[int, ...]) -> NDArray[np.int16]:
    """Labels (*size) of nested ellipsoids; the axes are those of a head seen from above, sides along the last."""
    place = 2 * voxels(size) / (np.array(size).reshape(-1, *[1] * len(size)) - 1) - 1
    far = [0.0] * (len(size) - 2)
    parts = (
        (1, [*far, 0.0, 0.0], 0.80),
        (2, [*far, 0.0, 0.0], 0.68),
        (3, [*far, -0.14, -0.32], 0.24),
        (4, [*far, -0.14, 0.32], 0.24),
        (5, [*far, 0.20, -0.19], 0.18),
        (6, [*far, 0.20, 0.19], 0.18),
        (7, [*far, 0.50, 0.0], 0.18),
    )
    labels = np.zeros(size, np.int16)
    shift = generator.uniform(-0.04, 0.04, len(size))
    for label, centre, radius in parts:
        middle = np.array(centre) + shift + generator.uniform(-0.03, 0.03, len(size)) * (label > 2)
        radii = radius * generator.uniform(0.85, 1.15, len(size)) * (1 if label < 3 else 1.1)
        radii = np.minimum(radii, 0.82 if label == 1 else 0.72 if label == 2 else 1)
        inside = (((place - _column(middle, size)) / _column(radii, size)) ** 2).sum(0) <= 1
        labels[inside & ((labels > 0) | (label == 1))] = label
    return labels


def _velocity(generator: np.random.Generator, head: NDArray[np.bool_], amplitude: float) -> torch.Tensor:
    """Random smooth velocities (1, d, *size) in voxels; mean and length are those of the head."""
    from scipy import ndimage

    size = head.shape
    control = generator.standard_normal((len(size), *[CONTROL] * len(size)))
    at = voxels(size) * (CONTROL - 1) / (np.array(size).reshape(-1, *[1] * len(size)) - 1)
    found = np.stack([ndimage.map_coordinates(each, at, order=3, mode="nearest") for each in control])
    found -= found[:, head].mean(1).reshape(-1, *[1] * head.ndim)
    length = np.sqrt((found[:, head] ** 2).sum(0).mean())
    return torch.from_numpy(found * amplitude / length)[None]


def _acquired(generator: np.random.Generator, image: Array, noise: float, bias: float) -> NDArray[np.float32]:
    """An image under a bias field, with noise, cut to [0, 1]."""
    smooth = smooth_noise(generator, image.shape, max(image.shape) / 2)
    field = 1 + bias * smooth / max(np.abs(smooth).max(), 1e-6)
    noisy = image * field + noise * generator.standard_normal(image.shape)
    return np.asarray(np.clip(noisy, 0, 1), np.float32)


def _column(values: Array, size: tuple[int, ...]) -> Array:
    return values.reshape(-1, *[1] * len(size))
