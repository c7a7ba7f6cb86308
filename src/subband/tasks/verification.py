"""What a network says of pairs of images: scores, accuracies, thresholds, and the files they are kept in."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from subband.data.class_stream import ClassImages
from subband.metrics.roc import most_accurate_point, point_at
from subband.metrics.verification import equal_error_rate, operating_point, ten_fold
from subband.tasks._folder import write_csv
from subband.tasks.methods import slug
from subband.tasks.pair_sets import PairSet
from subband.tasks.recognition import embed

COLUMNS = ("first", "second", "same", "fold", "score", "first_person", "second_person")
FOLDS = 10
SCORES = "scores"
"""Folder of a run in which the scores lie, one CSV file for each set."""


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores of the pairs of a set.

    Attributes:
        label: Name of the set.
        scores: Cosine of each pair (N,).
        same: Whether it shows one person (N,).
        fold: Its fold (N,).
        names: Names of its two images.
        people: Numbers of the persons on them (N, 2); None where nobody knows.
    """

    label: str
    scores: NDArray[np.float64]
    same: NDArray[np.bool_]
    fold: NDArray[np.int64]
    names: list[tuple[str, str]]
    people: NDArray[np.int64] | None = None


def score_pairs(model: nn.Module, given: PairSet, *, crop: Sequence[int], resize: int = 0, flip: bool = True) -> Scored:
    """Cosines of the pairs of a set; each image is embedded once. Pairs without folds are dealt to ten.

    Args:
        model: Network of images in [0, 1] to embeddings.
        given: Images and pairs.
        crop: Height and width of the centre of an image.
        resize: Shorter side before, in pixels; 0 leaves the image as it is.
        flip: Add the embedding of the mirrored image.

    Raises:
        ValueError: If an embedding is not finite.
    """
    pairs, names = given.pairs, given.samples.names
    used = np.unique([pairs.first, pairs.second])
    embeddings = embed(model, ClassImages(given.samples, indices=used.tolist(), crop=crop, resize=resize), flip=flip)
    length = np.linalg.norm(embeddings.astype(np.float64), axis=1, keepdims=True)
    unit = embeddings / np.maximum(length, np.finfo(np.float32).tiny)
    first, second = (unit[np.searchsorted(used, side)] for side in (pairs.first, pairs.second))
    return Scored(
        pairs.label,
        np.clip((first * second).sum(1), -1, 1),
        np.asarray(pairs.same, bool),
        np.asarray(pairs.fold if pairs.folds > 1 else np.arange(len(pairs)) % FOLDS, np.int64),
        [(names[a], names[b]) for a, b in zip(pairs.first, pairs.second, strict=True)],
        np.asarray(given.samples.labels)[np.stack([pairs.first, pairs.second], 1)]
        if given.samples.classes > 1
        else None,
    )


def set_result(scored: Scored, *, far: Sequence[float], learned: float | None) -> dict[str, Any]:
    """Metrics and thresholds of one set.

    Args:
        scored: Scores of the set.
        far: False accept rates for the true accept rate, at most these.
        learned: Threshold that the head has learnt; None where it has none.
    """
    scores, same = scored.scores, scored.same
    folds = ten_fold(scores, same, folds=scored.fold.tolist())
    points = {rate: operating_point(scores, same, rate) for rate in far}
    best = most_accurate_point(scores, same)
    metrics = {"accuracy": folds.mean, "EER": equal_error_rate(scores, same)}
    metrics |= {f"TAR@{rate:g}": point.tar for rate, point in points.items()}
    thresholds = {"best": best.threshold} | {f"FAR {rate:g}": point.threshold for rate, point in points.items()}
    if learned is not None:
        point = point_at(scores, same, learned)
        metrics["at learned"] = point.accuracy
        thresholds["learned"] = learned
    return {
        "label": scored.label,
        "pairs": len(same),
        "same": int(same.sum()),
        "metrics": metrics,
        "deviation": folds.std,
        "best_accuracy": best.accuracy,
        "thresholds": thresholds,
        "folds": folds.folds.tolist(),
    }


def test_result(sets: Sequence[Mapping[str, Any]], learned: float | None) -> dict[str, Any]:
    """What ``result.json`` holds of several sets: means over the sets, and a row for each fold of each."""
    names = list(sets[0]["metrics"])
    metrics = {name: float(np.mean([each["metrics"][name] for each in sets])) for name in names}
    if len(sets) > 1:
        metrics |= {str(each["label"]): each["metrics"]["accuracy"] for each in sets}
    rows = [
        {"name": f"{each['label']}, fold {number + 1}", "accuracy": value}
        for each in sets
        for number, value in enumerate(each["folds"])
    ]
    return {"metrics": metrics, "images": rows, "verification": {"learned": learned, "sets": list(sets)}}


def learned_threshold(head: nn.Module) -> float | None:
    """Cosine at which a head has learnt to tell two persons apart, or None."""
    found = float(getattr(head, "threshold", math.nan))
    return found if math.isfinite(found) else None


def write_scores(folder: Path, scored: Scored) -> Path:
    """Write the scores of a set as CSV; returns the file."""
    path = folder / SCORES / f"{slug(scored.label)}.csv"
    people = [("", "")] * len(scored.names) if scored.people is None else scored.people.tolist()
    columns = zip(scored.names, scored.same, scored.fold, scored.scores, people, strict=True)
    rows = [
        dict(zip(COLUMNS, (*names, int(same), int(fold), f"{score:.9g}", *persons), strict=True))
        for names, same, fold, score, persons in columns
    ]
    write_csv(path, COLUMNS, rows)
    return path


def read_scores(path: Path, label: str) -> Scored:
    """Read what `write_scores` wrote.

    Raises:
        ValueError: If the file is missing or damaged.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        scores = np.array([row["score"] for row in rows], np.float64)
        same = np.array([row["same"] for row in rows], np.int64) == 1
        fold = np.array([row["fold"] for row in rows], np.int64)
        names = [(row["first"], row["second"]) for row in rows]
        known = all(row["first_person"] for row in rows)
        people = np.array([[row["first_person"], row["second_person"]] for row in rows], np.int64) if known else None
    except (OSError, KeyError, ValueError, csv.Error) as error:
        raise ValueError(f"{path} holds no scores ({error}); run the verification again") from error
    return Scored(label, scores, same, fold, names, people)
