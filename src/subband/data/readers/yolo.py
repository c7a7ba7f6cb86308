"""Boxes in a text file beside each image, as YOLO has them."""

import os
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from subband.data._pages import SUFFIXES
from subband.data.boxes import BoxSample, cut_boxes, three_channels
from subband.data.images import read_image


class Yolo:
    """Images below one folder, text files of the same relative names below another.

    A line is ``class x y width height``: the class, the middle and the size of the box in parts of the image. A
    line of a polygon, ``class x1 y1 x2 y2 ...`` with three corners or more, gives the box around it. An image without a
    file, or with an empty one, has no box. Labels are 1 to K in the order of the classes' numbers, which may have gaps;
    `class_ids` and `class_names` lead back.

    Args:
        images: Folder of the images, with or without folders in it.
        labels: Folder of the text files.
        names: YAML file whose ``names`` name the classes, as a list or by number.

    Raises:
        ValueError: If a folder or file is missing or damaged, or no image has a text file.

    Source:
        The layout of COCO128, https://docs.ultralytics.com/datasets/detect.
    """

    def __init__(
        self, images: str | os.PathLike[str], labels: str | os.PathLike[str], names: str | os.PathLike[str]
    ) -> None:
        self._images, self._labels = Path(images), Path(labels)
        named = _class_names(Path(names))
        self.class_ids, self.class_names = list(named), list(named.values())
        found = [path for path in self._images.rglob("*") if path.suffix.lower() in SUFFIXES]
        self._files = sorted(path.relative_to(self._images) for path in found)
        self.names = [path.with_suffix("").as_posix() for path in self._files]
        if not any(self._text(index).is_file() for index in range(len(self))):
            raise ValueError(
                f"no image of {self._images} ({len(self)} found) has a text file in {self._labels}; expected "
                "LABELS/x.txt for IMAGES/x.jpg"
            )

    def _text(self, index: int) -> Path:
        return self._labels / self._files[index].with_suffix(".txt")

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int, /) -> BoxSample:
        image = three_channels(read_image(self._images / self._files[index]))
        height, width = image.shape[1:]
        path = self._text(index)
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        rows = [_box(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]
        unknown = [number for number, _ in rows if number not in self.class_ids]
        if unknown:
            raise ValueError(
                f"{path} has class {unknown[0]}, but the classes are {self.class_ids[0]} to {self.class_ids[-1]}; "
                "give the names that belong to these files"
            )
        labels = np.array([self.class_ids.index(number) + 1 for number, _ in rows], np.int64)
        shares = np.array([box for _, box in rows], np.float64).reshape(-1, 4)
        pixels = (shares * [width, height, width, height]).astype(np.float32)
        boxes, kept = cut_boxes(pixels, width, height)
        return BoxSample(self.names[index], image, boxes[kept], labels[kept])


def _box(line: str, where: str) -> tuple[int, NDArray[np.float64]]:
    """Class and corners (left, top, right, bottom), in parts of the image, of a line."""
    try:
        label, *numbers = (float(word) for word in line.split())
    except ValueError as error:
        raise ValueError(f"{where}: {line!r} is no line of numbers; expected class x y width height") from error
    polygon = len(numbers) >= 6 and len(numbers) % 2 == 0
    if (len(numbers) != 4 and not polygon) or label != int(label) or label < 0 or not np.isfinite(numbers).all():
        raise ValueError(f"{where}: {line!r} is no box; expected class x y width height, or class and a polygon")
    if polygon:
        corners = np.reshape(numbers, (-1, 2))
        return int(label), np.concatenate([corners.min(0), corners.max(0)])
    middle, half = np.array(numbers[:2]), np.array(numbers[2:]) / 2
    return int(label), np.concatenate([middle - half, middle + half])


def _class_names(path: Path) -> dict[int, str]:
    """Names of the classes by their numbers, in order."""
    if not path.is_file():
        raise ValueError(f"there is no file {path}; expected a YAML file with the names of the classes")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: this is not YAML: {' '.join(str(error).split())}") from error
    names = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names or not all(isinstance(number, int) for number in names):
        raise ValueError(f"{path} has no 'names' of the classes; expected a list, or numbers as in 0: person")
    return {number: str(names[number]) for number in sorted(names)}
