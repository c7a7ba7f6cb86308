"""A volume with its labels and where it lies, and a set of volumes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from subband.data._kept import Kept, whole_index
from subband.data.registration_pairs import Pairs
from subband.data.sample import KEEP_BYTES, FloatImage, by
from subband.data.splits import Split
from subband.transforms.field import Field, Grid

Labels = NDArray[np.int16] | NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Volume:
    """One volume or image, one structure label for each voxel, and the grid of its voxels.

    Args:
        name: Unique within its set.
        image: (D, H, W) or (H, W), float32 in [0, 1]; no channels.
        labels: Structure of each voxel, int16 or int32 of the same shape, 0 for background; None if there are none.
        grid: Where the voxels lie.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> Volume("a", np.zeros((4, 5, 6), np.float32), None, Grid.of((4, 5, 6))).image.shape
        (4, 5, 6)
    """

    name: str
    image: FloatImage
    labels: Labels | None
    grid: Grid

    def __post_init__(self) -> None:
        shapes = {"the grid": self.grid.shape} | ({} if self.labels is None else {"the label map": self.labels.shape})
        for what, shape in shapes.items():
            if self.image.shape != shape:
                raise ValueError(
                    f"{self.name}: the image is {by(self.image.shape)} voxels, but {what} is {by(shape)}; "
                    "give both the same size (resample labels without interpolation)"
                )


class Volumes(Protocol):
    """A set of volumes; names and structures are known before any image is read."""

    @property
    def names(self) -> list[str]:
        """Names, in order."""

    @property
    def structures(self) -> dict[int, str]:
        """Name of each structure by its label, background left out; empty without labels."""

    @property
    def pairs(self) -> Pairs | None:
        """The set's own pairs, or None where any two volumes may be a pair."""

    @property
    def split(self) -> Split | None:
        """The set's own split of its volumes, or None."""

    def truth(self, pair: int) -> Field | None:
        """The displacement that warps the moving volume of one of `pairs` into the fixed one; None if not known."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Volume: ...


class VolumeReader:
    """Base of sets of volumes: keeps what it has read, up to a limit. A subclass writes `read`.

    Args:
        names: Name of each volume.
        structures: Name of each structure by its label; a volume with another label is refused.
        pairs: The set's own pairs, if it has any.
        split: The set's own split, if it has one.
        keep_bytes: Bytes of volumes that stay in memory.

    Raises:
        ValueError: If there is no volume, or two have one name.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        structures: Mapping[int, str],
        pairs: Pairs | None = None,
        split: Split | None = None,
        keep_bytes: int = KEEP_BYTES,
    ) -> None:
        if not names:
            raise ValueError("there is no volume; give at least one")
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ValueError(f"two volumes are called {twice[0]!r}; give every volume a name of its own")
        self.names, self.pairs, self.split = list(names), pairs, split
        self.structures = {int(label): str(name) for label, name in structures.items()}
        self._kept = Kept[Volume](keep_bytes)

    def read(self, index: int) -> Volume:
        """Read volume ``index``."""
        raise NotImplementedError

    def truth(self, pair: int) -> Field | None:
        """The displacement that warps the moving volume of pair ``pair`` into the fixed one; None if not known."""
        return None

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int, /) -> Volume:
        index = whole_index(index, len(self), "volume")
        kept = self._kept.fetch(index, read=self._checked, size=_bytes_of)
        labels = None if kept.labels is None else kept.labels.copy()
        return Volume(kept.name, kept.image.copy(), labels, kept.grid)

    def _checked(self, index: int) -> Volume:
        volume = self.read(index)
        check_labels(volume, self.structures)
        return volume


def label_ids(labels: NDArray[Any]) -> list[int]:
    """Labels that occur in a label map, in order, without the background."""
    few = labels.size > 0 and labels.min() >= 0 and labels.max() < 65536
    found = np.flatnonzero(np.bincount(labels.ravel())) if few else np.unique(labels)
    return [int(label) for label in found if label != 0]


def check_labels(volume: Volume, structures: Mapping[int, str]) -> None:
    """Raise ``ValueError`` if a volume holds labels that no structure has."""
    foreign = [] if volume.labels is None else [i for i in label_ids(volume.labels) if i not in structures]
    if foreign:
        known = f"has {', '.join(map(str, list(structures)[:6]))}" + ", ..." * (len(structures) > 6)
        more = ", ..." if len(foreign) > 6 else ""
        raise ValueError(
            f"{volume.name} holds the labels {', '.join(map(str, foreign[:6]))}{more}, but the set "
            f"{known if structures else 'has no structures'}; name all labels in structures, or map them to these first"
        )


def _bytes_of(volume: Volume) -> int:
    return volume.image.nbytes + (0 if volume.labels is None else volume.labels.nbytes)
