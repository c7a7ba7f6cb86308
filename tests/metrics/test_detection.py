"""Average precision against arithmetic by hand and two packages, and performance under corruption."""

import math

import numpy as np
import pytest

from subband.metrics.detection import (
    DETECTION_METRICS,
    Boxes,
    average_precision,
    coco_scores,
    overlaps,
    performance_under_corruption,
)

SIDE = 10.0
NONE = np.zeros((0, 4))


def squares(*places, side=SIDE):
    return np.array([[x, y, x + side, y + side] for x, y in places], float).reshape(-1, 4)


def found(*places, scores, labels=None):
    return Boxes(squares(*places), np.array(labels or [1] * len(places)), np.array(scores, float))


def true(*places, labels=None, crowd=()):
    return Boxes(squares(*places), np.array(labels or [1] * len(places), int), crowd=np.array(crowd, bool))


def random_set(seed, images=12, classes=3):
    generator = np.random.default_rng(seed)
    truth, guesses = [], []
    for _ in range(images):
        count = int(generator.integers(0, 6))
        corner = generator.uniform(0, 150, (count, 2))
        size = generator.uniform(8, 130, (count, 2))
        boxes = np.concatenate([corner, corner + size], 1)
        labels = generator.integers(1, classes + 1, count)
        crowd = generator.random(count) < 0.15
        truth.append(Boxes(boxes, labels, crowd=crowd))
        moved = np.repeat(boxes, 2, 0) + generator.normal(0, 6, (2 * count, 4))
        moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
        swapped = np.where(generator.random(2 * count) < 0.2, generator.integers(1, classes + 1, 2 * count), 0)
        guesses.append(Boxes(moved, np.where(swapped, swapped, np.repeat(labels, 2)), generator.random(2 * count)))
    return guesses, truth


def test_average_precision_by_hand():
    truth = [true((0, 0), (50, 50)), true((0, 0))]
    guesses = [found((0, 0), (100, 100), scores=[0.9, 0.8]), found((0, 0), scores=[0.7])]
    # by falling score: right, wrong, right; recall 1/3, 1/3, 2/3; precision 1, 1/2, 2/3
    # recalls 0 to 0.33 (34 of 101) see precision 1, 0.34 to 0.66 (33) see 2/3, the rest nothing
    expected = (34 * 1 + 33 * 2 / 3) / 101
    assert average_precision(guesses, truth) == {1: pytest.approx(expected, abs=1e-12)}
    assert coco_scores(guesses, truth)["AP50"] == pytest.approx(expected, abs=1e-12)


def test_a_second_box_on_one_object_is_wrong():
    guesses = [found((0, 0), (1, 0), scores=[0.6, 0.9])]
    assert average_precision(guesses, [true((0, 0), (60, 0))])[1] == pytest.approx(51 / 101)
    # the most certain one, at overlap 9 / 11, takes the object; at 0.9 it is wrong, so that the other one is second
    assert average_precision(guesses, [true((0, 0))], overlap=0.8) == {1: 1.0}
    assert average_precision(guesses, [true((0, 0))], overlap=0.9) == {1: 0.5}


def test_boxes_in_a_crowd_do_not_count():
    crowd = Boxes(
        np.array([[0, 0, 100, 100], [200, 0, 210, 10]], float), np.array([1, 1]), crowd=np.array([True, False])
    )
    guesses = [found((5, 5), (20, 40), (200, 0), scores=[0.9, 0.8, 0.7])]
    assert average_precision(guesses, [crowd]) == {1: 1.0}
    assert coco_scores(guesses, [crowd])["AP"] == 1.0
    outside = [found((95, 95), (200, 0), scores=[0.9, 0.7])]  # a quarter of it is in the crowd
    assert average_precision(outside, [crowd]) == {1: 0.5}


def test_overlaps_by_hand():
    table = overlaps(squares((0, 0), (5, 0)), squares((0, 0), (5, 5), (30, 30)), np.array([False, True, False]))
    assert table.tolist() == [[1.0, 0.25, 0.0], [pytest.approx(1 / 3), 0.5, 0.0]]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("overlap", [0.5, 0.75])
