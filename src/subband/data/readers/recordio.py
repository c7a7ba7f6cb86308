"""Face sets in insightface's RecordIO layout: ``train.rec`` with ``train.idx``."""

import os
from pathlib import Path

import numpy as np

from subband.data.class_sample import ClassReader, Pixels
from subband.data.images import held
from subband.data.readers._encoded import decoded, numbered
from subband.data.readers._records import Integers, RecordFile

PAGE = "https://github.com/deepinsight/insightface/tree/master/recognition/_datasets_"
HEADER = 24
"""Bytes before the image: flag, label, two numbers ``<IfQQ``; ``flag`` labels of 4 bytes follow, if it is not 0."""
EXACT = 1 << 24
"""From this number on a float32, as which the counts are stored, skips whole numbers."""


class RecordIO(ClassReader):
    """Images of numbered people, such as MS1M, CASIA-WebFace or Glint360K as insightface gives them.

    Record 0 says how many images there are (keys 1 to n) and which keys stand for people: each of these names the first
    image of a person and the one after the last. Without such a record 0 all records are images.

    Labels are known from the start: from the people's records, with one look at the first image of each, or, where
    there are none, from the head of every image's record, which reads one page of the file for each image.

    Args:
        root: Folder with one ``.rec`` file, or that file.

    Raises:
        ValueError: If a file is missing, cut off or damaged, the two do not belong together, there is one identity
            only; from reading, if an image is damaged or has not the label that its person's record says.

    Source:
        deepinsight/insightface, ``arcface_torch/dataset.py`` (``MXFaceDataset``). Counts above 2^24 are not exact in
        the file; there all keys below are taken that the index has, and the people's records are not used.

    Example:
        >>> RecordIO("train.rec")
        Traceback (most recent call last):
        ValueError: train.rec is missing; a RecordIO set is .rec + .idx
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._file = RecordFile(_record_file(Path(root)))
        self._keys, people = self._layout()
        labels = self._labels_by_people(people) if len(people) else None
        found = (self._labels(self._keys) if labels is None else labels).tolist()
        super().__init__(
            [str(key) for key in self._keys.tolist()], found, class_names=numbered(found, str(self._file.path))
        )

    def _layout(self) -> tuple[Integers, Integers]:
        """Keys of the images, and of the people."""
        keys = self._file.keys
        if keys[0] != 0 or not self._file.first_words(keys[:1], 0)[0]:
            return keys, keys[:0]
        images, end = (int(number) for number in _labels_of(self._file.read(0))[:2])
        if max(images, end) >= EXACT:
            return keys[(keys > 0) & (keys < images)], keys[:0]
        wanted = np.arange(1, images)
        self._file.offsets(wanted)
        return wanted, np.arange(images, end)

    def _labels_by_people(self, people: Integers) -> Integers | None:
        """Labels of all images, or None where the people's records do not cover them once each."""
        ranges = np.array([_labels_of(self._file.read(key))[:2] for key in people.tolist()]).astype(np.int64)
        ranges = ranges[ranges[:, 1] > ranges[:, 0]]
        ranges = ranges[np.argsort(ranges[:, 0])]
        starts, ends = ranges.T
        if not len(ranges) or starts[0] != 1 or ends[-1] != len(self._keys) + 1 or (starts[1:] != ends[:-1]).any():
            return None
        return np.repeat(self._labels(starts), ends - starts)

    def _labels(self, keys: Integers) -> Integers:
        """Labels in the records of images."""
        several = self._file.first_words(keys, 0) > 0
        found = self._file.first_words(keys, 1).view(np.float32).copy()
        if several.any():
            found[several] = self._file.first_words(keys[several], HEADER // 4).view(np.float32)
        return found.astype(np.int64)

    def read(self, index: int) -> Pixels:
        """Read one image (3, H, W), 8 bits."""
        key = int(self._keys[index])
        record = self._file.read(key)
        label = int(_labels_of(record)[0])
        if label != self.labels[index]:
            raise ValueError(
                f"{self._file.path}: image {key} has the label {label}, but its person's record says "
                f"{self.labels[index]}; the file is damaged or was put together from two"
            )
        return decoded(_content(record), f"{self._file.path}: image {key}")


def _record_file(root: Path) -> Path:
    if root.suffix == ".rec":
        return root
    found = sorted(root.glob("*.rec")) if root.is_dir() else []
    if len(found) > 1 and root / "train.rec" in found:
        return root / "train.rec"
    if len(found) != 1:
        what = "no .rec file" if not found else f"{len(found)} .rec files"
        raise ValueError(f"{root} holds {what} ({held(root)}); expected one, see {PAGE}")
    return found[0]


def _labels_of(record: bytes) -> list[float]:
    """Labels in a record's head: one, or as many as its flag says."""
    several = int(np.frombuffer(record, "<u4", 1)[0])
    at, count = (HEADER, several) if several else (4, 1)
    labels: list[float] = np.frombuffer(record, "<f4", count, at).tolist()
    return labels


def _content(record: bytes) -> bytes:
    return record[HEADER + 4 * int(np.frombuffer(record, "<u4", 1)[0]) :]
