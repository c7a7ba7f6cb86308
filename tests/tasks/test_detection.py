"""The detection task: its step, training that resumes, boxes in pixels of the image, precision, corruption."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from subband.config import Optim
from subband.corrupt import corrupt
from subband.data.box_stream import BoxStream
from subband.data.boxes import BoxSample
from subband.data.synthetic_shapes import Shapes
from subband.metrics.detection import Boxes
from subband.models.detector import DetectorSize, detector
from subband.tasks import detection
from subband.tasks.detection import (
    DEFAULT_OPTIM,
    DetectionTask,
    detection_plan,
    fit_detector,
    found_boxes,
    image_precision,
    predict_boxes,
    scores_under_corruption,
    side_of,
)

TINY = DetectorSize(side=48, anchor=8, channels=64, hidden=32, regions=20, sampled=16)
CONSTANT = Optim(name="sgd", lr=1e-3, schedule="constant")


def built(seed=0, **options):
    torch.manual_seed(seed)
    return detector(classes=3, norm="group", size=TINY, **options)


class Oracle(nn.Module):
    """Finds the largest bright rectangle of the image that it gets, exactly; stands for a detector."""

    def __init__(self, side):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.transform = type("Transform", (), {"max_size": side})()
        self.seen = []

    def forward(self, images):
        self.seen.append(images[0])
        rows, columns = torch.where(images[0].mean(0) > 0.5)
        if not len(rows):
            return [{"boxes": torch.zeros(0, 4), "labels": torch.zeros(0).long(), "scores": torch.zeros(0)}]
        box = [float(columns.min()), float(rows.min()), float(columns.max()) + 1, float(rows.max()) + 1]
        return [{"boxes": torch.tensor([box]), "labels": torch.tensor([2]), "scores": torch.tensor([0.75])}]


class Rectangles:
    """Bright rectangles of class 2."""

    names, class_names = ["a", "b", "c"], ["nothing", "rectangle"]

    def __len__(self):
        return 3

    def __getitem__(self, index):
        image = np.zeros((3, 40, 80), np.float32)
        left = 8 * (index + 1)
        image[:, 8:24, left : left + 32] = 1
        boxes = np.array([[left, 8, left + 32, 24]], np.float32)
        return BoxSample(self.names[index], image, boxes, np.array([2]))


def test_boxes_are_in_pixels_of_the_image():
    model = Oracle(side=40)
    found = predict_boxes(model, Rectangles()[1].image)
    assert tuple(model.seen[0].shape) == (3, 20, 40)
    assert np.allclose(found.boxes, Rectangles()[1].boxes)
    assert found.labels.tolist() == [2]
    assert found.scores.tolist() == [0.75]
    assert model.training
    assert DetectionTask(model, Rectangles()).validate() == {"AP50": 1.0}
    assert DetectionTask(model, Rectangles(), indices=[1]).validate() == {"AP50": 1.0}
    assert len(found_boxes(model, Rectangles(), indices=[2, 0])[0]) == 2
    assert DetectionTask(model, Rectangles(), indices=[]).validate() == {}


def test_nothing_true_scores_nothing():
    class Empty(Rectangles):
        def __getitem__(self, index):
            return BoxSample("x", np.zeros((3, 20, 20), np.float32), np.zeros((0, 4), np.float32), np.zeros(0, int))

    assert DetectionTask(Oracle(side=20), Empty()).validate() == {"AP50": 0.0}


def test_the_precision_of_one_image_by_hand():
    truth = Boxes(np.array([[0.0, 0, 10, 10], [20, 0, 30, 10]]), np.array([1, 2]))
    found = Boxes(np.array([[0.0, 0, 10, 8]]), np.array([1]), np.array([0.9]))
    assert image_precision(found, truth) == {
        "AP50": pytest.approx(0.5),  # class 1 found, class 2 not
        "AP": pytest.approx(0.5 * 7 / 10),  # an overlap of 0.8 is enough for 0.5 to 0.8
    }
    nothing = Boxes(np.zeros((0, 4)), np.zeros(0, int))
    assert all(np.isnan(value) for value in image_precision(found, nothing).values())


def test_corruption_is_of_the_image_at_its_own_size():
    model, samples = Oracle(side=80), Rectangles()
    found_boxes(model, samples, corruption=("gaussian_noise", 3))
    for index, seen in enumerate(model.seen):
        expected = corrupt(torch.from_numpy(samples[index].image), "gaussian_noise", 3, key=samples.names[index])
        assert torch.equal(seen, expected)
    clean = found_boxes(Oracle(side=80), samples)[0]
    assert all(np.array_equal(one.boxes, samples[index].boxes) for index, one in enumerate(clean))


def test_scores_under_corruption(monkeypatch):
    given = {("fog", 1): 0.8, ("fog", 5): 0.4, ("snow", 1): 0.6, ("snow", 5): 0.2}
    monkeypatch.setattr(detection, "found_boxes", lambda model, samples, indices, corruption: (corruption, None))
    monkeypatch.setattr(detection, "coco_scores", lambda corruption, truth: {"AP": given[corruption]})
    scores = scores_under_corruption(
        Oracle(side=8), Rectangles(), clean=1.0, corruptions=["fog", "snow"], severities=(1, 5)
    )
    assert scores["mPC"] == scores["rPC"] == pytest.approx(0.5)
    assert scores["corruptions"] == {"fog": pytest.approx(0.6), "snow": pytest.approx(0.4)}
    assert scores["table"] == {"fog": [0.8, 0.4], "snow": [0.6, 0.2]}
    assert (scores["metric"], scores["severities"]) == ("AP", [1, 5])


@pytest.mark.slow
def test_step_is_torchvisions_loss():
    model = built(wavelet="haar")
    samples = Shapes(count=4, size=(48, 48), seed=0)
    stream = BoxStream(samples, length=8, side=side_of(model), seed=0)
    items = [stream[0], stream[1]]
    targets = [{key: item[key][: item["count"]] for key in ("boxes", "labels")} for item in items]
    torch.manual_seed((5 << 32) + 2)
    expected = model([item["image"] for item in items], targets)
    total = sum(float(term.detach()) for term in expected.values())
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    for divide, wanted in ((False, total), (True, total / 2)):
        task = DetectionTask(model, samples, divide=divide, seed=5)
        task.at_step(2, 0)
        terms = task.step(torch.utils.data.default_collate(items))
        assert terms["loss"].item() == pytest.approx(wanted, rel=1e-6)
        assert set(terms) == {"loss", *expected}
    assert torch.equal(torch.random.get_rng_state(), before), "the regions are drawn from the seed and the step"


@pytest.mark.slow
@pytest.mark.parametrize("head", ["retinanet", "fasterrcnn"])
def test_training_resumes_exactly(head, tmp_path):
    samples = Shapes(count=4, size=(48, 48), seed=0)

    def train(folder, steps, seed=0):
        model = detector(head, classes=3, norm="group", size=TINY, wavelet="haar")
        torch.manual_seed(seed)
        for weight in model.parameters():
            nn.init.normal_(weight, std=0.02)
        plan = detection_plan(folder, steps=steps, batch=1, images=4, validations=1, optim=CONSTANT)
        fit_detector(model, samples, plan, validation=Rectangles(), seed=1)
        return torch.load(plan.last, weights_only=True)["state_dict"]

    once = train(tmp_path / "once", 2)
    train(tmp_path / "twice", 1)
    again = train(tmp_path / "twice", 2, seed=9)  # other initial weights: those of the checkpoint count
    assert all(torch.equal(once[name], again[name]) for name in once)


@pytest.mark.slow
def test_a_detector_learns_shapes(tmp_path):
    size = DetectorSize(side=64, anchor=8, channels=64, hidden=64, regions=50, sampled=32)
    torch.manual_seed(0)
    model = detector(classes=3, norm="group", wavelet="haar", size=size)
    samples = Shapes(count=2, size=(64, 64), most=2, seed=8)
    optim = dataclasses.replace(DEFAULT_OPTIM, lr=1e-3)
    plan = detection_plan(tmp_path, steps=50, batch=2, images=2, validations=1, optim=optim)
    fitted = fit_detector(model, samples, plan, mirror=False)
    assert fitted.best_score > 0.5
