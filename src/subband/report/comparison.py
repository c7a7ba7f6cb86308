"""What a comparison folder holds: the plan, the results, the curves and the pictures."""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from subband.metrics import SET_METRICS

Array = np.ndarray[Any, Any]
COSTS = ("parameters", "ms_per_step", "loss_ms", "peak_mb")
SCENE_JUDGED = ("mIoU", "accuracy")
"""Metrics of the verdict with several classes."""
CLASS_JUDGED = ("accuracy", "uniform", "corrupted", "consistency")
"""Metrics of the verdict on classifications, those that there are."""
BOX_JUDGED = ("AP50", "AP")
"""Metrics of the verdict on detections."""
PAIR_JUDGED = ("accuracy", "EER")
"""Metrics of the verdict on recognitions."""
FIELD_JUDGED = ("Dice", "HD95")
"""Metrics of the verdict on registrations."""
TREE_JUDGED = ("F1", "IoU")
"""Metrics of the verdict on neurons: one of their trees, one of their voxels."""
EXTRA = (
    "uniform",
    "class_accuracy",
    "robustness",
    "class_AP50",
    "conversion",
    "frozen",
    "verification",
    "structures",
    "failures",
)
TOGETHER = ("class_iou", "class_accuracy", "class_AP50", "verification")
"""Parts of results whose metrics are of all images together, not the mean over them."""
JUDGED = ("VI", "mIoU")
"""Metrics of the verdict with two classes: one of structure, one of pixels."""


