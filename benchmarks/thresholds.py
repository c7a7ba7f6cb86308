"""The best threshold, found by sorting, against sweeps over a grid of thresholds; the value exact, the sweep's near it.

A thousand sweeps over 20 000 x 1000 scores take a minute, so that twenty of them are timed and counted fifty times.
"""

import numpy as np
import torch

from common import compare, gate, write
from subband.metrics import most_accurate_point, ten_fold, uniform_accuracy
from subband.metrics.classification import UniformClassification

SAMPLES, CLASSES, SWEPT, SHARE = 20_000, 1000, 1000, 20
PAIRS, FOLD_PAIRS = 1_000_000, 100_000
GRID = np.arange(0, 4, 0.01)


def main() -> None:
    """Check, time and write ``results/thresholds.json``."""
    timings, gates = {}, []
    for part in (uniform, verification, folds):
        what, timing, factor, target = part()
        timings[what] = timing
        times, least, goal, case = factor * timing["cases"]["ours"]["speedup"], *target
        gates.append(gate(f"{what}: faster than the sweep, times", times, at_least=least, goal=goal, case=case))
    title = "Thresholds: exact, against sweeps over a grid"
    print(write("thresholds", {"title": title, "timings": timings, "gates": gates}))


def uniform():
    """Uniform accuracy of scores (N, C), where a sweep reads all scores for each threshold."""
    generator = torch.Generator().manual_seed(20261)
    labels = torch.randint(CLASSES, (SAMPLES,), generator=generator)
    scores = torch.randn(SAMPLES, CLASSES, generator=generator)
    scores[torch.arange(SAMPLES), labels] += 3.5
    own = torch.zeros(SAMPLES, CLASSES, dtype=torch.bool).scatter_(1, labels[:, None], True)

    def right(threshold: float) -> int:
        return int(((scores >= threshold) == own).all(1).sum())

    found = UniformClassification.of(scores, labels).result()
    p, h, _ = UniformClassification.of(scores, labels).samples()
    most = max(int(((h < t[:, None]) & (t[:, None] <= p)).sum(1).max()) for t in np.array_split(p, 200))
    require("uniform accuracy", uniform_accuracy(scores, labels), most / SAMPLES)
    require("its threshold", right(found.threshold) / SAMPLES, most / SAMPLES)
    grid = torch.linspace(float(scores.min()), float(scores.max()), SWEPT)[:: SWEPT // SHARE]

    def ours():
        return uniform_accuracy(scores, labels)

    cases = {"ours": ours, "sweep, 20 of 1000 thresholds": lambda: max(right(float(t)) for t in grid)}
    timing = compare(cases, reference="sweep, 20 of 1000 thresholds", anchor=scores, rounds=7, budget_s=12)
    what = f"uniform accuracy, N = {SAMPLES}, C = {CLASSES}"
    return what, timing, SWEPT / SHARE, (100, 1000, ours)


def pairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of pairs of which every other one shows one person, in random order."""
    rng = np.random.default_rng(20262)
    same = rng.random(count) < 0.5
    return np.clip(rng.normal(0, 0.1, count) + 0.4 * same, -1, 1), same


def verification():
    """The most accurate threshold of a million pairs."""
    cosines, same = pairs(PAIRS)
    distances = 2 - 2 * cosines
    order = np.argsort(-cosines)
    most = int((~same).sum()) + int(np.cumsum(np.where(same[order], 1, -1)).max())  # no two cosines are equal
    require("verification", most_accurate_point(cosines, same).accuracy, most / PAIRS)

    def ours():
        return most_accurate_point(cosines, same)

    cases = {"ours": ours, "400 thresholds": lambda: max(accuracies(distances, same))}
    timing = compare(cases, reference="400 thresholds", rounds=7, budget_s=8)
    return f"verification, {PAIRS} pairs", timing, 1, (3, 10, ours)


def folds():
    """Ten-fold accuracy, where each fold sweeps the other nine and itself."""
    cosines, same = pairs(FOLD_PAIRS)
    distances = 2 - 2 * cosines

    def published():
        found = []
        for test in np.array_split(np.arange(FOLD_PAIRS), 10):
            train = np.ones(FOLD_PAIRS, bool)
            train[test] = False
            best = int(np.argmax(accuracies(distances[train], same[train])))
            found.append(accuracies(distances[test], same[test])[best])
        return found

    require("ten folds", float(np.abs(ten_fold(cosines, same).folds - published()).max()), 0)

    def ours():
        return ten_fold(cosines, same)

    timing = compare({"ours": ours, "as published": published}, reference="as published", rounds=5, budget_s=8)
    return f"ten-fold accuracy, {FOLD_PAIRS} pairs", timing, 1, (10, 50, ours)


def accuracies(distances: np.ndarray, same: np.ndarray) -> list[float]:
    """Share of the pairs that each threshold of the grid judges right, by four counts."""
    found = []
    for threshold in GRID:
        accepted = distances < threshold
        true, false = np.sum(accepted & same), np.sum(accepted & ~same)
        rejected, missed = np.sum(~accepted & ~same), np.sum(~accepted & same)
        found.append(float((true + rejected) / (true + false + rejected + missed)))
    return found


def require(what: str, value: float, wanted: float) -> None:
    """Refuse to time what is not equal."""
    if value != wanted:
        raise SystemExit(f"{what}: {value} instead of {wanted}; nothing was timed")


if __name__ == "__main__":
    main()
