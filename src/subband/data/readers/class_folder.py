"""Folders of images, one for each class: ImageNet's layout, and those of CIFAR, MNIST and others in folders."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from subband._check import closest
from subband.data._pages import SUFFIXES
from subband.data.class_sample import ClassReader, Pixels
from subband.data.images import held
from subband.data.splits import Split

PARTS = ("train", "val", "test")
DEPTH = {"1": 1, "L": 1, "I;16": 1, "I": 1}
"""PIL's modes with one channel."""


class ClassFolder(ClassReader):
    """Images in ``ROOT/train/CLASS/x.jpg`` and ``ROOT/val/CLASS/y.jpg``, or ``ROOT/CLASS/x.jpg`` without parts.

    Files are listed and not opened, but for the first one, whose channels all images get (grey stays grey, anything
    else becomes red, green and blue). Below a class folder there may be more folders.

    `split` is that of the folders: ``val`` validates and ``test`` tests; where there is one of them, it tests, and
    nothing validates (a recipe takes its ``data.validation`` out of ``train``). Without parts there is no split.

    Args:
        root: Folder with ``train`` and ``val`` or ``test``, or with the classes.
        class_names: Classes that there are, in their order, of which some may have no folder here; by default those of
            the folders, sorted.
        channels: Channels that every image gets; by default those of the first one.

    Raises:
        ValueError: If there are no such folders, a folder is none of the classes, or a class has no image; from
            reading, if a file is damaged.

    Source:
        ILSVRC2012 and torchvision's ``ImageFolder``: classes are numbered in the order of their folders' names.
    """

    def __init__(
        self, root: str | os.PathLike[str], *, class_names: Sequence[str] | None = None, channels: int | None = None
    ) -> None:
        self.root = Path(root)
        parts = [part for part in PARTS if (self.root / part).is_dir()] if class_names is None else []
        if parts and ("train" not in parts or len(parts) < 2):
            raise ValueError(f"{self.root}: {held(self.root)}; expected train/ and val/ or test/ of class folders")
        found = {part: class_files(self.root / part) for part in parts} or {"": class_files(self.root)}
        known = list(class_names or next(iter(found.values())))
        if len(known) < 2:
            raise ValueError(f"{self.root} has the class {known[0]!r} only ({held(self.root)}); expected 2 or more")
        for part, listed in found.items():
            for name in listed:
                if name not in known:
                    where = "the run's classes" if class_names is not None else f"{parts[0]}/"
                    raise ValueError(
                        f"{self.root / part} has a class {name!r}, but {where} has not{closest(name, known)}"
                    )
        listing = [(known.index(name), path) for listed in found.values() for name in listed for path in listed[name]]
        self._files = [path for _, path in listing]
        counts = {part: sum(map(len, listed.values())) for part, listed in found.items()}
        super().__init__(
            [path.relative_to(self.root).as_posix() for path in self._files],
            [label for label, _ in listing],
            class_names=known,
            channels=_channels(self._files[0]) if channels is None else channels,
            split=_split(counts),
        )

    def read(self, index: int) -> Pixels:
        """Read one file (C, H, W), 8 bits."""
        return read_pixels(self._files[index], self.channels)


def read_pixels(path: Path, channels: int) -> Pixels:
    """An image file as (C, H, W), 8 bits, in grey for one channel and in colour for three.

    Raises:
        ValueError: If it cannot be read.
    """
    try:
        with Image.open(path) as image:
            picture = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise ValueError(f"{path} cannot be read as an image ({error}); replace it") from error
    return np.ascontiguousarray(picture[None] if picture.ndim == 2 else np.moveaxis(picture, -1, 0))


def class_files(folder: Path) -> dict[str, list[Path]]:
    """Files of each class folder, in the order of names.

    Raises:
        ValueError: If there is no class folder, or one without an image.
    """
    entries = os.scandir(folder) if folder.is_dir() else ()
    names = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    if not names:
        raise ValueError(f"{folder} holds no class folders ({held(folder)})")
    found = {name: sorted(_images(folder / name)) for name in names}
    for name, files in found.items():
        if not files:
            raise ValueError(f"{folder / name} holds no image ({held(folder / name)}); expected {', '.join(SUFFIXES)}")
    return found


def _images(folder: Path) -> list[Path]:
    return [
        Path(where, name)
        for where, _, names in os.walk(folder)
        for name in names
        if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES
    ]


def _channels(path: Path) -> int:
    try:
        with Image.open(path) as image:
            return DEPTH.get(image.mode, 3)
    except (OSError, ValueError, SyntaxError) as error:
        raise ValueError(f"{path} cannot be read as an image ({error}); replace it") from error


def _split(counts: dict[str, int]) -> Split | None:
    """Parts in the order train, val, test; the only one beside ``train`` tests."""
    if "" in counts:
        return None
    train = list(range(counts["train"]))
    rest = [count for part, count in counts.items() if part != "train"]
    first = list(range(len(train), len(train) + rest[0]))
    if len(rest) == 1:
        return Split(train, [], first)
    start = len(train) + rest[0]
    return Split(train, first, list(range(start, start + rest[1])))
