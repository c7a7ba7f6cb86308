"""insightface's ``.bin`` files of pairs: LFW, CFP-FP, AgeDB-30, CALFW, CPLFW."""

import os
import pickle
from pathlib import Path
from typing import IO, Any

import numpy as np

from subband._check import positive
from subband.data.class_sample import ClassReader, Pixels
from subband.data.pairs import Pairs
from subband.data.readers._encoded import decoded


class FaceBin(ClassReader):
    """Images of a ``.bin`` file and their pairs: pair i is images 2i and 2i + 1.

    The file is a pickle, which could name any program to run; this reader knows lists, bytes and truth values and
    refuses everything else. Who is on an image is not in the file, so all images have the class ``unknown``.

    Args:
        path: The file.
        folds: Number of folds; the pairs are cut into so many runs, the first ones longer by one if needed.

    Attributes:
        pairs: The pairs, named after the file.

    Raises:
        ValueError: If the file is missing, damaged, or asks for anything but images and truth values; from reading, if
            an image is damaged.

    Source:
        deepinsight/insightface, ``arcface_torch/eval/verification.py``: layout, and folds as scikit-learn's ``KFold``
        without shuffling.
    """

    def __init__(self, path: str | os.PathLike[str], *, folds: int = 10) -> None:
        positive(folds=folds)
        self.path = Path(path)
        self._images, same = _content(self.path)
        fold = [number for number, part in enumerate(np.array_split(same, min(folds, len(same)))) for _ in part]
        every = range(len(self._images))
        super().__init__([f"{index:05d}" for index in every], [0 for _ in every], class_names=["unknown"])
        self.pairs = Pairs(list(every[::2]), list(every[1::2]), same, fold, self.path.stem)

    def read(self, index: int) -> Pixels:
        """Decode one image (3, H, W), 8 bits."""
        return decoded(self._images[index], f"{self.path}: image {index}")


def _content(path: Path) -> tuple[list[bytes], list[bool]]:
    """Encoded images, and whether each pair shows one person."""
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    try:
        with path.open("rb") as file:
            content = _Unpickler(file, encoding="bytes").load()
        images, same = content
        good = all(isinstance(image, bytes) for image in images) and all(value in (0, 1) for value in same)
    except Exception as error:
        raise ValueError(
            f"{path} is no .bin file of pairs ({error or type(error).__name__}); nothing of it was run"
        ) from error
    if not good or len(images) != 2 * len(same) or not images:
        raise ValueError(
            f"{path} holds {len(images)} images and {len(same)} truth values; expected a list of two encoded images "
            "for each truth value"
        )
    return list(images), [bool(value) for value in same]


class _Unpickler(pickle.Unpickler):
    """Builds lists, bytes, numbers and truth values, and nothing that a file names."""

    def __init__(self, file: IO[bytes], *, encoding: str) -> None:
        super().__init__(file, encoding=encoding)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            return _bytes_of
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def _bytes_of(text: str, encoding: str) -> bytes:
    """Bytes as protocols below 3 write them: text in Latin 1."""
    if encoding not in ("latin1", b"latin1") or not isinstance(text, str):
        raise pickle.UnpicklingError(f"it asks for the encoding {encoding!r}")
    return text.encode("latin1")
