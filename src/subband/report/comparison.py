"""What a comparison folder holds: the plan, the results, the curves and the pictures."""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from subband._files import read_json

Array = np.ndarray[Any, Any]
COSTS = ("ms_per_step", "loss_ms", "peak_mb")


@dataclass(frozen=True)
class Run:
    """One loss, one fold, one seed.

    Attributes:
        loss: Name of the loss in the catalogue.
        fold: Fold that was tested.
        seed: Seed of the training.
        folder: Where its files lie.
        status: ``finished``, ``failed``, or ``missing`` where there is no result.
        error: What went wrong.
        images: Metrics of each test image, with its ``name``.
        metrics: Mean of the defined values of each metric over the images.
        costs: ``ms_per_step``, ``loss_ms`` and ``peak_mb``, where measured.
    """

    loss: str
    fold: int
    seed: int
    folder: Path
    status: str = "missing"
    error: str = ""
    images: list[dict[str, Any]] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)

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
    def losses(self) -> list[str]:
        """Names of the losses, in the order of the recipe."""
        return list(self.about["losses"])

    @property
    def baseline(self) -> str:
        """Loss that the others are compared with."""
        return str(self.about.get("baseline") or self.losses[0])

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics, in the order of the results."""
        return list(dict.fromkeys(name for run in self.runs for name in run.metrics))

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.about.get("dataset", {}).get("classes", 2))

    def label(self, loss: str) -> str:
        """Name of a loss as people write it."""
        return str(self.about.get("labels", {}).get(loss) or loss)

    def of(self, loss: str) -> list[Run]:
        """Finished runs of a loss."""
        return [run for run in self.runs if run.loss == loss and run.finished]

    def compared(self) -> list[str]:
        """Losses with at least one finished run."""
        return [loss for loss in self.losses if self.of(loss)]

    def comparable(self) -> list[str]:
        """Losses whose means are of the same runs: the most runs that a loss has, and of such sets the commonest."""
        cells = {loss: frozenset((run.fold, run.seed) for run in self.of(loss)) for loss in self.compared()}
        owners = list(cells.values())
        most = max(owners, key=lambda cell: (len(cell), owners.count(cell)), default=frozenset())
        return [loss for loss, cell in cells.items() if cell == most]

    def rows(self) -> Iterator[tuple[Run, dict[str, Any]]]:
        """Each run with each of its images."""
        for run in self.runs:
            for image in run.images:
                yield run, image


def read_comparison(folder: Path | str) -> Comparison:
    """Read a folder that ``subband compare`` wrote, finished or not.

    Raises:
        ValueError: If there is no ``comparison.json``, or it names no losses.

    Example:
        >>> from subband.report import read_comparison
        >>> read_comparison("nowhere")
        Traceback (most recent call last):
        ValueError: nowhere holds no comparison.json; give a folder that `subband compare` wrote
    """
    folder = Path(folder)
    path = folder / "comparison.json"
    if not path.exists():
        raise ValueError(f"{folder} holds no comparison.json; give a folder that `subband compare` wrote")
    about: dict[str, Any] = read_json(path)
    if not about.get("losses"):
        raise ValueError(f"{path} names no losses; run the same `subband compare` again to write it")
    folds, seeds = about.get("folds") or [0], about.get("seeds") or [0]
    cells = [(loss, fold, seed) for loss in about["losses"] for fold in folds for seed in seeds]
    return Comparison(folder, about, [_read_run(folder / "runs", *cell) for cell in cells])


def _read_run(runs: Path, loss: str, fold: int, seed: int) -> Run:
    folder = runs / f"{loss}-fold{fold}-seed{seed}"
    path = folder / "result.json"
    if not path.exists():
        return Run(loss, fold, seed, folder)
    try:
        result = read_json(path)
        status = str(result["status"])
        if status != "finished":
            return Run(loss, fold, seed, folder, status, str(result.get("error") or ""))
        images = list(result.get("images") or [])
        metrics = _means(images) or {name: float(value) for name, value in result.get("metrics", {}).items()}
        costs = {name: float(result[name]) for name in COSTS if result.get(name) is not None}
    except (KeyError, TypeError, ValueError) as error:
        return Run(loss, fold, seed, folder, "failed", f"result.json cannot be read: {error}")
    return Run(loss, fold, seed, folder, status, "", images, metrics, costs)


def _means(images: list[dict[str, Any]]) -> dict[str, float]:
    """Mean of each metric over the images; undefined values are left out, infinite ones are not."""
    names = dict.fromkeys(name for image in images for name in image if name != "name")
    found = {}
    for name in names:
        values = [float(image[name]) for image in images if image.get(name) is not None]
        defined = [value for value in values if not math.isnan(value)]
        found[name] = float(np.mean(defined)) if defined else math.nan
    return found


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
