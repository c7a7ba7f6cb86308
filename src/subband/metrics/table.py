"""All segmentation metrics at once, and what each of them is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from subband._check import one_of
from subband.metrics._labels import Bools, Floats, Labels, Table, counted_pixels, read_pair, region_table
from subband.metrics.overlap import CONVENTIONS, Convention, class_counts, class_mean
from subband.metrics.partition import framed, table_ari, table_map, table_vi
from subband.metrics.surface import Method, masks_distance, read_spacing
from subband.metrics.topology import mask_betti, mask_cldice


@dataclass(frozen=True)
class Metric:
    """What a metric is.

    Args:
        name: Key in `segmentation_metrics`.
        better: Which values are better.
        line: What it says, in one line.
        unit: Its unit, or an empty string.
    """

    name: str
    better: Literal["higher", "lower"]
    line: str
    unit: str = ""

    @property
    def arrow(self) -> str:
        """An arrow that points to better values."""
        return "↑" if self.better == "higher" else "↓"


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("mIoU", "higher", "intersection over union, mean of the classes"),
        Metric("mDice", "higher", "Dice coefficient, mean of the classes"),
        Metric("VI", "lower", "variation of information of the regions between borders: joined plus split", "bits"),
        Metric("ARI", "higher", "pixel pairs grouped alike, above chance"),
        Metric("HD", "lower", "modified Hausdorff distance: mean distance to the other mask, the worse side", "px"),
        Metric("HD95", "lower", "95th percentile of the distance between the outlines, the worse side", "px"),
        Metric("B0", "lower", "difference of the numbers of connected pieces"),
        Metric("B1", "lower", "difference of the numbers of holes (tunnels in 3-D)"),
        Metric("mAP", "higher", "regions found, mean over the overlaps 0.5 to 0.95"),
        Metric("clDice", "higher", "Dice of centre lines: length that is found and length that is right"),
    )
}


def segmentation_metrics(
    prediction: Any,
    target: Any,
    *,
    classes: int | None = None,
    ignore_index: int | None = None,
    spacing: Sequence[float] | None = None,
    convention: Convention = "default",
    names: Sequence[str] | None = None,
) -> dict[str, float]:
    """All metrics of `METRICS` for one image, with shared work: regions are labelled and counted once.

    With two classes, 1 is the structure (membrane, vessel, road): regions are the face-connected parts of 0, and
    distances, Betti errors and clDice are those of 1. With more classes, regions are those of every class, and
    distances, Betti errors and clDice are means over the classes from 1 on that occur.

    Args:
        prediction: Labels (H, W) or (D, H, W), integers or bools; an array or a tensor.
        target: Labels of the same shape.
        classes: Number of classes; the largest label plus one, at least 2, if None.
        ignore_index: Target label of pixels that do not count.
        spacing: Size of a pixel along each axis, for the distances.
        convention: ``"default"`` is finite for every image; ``"authors"`` has the authors' edge cases and their Betti
            numbers (see the single functions).
        names: The metrics wanted; all if None.

    Returns:
        Values by name, in the order of `METRICS`.

    Raises:
        ValueError: If shapes differ, values are no labels, or an option is unknown.

    Source:
        lurenhaothu/CWMI and lurenhaothu/SPW, ``model/metrics.py``; HD95 and clDice are ours.

    Example:
        >>> import numpy as np
        >>> mask = np.zeros((8, 8), int)
        >>> mask[4] = 1
        >>> {name: round(value, 2) for name, value in segmentation_metrics(mask, mask, names=["mIoU", "VI"]).items()}
        {'mIoU': 1.0, 'VI': 0.0}
    """
    one_of("convention", convention, CONVENTIONS)
    for name in names or ():
        one_of("name", name, METRICS)
    p, t = read_pair(prediction, target)
    if p.ndim == 1:
        raise ValueError(f"prediction has shape {p.shape}, but must be (H, W) or (D, H, W)")
    size = read_spacing(spacing, p.ndim)
    pair = _Pair(p, t, counted_pixels(t, ignore_index), size, convention, classes)
    return {name: _COMPUTE[name](pair) for name in METRICS if names is None or name in names}


class _Pair:
    """Both images and what several metrics need of them."""

    def __init__(
        self,
        p: Labels,
        t: Labels,
        counted: Bools | None,
        spacing: tuple[float, ...],
        convention: Convention,
        classes: int | None,
    ) -> None:
        self.p, self.t, self.counted, self.spacing, self.convention = p, t, counted, spacing, convention
        self.both, self.either = class_counts(p, t, classes, counted)
        self.boundary = 1 if len(self.both) == 2 else None

    @cached_property
    def table(self) -> Table:
        return region_table(self.p, self.t, boundary=self.boundary, counted=self.counted)

    @cached_property
    def map_table(self) -> Table:
        if self.convention == "default" or self.boundary is None:
            return self.table
        p, t = framed(self.p, self.boundary), framed(self.t, self.boundary)
        return region_table(p, t, boundary=self.boundary, counted=self.counted)

    @cached_property
    def foregrounds(self) -> list[tuple[Bools, Bools]]:
        """Masks of each class from 1 on that occurs; of class 1 at least."""
        present = [c for c in range(1, len(self.both)) if self.either[c] > 0] or [1]
        return [(self._mask(self.p, c), self._mask(self.t, c)) for c in present]

    @cached_property
    def betti(self) -> Floats:
        """Mean difference of each Betti number."""
        numbers = np.array([[mask_betti(mask, self.convention) for mask in pair] for pair in self.foregrounds])
        return np.asarray(np.abs(numbers[:, 0] - numbers[:, 1]).mean(0), np.float64)

    def _mask(self, labels: Labels, value: int) -> Bools:
        mask: Bools = labels == value
        return mask if self.counted is None else mask & self.counted

    def distance(self, method: Method, surfaces: bool) -> float:
        """Mean distance of the foregrounds."""
        found = [
            masks_distance(p, t, method=method, surfaces=surfaces, spacing=self.spacing, convention=self.convention)
            for p, t in self.foregrounds
        ]
        return float(np.mean(found))


_COMPUTE: dict[str, Callable[[_Pair], float]] = {
    "mIoU": lambda pair: class_mean(pair.both, pair.either - pair.both, pair.convention),
    "mDice": lambda pair: class_mean(2 * pair.both, pair.either, pair.convention),
    "VI": lambda pair: table_vi(pair.table, pair.convention),
    "ARI": lambda pair: table_ari(pair.table),
    "HD": lambda pair: pair.distance("modified", False),
    "HD95": lambda pair: pair.distance("hd95", True),
    "B0": lambda pair: float(pair.betti[0]),
    "B1": lambda pair: float(pair.betti[1]),
    "mAP": lambda pair: table_map(pair.map_table, pair.convention),
    "clDice": lambda pair: float(np.mean([mask_cldice(p, t) for p, t in pair.foregrounds])),
}
