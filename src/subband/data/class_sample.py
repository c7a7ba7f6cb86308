"""An image with its class, and a set of them."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from subband.data._kept import Kept, whole_index
from subband.data.sample import FloatImage
from subband.data.splits import Split

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ClassSample:
    """One image and its class.

    Args:
        name: Unique within its set.
        pixels: (C, H, W), 8 bits.
        label: Class, from 0.
    """

    name: str
    pixels: Pixels
    label: int

    @property
    def image(self) -> FloatImage:
        """The image in [0, 1]."""
        return self.pixels.astype(np.float32) / np.float32(255)


class ClassSamples(Protocol):
    """A set of images with a class each; names and labels are known before any image is read."""

    @property
    def names(self) -> list[str]:
        """Names, in order."""

    @property
    def labels(self) -> list[int]:
        """Class of each image."""

    @property
    def class_names(self) -> list[str]:
        """Name of each class."""

    @property
    def classes(self) -> int:
        """Number of classes."""

    @property
    def channels(self) -> int:
        """Number of image channels."""

    @property
    def split(self) -> Split | None:
        """The set's own split, or None."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> ClassSample: ...


class ClassReader:
    """Base of sets of classes: keeps what it has read, up to a limit. A subclass writes `read`.

    Args:
        names: Name of each image.
        labels: Class of each image.
        class_names: Name of each class.
        channels: Channels of every image.
        split: The set's own split, if it has one.
        keep_bytes: Bytes of images that stay in memory.

    Raises:
        ValueError: If there is no image, two have one name, or a label has no class.
    """

    def __init__(
        self,
        names: list[str],
        labels: list[int],
        *,
        class_names: list[str],
        channels: int = 3,
        split: Split | None = None,
        keep_bytes: int = 2_000_000_000,
    ) -> None:
        if not names or len(names) != len(labels):
            raise ValueError(f"there are {len(names)} names and {len(labels)} labels; give one label for each image")
        if len(set(names)) < len(names):
            raise ValueError("two images have one name; give every image a name of its own")
        if not 0 <= min(labels) <= max(labels) < len(class_names):
            raise ValueError(
                f"labels run from {min(labels)} to {max(labels)}, but there are {len(class_names)} classes"
            )
        self.names, self.labels, self.class_names = list(names), list(labels), list(class_names)
        self.channels, self.split = channels, split
        self._kept = Kept[Pixels](keep_bytes)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    def read(self, index: int) -> Pixels:
        """Read image ``index`` (C, H, W)."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int, /) -> ClassSample:
        index = whole_index(index, len(self), "image")
        pixels = self._kept.fetch(index, read=self.read, size=lambda pixels: pixels.nbytes)
        return ClassSample(self.names[index], pixels.copy(), self.labels[index])
