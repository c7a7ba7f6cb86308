"""A grey volume of a neuron with its voxels and its tree, and a set of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from subband.data._kept import Kept, whole_index
from subband.data.sample import KEEP_BYTES, FloatImage, Mask, by
from subband.transforms.tree import Tree


@dataclass(frozen=True, eq=False)
class NeuronSample:
    """One volume, the voxels of its neuron, and the neuron's tree.

    Args:
        name: Unique within its set.
        image: (Z, Y, X), float32 in [0, 1]; no channels.
        labels: Voxels of the neuron, uint8 0 or 1 of the same shape.
        tree: Centre lines in voxels of this volume; None if unknown.
        spacing: Size of a voxel along (z, y, x), in any one unit.
        neuron: Name of the neuron; parts of one neuron share it and never lie on both sides of a split.

    Raises:
        ValueError: If the shapes differ or are not 3-D, or a length of the spacing is not greater than 0.

    Example:
        >>> image = np.zeros((4, 5, 6), np.float32)
        >>> sample = NeuronSample("a-0", image, image.astype(np.uint8), None, neuron="a")
        >>> sample.image.shape, sample.spacing
        ((4, 5, 6), (1.0, 1.0, 1.0))
    """

    name: str
    image: FloatImage
    labels: Mask
    tree: Tree | None
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    neuron: str = ""

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape != self.labels.shape:
            raise ValueError(
                f"{self.name}: the image is {by(self.image.shape)} voxels and its labels are {by(self.labels.shape)}; "
                "give both as (Z, Y, X) of one size (resample labels without interpolation)"
            )
        if len(self.spacing) != 3 or not min(self.spacing) > 0:
            raise ValueError(f"{self.name}: spacing is {self.spacing}, but must be 3 lengths greater than 0, (z, y, x)")


class NeuronSamples(Protocol):
    """A set of neuron volumes; names and neurons are known before any volume is read."""

    @property
    def names(self) -> list[str]:
        """Names, in order."""

    @property
    def neurons(self) -> list[str]:
        """Neuron of each sample."""

    @property
    def classes(self) -> int:
        """Number of classes, 2."""

    @property
    def channels(self) -> int:
        """Number of image channels, 1."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> NeuronSample: ...


class NeuronReader:
    """Base of sets of neurons: keeps what it has read, up to a limit. A subclass writes `read`.

    Args:
        names: Name of each sample.
        neurons: Neuron of each sample; None makes every sample one of its own.
        keep_bytes: Bytes of volumes that stay in memory.

    Raises:
        ValueError: If there is no sample, two have one name, or there is not one neuron for each.
    """

    classes = 2
    channels = 1

    def __init__(
        self, names: Sequence[str], *, neurons: Sequence[str] | None = None, keep_bytes: int = KEEP_BYTES
    ) -> None:
        if not names:
            raise ValueError("there is no volume; give at least one")
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ValueError(f"two volumes are called {twice[0]!r}; give every volume a name of its own")
        self.names = list(names)
        self.neurons = list(names if neurons is None else neurons)
        if len(self.neurons) != len(self.names):
            raise ValueError(f"there are {len(self.names)} volumes and {len(self.neurons)} neurons; name one for each")
        self._kept = Kept[NeuronSample](keep_bytes)

    def read(self, index: int) -> NeuronSample:
        """Read sample ``index``."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int, /) -> NeuronSample:
        index = whole_index(index, len(self), "volume")
        kept = self._kept.fetch(index, read=self.read, size=lambda sample: sample.image.nbytes + sample.labels.nbytes)
        return replace(kept, image=kept.image.copy(), labels=kept.labels.copy())


def clip_to_bytes(image: NDArray[np.float64]) -> FloatImage:
    """The image cut to [0, 1] and rounded to 256 grey values, as a camera of 8 bits gives it."""
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.float32) / np.float32(255)
