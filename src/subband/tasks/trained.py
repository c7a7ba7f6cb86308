"""A trained run: its weights, its recipe, and what it says of new images."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from subband._files import read_json, write_json
from subband.config import Recipe
from subband.data import Samples, WholeImages, class_names, load_splits
from subband.data.images import image_pages, list_images, write_png, write_tiff
from subband.data.readers import Folder
from subband.data.tiles import predict_tiled
from subband.tasks.finished_run import finished_run, folds_file
from subband.tasks.segmentation import build_model, foreground, labels, read_samples
from subband.tasks.segmentation_cell import set_metrics, test_images


@dataclass(frozen=True)
class Trained:
    """What is needed to predict.

    Attributes:
        folder: Run folder.
        recipe: Its resolved recipe.
        model: Network with its best weights, in evaluation mode.
        mean: Channel means of the normalisation.
        std: Channel deviations.
        fold: Fold that was tested.
    """

    folder: Path
    recipe: Recipe
    model: nn.Module
    mean: np.ndarray[Any, Any]
    std: np.ndarray[Any, Any]
    fold: int


def trained_run(path: Path) -> Trained:
    """Load a run.

    Raises:
        ValueError: If there is no finished run, or its weights are missing.
    """
    run = finished_run(path, "segmentation", use="a prediction of masks")
    recipe, result = run.recipe, run.result
    state = torch.load(run.weights, weights_only=True, map_location="cpu")
    mean, std = np.asarray(result["mean"], np.float32), np.asarray(result["std"], np.float32)
    model = build_model(recipe.model, channels=result["channels"], classes=result["classes"], seed=0)
    model.load_state_dict(state)
    return Trained(run.folder, recipe, model.eval(), mean, std, int(result["fold"]))


def evaluate_run(path: Path, *, images: Path | None, masks: Path | None, out: Path | None) -> dict[str, Any]:
    """Test a run on its own test images or on a folder of others; writes ``evaluation.json`` and predictions."""
    run = trained_run(path)
    if (images is None) != (masks is None):
        raise ValueError("--images and --masks go together: give both, or neither for the run's own test images")
    samples: Samples
    if images is not None:
        samples, indices = Folder(images=images, masks=masks), None
    else:
        samples = read_samples(run.recipe.data)
        names = load_splits(folds_file(run.folder), samples.names)[run.fold].test
        indices = list(names)
    folder = out or run.folder / "evaluation"
    items = WholeImages(samples, indices=indices, mean=run.mean, std=run.std)
    rows, matrix = test_images(run.model, items, folder / "predictions")
    stored = read_json(run.folder / "result.json").get("class_iou")
    known = class_names(samples) if stored is None else list(stored)
    found = {**set_metrics(rows, matrix, known), "images": rows}
    write_json(folder / "evaluation.json", {"run": run.folder.name, **found})
    return {**found, "folder": folder}


def image_files(paths: list[Path]) -> list[Path]:
    """Image files, and those in the folders among them.

    Raises:
        ValueError: If a path does not exist.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise ValueError(f"there is no file or folder {path}")
        found += list_images(path) if path.is_dir() else [path]
    return found


def predict_file(run: Trained, path: Path, folder: Path, *, tile: int, overwrite: bool) -> None:
    """Write the mask (PNG) and the probability (TIFF, float32) of every page of an image file.

    Raises:
        ValueError: If the file has another number of channels than the network.
        FileExistsError: If a result is there and ``overwrite`` is not given.
    """
    pages = image_pages(path)
    for number, page in enumerate(pages):
        name = path.stem if len(pages) == 1 else f"{path.stem}_{number:03d}"
        mask_file = folder / f"{name}_mask.png"
        if mask_file.exists() and not overwrite:
            raise FileExistsError(f"{mask_file} is there already; add --overwrite, or choose another --out")
        if len(page) != len(run.mean):
            raise ValueError(f"{path} has {len(page)} channel(s), but the network was trained on {len(run.mean)}")
        broadcast = (-1, *([1] * (page.ndim - 1)))
        normal = (page - run.mean.reshape(broadcast)) / run.std.reshape(broadcast)
        probability = predict_tiled(lambda batch: _probability(run.model, batch), normal.astype(np.float32), tile=tile)
        found = labels(probability)
        write_png(mask_file, found * 255 if len(probability) == 1 else found)
        write_tiff(folder / f"{name}_probability.tif", probability[0] if len(probability) == 1 else probability)


def _probability(model: nn.Module, images: Tensor) -> Tensor:
    """Class probabilities (B, C, *space); one channel where there are two classes."""
    with torch.inference_mode():
        logits = model(images)
    return foreground(logits).unsqueeze(1) if logits.shape[1] <= 2 else logits.softmax(1)
