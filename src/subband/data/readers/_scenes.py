"""What the readers of scenes share: pairs of files in official parts, named classes, void."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from subband.data._pages import Pages
from subband.data.images import as_image
from subband.data.sample import VOID, Mask, Reader, Sample
from subband.data.splits import Split

Classes = Sequence[tuple[str, tuple[int, int, int]]]
"""Name and colour of each class."""


class Pair(NamedTuple):
    """An image file and its label file."""

    name: str
    image: Path
    labels: Path


class Scenes(Reader):
    """Base of the readers of scenes; a subclass finds the files and says what the labels mean.

    Args:
        pairs: Files of each sample.
        split: The official split of the pairs.
        classes: Name and colour of each class.
        page: Where the set is to be had.
    """

    def __init__(self, pairs: Sequence[Pair], split: Split, *, classes: Classes, page: str) -> None:
        self._pairs, self._page = list(pairs), page
        super().__init__(
            [pair.name for pair in self._pairs],
            classes=len(classes),
            class_names=[name for name, _ in classes],
            palette=[colour for _, colour in classes],
            split=split,
        )

    def read(self, index: int) -> Sample:
        """Read one image and its labels."""
        name, image, labels = self._pairs[index]
        return Sample(name, as_image(Pages(image)[0], str(image)), self.to_mask(self._stored(labels), labels))

    def to_mask(self, labels: NDArray[np.uint8], path: Path) -> Mask:
        """Classes and void of the stored labels."""
        raise NotImplementedError

    def _stored(self, path: Path) -> NDArray[np.uint8]:
        labels: NDArray[Any] = Pages(path, palette="stored")[0]
        if labels.ndim != 2 or labels.dtype != np.uint8:
            kind = "a colour image" if labels.ndim == 3 else f"{labels.dtype} values"
            raise ValueError(f"{path} holds {kind}, but labels are 8-bit class numbers; get them from {self._page}")
        return labels


def looked_up(table: Mapping[int, int], labels: NDArray[np.uint8], path: Path) -> Mask:
    """Class of each stored label.

    Raises:
        ValueError: If a label is not in the table.
    """
    lookup, known = np.full(256, VOID, np.uint8), np.zeros(256, bool)
    for stored, number in table.items():
        lookup[stored], known[stored] = number, True
    found = np.flatnonzero(np.bincount(labels.ravel(), minlength=256))
    unknown = found[~known[found]]
    if unknown.size:
        raise ValueError(f"{path} holds the label {unknown[0]}, which the set does not have; is it another set's file?")
    return lookup[labels]


def list_of(path: Path) -> list[str]:
    """Lines of a list file, without empty ones.

    Raises:
        ValueError: If the file cannot be read as text, or names nothing.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as a list of names ({error})") from error
    found = [line for line in lines if line]
    if not found:
        raise ValueError(f"{path} names no image; it is empty")
    return found


def inside(root: Path, *places: str) -> Path:
    """The first of the folders ``places`` below ``root`` that is there, else ``root`` itself.

    Raises:
        ValueError: If there is no folder ``root``.
    """
    if not root.is_dir():
        raise ValueError(f"there is no folder {root}")
    return next((root / place for place in places if (root / place).is_dir()), root)


def in_order(*counts: int) -> Split:
    """The split of samples that lie in the order train, validation, test."""
    ends = np.cumsum([0, *counts]).tolist()
    return Split(*(list(range(start, stop)) for start, stop in pairwise(ends)))


def held_out(count: int, part: float, seed: int) -> tuple[list[int], list[int]]:
    """Indices 0 to ``count - 1`` that train, and a seeded ``part`` of them, at least one, that validates.

    Raises:
        ValueError: If the part is not within (0, 1).
    """
    if not 0 < part < 1:
        raise ValueError(f"validation is {part}, but must be within (0, 1)")
    size = min(max(1, round(part * count)), count - 1)
    order = np.random.default_rng(seed).permutation(count)
    return sorted(order[size:].tolist()), sorted(order[:size].tolist())