@dataclass(frozen=True)
class Run:
    """One method, one fold, one seed.

    Attributes:
        method: Name of the method: a loss, a network, or both.
        fold: Fold that was tested.
        seed: Seed of the training.
        folder: Where its files lie.
        status: ``finished``, ``failed``, or ``missing`` where there is no result.
        error: What went wrong.
        images: Metrics of each test image, with its ``name``.
        metrics: Mean of the defined values of each metric over the images; with several classes, the values of all
            pixels together; of a classification or a detection, those of the result.
        costs: `COSTS`, where known.
        means: Mean over the images of each metric that images have.
        class_iou: Intersection over union of each class, with several classes.
        pixels: True pixels of each class, with several classes.
        extra: Of all but a segmentation: those of `EXTRA` that the result has.
    """

    method: str
    fold: int
    seed: int
    folder: Path
    status: str = "missing"
    error: str = ""
    images: list[dict[str, Any]] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)
    means: dict[str, float] = field(default_factory=dict)
    class_iou: dict[str, float] = field(default_factory=dict)
    pixels: list[int] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Whether there are numbers."""
        return self.status == "finished"

    def curve(self, column: str) -> tuple[Array, Array]:
        """Steps and values of one column of the log, blanks left out; empty where there is no log."""
        path = self.folder / "metrics.csv"
        if not path.exists():
            return np.empty(0), np.empty(0)
        with path.open(encoding="utf-8", newline="") as file:
            pairs = [(row.get("step"), row.get(column)) for row in csv.DictReader(file)]
        kept = [(_number(step), _number(value)) for step, value in pairs if step and value]
        table = np.array([pair for pair in kept if all(map(math.isfinite, pair))], dtype=float).reshape(-1, 2)
        return table[:, 0], table[:, 1]

    def prediction(self, name: str) -> Path:
        """Picture of a prediction."""
        return self.folder / "predictions" / f"{name}.png"


@dataclass(frozen=True)
class Comparison:
    """A comparison folder.

    Attributes:
        folder: The folder.
        about: Content of ``comparison.json``.
        runs: All planned runs, those without a result included.
    """

    folder: Path
    about: dict[str, Any]
    runs: list[Run]

    @property
    def methods(self) -> list[str]:
        """Names of the methods, in the order of the recipe."""
        return list(self.about.get("methods") or self.about["losses"])

    @property
    def losses(self) -> list[str]:
        """Names of the losses, in the order of the recipe."""
        return list(self.about["losses"])

    @property
    def networks(self) -> dict[str, dict[str, Any]]:
        """Keys of the networks by label, where networks are compared; otherwise of the one network, without a label."""
        found: dict[str, dict[str, Any]] = self.about.get("networks") or {"": self.about.get("model", {})}
        return found

    @property
    def noun(self) -> str:
        """What is compared: ``loss``, or ``method`` where networks are compared."""
        return "method" if len(self.networks) > 1 else "loss"

    @property
    def nouns(self) -> str:
        """The plural of `noun`."""
        return "methods" if self.noun == "method" else "losses"

    @property
    def scenes(self) -> bool:
        """Whether the results are those of several classes, all pixels together."""
        return any(run.class_iou for run in self.runs)

    @property
    def classification(self) -> bool:
        """Whether images have classes, not pixels."""
        return self.about.get("task") == "classification"

    @property
    def detection(self) -> bool:
        """Whether objects are found in images."""
        return self.about.get("task") == "detection"

    @property
    def recognition(self) -> bool:
        """Whether pairs of images show one person or two."""
        return self.about.get("task") == "recognition"

    @property
    def registration(self) -> bool:
        """Whether volumes are brought onto others."""
        return self.about.get("task") == "registration"

    @property
    def neurons(self) -> bool:
        """Whether neurons are traced."""
        return self.about.get("task") == "neurons"

    @property
    def segmentation(self) -> bool:
        """Whether pixels have classes, and nothing else is asked."""
        others = (self.classification, self.detection, self.recognition, self.registration, self.neurons)
        return not any(others)

    @property
    def judged(self) -> tuple[str, ...]:
        """Metrics of the verdict, the first one chooses the images that are shown."""
        if self.classification:
            several = len(self.losses) > 1  # one threshold for all is a matter of the loss
            found = [name for name in CLASS_JUDGED if name in self.metrics and (several or name != "uniform")]
            attacks = sorted((name for name in self.metrics if "/255" in name), key=lambda name: name[:4] != "pgd ")
            return (*found, *attacks[:1])
        if self.detection:
            return BOX_JUDGED
        if self.recognition or self.registration or self.neurons:
            wanted = TREE_JUDGED if self.neurons else FIELD_JUDGED if self.registration else PAIR_JUDGED
            return tuple(metric for metric in wanted if metric in self.metrics)
        return SCENE_JUDGED if self.scenes else JUDGED

    @property
    def costs(self) -> list[str]:
        """Costs that tell the methods apart."""
        several = len(self.networks) > 1
        if self.registration:
            return ["parameters"]
        if self.neurons:
            return ["parameters", "ms_per_step"]
        return [
            name for name in COSTS if name == "ms_per_step" or (several if name == "parameters" else self._tells_losses)
        ]

    @property
    def _tells_losses(self) -> bool:
        """Whether losses have costs of their own that tell methods apart."""
        return not self.detection and (len(self.networks) < 2 or len(self.losses) > 1)

    @property
    def baseline(self) -> str:
        """Method that the others are compared with."""
        return str(self.about.get("baseline") or self.methods[0])

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics, in the order of the results; with several classes, those of all pixels together."""
        found = dict.fromkeys(name for run in self.runs for name in run.metrics)
        return [name for name in found if name in SET_METRICS] if self.scenes else list(found)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.about.get("dataset", {}).get("classes", 2))

    def label(self, method: str) -> str:
        """Name of a method as people write it."""
        return str(self.about.get("labels", {}).get(method) or method)

    def loss(self, method: str) -> str:
        """Name of a method's loss in the catalogue."""
        known = self.about.get("methods") or {}
        return str(known[method]["loss"]) if method in known else method

    def network(self, method: str) -> dict[str, Any]:
        """Keys of a method's network."""
        known = self.about.get("methods") or {}
        label = str(known[method]["network"]) if method in known else ""
        return self.networks.get(label) or next(iter(self.networks.values()))

    def of(self, method: str) -> list[Run]:
        """Finished runs of a method."""
        return [run for run in self.runs if run.method == method and run.finished]

    def compared(self) -> list[str]:
        """Methods with at least one finished run."""
        return [method for method in self.methods if self.of(method)]

    def comparable(self) -> list[str]:
        """Methods whose means are of the same runs: the most runs that a method has, and of such sets the commonest."""
        cells = {method: frozenset((run.fold, run.seed) for run in self.of(method)) for method in self.compared()}
        owners = list(cells.values())
        most = max(owners, key=lambda cell: (len(cell), owners.count(cell)), default=frozenset())
        return [method for method, cell in cells.items() if cell == most]

    def rows(self) -> Iterator[tuple[Run, dict[str, Any]]]:
        """Each run with each of its images."""
        for run in self.runs:
            for image in run.images:
                yield run, image


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
