"""An image with its mask, a set of them, and what is said about a set before training."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]
Mask = NDArray[np.uint8]
KEEP_BYTES = 2_000_000_000
"""Bytes of decoded images that a reader keeps in memory."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One image and its mask.

    Args:
        name: Unique within its set.
        image: (C, *space), float32 in [0, 1].
        mask: (*space), uint8 class of each pixel.

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
    """A set of samples. A list of names, two numbers, and reading by index are all that a run needs."""

    @property
    def names(self) -> list[str]:
        """Names, in order."""

    @property
    def classes(self) -> int:
        """Number of classes, 2 for foreground and background."""

    @property
    def channels(self) -> int:
        """Number of image channels."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Sample: ...


class Reader:
    """Base of the readers: reads each sample once and keeps it, up to a limit. A subclass writes `read`.

    Args:
        names: Name of each sample.
        classes: Number of classes.
        keep_bytes: Bytes of decoded samples kept in memory; 8-bit images are kept as 8 bits.
    """

    def __init__(self, names: Sequence[str], *, classes: int = 2, keep_bytes: int = KEEP_BYTES) -> None:
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ValueError(f"two samples are called {twice[0]!r}; give every image a name of its own")
        self._names, self._classes, self._free = list(names), classes, keep_bytes
        self._keep_bytes = keep_bytes
        self._kept: dict[int, tuple[NDArray[Any], Mask]] = {}

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

    def read(self, index: int) -> Sample:
        """Read sample ``index`` from its file."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int, /) -> Sample:
        if not -len(self) <= index < len(self):
            raise IndexError(f"there is no sample {index}; there are {len(self)}")
        index %= len(self)
        if index in self._kept:
            image, mask = self._kept[index]
            pixels = image.copy() if image.dtype == np.float32 else image.astype(np.float32) / np.float32(255)
            return Sample(self.names[index], pixels, mask.copy())
        sample = self.read(index)
        packed = eight_bit(sample.image)
        kept = sample.image if packed is None else packed
        size = kept.nbytes + sample.mask.nbytes
        if size <= self._free:
            self._free -= size
            self._kept[index] = (kept.copy(), sample.mask.copy())
        return sample

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": {}, "_free": self._keep_bytes}


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


def check_samples(samples: Samples) -> list[str]:
    """Read every sample and say what is odd, one sentence each, naming the file.

    Odd samples (one class only, a constant image) can be trained on.

    Raises:
        ValueError: If samples cannot be read or do not fit together, with a sentence for each of the first five; or
            if all masks together hold one class only, so that there is nothing to learn.
    """
    if len(samples) == 0:
        raise ValueError("there is no image; give a folder with images and masks")
    broken: list[str] = []
    odd: list[str] = []
    seen: set[int] = set()
    first: tuple[str, int] | None = None
    for index in range(len(samples)):
        try:
            sample = samples[index]
        except (ValueError, OSError) as error:
            broken.append(str(error))
            continue
        first = first or (sample.name, len(sample.image))
        found = np.unique(sample.mask)
        if len(sample.image) != first[1]:
            broken.append(
                f"{sample.name} has {len(sample.image)} channel(s), but {first[0]} has {first[1]}; "
                "save all images in grey, or all in colour"
            )
        seen |= set(found.tolist())
        odd += _odd(sample, found)
    if broken:
        more = [f"and {len(broken) - 5} more"] if len(broken) > 5 else []
        raise ValueError("; ".join(broken[:5] + more))
    if len(seen) < 2:
        raise ValueError(
            f"all {len(samples)} masks hold class {min(seen)} only, {samples.names[0]} for one; "
            "a mask needs 0 and 1, 0 and 255, or class numbers"
        )
    return odd


def _odd(sample: Sample, found: NDArray[Any]) -> list[str]:
    notes = []
    if len(found) == 1:
        notes.append(f"{sample.name}: the mask holds class {found[0]} only")
    if sample.image.size and sample.image.min() == sample.image.max():
        notes.append(f"{sample.name}: every pixel of the image is {sample.image.min():.3g}")
    return notes


def by(shape: Sequence[int]) -> str:
    """A shape in words: ``64 x 48``."""
    return " x ".join(str(size) for size in shape)
