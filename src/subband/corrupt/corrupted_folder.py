"""Corrupted sets as folders, ``corruption/severity/class/image``: what is there, and what is missing."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from subband._check import one_of
from subband.corrupt.constants import SEVERITIES
from subband.corrupt.corruption import ALL_CORRUPTIONS, CORRUPTIONS

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".webp", ".tif", ".tiff")
"""Files that are taken for images, in lower case."""


@dataclass(frozen=True)
class CorruptedFolder:
    """What a corrupted set holds; images are listed, not opened.

    Attributes:
        root: The folder.
        images: Files by corruption, severity, and key (``class/name`` without the suffix), all sorted.
    """

    root: Path
    images: dict[tuple[str, int], dict[str, Path]]

    @property
    def names(self) -> tuple[str, ...]:
        """Corruptions that have an image, in the order of `ALL_CORRUPTIONS`."""
        return tuple(
            name for name in ALL_CORRUPTIONS if any((name, severity) in self.images for severity in SEVERITIES)
        )

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of all images that occur under any corruption."""
        return tuple(sorted({key for files in self.images.values() for key in files}))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, sorted; the position is the label."""
        return tuple(sorted({key.partition("/")[0] for key in self.keys}))

    def files(self, name: str, severity: int) -> list[tuple[str, Path, int]]:
        """Key, file and label of each image under a corruption.

        Raises:
            ValueError: If there is none.
        """
        if not (found := self.images.get((name, severity))):
            one_of("corruption", name, ALL_CORRUPTIONS)
            raise ValueError(f"{self.root} holds no image under {name}/{severity}; `missing` tells all that it lacks")
        labels = {label: number for number, label in enumerate(self.classes)}
        return [(key, path, labels[key.partition("/")[0]]) for key, path in found.items()]

    def missing(self, *, names: Sequence[str] = CORRUPTIONS, severities: Sequence[int] = SEVERITIES) -> list[str]:
        """What is not there, one sentence for each corruption and severity; none if the set is complete.

        Args:
            names: The corruptions wanted.
            severities: The severities wanted.
        """
        sentences, keys = [], self.keys
        for name in names:
            one_of("corruption", name, ALL_CORRUPTIONS)
            absent = [severity for severity in severities if (name, severity) not in self.images]
            if len(absent) == len(severities):
                sentences.append(f"{name}: no image")
                continue
            for severity in severities:
                files = self.images.get((name, severity), {})
                lacking = [key for key in keys if key not in files]
                if lacking:
                    more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
                    sentences.append(f"{name}/{severity}: {len(files)} of {len(keys)} images, no {lacking[0]}{more}")
        return sentences


def corrupted_folder(root: str | os.PathLike[str]) -> CorruptedFolder:
    """List a corrupted set in the published layout, as ImageNet-C unpacks or `write_corrupted` writes it.

    Args:
        root: Folder that holds ``gaussian_noise/1/class/image.png`` and so on; folders of other names are left alone,
            and so are hidden files.

    Returns:
        What is there; `CorruptedFolder.missing` tells what is not.

    Raises:
        ValueError: If there is no such folder, no image in it, or two images of one name in a class.

    Source:
        Layout of https://zenodo.org/records/2235448 (ImageNet-C).
    """
    root = Path(root)
    if not root.is_dir():
        raise ValueError(f"there is no folder {root}")
    images: dict[tuple[str, int], dict[str, Path]] = {}
    for name in ALL_CORRUPTIONS:
        for severity in SEVERITIES:
            if files := dict(keyed_images(root / name / str(severity))):
                images[name, severity] = files
    if not images:
        raise ValueError(
            f"{root} holds no image in the layout corruption/severity/class/image, such as fog/1/cat/0001.png"
        )
    return CorruptedFolder(root, images)


def keyed_images(folder: Path) -> Iterator[tuple[str, Path]]:
    """Key and path of every image in class folders, in the order of the keys; nothing where there is no folder.

    Raises:
        ValueError: If two images of a class have one name.
    """
    found: dict[str, Path] = {}
    for group in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not group.is_dir() or group.name.startswith("."):
            continue
        for path in sorted(group.iterdir()):
            if path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
                key = f"{group.name}/{path.stem}"
                if key in found:
                    raise ValueError(f"{found[key]} and {path.name} have one name; rename one of them")
                found[key] = path
    yield from sorted(found.items())