def test_own_average_precision_is_faster_coco_evals(seed, overlap):
    guesses, truth = random_set(seed)
    own = np.mean(list(average_precision(guesses, truth, overlap=overlap).values()))
    assert coco_scores(guesses, truth)[f"AP{round(100 * overlap)}"] == pytest.approx(own, abs=1e-9)


@pytest.mark.slow
def test_scores_are_those_of_torchmetrics():
    import torch

    detection = pytest.importorskip("torchmetrics.detection")
    guesses, truth = random_set(7, images=20)
    recalls = np.linspace(0, 1, 101).tolist()  # its own are in float32, which moves a recall of exactly 0.2
    metric = detection.MeanAveragePrecision(backend="faster_coco_eval", rec_thresholds=recalls)

    def tensors(one, **more):
        named = {"boxes": torch.from_numpy(one.boxes).float(), "labels": torch.from_numpy(one.labels)}
        return {**named, **{key: torch.from_numpy(value) for key, value in more.items()}}

    metric.update(
        [tensors(one, scores=one.scores.astype(np.float32)) for one in guesses],
        [tensors(one, iscrowd=one.crowd.astype(np.int64)) for one in truth],
    )
    theirs, ours = metric.compute(), coco_scores(guesses, truth)
    names = ("map", "map_50", "map_75", "map_small", "map_medium", "map_large", "mar_100")
    for name, key in zip(names, DETECTION_METRICS, strict=True):
        assert ours[key] == pytest.approx(float(theirs[name]), abs=1e-5), key


def test_sizes_are_those_of_the_objects():
    boxes = np.array([[0, 0, 100, 100]], float)
    guesses = [Boxes(boxes, np.array([1]), np.array([0.5]))]
    scores = coco_scores(guesses, [Boxes(boxes, np.array([1]), area=np.array([900.0]))])
    assert scores["AP_small"] == 1.0
    assert math.isnan(scores["AP_large"])
    assert coco_scores(guesses, [Boxes(boxes, np.array([1]))])["AP_large"] == 1.0


def test_nothing_found_and_nothing_there():
    empty, blind = Boxes(NONE, np.zeros(0, int)), found(scores=[], labels=[])
    assert average_precision([blind], [true((0, 0))]) == {1: 0.0}
    assert coco_scores([blind], [true((0, 0))])["AP"] == 0.0
    assert average_precision([found((0, 0), scores=[1.0])], [empty]) == {}
    assert all(math.isnan(value) for value in coco_scores([blind], [empty]).values())
    assert coco_scores([blind, found((0, 0), scores=[0.3])], [empty, true((0, 0))])["AP"] == 1.0


def test_performance_under_corruption_by_hand():
    both, means = performance_under_corruption(0.4, {"fog": [0.4, 0.2], "snow": [0.2, 0.0]})
    assert both == {"mPC": pytest.approx(0.2), "rPC": pytest.approx(0.5)}
    assert means == {"fog": pytest.approx(0.3), "snow": pytest.approx(0.1)}
    assert math.isnan(performance_under_corruption(0.0, {"fog": [0.0]})[0]["rPC"])


@pytest.mark.message
def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match=r"boxes have shape \(1, 3\), but must be \(n, 4\) for 1 labels"):
        Boxes(np.zeros((1, 3)), np.array([1]))
    with pytest.raises(ValueError, match="scores has 2 entries for 1 boxes; give one for each, or none"):
        Boxes(np.zeros((1, 4)), np.array([1]), np.array([0.1, 0.2]))
    with pytest.raises(ValueError, match="boxes were found in 0 images, but the truth has 1; give the same ones"):
        coco_scores([], [true((0, 0))])
    with pytest.raises(ValueError, match="boxes of image 0 have no scores; give a certainty for each box"):
        average_precision([true((0, 0))], [true((0, 0))])
    with pytest.raises(ValueError, match="there is no corruption; give the AP of at least one"):
        performance_under_corruption(0.5, {})
    with pytest.raises(ValueError, match="snow has 1 severities, but the first corruption 2; measure the same ones"):
        performance_under_corruption(0.5, {"fog": [0.1, 0.2], "snow": [0.1]})
