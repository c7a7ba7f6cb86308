"""COCO: images with boxes, in an ``instances`` file."""

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from subband._check import closest
from subband.data.boxes import BoxSample, cut_boxes, sides, three_channels
from subband.data.images import read_image

PAGE = "https://cocodataset.org/#download"


class Coco:
    """Images with boxes of a COCO file; images without a box are there too.

    Labels are 1 to K in the order of the categories' numbers, which have gaps (COCO's 80 end at 90); `category_ids` and
    `class_names` lead back. Boxes are cut to the image, and boxes without a pixel in it are left out.

    Args:
        images: Folder of the images; each is looked for by the ``file_name`` of its record.
        annotations: JSON file such as ``annotations/instances_val2017.json``.

    Raises:
        ValueError: If a file is missing or damaged, or a record refers to something that is not there.

    Source:
        Lin et al., COCO, 2014 (arXiv:1405.0312), https://cocodataset.org/#format-data.

    Example:
        >>> Coco("val2017", "annotations/instances_val2017.json")
        Traceback (most recent call last):
        ValueError: there is no file annotations/instances_val2017.json; see https://cocodataset.org/#download
    """

    def __init__(self, images: str | os.PathLike[str], annotations: str | os.PathLike[str]) -> None:
        self._folder, self._file = Path(images), Path(annotations)
        content = _content(self._file)
        categories = sorted(content["categories"], key=lambda category: int(category["id"]))
        self.category_ids = [int(category["id"]) for category in categories]
        self.class_names = [str(category["name"]) for category in categories]
        self._records = sorted(content["images"], key=lambda record: str(record["file_name"]))
        self.names = [Path(record["file_name"]).with_suffix("").as_posix() for record in self._records]
        self._boxes = self._by_image(content["annotations"])

    @classmethod
    def part(cls, root: str | os.PathLike[str], part: str = "val2017") -> "Coco":
        """Read a part of COCO as it is downloaded: ``annotations/instances_PART.json`` and the folder ``PART``.

        Raises:
            ValueError: If a file is missing or damaged, or there is no such part.
        """
        root = Path(root)
        files = {path.stem.removeprefix("instances_"): path for path in root.glob("annotations/instances_*.json")}
        if part not in files:
            known = ", ".join(sorted(files)) or "none"
            raise ValueError(f"{root} has no annotations/instances_{part}.json{closest(part, files)} (parts: {known})")
        folder = root / part if (root / part).is_dir() else root / "images" / part
        return cls(folder, files[part])

    def _by_image(self, annotations: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
        """Annotations of each image, checked."""
        known = {int(record["id"]) for record in self._records}
        found: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for number, annotation in enumerate(annotations):
            missing = [key for key in ("image_id", "category_id", "bbox") if key not in annotation]
            if missing or len(annotation["bbox"]) != 4:
                what = f"no {missing[0]}" if missing else f"a bbox of {len(annotation['bbox'])} numbers"
                raise ValueError(f"{self._file}: annotation {number} has {what}; expected image, category, 4 numbers")
            if annotation["image_id"] not in known or annotation["category_id"] not in self.category_ids:
                raise ValueError(
                    f"{self._file}: annotation {number} is of image {annotation['image_id']} and category "
                    f"{annotation['category_id']}, of which one is not in the file"
                )
            found[annotation["image_id"]].append(annotation)
        return found

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int, /) -> BoxSample:
        record = self._records[index]
        image = three_channels(read_image(self._folder / record["file_name"]))
        found = self._boxes.get(int(record["id"]), [])
        stored = np.array([each["bbox"] for each in found], np.float32).reshape(-1, 4)
        corners = np.concatenate([stored[:, :2], stored[:, :2] + stored[:, 2:]], 1)
        boxes, kept = cut_boxes(corners, image.shape[2], image.shape[1])
        labels = np.array([self.category_ids.index(each["category_id"]) + 1 for each in found], np.int64)
        crowd = np.array([bool(each.get("iscrowd", 0)) for each in found], bool)
        whole = sides(boxes).prod(1)
        area = np.array([each.get("area", size) for each, size in zip(found, whole, strict=True)], np.float32)
        return BoxSample(self.names[index], image, boxes[kept], labels[kept], crowd[kept], area[kept])


def _content(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The three lists of a COCO file."""
    if not path.is_file():
        raise ValueError(f"there is no file {path}; see {PAGE}")
    try:
        content: dict[str, list[dict[str, Any]]] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: this is not JSON: {error}") from error
    for key in ("images", "annotations", "categories"):
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise ValueError(f"{path} has no list {key!r}; expected a COCO file of instances, see {PAGE}")
    return content
