"""One run of a comparison: one method, one fold, one seed, trained and tested."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from subband.config import Recipe
from subband.data import VOID, Augment, CropStream, Samples, Split, WholeImages, class_names
from subband.data.images import write_png
from subband.losses.segmentation import SegmentationLoss
from subband.metrics import SET_METRICS, ConfusionMatrix
from subband.tasks import _cost, _run
from subband.tasks.methods import Method, methods, network
from subband.tasks.plan import Plan, Progress
from subband.tasks.segmentation import SegmentationTask, build_loss, build_model, evaluate, labels
from subband.tasks.weights import load_encoder


def first_process() -> bool:
    """Whether this process writes and reports; under torchrun only the first one does."""
    return os.environ.get("RANK", "0") == "0"


@dataclass(frozen=True)
class Cell:
    """One run of a comparison."""

    method: Method
    fold: int
    seed: int

    @property
    def name(self) -> str:
        """Folder name."""
        return f"{self.method.name}-fold{self.fold}-seed{self.seed}"


def cells(recipe: Recipe, splits: int) -> list[Cell]:
    """All runs: folds and seeds outermost, so that a comparison that is stopped has compared something."""
    folds = recipe.run_folds or list(range(splits))
    for fold in folds:
        if not 0 <= fold < splits:
            raise ValueError(f"run_folds names fold {fold}, but there are folds 0 to {splits - 1}")
    found = methods(recipe)
    return [Cell(method, fold, seed) for fold in folds for seed in recipe.seeds for method in found]


@dataclass(frozen=True)
class Material:
    """What all cells of a comparison share."""

    recipe: Recipe
    samples: Samples
    splits: list[Split]
    statistics: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]
    steps: int
    maps: Path

    def model(self, method: Method, seed: int) -> nn.Module:
        """A fresh network; channels last, which CPUs and tensor cores prefer."""
        samples, keys = self.samples, network(self.recipe, method.network)
        model = build_model(keys, channels=samples.channels, classes=samples.classes, seed=seed)
        if keys.weights:
            load_encoder(model, Path(keys.weights))
        return model.to(memory_format=torch.channels_last)

    def loss(self, method: Method) -> SegmentationLoss:
        """The loss of a method; void is ignored where there are more than two classes."""
        return build_loss(self.recipe, method.loss, classes=self.samples.classes)


def identity(cell: Cell) -> dict[str, Any]:
    """What a result is of."""
    method = cell.method
    named = {"method": method.name, "network": method.network, "loss": method.loss}
    return {**named, "fold": cell.fold, "seed": cell.seed}


def crop_stream(material: Material, cell: Cell, *, steps: int) -> CropStream:
    """Training crops of one cell."""
    data = material.recipe.data
    mean, std = material.statistics[cell.fold]
    return CropStream(
        material.samples,
        indices=material.splits[cell.fold].train,
        length=steps * data.batch,
        augment=Augment.named(data.augment, crop=tuple(data.crop), base=data.scale_base),
        mean=mean,
        std=std,
        seed=cell.seed,
        map_kind=material.loss(cell.method).map_kind,
        map_scope=data.map_scope,
        map_folder=material.maps,
    )


def run_cell(
    material: Material,
    cell: Cell,
    folder: Path,
    *,
    listen: Callable[[Progress], None] = lambda progress: None,
    tensorboard: bool = False,
) -> dict[str, Any]:
    """Train, choose the best validation, test; returns the content of ``result.json``.

    Goes on from the last checkpoint in ``folder`` if there is one. Under ``torchrun`` every process trains, and the
    first one tests.
    """
    recipe, split = material.recipe, material.splits[cell.fold]
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    mean, std = material.statistics[cell.fold]
    model, loss = material.model(cell.method, cell.seed), material.loss(cell.method)
    held = WholeImages(
        material.samples, indices=split.validation[: recipe.validation_images or None], mean=mean, std=std
    )
    warmup = round(recipe.warmup * material.steps)
    task = SegmentationTask(model, loss, held, warmup_steps=warmup, divide=recipe.optim.loss_over_batch)
    stream = crop_stream(material, cell, steps=material.steps)
    plan = Plan(
        folder=folder,
        steps=material.steps,
        batch=recipe.data.batch,
        epoch_items=len(split.train),
        validate_every=max(1, material.steps // recipe.validations),
        optim=recipe.optim,
        workers=recipe.data.workers,
        tensorboard=tensorboard,
    )
    fitted = _run.fit(task, stream, plan, listen=listen)
    if not first_process():
        return {}
    if plan.best.exists():
        model.load_state_dict(torch.load(plan.best, weights_only=True))
    tested = WholeImages(material.samples, indices=split.test, mean=mean, std=std)
    images, matrix = test_images(model, tested, folder / "predictions")
    milliseconds, megabytes = loss_cost(loss, stream, recipe.data.batch, classes=model_outputs(model, stream))
    return {
        **identity(cell),
        "status": "finished",
        "error": None,
        **set_metrics(images, matrix, class_names(material.samples)),
        "images": images,
        "steps": material.steps,
        "seconds": fitted.seconds,
        "ms_per_step": fitted.ms_per_step,
        "loss_ms": milliseconds,
        "peak_mb": megabytes,
        "best_step": fitted.best_step,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "channels": material.samples.channels,
        "classes": material.samples.classes,
        "mean": np.asarray(mean).tolist(),
        "std": np.asarray(std).tolist(),
    }


def test_images(
    model: nn.Module, items: WholeImages, folder: Path
) -> tuple[list[dict[str, Any]], ConfusionMatrix | None]:
    """Metrics of each image, and the classes of all pixels where there are more than two.

    Predictions are written as PNG (probability x 255, or the class).
    """
    rows, matrix = [], None
    for index in range(len(items)):
        item = items[index]
        scores, probability = evaluate(model, item)
        picture = np.rint(probability[0] * 255).astype(np.uint8) if len(probability) == 1 else labels(probability)
        write_png(folder / f"{item['name']}.png", picture)
        rows.append({"name": item["name"], **scores})
        if len(probability) > 2:
            matrix = matrix or ConfusionMatrix(len(probability), ignore_index=VOID)
            matrix.update(picture, np.asarray(item["target"]))
    return rows, matrix


def set_metrics(
    images: Sequence[Mapping[str, Any]], matrix: ConfusionMatrix | None, names: Sequence[str]
) -> dict[str, Any]:
    """``metrics`` of a test, the means over the images.

    With more than two classes `SET_METRICS` are those of all pixels together, and the IoU of each class and the
    confusion matrix stand beside them.
    """
    keys = [name for name in images[0] if name != "name"] if images else []
    means = {name: float(np.mean([image[name] for image in images])) for name in keys}
    if matrix is None:
        return {"metrics": means}
    return {
        "metrics": {**matrix.metrics(), **{name: value for name, value in means.items() if name not in SET_METRICS}},
        "class_iou": dict(zip(names, matrix.iou.tolist(), strict=True)),
        "confusion": matrix.counts.tolist(),
    }


def model_outputs(model: nn.Module, stream: CropStream) -> int:
    """Channels of the model's logits."""
    return int(predict_logits(model, stream[0]["image"]).shape[1])


def predict_logits(model: nn.Module, image: Tensor) -> Tensor:
    """Logits (1, C, *space) of one image (channels, *space)."""
    model.eval()
    with torch.inference_mode():
        logits: Tensor = model(image[None].to(next(model.parameters()).device))
    return logits


def loss_cost(loss: SegmentationLoss, stream: CropStream, batch: int, *, classes: int) -> tuple[float, float]:
    """Milliseconds and peak MB of the loss alone, forward and backward, on the first training batch's targets."""
    items = [stream[i] for i in range(batch)]
    target = torch.stack([item["target"] for item in items])
    maps = torch.stack([item["weight_map"] for item in items]) if "weight_map" in items[0] else None
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn((batch, classes, *target.shape[1:]), generator=generator, requires_grad=True)

    def work() -> object:
        return torch.autograd.grad(loss(logits, target, weight_map=maps), logits)

    return _cost.time_ms(work), _cost.peak_mb(work)
