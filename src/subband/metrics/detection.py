"""Average precision of boxes, as COCO measures it, and its mean under corruption."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband._optional import require

Numbers = NDArray[Any]
DETECTION_METRICS = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR")
"""What `coco_scores` measures."""
MOST = 100
"""Boxes of one image that count, the most certain ones."""
_RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True, eq=False)
class Boxes:
    """Boxes of one image: what is true, or what was found.

    Args:
        boxes: (n, 4): left, top, right, bottom in pixels.
        labels: (n,), class from 1.
        scores: (n,), certainty in [0, 1] of what was found; empty for the truth.
        crowd: (n,), true boxes of many objects: what lies in them is neither right nor wrong. Empty for none.
        area: (n,), true pixels, by which objects are small (below 32 x 32), medium, or large (above 96 x 96). Empty
            takes the boxes'.

    Raises:
        ValueError: If the shapes do not fit.
    """

    boxes: Numbers
    labels: Numbers
    scores: Numbers = field(default_factory=lambda: np.zeros(0))
    crowd: Numbers = field(default_factory=lambda: np.zeros(0, bool))
    area: Numbers = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        count = len(self.labels)
        if self.boxes.shape != (count, 4):
            raise ValueError(f"boxes have shape {self.boxes.shape}, but must be (n, 4) for {count} labels")
        for name, value in (("scores", self.scores), ("crowd", self.crowd), ("area", self.area)):
            if len(value) not in (0, count):
                raise ValueError(f"{name} has {len(value)} entries for {count} boxes; give one for each, or none")


def coco_scores(found: Sequence[Boxes], truth: Sequence[Boxes]) -> dict[str, float]:
    r"""COCO's twelve numbers, of which seven, over a set of images.

    .. math:: \mathrm{AP} = \tfrac{1}{10 K} \sum_{o = 0.5, 0.55, \dots, 0.95} \sum_{c = 1}^{K} \mathrm{AP}_c(o)

    with `average_precision` :math:`\mathrm{AP}_c(o)` of class c at overlap o.

    Args:
        found: Boxes with scores, for each image.
        truth: True boxes, for each image, in the same order.

    Returns:
        `DETECTION_METRICS`: AP over overlaps 0.5 to 0.95, at 0.5, at 0.75, of small, medium and large objects, and the
        largest mean recall with 100 boxes, each in [0, 1] over the classes that have a true box; NaN without one.

    Raises:
        ValueError: If the two are not of the same images, or a found box has no score.
        ImportError: If faster-coco-eval is not installed.

    Source:
        Lin et al., COCO, 2014 (arXiv:1405.0312); computed by faster-coco-eval.

    Example:
        >>> box = np.array([[0.0, 0.0, 10.0, 10.0]])
        >>> one = np.array([1])
        >>> coco_scores([Boxes(box, one, np.array([0.9]))], [Boxes(box, one)])["AP"]
        1.0
    """
    _check(found, truth)
    names = dict(zip(DETECTION_METRICS, (0, 1, 2, 3, 4, 5, 8), strict=True))
    coco: Any = require("faster_coco_eval", extra="detection")
    known = coco.COCO(_dataset(truth))
    if not known.dataset["annotations"]:
        return dict.fromkeys(names, float("nan"))
    rows = [
        {"image_id": image, "category_id": int(label), "bbox": _corner_and_size(box), "score": float(score)}
        for image, one in enumerate(found, 1)
        for box, label, score in zip(one.boxes, one.labels, one.scores, strict=True)
    ]
    run = coco.COCOeval_faster(known, known.loadRes(rows), "bbox", print_function=lambda *words: None)
    run.run()
    stats = [float(run.stats[place]) for place in names.values()]
    return {name: value if value >= 0 else float("nan") for name, value in zip(names, stats, strict=True)}


def average_precision(found: Sequence[Boxes], truth: Sequence[Boxes], *, overlap: float = 0.5) -> dict[int, float]:
    r"""Average precision of each class at one overlap, without another package.

    .. math:: \mathrm{AP} = \tfrac{1}{101} \sum_{r = 0, 0.01, \dots, 1} \max_{r' \ge r} p(r')

    with the precision :math:`p(r)` at recall r. The boxes of an image are taken from the most certain one; each gets
    the free true box of its class that it overlaps most, if by ``overlap`` (intersection over union) or more.

    Args:
        found: Boxes with scores, for each image.
        truth: True boxes, for each image, in the same order. A box that only lies in a crowd by ``overlap`` of its own
            area does not count.
        overlap: Least intersection over union, in [0, 1].

    Returns:
        AP in [0, 1] of each class that has a true box.

    Raises:
        ValueError: If the two are not of the same images, or a found box has no score.

    Source:
        The protocol of COCO, 2014 (arXiv:1405.0312).

    Example:
        >>> box = np.array([[0.0, 0.0, 10.0, 10.0]])
        >>> shifted = Boxes(box + 3, np.array([2]), np.array([0.9]))
        >>> average_precision([shifted], [Boxes(box, np.array([2]))], overlap=0.3)
        {2: 1.0}
    """
    _check(found, truth)
    plain = [one.labels[~_crowd(one)] for one in truth]
    totals = np.bincount(np.concatenate([np.zeros(0, int), *plain]).astype(int))
    return {
        label: _class_precision(found, truth, label, int(total), overlap)
        for label, total in enumerate(totals.tolist())
        if total
    }


def performance_under_corruption(
    clean: float, corrupted: Mapping[str, Sequence[float]]
) -> tuple[dict[str, float], dict[str, float]]:
    r"""Mean performance under corruption, and its part of the clean performance.

    .. math:: \mathrm{mPC} = \tfrac{1}{N_c} \sum_c \tfrac{1}{N_s} \sum_s P_{c, s}, \qquad
        \mathrm{rPC} = \mathrm{mPC} / P_{clean}

    Args:
        clean: AP on the images as they are.
        corrupted: AP at each severity, by corruption.

    Returns:
        ``mPC`` and ``rPC``, and the mean over the severities of each corruption.

    Raises:
        ValueError: If there is no corruption, or one has another number of severities than the first.

    Source:
        Michaelis et al., 2019 (arXiv:1907.07484), section 3.

    Example:
        >>> performance_under_corruption(0.5, {"fog": [0.4, 0.2], "snow": [0.3, 0.1]})[0]
        {'mPC': 0.25, 'rPC': 0.5}
    """
    if not corrupted:
        raise ValueError("there is no corruption; give the AP of at least one")
    counts = {name: len(values) for name, values in corrupted.items()}
    first = next(iter(counts.values()))
    for name, count in counts.items():
        if count != first or not count:
            raise ValueError(f"{name} has {count} severities, but the first corruption {first}; measure the same ones")
    means = {name: float(np.mean(values)) for name, values in corrupted.items()}
    mean = float(np.mean(list(means.values())))
    return {"mPC": mean, "rPC": mean / clean if clean else float("nan")}, means


def overlaps(found: Numbers, true: Numbers, crowd: Numbers) -> Numbers:
    """Intersection over union (n, m) of boxes (n, 4) and (m, 4); over the found box alone where the true is a crowd."""
    low = np.maximum(found[:, None, :2], true[None, :, :2])
    high = np.minimum(found[:, None, 2:], true[None, :, 2:])
    inner = np.clip(high - low, 0, None).prod(-1)
    own, other = ((boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (found, true))
    union = np.where(crowd[None], own[:, None], own[:, None] + other[None] - inner)
    return np.asarray(inner / np.maximum(union, 1e-12))


def _class_precision(found: Sequence[Boxes], truth: Sequence[Boxes], label: int, total: int, overlap: float) -> float:
    pairs = [_match(one, true, label, overlap) for one, true in zip(found, truth, strict=True)]
    scores, right = (np.concatenate(column) for column in zip(*pairs, strict=True))
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(right[order])
    recall, precision = hits / total, hits / np.arange(1, len(hits) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, _RECALLS, side="left")
    return float(np.mean([best[place] if place < len(best) else 0.0 for place in places]))


def _match(found: Boxes, truth: Boxes, label: int, overlap: float) -> tuple[Numbers, Numbers]:
    """Scores of the boxes of a class that count, and whether each is right."""
    order = np.argsort(-found.scores, kind="stable")
    order = order[found.labels[order] == label][:MOST]
    mine = truth.labels == label
    crowd = _crowd(truth)[mine]
    table = overlaps(found.boxes[order], truth.boxes[mine], crowd)
    free = ~crowd
    scores, right = [], []
    for row, score in zip(table, found.scores[order], strict=True):
        best = np.where(free, row, -1.0)
        place = int(best.argmax()) if len(best) else -1
        if place >= 0 and best[place] >= overlap:
            free[place] = False
            scores.append(score)
            right.append(1.0)
        elif not (crowd & (row >= overlap)).any():
            scores.append(score)
            right.append(0.0)
    return np.array(scores, float), np.array(right, float)


def _crowd(one: Boxes) -> Numbers:
    return one.crowd.astype(bool) if len(one.crowd) else np.zeros(len(one.labels), bool)


def _check(found: Sequence[Boxes], truth: Sequence[Boxes]) -> None:
    if len(found) != len(truth):
        raise ValueError(f"boxes were found in {len(found)} images, but the truth has {len(truth)}; give the same ones")
    for number, one in enumerate(found):
        if len(one.scores) != len(one.labels):
            raise ValueError(f"boxes of image {number} have no scores; give a certainty for each box that was found")


def _corner_and_size(box: Numbers) -> list[float]:
    left, top, right, bottom = (float(value) for value in box)
    return [left, top, right - left, bottom - top]


def _dataset(truth: Sequence[Boxes]) -> dict[str, Any]:
    """True boxes as a COCO file."""
    annotations: list[dict[str, Any]] = []
    for image, one in enumerate(truth, 1):
        areas = one.area if len(one.area) else (one.boxes[:, 2:] - one.boxes[:, :2]).prod(-1)
        for box, label, crowd, area in zip(one.boxes, one.labels, _crowd(one), areas, strict=True):
            row = {"id": len(annotations) + 1, "image_id": image, "category_id": int(label), "iscrowd": int(crowd)}
            annotations.append({**row, "bbox": _corner_and_size(box), "area": float(area)})
    labels = sorted({row["category_id"] for row in annotations})
    return {
        "info": {},
        "images": [{"id": number + 1} for number in range(len(truth))],
        "categories": [{"id": label, "name": str(label)} for label in labels],
        "annotations": annotations,
    }
