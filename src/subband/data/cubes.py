"""Training cubes of neuron volumes as a function of (seed, item)."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from subband._check import between, one_of, positive
from subband.data.cube_places import CUBE, SHARE, cube_counts, cut_cube, draw_cube, least_share
from subband.data.neuron_augment import NeuronAugment
from subband.data.neuron_sample import NeuronSamples
from subband.data.stream import balanced_weight, normalised


class CubeStream(Dataset[dict[str, Any]]):
    """Training items; item t depends on the seed and on t alone, so training goes on exactly by starting at item t.

    A volume gives `subband.data.cube_places.cube_counts` cubes for each epoch: some anywhere, the others with a share
    of the neuron. Every epoch goes through the cubes of all volumes in a new random order.

    Args:
        samples: Volumes with labels.
        indices: Volumes to train on; None takes all.
        length: Number of items.
        cube: Size of a cube (z, y, x), in voxels.
        augment: Random changes.
        foreground: Part of a chosen cube that the neuron fills at least; that of the whole volume where it is less.
        mean: Mean of the grey values, in units of the image; those of NeuCuDa are 0.0297202895 and a deviation of
            0.0421947247.
        std: Deviation of the grey values.
        seed: Seed of positions, orders and changes.
        positions: ``fresh`` draws every cube's place anew in every epoch. ``fixed`` keeps it, as the authors do, whose
            cubes are files.

    Raises:
        ValueError: If there is no volume, or the deviation is not positive.

    Source:
        The production of NeuCuDa (LiQiufu/3D-WaveUNet, ``preprocess``). Ours: places are drawn as they are needed, so
        that no cube is written, and none goes through JPEG.

    Example:
        >>> from subband.data.synthetic_neurons import SyntheticNeurons
        >>> stream = CubeStream(SyntheticNeurons(count=1, shape=(16, 32, 32)), length=8, cube=(16, 32, 32))
        >>> {name: tuple(value.shape) for name, value in stream[0].items() if name != "index"}
        {'image': (1, 16, 32, 32), 'target': (16, 32, 32), 'class_weight': (2,)}
    """

    def __init__(  # noqa: PLR0913 (one for each step from a volume to an item)
        self,
        samples: NeuronSamples,
        *,
        length: int,
        indices: Sequence[int] | None = None,
        cube: Sequence[int] = CUBE,
        augment: NeuronAugment = NeuronAugment(),  # noqa: B008 (frozen)
        foreground: float = SHARE,
        mean: float = 0.0,
        std: float = 1.0,
        seed: int = 0,
        positions: Literal["fresh", "fixed"] = "fresh",
    ) -> None:
        one_of("positions", positions, ("fresh", "fixed"))
        between(0, 1, foreground=foreground)
        positive(std=std)
        self.indices = list(range(len(samples)) if indices is None else indices)
        if not self.indices:
            raise ValueError("there is no volume to train on; give at least one index")
        self.samples, self.length, self.cube, self.augment = samples, length, tuple(cube), augment
        self.mean, self.std = np.array([mean], np.float32), np.array([std], np.float32)
        self.seed, self.positions = seed, positions
        self._shares: dict[int, float] = {}
        self._weights: dict[int, NDArray[np.float32]] = {}
        cubes = []
        for index in self.indices:
            labels = samples[index].labels
            anywhere, chosen = cube_counts(labels.shape, self.cube)
            self._shares[index] = least_share(labels, foreground)
            self._weights[index] = balanced_weight(labels, samples.classes)
            cubes += [(index, number, number >= anywhere) for number in range(anywhere + chosen)]
        self._cubes = np.array(cubes)
        self._order: tuple[int, NDArray[np.int64]] = (-1, np.zeros(0, np.int64))

    @property
    def epoch(self) -> int:
        """Number of items in which every cube comes once."""
        return len(self._cubes)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, t: int) -> dict[str, Any]:
        """Item t.

        Returns:
            ``image`` (1, *cube) float32, normalised; ``target`` (*cube) int64; ``class_weight`` (2,) float32 of the
            whole volume; ``index`` of the volume.
        """
        if not 0 <= t < self.length:
            raise IndexError(f"there is no item {t}; there are {self.length}")
        epoch, place = divmod(t, self.epoch)
        if self._order[0] != epoch:
            order = np.random.default_rng([self.seed, 0, epoch]).permutation(self.epoch)
            self._order = (epoch, order)
        index, number, chosen = (int(value) for value in self._cubes[self._order[1][place]])
        sample = self.samples[index]
        generator = np.random.default_rng([self.seed, 1, t])
        where = generator if self.positions == "fresh" else np.random.default_rng([self.seed, 2, index, number])
        start = draw_cube(where, sample.labels, cube=self.cube, share=self._shares[index] if chosen else 0.0)
        image, labels = self.augment(
            generator, cut_cube(sample.image, start, self.cube)[None], cut_cube(sample.labels, start, self.cube)
        )
        return {
            "image": torch.from_numpy(normalised(image, self.mean, self.std)),
            "target": torch.from_numpy(labels.astype(np.int64)),
            "class_weight": torch.from_numpy(self._weights[index].copy()),
            "index": index,
        }
