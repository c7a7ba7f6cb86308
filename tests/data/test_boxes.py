"""Images with boxes: COCO's and YOLO's files, synthetic shapes, and training items."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from subband.data.box_stream import PAPER, BoxStream, mirrored, resized
from subband.data.boxes import BoxSample
from subband.data.readers.coco import Coco
from subband.data.readers.yolo import Yolo
from subband.data.synthetic_shapes import CLASSES, Shapes

CATEGORIES = [{"id": 90, "name": "brush"}, {"id": 3, "name": "car"}]
RECORDS = [
    {"id": 7, "file_name": "b.png", "width": 20, "height": 10},
    {"id": 9, "file_name": "a.png", "width": 20, "height": 10},
]


def coco_file(folder, annotations, *, categories=CATEGORIES, records=RECORDS):
    (folder / "val2017").mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((10, 20, 3), 51, np.uint8)).save(folder / "val2017" / "b.png")
    Image.fromarray(np.full((10, 20), 255, np.uint8)).save(folder / "val2017" / "a.png")
    path = folder / "annotations" / "instances_val2017.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"images": records, "annotations": annotations, "categories": categories}))
    return path


def one(bbox=(2, 3, 4, 5), image=7, category=90, **more):
    return {"image_id": image, "category_id": category, "bbox": list(bbox), **more}


def test_coco_by_hand(tmp_path):
    crowd = one((15, 5, 10, 10), category=3, iscrowd=1, area=12.5)
    coco_file(tmp_path, [one(area=11), crowd, one((30, 0, 5, 5)), one((4, 4, 0, 3))])
    samples = Coco.part(tmp_path, "val2017")
    assert samples.names == ["a", "b"]
    assert samples.class_names == ["car", "brush"]
    assert samples.category_ids == [3, 90]
    empty, full = samples[0], samples[1]
    assert len(samples) == 2
    assert empty.image.shape == (3, 10, 20)  # grey
    assert empty.boxes.shape == (0, 4)
    assert full.image[0, 0, 0] == pytest.approx(0.2)
    assert full.boxes.tolist() == [[2, 3, 6, 8], [15, 5, 20, 10]]  # cut; outside and without width: left out
    assert full.labels.tolist() == [2, 1]
    assert full.crowd.tolist() == [False, True]
    assert full.area.tolist() == [11, 12.5]


def test_coco_looks_below_images_too(tmp_path):
    coco_file(tmp_path, [one()])
    (tmp_path / "images").mkdir()
    (tmp_path / "val2017").rename(tmp_path / "images" / "val2017")
    assert Coco.part(tmp_path, "val2017")[1].area.tolist() == [20]  # without one: that of the box


@pytest.mark.message
def test_coco_names_the_file_and_what_is_wrong(tmp_path):
    with pytest.raises(ValueError, match=r"has no annotations/instances_val2018.json \(parts: none\)"):
        Coco.part(tmp_path, "val2018")
    path = coco_file(tmp_path, [])
    with pytest.raises(ValueError, match=r"instances_val2018.json; did you mean 'val2017'\? \(parts: val2017\)"):
        Coco.part(tmp_path, "val2018")
    cases = [
        (
            [{"bbox": [0, 0, 1, 1], "image_id": 7}],
            "annotation 0 has no category_id; expected image, category, 4 numbers",
        ),
        ([one((1, 2, 3))], "annotation 0 has a bbox of 3 numbers; expected image, category, 4 numbers"),
        ([one(), one(image=8)], "annotation 1 is of image 8 and category 90, of which one is not in the file"),
        ([one(category=4)], "annotation 0 is of image 7 and category 4, of which one is not in the file"),
    ]
    for annotations, text in cases:
        with pytest.raises(ValueError, match=f"instances_val2017.json: {text}"):
            Coco(tmp_path / "val2017", coco_file(tmp_path, annotations))
    path.write_text("[1]")
    with pytest.raises(ValueError, match=r"instances_val2017.json has no list 'images'; expected a COCO file"):
        Coco(tmp_path, path)
    path.unlink()
    with pytest.raises(ValueError, match=r"there is no file .*instances_val2017.json; see https://cocodataset.org"):
        Coco(tmp_path, path)
    path.write_text("{")
    with pytest.raises(ValueError, match=r"instances_val2017.json: this is not JSON: "):
        Coco(tmp_path, path)
    samples = Coco(tmp_path / "gone", coco_file(tmp_path, []))
    with pytest.raises(ValueError, match=r"there is no file .*gone/a.png"):
        samples[0]


def yolo_folder(folder, text="1 0.5 0.5 0.5 0.4\n", names="names:\n  0: cat\n  1: dog\n"):
    for part in ("images/x", "labels/x"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for name in ("one", "two"):
        Image.fromarray(np.zeros((10, 20, 3), np.uint8)).save(folder / "images/x" / f"{name}.png")
    (folder / "labels/x/one.txt").write_text(text)
    (folder / "names.yaml").write_text(names)
    return Yolo(folder / "images", folder / "labels", folder / "names.yaml")


def test_yolo_by_hand(tmp_path):
    samples = yolo_folder(tmp_path, "1 0.5 0.5 0.5 0.4\n\n0 0.95 0.1 0.2 0.2\n0 0.1 0.2 0.3 0.4 0.2 0.6\n")
    assert samples.names == ["x/one", "x/two"]
    assert samples.class_names == ["cat", "dog"]
    expected = [[5, 3, 15, 7], [17, 0, 20, 2], [2, 2, 6, 6]]
    assert np.allclose(samples[0].boxes, expected, atol=1e-5)
    assert samples[0].labels.tolist() == [2, 1, 1]
    assert len(samples[1].boxes) == 0
    assert yolo_folder(tmp_path, "", "names: [a]")[0].boxes.shape == (0, 4)
    gaps = yolo_folder(tmp_path, "7 0.5 0.5 0.5 0.4\n3 0.5 0.5 0.5 0.4", "names: {7: b, 3: a}")
    assert gaps.class_names == ["a", "b"]
    assert gaps.class_ids == [3, 7]
    assert gaps[0].labels.tolist() == [2, 1]


@pytest.mark.message
def test_yolo_names_the_file_and_what_is_wrong(tmp_path):
    for text, message in [
        ("1 a 2 3 4", r"one.txt, line 1: '1 a 2 3 4' is no line of numbers"),
        ("0 0.5 0.5 0.5 0.5\n1 0.5 0.5", r"one.txt, line 2: '1 0.5 0.5' is no box; expected class x y width height"),
        ("2 0.5 0.5 0.5 0.5", r"one.txt has class 2, but the classes are 0 to 1; give the names that belong"),
        ("0.5 0.5 0.5 0.5 0.5", "is no box"),
    ]:
        with pytest.raises(ValueError, match=message):
            yolo_folder(tmp_path, text)[0]
    with pytest.raises(ValueError, match=r"names.yaml has no 'names' of the classes; expected a list"):
        yolo_folder(tmp_path, names="names: {a: 1}")
    with pytest.raises(ValueError, match=r"names.yaml: this is not YAML"):
        yolo_folder(tmp_path, names="{")
    with pytest.raises(ValueError, match=r"there is no file .*classes.yaml; expected a YAML file"):
        Yolo(tmp_path / "images", tmp_path / "labels", tmp_path / "classes.yaml")
    with pytest.raises(ValueError, match=r"no image of .* \(2 found\) has a text file in .*elsewhere"):
        Yolo(tmp_path / "images", tmp_path / "elsewhere", yolo_folder(tmp_path)._labels.parent / "names.yaml")


def test_boxes_are_exactly_around_shapes():
    samples = Shapes(count=20, size=(96, 140), noise=0.0, seed=3)
    found = [samples[index] for index in range(20)]
    labels = np.concatenate([sample.labels for sample in found])
    assert set(labels) == {1, 2, 3}
    assert samples.class_names == list(CLASSES)
    for sample in found:
        assert sample.image.shape == (3, 96, 140)
        assert (sample.boxes == np.rint(sample.boxes)).all()
        assert (sample.area <= (sample.boxes[:, 2:] - sample.boxes[:, :2]).prod(1)).all()
    single = next(sample for sample in found if len(sample.labels) == 1)
    left, top, right, bottom = single.boxes[0].astype(int)
    inside = np.zeros((96, 140), bool)
    inside[top:bottom, left:right] = True
    edges = np.abs(np.diff(single.image.mean(0), axis=1)).max(0)
    steep = np.flatnonzero(edges > 0.05)
    assert left - 1 <= steep.min() <= left
    assert right - 2 <= steep.max() <= right - 1 + 1
    assert single.image[:, ~inside].std(1).max() < 0.1


def test_shapes_depend_on_seed_and_place_alone():
    first, again = Shapes(count=4, seed=1)[3], Shapes(count=9, seed=1)[3]
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.boxes, again.boxes)
    assert not np.array_equal(first.image, Shapes(count=4, seed=2)[3].image)
    assert np.array_equal(Shapes(count=4, seed=1)[-1].image, first.image)
    counts = [len(Shapes(count=60, size=(32, 32), seed=5)[index].labels) for index in range(60)]
    assert min(counts) == 0
    assert max(counts) <= 5
    with pytest.raises(IndexError):
        Shapes(count=4)[4]


def test_items_are_a_function_of_seed_and_number():
    samples = Shapes(count=5, size=(40, 80), seed=2)
    stream = BoxStream(samples, length=20, side=60, seed=4)
    again = BoxStream(samples, length=20, side=60, seed=4)
    for number in (13, 2, 19):
        assert all(
            torch.equal(torch.as_tensor(stream[number][key]), torch.as_tensor(again[number][key])) for key in stream[0]
        )
    batch = torch.utils.data.default_collate([stream[number] for number in range(5)])
    assert batch["image"].shape == (5, 3, 60, 60)
    assert batch["boxes"].shape == (5, 128, 4)
    assert (batch["labels"] > 0).sum(1).tolist() == batch["count"].tolist()
    assert sorted(batch["count"].tolist()) == sorted(len(samples[index].labels) for index in range(5))
    assert len(stream) == 20
    below = batch["image"][:, :, 30:]
    assert torch.equal(below, torch.tensor(PAPER).reshape(1, 3, 1, 1).expand_as(below))


def test_boxes_follow_the_image():
    image = np.zeros((3, 20, 40), np.float32)
    image[:, 4:12, 10:16] = 1

    class Single:
        names, class_names = ["x"], ["thing"]

        def __len__(self):
            return 1

        def __getitem__(self, index):
            boxes = np.array([[10, 4, 16, 12], [0, 0, 40, 20]], np.float32)
            return BoxSample("x", image, boxes, np.array([1, 1]), crowd=np.array([False, True]))

    stream = BoxStream(Single(), length=12, side=80, seed=0)
    for number in range(12):
        item = stream[number]
        assert item["count"] == 1  # not the crowd
        left, top, right, bottom = item["boxes"][0].int().tolist()
        assert (bottom - top, right - left) == (16, 12)
        assert item["image"][:, top + 1 : bottom - 1, left + 1 : right - 1].min() == 1
    lefts = {float(stream[number]["boxes"][0, 0]) for number in range(12)}
    assert lefts == {20.0, 48.0}
    plain = BoxStream(Single(), length=12, side=80, mirror=False)
    assert {float(plain[number]["boxes"][0, 0]) for number in range(12)} == {20.0}


def test_mirror_twice_is_nothing(generator):
    image = torch.rand(3, 5, 9, generator=generator)
    boxes = np.array([[1, 2, 4, 5], [0, 0, 9, 5]], np.float32)
    twice, back = mirrored(*mirrored(image, boxes))
    assert torch.equal(twice, image)
    assert np.array_equal(back, boxes)


def test_reducing_smooths():
    stripes = np.zeros((3, 32, 64), np.float32)
    stripes[:, :, ::2] = 1
    assert resized(stripes, 64).numpy() is not None
    assert torch.allclose(resized(stripes, 32)[:, 2:-2, 2:-2], torch.tensor(0.5), atol=0.02)
    assert resized(np.zeros((3, 1, 90), np.float32), 30).shape == (3, 1, 30)


@pytest.mark.message
def test_errors_say_what_to_do():
    image, label = np.zeros((3, 10, 20), np.float32), np.array([1])

    def boxed(*box):
        return np.array([box], np.float32)

    for box in ((3, 3, 3, 8), (-1, 0, 4, 4), (0, 0, 21, 4), (0, 0, 4, 11)):
        with pytest.raises(ValueError, match=r"x: the box .* with label 1 is empty, outside 20 x 10 pixels"):
            BoxSample("x", image, boxed(*box), label)
    with pytest.raises(ValueError, match="or has a label below 1; cut boxes to the image"):
        BoxSample("x", image, boxed(0, 0, 4, 4), np.array([0]))
    with pytest.raises(ValueError, match=r"x: the image has shape \(3, 10, 20\) and the boxes \(1, 4\) for 2 labels"):
        BoxSample("x", image, boxed(0, 0, 4, 4), np.array([1, 1]))
    with pytest.raises(ValueError, match="size is 20 x 64, but must be at least 32 pixels along both"):
        Shapes(size=(20, 64))
    samples = Shapes(count=3, size=(64, 64), most=5, seed=0)
    with pytest.raises(ValueError, match="there is no image to train on; give at least one index"):
        BoxStream(samples, indices=[], length=3, side=32)
    crowded = next(index for index in range(3) if len(samples[index].labels) > 1)
    with pytest.raises(ValueError, match=r"shapes-000\d has \d boxes, but items hold 1; give a larger `most`"):
        BoxStream(samples, indices=[crowded], length=3, side=32, most=1)[0]
