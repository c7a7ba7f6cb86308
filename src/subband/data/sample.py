"""An image with its mask, a set of them, and what is said about a set before training."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from subband.data._colours import Palette, readable_palette
from subband.data._kept import Kept, whole_index
from subband.data.splits import Split

FloatImage = NDArray[np.float32]
Mask = NDArray[np.uint8]
VOID = 255
"""Value of the mask's pixels that belong to no class: neither losses nor metrics count them."""
KEEP_BYTES = 2_000_000_000
"""Bytes of decoded images that a reader keeps in memory."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One image and its mask.

    Args:
        name: Unique within its set.
        image: (C, *space), float32 in [0, 1].
        mask: (*space), uint8 class of each pixel, from 0; `VOID` where there is none.

    Raises:
        ValueError: If the two sizes differ.
    """

    name: str
    image: FloatImage
    mask: Mask

    def __post_init__(self) -> None:
        if self.image.shape[1:] != self.mask.shape:
            raise ValueError(
                f"{self.name}: the image is {by(self.image.shape[1:])} pixels, but its mask is {by(self.mask.shape)}; "
                "bring both to one size (resize a mask without interpolation)"
            )


class Samples(Protocol):
    """A set of samples. A list of names, two numbers, and reading by index are all that a run needs.

    A set may also have ``class_names``, a ``palette`` and an official ``split``, as `Reader` has them; read them by
    `subband.data.class_names`, `subband.data.palette` and `subband.data.given_split`, which know what to do without.
    """

    @property
    def names(self) -> list[str]:
        """Names, in order."""

    @property
    def classes(self) -> int:
        """Number of classes, 2 for foreground and background; void is none of them."""

    @property
    def channels(self) -> int:
        """Number of image channels."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Sample: ...


class Reader:
    """Base of the readers: reads each sample once and keeps it, up to a limit. A subclass writes `read`.

    Args:
        names: Name of each sample.
        classes: Number of classes; void is none of them.
        keep_bytes: Bytes of decoded samples kept in memory; 8-bit images are kept as 8 bits.
        class_names: Name of each class; None takes their numbers.
        palette: Colour of each class, (classes, 3) of 0 to 255; None takes a fixed one.
        split: The set's official split, if it has one.

    Raises:
        ValueError: If two samples have one name, or there is not one name and one colour for each class.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        classes: int = 2,
        keep_bytes: int = KEEP_BYTES,
        class_names: Sequence[str] | None = None,
        palette: Sequence[Sequence[int]] | None = None,
        split: Split | None = None,
    ) -> None:
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ValueError(f"two samples are called {twice[0]!r}; give every image a name of its own")
        self._names, self._classes = list(names), classes
        self._kept = Kept[tuple[NDArray[Any], Mask]](keep_bytes)
        for kind, given in (("class_names", class_names), ("palette", palette)):
            if given is not None and len(given) != classes:
                raise ValueError(f"{kind} has {len(given)} entries for {classes} classes; give one for each class")
        self._class_names = None if class_names is None else list(class_names)
        self._palette = None if palette is None else np.asarray(palette, np.uint8)
        self._split = split

    @property
    def names(self) -> list[str]:
        """Names, in order."""
        return self._names

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self._classes

    @property
    def channels(self) -> int:
        """Number of channels of the first image."""
        return len(self[0].image)

    @property
    def class_names(self) -> list[str]:
        """Name of each class."""
        return [str(number) for number in range(self.classes)] if self._class_names is None else self._class_names

    @property
    def palette(self) -> Palette:
        """Colour of each class, (classes, 3), red, green and blue from 0 to 255."""
        return readable_palette(self.classes) if self._palette is None else self._palette

    @property
    def split(self) -> Split | None:
        """The set's own official split, or None."""
        return self._split

    def read(self, index: int) -> Sample:
        """Read sample ``index`` from its file."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int, /) -> Sample:
        index = whole_index(index, len(self), "sample")
        image, mask = self._kept.fetch(index, read=self._packed, size=lambda pair: pair[0].nbytes + pair[1].nbytes)
        pixels = image.copy() if image.dtype == np.float32 else image.astype(np.float32) / np.float32(255)
        return Sample(self.names[index], pixels, mask.copy())

    def _packed(self, index: int) -> tuple[NDArray[Any], Mask]:
        sample = self.read(index)
        packed = eight_bit(sample.image)
        return sample.image if packed is None else packed, sample.mask


def eight_bit(image: FloatImage) -> NDArray[np.uint8] | None:
    """The 8-bit image that ``image`` is a 255th of, or None if there is none."""
    rounded = np.rint(image * np.float32(255)).astype(np.uint8)
    return rounded if np.array_equal(rounded.astype(np.float32) / np.float32(255), image) else None


def statistics(
    samples: Samples, indices: Sequence[int] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Mean and standard deviation of each channel.

    .. math:: \mu = \tfrac1n \sum_i m_i, \qquad \sigma = \sqrt{\tfrac1n \sum_i (s_i^2 + (m_i - \mu)^2)}

    with mean :math:`m_i` and deviation :math:`s_i` of image i, so every image counts alike, whatever its size.

    Args:
        samples: Images in [0, 1].
        indices: Images that count; None takes all, test images included, as the authors do.

    Returns:
        Mean and deviation, (C,) each, in units of the image; the deviation of a constant channel is given as 1.

    Raises:
        ValueError: If there is no image.

    Source:
        lurenhaothu/CWMI, ``data/dataprepare.py``. 8-bit images are summed as exact 255ths in float64.

    Example:
        >>> image = np.array([[[0.0, 1.0]]], np.float32)
        >>> class Two(Reader):
        ...     def read(self, index):
        ...         return Sample(self.names[index], image, np.zeros((1, 2), np.uint8))
        >>> mean, std = statistics(Two(["a", "b"]))
        >>> float(mean[0]), float(std[0])
        (0.5, 0.5)
    """
    chosen = range(len(samples)) if indices is None else indices
    if len(chosen) == 0:
        raise ValueError("there is no image to take the mean of; give at least one")
    means, deviations = [], []
    for index in chosen:
        image = samples[index].image
        packed = eight_bit(image)
        pixels = image.astype(np.float64) if packed is None else packed / 255
        means.append(pixels.reshape(len(pixels), -1).mean(1))
        deviations.append(pixels.reshape(len(pixels), -1).std(1))
    mean, std = pooled(np.stack(means), np.stack(deviations))
    return mean, np.where(std > 0, std, 1.0)


def pooled(means: NDArray[Any], deviations: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation (C,) of images with means and deviations (n, C)."""
    mean = np.mean(means, axis=0)
    return mean, np.sqrt(np.sum(np.power(deviations, 2) + np.power(means - mean, 2), axis=0) / len(means))


def by(shape: Sequence[int]) -> str:
    """A shape in words: ``64 x 48``."""
    return " x ".join(str(size) for size in shape)
