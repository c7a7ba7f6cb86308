"""Faces in WebDataset's form: tar files of images with their labels beside them."""

import json
import os
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

from subband.data.class_sample import ClassReader, Pixels
from subband.data.images import held
from subband.data.readers._encoded import decoded, numbered

SUFFIXES = ("jpg", "jpeg", "png", "webp", "bmp")


class Place(NamedTuple):
    """Where the bytes of a file are: shard, first byte, number of bytes."""

    shard: int
    start: int
    size: int


class FaceShards(ClassReader):
    """Images in the tar files of a folder. Files of one key, the name up to the first dot, belong together.

    A key has an image (``.jpg``, ``.jpeg``, ``.png``, ``.webp``, ``.bmp``) and its label: a whole number in ``.cls``,
    or in ``.json`` as a number or under a name. The shards are listed at the start (the heads of all files in them are
    read, and the labels), and images are then read where they lie; nothing is unpacked.

    Args:
        root: Folder of ``.tar`` files, or one such file.
        json_key: Name of the label in a ``.json`` file.

    Raises:
        ValueError: If there is no shard, one is damaged or cut off, an image has no label, or there is one identity
            only; from reading, if an image is damaged.

    Source:
        WebDataset, https://github.com/webdataset/webdataset: naming of the files in a shard.
    """

    def __init__(self, root: str | os.PathLike[str], *, json_key: str = "label") -> None:
        root = Path(root)
        self.shards = sorted(root.glob("*.tar")) if root.is_dir() else [root]
        if not self.shards or not self.shards[0].is_file():
            raise ValueError(f"{root} holds no .tar file ({held(root)}); expected shards of images")
        names: list[str] = []
        labels: list[int] = []
        self._places: list[Place] = []
        for number, shard in enumerate(self.shards):
            for key, place, label in _listed(shard, number, json_key):
                names.append(f"{shard.stem}/{key}")
                labels.append(label)
                self._places.append(place)
        super().__init__(names, labels, class_names=numbered(labels, str(root)))

    def read(self, index: int) -> Pixels:
        """Read one image (3, H, W), 8 bits."""
        place = self._places[index]
        with self.shards[place.shard].open("rb") as file:
            file.seek(place.start)
            content = file.read(place.size)
        return decoded(content, f"{self.shards[place.shard]}: {self.names[index]}")


def _listed(shard: Path, number: int, json_key: str) -> list[tuple[str, Place, int]]:
    """Key, place and label of each image in a shard, in its order."""
    images: dict[str, Place] = {}
    labels: dict[str, int] = {}
    end = shard.stat().st_size
    try:
        with tarfile.open(shard, "r:") as archive:
            for member in archive:
                folder, _, name = member.name.rpartition("/")
                stem, _, suffix = name.partition(".")
                key, kind = f"{folder}/{stem}".removeprefix("/"), suffix.lower()
                if not member.isfile() or not stem:
                    continue
                if member.offset_data + member.size > end:
                    raise ValueError(f"it ends at byte {end}, within {member.name}")
                if kind in SUFFIXES:
                    images[key] = Place(number, member.offset_data, member.size)
                elif kind in ("cls", "json"):
                    file: Any = archive.extractfile(member)
                    labels[key] = _label(file.read(), kind, json_key, member.name)
    except (tarfile.TarError, OSError, ValueError) as error:
        raise ValueError(f"{shard} cannot be read as a shard ({error})") from error
    for key in images:
        if key not in labels:
            raise ValueError(f"{shard}: {key} has an image and no label; expected {key}.cls or {key}.json beside it")
    return [(key, place, labels[key]) for key, place in images.items()]


def _label(content: bytes, kind: str, json_key: str, name: str) -> int:
    """The label in a ``.cls`` or ``.json`` file."""
    try:
        found = int(content) if kind == "cls" else json.loads(content)
    except ValueError as error:
        raise ValueError(f"{name} holds {content[:40]!r}, which is no label") from error
    if isinstance(found, dict):
        if json_key not in found:
            raise ValueError(f"{name} has the names {sorted(found)}, but no {json_key!r}; say which is the label")
        found = found[json_key]
    if not isinstance(found, int):
        raise ValueError(f"{name} has the label {found!r}; expected a whole number")
    return found
