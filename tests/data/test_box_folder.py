"""COCO's and YOLO's layouts, found by themselves."""

import json

import numpy as np
import pytest

from subband.data.images import write_png
from subband.data.readers.box_folder import box_folder

BOX = [2.0, 3.0, 10.0, 9.0]
"""Left, top, right, bottom in an image of 16 x 20 pixels."""


def picture(path):
    write_png(path, np.zeros((16, 20, 3), np.uint8))


def coco_file(path, name):
    content = {
        "images": [{"id": 1, "file_name": f"{name}.png"}],
        "annotations": [{"image_id": 1, "category_id": 7, "bbox": [2, 3, 8, 6]}],
        "categories": [{"id": 7, "name": "cat"}],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def yolo_file(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"0 {6 / 20} {6 / 16} {8 / 20} {6 / 16}\n")


def coco(root, images):
    for part in ("train2017", "val2017"):
        coco_file(root / "annotations" / f"instances_{part}.json", part)
        picture(root / images.format(part) / f"{part}.png")


def coco_beside(root):
    for part in ("train", "valid", "test"):
        coco_file(root / part / "_annotations.coco.json", part)
        picture(root / part / f"{part}.png")


def yolo(root, images, labels):
    (root / "other.yaml").write_text("a: 1\n")
    (root / "set.yaml").write_text("train: anywhere\nnames: [cat]\n")
    for part in ("train", "val"):
        picture(root / images.format(part) / "x.png")
        yolo_file(root / labels.format(part) / "x.txt")


LAYOUTS = {
    "coco": lambda root: coco(root, "{}"),
    "coco-images": lambda root: coco(root, "images/{}"),
    "coco-all-images": lambda root: coco(root, "images"),
    "coco-root": lambda root: coco(root, "."),
    "coco-beside": coco_beside,
    "yolo": lambda root: yolo(root, "images/{}", "labels/{}"),
    "yolo-parts": lambda root: yolo(root, "{}/images", "{}/labels"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_found(layout, tmp_path):
    LAYOUTS[layout](tmp_path)
    found = box_folder(tmp_path)
    assert found.class_names == ["cat"]
    count = 3 if layout == "coco-beside" else 2
    assert len(found) == count
    assert found.split.train == [1 if layout == "coco-beside" else 0]  # parts in the order of their names
    assert len(found.split.validation) == count - 2
    for index in range(count):
        assert found[index].labels.tolist() == [1]
        np.testing.assert_allclose(found[index].boxes, [BOX], rtol=1e-6)


def test_one_part_without_a_name(tmp_path):
    (tmp_path / "set.yaml").write_text("names: {0: cat}\n")
    picture(tmp_path / "images" / "x.png")
    yolo_file(tmp_path / "labels" / "x.txt")
    found = box_folder(tmp_path)
    assert (found.names, found.split) == (["x"], None)


def test_boxes_in_a_folder_or_a_file_of_their_own(tmp_path):
    coco_file(tmp_path / "words" / "all.json", "x")
    picture(tmp_path / "images" / "x.png")
    assert box_folder(tmp_path, labels="words/all.json").names == ["x"]
    yolo_file(tmp_path / "boxes" / "labels" / "x.txt")
    (tmp_path / "boxes" / "set.yml").write_text("names: [cat]\n")
    assert box_folder(tmp_path, labels="boxes").names == ["x"]


@pytest.mark.message
def test_says_what_is_missing(tmp_path):
    with pytest.raises(
        ValueError, match=r"is no set of images with boxes \(.*\); expected COCO .* or YOLO .*--data.lab"
    ):
        box_folder(tmp_path)
    with pytest.raises(ValueError, match=r"there is no .*boxes; --data\.labels names a folder or a COCO file in"):
        box_folder(tmp_path, labels="boxes")
    with pytest.raises(ValueError, match=r"there is no folder .*; give the folder of a COCO or YOLO set"):
        box_folder(tmp_path / "none")
    picture(tmp_path / "images" / "x.png")
    yolo_file(tmp_path / "labels" / "x.txt")
    with pytest.raises(ValueError, match=r"there is no file .*data\.yaml; expected a YAML file with the names"):
        box_folder(tmp_path)
