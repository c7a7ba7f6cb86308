"""A trained detection run: its network, and what it finds in other images and in files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from subband._files import write_bytes, write_json
from subband.config import Recipe
from subband.data import load_splits
from subband.data.box_set import BoxSet
from subband.data.boxes import three_channels
from subband.data.images import image_pages
from subband.data.readers.box_folder import box_folder
from subband.metrics.detection import Boxes
from subband.report.box_figure import LEAST, boxes_png
from subband.tasks.cell import load_best
from subband.tasks.detection import predict_boxes
from subband.tasks.detection_cell import build_model, read_samples, test_images, with_robustness
from subband.tasks.finished_run import finished_run, folds_file

COLUMNS = ("file", "class", "score", "left", "top", "right", "bottom")


@dataclass(frozen=True)
class TrainedDetector:
    """What is needed to find objects.

    Attributes:
        folder: Run folder.
        recipe: Its resolved recipe.
        model: Detector with its best weights, in evaluation mode.
        class_names: Name of each class; that of label k is at place k - 1.
        fold: Fold that was tested.
    """

    folder: Path
    recipe: Recipe
    model: nn.Module
    class_names: list[str]
    fold: int


def trained_detector(path: Path) -> TrainedDetector:
    """Load a run.

    Raises:
        ValueError: If there is no finished run, or its weights are missing.
    """
    run = finished_run(path, "detection", use="a detection")
    recipe, result = run.recipe, run.result
    model = build_model(recipe.model, channels=result["channels"], classes=result["classes"], seed=0)
    load_best(run.weights, model, nn.Identity())
    return TrainedDetector(run.folder, recipe, model.eval(), list(result["class_names"]), int(result["fold"]))


def evaluate_detector(path: Path, *, images: Path | None, out: Path | None) -> dict[str, Any]:
    """Test a run on its own test images or on another set; writes ``evaluation.json`` and ``predictions/boxes.json``.

    Args:
        path: Run folder.
        images: Folder of COCO's or YOLO's layout, whose test images are taken, or all where it has no parts; None for
            the run's own test images.
        out: Folder to write.

    Raises:
        ValueError: If the set has other classes than the run.
    """
    run = trained_detector(path)
    folder = out or run.folder / "evaluation"
    samples, indices = _tested(run, images)
    found = test_images(run.model, samples, indices, folder / "predictions" / "boxes.json")
    found = {**found, **with_robustness(found, run.recipe.robustness, run.model, samples, indices)}
    write_json(folder / "evaluation.json", {"run": run.folder.name, **found})
    return {**found, "folder": folder}


def _tested(run: TrainedDetector, images: Path | None) -> tuple[BoxSet, list[int]]:
    if images is None:
        samples = read_samples(run.recipe.data)
        return samples, load_splits(folds_file(run.folder), samples.names)[run.fold].test
    samples = box_folder(images)
    if samples.class_names != run.class_names:
        raise ValueError(
            f"{images} has the classes {', '.join(samples.class_names[:4])} ..., but the run knows "
            f"{', '.join(run.class_names[:4])} ...; give images with the same classes in the same order"
        )
    return samples, list(range(len(samples))) if samples.split is None else samples.split.test


def detect_files(
    run: TrainedDetector, files: Sequence[Path], folder: Path, *, least: float = LEAST, overwrite: bool = False
) -> Iterator[list[dict[str, Any]]]:
    """Find objects in image files, and write each image with its boxes as ``NAME_boxes.png``.

    Args:
        run: The detector.
        files: Image files; every page of a TIFF stack is an image.
        folder: Folder to write.
        least: Score from which a box counts.
        overwrite: Write over files that are there.

    Yields:
        Rows of a table with `COLUMNS`, for each file.

    Raises:
        ValueError: If a file is no image.
        FileExistsError: If a picture is there and ``overwrite`` is not given.
    """
    for path in files:
        pages, rows = image_pages(path), []
        for number, page in enumerate(pages):
            name = path.stem if len(pages) == 1 else f"{path.stem}_{number:03d}"
            target = folder / f"{name}_boxes.png"
            if target.exists() and not overwrite:
                raise FileExistsError(f"{target} is there already; add --overwrite, or choose another --out")
            image = three_channels(page)
            found = certain(predict_boxes(run.model, image), least)
            write_bytes(target, boxes_png(image, found, run.class_names))
            shown = str(path) if len(pages) == 1 else f"{path}, page {number}"
            rows += [{"file": shown, **row} for row in box_rows(found, run.class_names)]
        yield rows


def certain(found: Boxes, least: float) -> Boxes:
    """Boxes with a score of at least ``least``."""
    kept: NDArray[np.bool_] = found.scores >= least
    return Boxes(found.boxes[kept], found.labels[kept], found.scores[kept])


def box_rows(found: Boxes, class_names: Sequence[str]) -> list[dict[str, Any]]:
    """Class, score and corners in pixels of each box, the most certain first."""
    corners = np.round(found.boxes.astype(float), 1).tolist()
    return [
        {"class": class_names[int(label) - 1], "score": f"{score:.4f}", **dict(zip(COLUMNS[3:], box, strict=True))}
        for box, label, score in zip(corners, found.labels, found.scores, strict=True)
    ]
