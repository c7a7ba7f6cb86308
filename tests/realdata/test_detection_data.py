"""The COCO subset: its boxes as the set's own file of words says, and a detector that trains on them."""

import csv
import dataclasses

import numpy as np
import pytest

from subband._files import read_json
from subband.cli._parse import recipe_of
from subband.data.readers.box_folder import box_folder
from subband.data.readers.yolo import Yolo
from subband.tasks.compare import compare


@pytest.fixture
def subset(realdata):
    return realdata / "coco128_subset"


def test_boxes_and_sizes_of_the_coco_subset(subset):
    boxes = subset / "object_detection"
    samples = Yolo(subset / "images", boxes / "labels", boxes / "config.yaml")
    with (subset / "ATTRIBUTION.csv").open() as file:
        rows = {row["file"].removesuffix(".jpg"): row for row in csv.DictReader(file)}
    assert sorted(name.rpartition("/")[2] for name in samples.names) == sorted(rows)
    lines = sum(len(path.read_text().splitlines()) for path in boxes.glob("labels/*/*.txt"))
    found = [samples[index] for index in range(len(samples))]
    assert sum(len(sample.labels) for sample in found) == lines
    for sample in found:
        row = rows[sample.name.rpartition("/")[2]]
        assert sample.image.shape == (3, int(row["height"]), int(row["width"]))
        assert 0 <= sample.image.min() <= sample.image.max() <= 1
    labelled = {path.stem for path in boxes.glob("labels/*/*.txt")}
    empty = [sample.name.rpartition("/")[2] for sample in found if not len(sample.labels)]
    assert empty == [name for name in sorted(rows) if name not in labelled]


def test_the_folder_is_found_by_its_layout(subset):
    boxes = subset / "object_detection"
    both = box_folder(subset, labels="object_detection")
    whole = Yolo(subset / "images", boxes / "labels", boxes / "config.yaml")
    parts = sorted(path.name for path in (subset / "images").iterdir())
    counts = [len(list((subset / "images" / part).glob("*.jpg"))) for part in parts]
    assert (both.names, both.class_names) == (whole.names, whole.class_names)
    assert [len(both.split.train), len(both.split.test)] == counts
    mine, theirs = both[counts[0]], whole[counts[0]]
    assert np.array_equal(mine.boxes, theirs.boxes)
    with pytest.raises(ValueError, match=r"name it as --data\.labels"):
        box_folder(subset)


@pytest.mark.slow
def test_two_steps_of_the_recipe(subset, tmp_path):
    shipped = recipe_of("detection/coco-subset")
    data = dataclasses.replace(shipped.data, root=str(subset))
    recipe = dataclasses.replace(shipped, data=data, budget="2 steps", validations=1, validation_images=1)
    recipe.networks = {"RetinaNet haar": recipe.networks["RetinaNet haar"]}
    compare(dataclasses.replace(recipe, model=dataclasses.replace(recipe.model, side=64, width=64)), tmp_path)
    result = read_json(tmp_path / "runs" / "detection-fold0-seed0" / "result.json")
    assert result["status"] == "finished"
    assert [row["name"] for row in result["images"]] == box_folder(subset, labels="object_detection").names
    assert set(result["class_AP50"]) <= set(result["class_names"])
    assert 0 <= result["metrics"]["AP50"] <= 1


def test_boxes_are_around_the_polygons(subset):
    boxes, polygons = subset / "object_detection", subset / "instance_segmentation"
    samples = Yolo(subset / "images", boxes / "labels", boxes / "config.yaml")
    outlines = Yolo(subset / "images", polygons / "labels", polygons / "config.yaml")
    same_box = []
    for index in range(len(samples)):
        mine, theirs = samples[index], outlines[index]
        for box, label in zip(theirs.boxes, theirs.labels, strict=True):
            name = outlines.class_names[label - 1]
            same = mine.boxes[mine.labels == samples.class_names.index(name) + 1]
            assert len(same), mine.name
            same_box.append(np.abs(same - box).max(1).min())
    assert len(same_box) == sum(len(samples[index].labels) for index in range(len(samples)))
    assert np.median(same_box) < 2  # pixels; the polygon of an object in several parts is of one part
