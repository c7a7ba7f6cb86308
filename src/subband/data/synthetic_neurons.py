"""Seeded synthetic neurons: a grown tree in a grey volume with what makes tracing hard."""

import numpy as np

from subband._check import between, not_negative, positive
from subband.data._drawing import Array, Generator, blur, gaps, smooth_noise, window
from subband.data._neuron_growth import SOMA, fibre_through, grow
from subband.data.neuron_sample import NeuronReader, NeuronSample, clip_to_bytes
from subband.data.sample import by
from subband.transforms.rasterize import rasterize
from subband.transforms.tree import Tree

SMALLEST = 16
"""Smallest size along an axis, in voxels."""
REACH = 2.2
"""Radii from a centre line beyond which a fibre gives no light."""


class SyntheticNeurons(NeuronReader):
    r"""Grey volumes of one neuron each, with its voxels and its tree.

    .. math:: I = b + c \, g \, \max_n 2^{-(d_n / r_n)^2} + \text{foreign fibres} + \text{speckle} + \text{noise}

    with d_n the distance to node n of radius r_n: at the radius a fibre is half as bright as at its centre. Volume i
    depends on the seed, the options and i alone. With all options from ``gaps`` on at 0 the volume is clean.

    Args:
        count: Number of volumes, each of a neuron of its own.
        shape: Size (Z, Y, X) in voxels, at least 16 along each axis.
        seed: Seed of all volumes.
        gaps: Breaks g for 100 voxels of fibre; each is 3 to 6 voxels long.
        touching: Fibres of other cells for 100 voxels of fibre; each is about half as bright, touches the tree, and
            is not labelled.
        speckle: Bright spots for 10 000 voxels of the volume.
        background: Deviation of the uneven background b, in units of the image.
        shot: Deviation of the photon (Poisson) noise at brightness 1: one over the root of the number of photons.
        noise: Deviation of the Gaussian noise of every voxel, in units of the image.

    Raises:
        ValueError: If a size is too small, or a number is out of range.

    Source:
        Ours; radii at forks follow Murray's law :math:`r^3 = r_1^3 + r_2^3`.

    Example:
        >>> neurons = SyntheticNeurons(count=2, shape=(16, 32, 32))
        >>> neurons.names, neurons[0].image.shape, bool(neurons[0].labels.any())
        (['neuron-0000', 'neuron-0001'], (16, 32, 32), True)
    """

    def __init__(
        self,
        count: int = 20,
        shape: tuple[int, int, int] = (32, 96, 96),
        seed: int = 0,
        *,
        gaps: float = 1.5,
        touching: float = 0.5,
        speckle: float = 2.0,
        background: float = 0.04,
        shot: float = 0.12,
        noise: float = 0.05,
    ) -> None:
        positive(count=count)
        not_negative(gaps=gaps, touching=touching, speckle=speckle, background=background, noise=noise)
        between(0, 1, shot=shot)
        if len(shape) != 3 or min(shape) < SMALLEST:
            raise ValueError(f"shape is {by(shape)}, but must be 3 sizes (Z, Y, X) of at least {SMALLEST} voxels")
        super().__init__([f"neuron-{number:04d}" for number in range(count)])
        self.shape, self.seed = tuple(shape), seed
        self._gaps, self._touching, self._speckle = gaps, touching, speckle
        self._background, self._shot, self._noise = background, shot, noise

    def read(self, index: int) -> NeuronSample:
        """Draw volume ``index``."""
        generator = np.random.default_rng((self.seed, index))
        tree = grow(generator, self.shape)
        labels = rasterize(tree, self.shape).astype(np.uint8)
        light = self._light(np.random.default_rng((self.seed, index, 1)), tree, labels)
        image = self._acquired(np.random.default_rng((self.seed, index, 2)), light)
        return NeuronSample(self.names[index], image, labels, tree, neuron=self.neurons[index])

    def _light(self, generator: Generator, tree: Tree, labels: np.ndarray) -> Array:
        """Brightness of the fibres, the tree's at most 1, broken by gaps and touched by others."""
        light = np.zeros(self.shape)
        paint(light, tree, 1.0)
        hundreds = tree.length / 100
        fibre = labels.astype(bool)
        box, offset = window(tree.positions[0], 2 * tree.radii[0], self.shape)
        fibre[box] &= (offset**2).sum(0) > (2 * tree.radii[0]) ** 2
        light *= gaps(generator, fibre, _number(generator, self._gaps * hundreds), (1.7, 3.2))
        for _ in range(_number(generator, self._touching * hundreds)):
            paint(light, fibre_through(generator, tree, self.shape), generator.uniform(0.4, 0.6))
        return light

    def _acquired(self, generator: Generator, light: Array) -> np.ndarray:
        """The volume as a microscope gives it."""
        image = (
            0.1 + self._background * smooth_noise(generator, self.shape, max(self.shape) / 3) + 0.7 * blur(light, 0.5)
        )
        for _ in range(_number(generator, self._speckle * light.size / 1e4)):
            centre = generator.uniform(0, np.array(self.shape) - 1)
            width = generator.uniform(0.6, 1.1)
            box, offset = window(centre, 3 * width, self.shape)
            image[box] += generator.uniform(0.2, 0.6) * np.exp(-(offset**2).sum(0) / (2 * width**2))
        image = np.maximum(image, 0)
        if self._shot > 0:
            image = np.asarray(generator.poisson(image / self._shot**2) * self._shot**2, np.float64)
        return clip_to_bytes(image + self._noise * generator.standard_normal(self.shape))


def paint(light: Array, tree: Tree, brightness: float) -> None:
    """Add the brightness 2^-(d/r)^2 of the brightest node at each voxel (Z, Y, X) where the light is weaker.

    Nodes a voxel apart look smooth. The power is 6 for a soma, whose edge is sharper.
    """
    for position, radius, kind in zip(tree.positions, tree.radii, tree.kinds, strict=True):
        box, offset = window(position, REACH * radius, light.shape)
        square = (offset**2).sum(0) / radius**2
        np.maximum(light[box], brightness * np.exp2(-(square**3 if kind == SOMA else square)), out=light[box])


def _number(generator: Generator, mean: float) -> int:
    """A whole number of this mean: one of the two beside it."""
    return int(mean + generator.random())
