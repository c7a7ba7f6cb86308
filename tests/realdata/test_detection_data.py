"""The COCO subset: its boxes as the set's own file of words says."""

import csv

import numpy as np
import pytest

from subband.data.readers.yolo import Yolo


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
