"""A folder of images with boxes as COCO or YOLO has them, found by its layout."""

import os
from collections.abc import Iterator
from pathlib import Path

from subband.data.box_set import BoxSet
from subband.data.boxes import BoxSamples
from subband.data.images import held
from subband.data.readers.coco import Coco
from subband.data.readers.yolo import Yolo

LAYOUTS = (
    "COCO (annotations/instances_PART.json, or PART/_annotations.coco.json) or YOLO (labels/PART and images/PART, or "
    "PART/labels and PART/images, with a YAML file of the class names beside them)"
)


def box_folder(root: str | os.PathLike[str], *, labels: str | None = None) -> BoxSet:
    """Read a folder of images with boxes, in one of four layouts.

    =====  ================================  ==============================================
    COCO   annotations/instances_PART.json   images in PART, images/PART, images or the root
    COCO   PART/_annotations.coco.json       images in PART
    YOLO   labels/PART, NAMES.yaml           images in images/PART
    YOLO   PART/labels, NAMES.yaml           images in PART/images
    =====  ================================  ==============================================

    PART is such as ``train2017`` or ``val``; `BoxSet` tells how parts are split. ``labels`` and ``images`` may also
    hold files at once, as one part. Parts of a YAML file (``train: ...``) are not read: the folders say them.

    Args:
        root: The folder.
        labels: Folder in it that holds the boxes, as above, where that is not the root itself; or a COCO file.

    Raises:
        ValueError: If it has none of these layouts, or a file is missing or damaged.

    Example:
        >>> box_folder("nowhere")
        Traceback (most recent call last):
        ValueError: there is no folder nowhere; give the folder of a COCO or YOLO set as --data.root
    """
    root = Path(root)
    base = root / (labels or "")
    if not root.is_dir():
        raise ValueError(f"there is no folder {root}; give the folder of a COCO or YOLO set as --data.root")
    if not base.exists():
        raise ValueError(f"there is no {base}; --data.labels names a folder or a COCO file in {root}")
    parts: dict[str, BoxSamples] = {**dict(_coco(root, base))} or {**dict(_yolo(root, base))}
    if not parts:
        raise ValueError(
            f"{base} is no set of images with boxes ({held(base)}); expected {LAYOUTS}; where the boxes lie in a "
            "folder of their own, name it as --data.labels"
        )
    return BoxSet(parts)


def _coco(root: Path, base: Path) -> Iterator[tuple[str, Coco]]:
    """Parts of a COCO set, if it is one."""
    if base.is_file():
        yield base.stem, Coco(_images(root, ""), base)
        return
    for path in sorted(base.glob("annotations/instances_*.json")):
        part = path.stem.removeprefix("instances_")
        yield part, Coco(_images(root, part), path)
    for path in sorted(base.glob("*/_annotations.coco.json")):
        yield path.parent.name, Coco(path.parent, path)


def _images(root: Path, part: str) -> Path:
    """Folder of the images of a part."""
    known = (root / part, root / "images" / part, root / "images") if part else (root / "images",)
    return next((folder for folder in known if folder.is_dir()), root)


def _yolo(root: Path, base: Path) -> Iterator[tuple[str, Yolo]]:
    """Parts of a YOLO set, if it is one."""
    names = _names_file(base)
    if (base / "labels").is_dir():
        images = base / "images" if (base / "images").is_dir() else root / "images"
        found = [path.name for path in sorted((base / "labels").iterdir()) if (images / path.name).is_dir()]
        for part in found or [""]:
            yield part or "all", Yolo(images / part, base / "labels" / part, names)
        return
    for labels in sorted(path for path in base.glob("*/labels") if (path.parent / "images").is_dir()):
        yield labels.parent.name, Yolo(labels.parent / "images", labels, names)


def _names_file(base: Path) -> Path:
    """The YAML file that names the classes: one that speaks of names, else the name that is missed."""
    files = sorted([*base.glob("*.yaml"), *base.glob("*.yml")])
    return next((path for path in files if "names" in path.read_text(encoding="utf-8")), base / "data.yaml")
