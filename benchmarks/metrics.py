"""Metrics: one shared table of overlaps against one labelling and one library call per metric, as published."""

import importlib.util
import math
import sys

import numpy as np
from skimage.measure import label
from skimage.metrics import hausdorff_distance as skimage_distance
from skimage.metrics import variation_of_information as skimage_vi
from sklearn.metrics import adjusted_rand_score

from _cells import membranes, predicted
from common import compare, gate, write
from subband.metrics import segmentation_metrics
from subband.metrics._labels import parts

SIZE, CELLS = 512, 104


def published_iou(p: np.ndarray, t: np.ndarray) -> float:
    """Operations of `miou`: four counts for each class."""
    shares = []
    for value in (0, 1):
        both = np.count_nonzero(t[p == value] == value)
        shares.append(both / (np.count_nonzero(t == value) + np.count_nonzero(p == value) - both))
    return sum(shares) / 2


def published_dice(p: np.ndarray, t: np.ndarray) -> float:
    """Operations of `mdice`: three counts for each class."""
    shares = []
    for value in (0, 1):
        both = np.count_nonzero(t[p == value] == value)
        shares.append(2 * both / (np.count_nonzero(t == value) + np.count_nonzero(p == value)))
    return sum(shares) / 2


def published_vi(p: np.ndarray, t: np.ndarray) -> float:
    """Operations of `vi`."""
    labels = [label(x, background=1, connectivity=1) for x in (t, p)]
    total = sum(skimage_vi(*labels, ignore_labels=[0]))
    return 10 if math.isnan(total) else total


def published_ari(p: np.ndarray, t: np.ndarray) -> float:
    """Operations of `ari`."""
    labels = [label(x, background=1, connectivity=1) for x in (p.copy(), t.copy())]
    return adjusted_rand_score(*(x.flatten() for x in labels))


def published_map(p: np.ndarray, t: np.ndarray) -> float:
    """Average precision: for each predicted region its overlap with every region of the target that it meets."""
    of_p, of_t = (label(x, background=1, connectivity=1) for x in (p, t))
    best = []
    for region in range(1, of_p.max() + 1):
        inside = of_p == region
        met = of_t[inside]
        overlaps = [0.0]
        for other in np.unique(met[met > 0]):
            both = np.count_nonzero(met == other)
            overlaps.append(both / (np.count_nonzero(inside) + np.count_nonzero(of_t == other) - both))
        best.append(max(overlaps))
    found = [sum(overlap > threshold / 100 for overlap in best) for threshold in range(50, 100, 5)]
    return float(np.mean([tp / (of_p.max() + of_t.max() - tp) for tp in found]))


PUBLISHED = {
    "mIoU": published_iou,
    "mDice": published_dice,
    "VI": published_vi,
    "ARI": published_ari,
    "mAP": published_map,
    "HD": lambda p, t: skimage_distance(p, t, method="modified"),
}
CASES = {  # metrics together; where cc3d is not installed and where it is: at least so many times faster, the goal
    ("mIoU", "mDice"): ((4.0, 15.0), None),
    ("VI",): ((2.0, None), (4.0, 5.7)),
    ("ARI",): ((10.0, 17.0), (10.0, 17.0)),
    ("VI", "ARI", "mAP"): ((10.0, 20.0), (10.0, 20.0)),
    ("HD",): ((2.0, 3.7), None),
}


def without_cc3d(work):
    """The same work where cc3d is not installed."""

    def case():
        kept = sys.modules.get("cc3d")
        sys.modules["cc3d"] = None
        try:
            return work()
        finally:
            if kept is None:
                del sys.modules["cc3d"]
            else:
                sys.modules["cc3d"] = kept

    return case


def main() -> None:
    """Check, time and write."""
    t = membranes(SIZE, CELLS)
    p = predicted(t)
    timings, gates = {}, []
    for names, targets in CASES.items():
        found = segmentation_metrics(p, t, names=names)
        for name in names:
            wanted = PUBLISHED[name](p, t)
            if not abs(found[name] - wanted) <= 1e-9:
                raise SystemExit(f"{name}: {found[name]} instead of {wanted}; nothing was timed")

        def ours(names=names):
            return segmentation_metrics(p, t, names=names)

        def published(names=names):
            return [PUBLISHED[name](p, t) for name in names]

        what = f"{' + '.join(names)}, {SIZE} x {SIZE}"
        timings[what], bounds = timed(what, ours, published, targets)
        gates += bounds
    what = f"labelling, {SIZE} x {SIZE}"
    timings[what], bounds = timed(
        what, lambda: parts(t != 1), lambda: label(t, background=1, connectivity=1), (None, (2.0, 3.5))
    )
    gates += bounds
    print(write("metrics", {"title": "Segmentation metrics", "timings": timings, "gates": gates}))


def timed(what, ours, published, targets):
    """Timing with and without cc3d, and the targets of both."""
    cases = {"ours, scipy": without_cc3d(ours), "ours, cc3d": ours}
    if not importlib.util.find_spec("cc3d"):
        del cases["ours, cc3d"]
    timing = compare({**cases, "as published": published}, reference="as published", rounds=7, budget_s=8)
    gates = []
    for (name, case), target in zip(cases.items(), targets, strict=False):
        if target is not None:
            least, goal = target
            speedup = timing["cases"][name]["speedup"]
            title = f"{what}, {name}: faster than as published, times"
            gates.append(gate(title, speedup, at_least=least, goal=goal, case=case))
    return timing, gates


if __name__ == "__main__":
    main()
