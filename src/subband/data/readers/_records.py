"""RecordIO files: records by key, without MXNet."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = 0xCED7230A
"""First word of each part of a record. Little-endian, as everything in the file."""

WHOLE, FIRST, MIDDLE, LAST = range(4)
"""Kinds of parts: a record in which the magic word occurs is cut there, and the word left out."""

Integers = NDArray[np.int64]


class RecordFile:
    """A ``.rec`` file with its ``.idx``. It is mapped into memory by each process for itself.

    A part of a record is the magic word, a word with the kind of part (3 bits) and the number of its bytes (29 bits),
    and these bytes, filled up to whole words.

    Args:
        path: The ``.rec`` file; the index lies beside it under the same name.

    Attributes:
        keys: Keys of the records, ascending.

    Raises:
        ValueError: If a file is missing or empty, the two do not belong together, or the ``.rec`` is cut off.

    Source:
        Apache MXNet 1.9.1, ``recordio``.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.index = self.path.with_suffix(".idx")
        for file in (self.path, self.index):
            if not file.is_file() or not file.stat().st_size:
                raise ValueError(f"{file} is {'empty' if file.is_file() else 'missing'}; a RecordIO set is .rec + .idx")
        self.keys, self._offsets = self._read_index()
        self._words: NDArray[np.uint32] | None = None
        self._check_offsets()
        self.read(int(self.keys[np.argmax(self._offsets)]))

    def _read_index(self) -> tuple[Integers, Integers]:
        """Keys in order and the byte at which each record begins."""
        try:
            table = np.loadtxt(self.index, dtype=np.int64, ndmin=2)
            keys, offsets = table.T
        except ValueError as error:
            raise ValueError(f"{self.index} is no index of 'key offset' lines ({error}); copy it again") from error
        order = np.argsort(keys, kind="stable")
        keys, offsets = keys[order], offsets[order]
        if (np.diff(keys) == 0).any():
            twice = keys[:-1][np.diff(keys) == 0][0]
            raise ValueError(f"{self.index} has the key {twice} twice; it is damaged, copy it again")
        return keys, offsets

    def _check_offsets(self) -> None:
        size = self.path.stat().st_size
        beyond = np.flatnonzero(self._offsets + 8 > size)
        if len(beyond):
            raise self._cut_off(int(self._offsets[beyond[0]]))
        wrong = np.flatnonzero((self._offsets < 0) | (self._offsets % 4 != 0))
        if len(wrong):
            raise self._strange(int(self._offsets[wrong[0]]))

    @property
    def words(self) -> NDArray[np.uint32]:
        """The file as words of 4 bytes."""
        if self._words is None:
            whole = self.path.stat().st_size // 4
            self._words = np.memmap(self.path, dtype="<u4", mode="r", shape=(whole,))
        return self._words

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_words": None}

    def offsets(self, keys: Integers) -> Integers:
        """Byte at which each record begins.

        Raises:
            ValueError: If the index lacks a key.
        """
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        missing = self.keys[places] != keys
        if missing.any():
            raise ValueError(f"{self.index} has no key {keys[missing][0]}, which {self.path.name} needs; copy it again")
        return self._offsets[places]

    def read(self, key: int) -> bytes:
        """The record of a key.

        Raises:
            ValueError: If there is none, or the file is cut off or no RecordIO file there.
        """
        start = int(self.offsets(np.array([key]))[0])
        at = start // 4
        parts: list[bytes] = []
        while True:
            if at + 2 > len(self.words):
                raise self._cut_off(start)
            magic, head = (int(word) for word in self.words[at : at + 2])
            kind, length = head >> 29, head & (1 << 29) - 1
            expected = (WHOLE, FIRST) if not parts else (MIDDLE, LAST)
            if magic != MAGIC or kind not in expected:
                raise self._strange(4 * at)
            body = self.words[at + 2 : at + 2 + (length + 3) // 4].tobytes()
            if len(body) < length:
                raise self._cut_off(start)
            parts.append(body[:length])
            if kind in (WHOLE, LAST):
                return MAGIC.to_bytes(4, "little").join(parts)
            at += 2 + (length + 3) // 4

    def first_words(self, keys: Integers, word: int) -> NDArray[np.uint32]:
        """Word number ``word`` of the first part of each record, all at once.

        Raises:
            ValueError: If the file is cut off, or a record does not begin where the index says.
        """
        offsets = self.offsets(keys)
        at = offsets // 4
        beyond = at + 2 + word >= len(self.words)
        if beyond.any():
            raise self._cut_off(int(offsets[beyond][0]))
        strange = self.words[at] != MAGIC
        if strange.any():
            raise self._strange(int(offsets[strange][0]))
        return np.asarray(self.words[at + 2 + word])

    def _cut_off(self, offset: int) -> ValueError:
        size = self.path.stat().st_size
        return ValueError(f"{self.path} ends at byte {size}, within the record at byte {offset}; copy the file again")

    def _strange(self, offset: int) -> ValueError:
        return ValueError(
            f"{self.path} has no record at byte {offset}, where {self.index.name} or the record before says that one "
            "begins; the two files do not belong together, or one is damaged"
        )
