"""One run of a comparison: one loss, one fold, one seed, trained and tested."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from subband.config import Recipe
from subband.data import Augment, CropStream, Samples, Split, WholeImages
from subband.data.images import write_png
from subband.losses.segmentation import SegmentationLoss
from subband.tasks import _cost, _run
from subband.tasks.plan import Plan, Progress
from subband.tasks.segmentation import SegmentationTask, build_loss, build_model, evaluate, labels

MAX_VALIDATION = 8
"""Images that a validation reads at most; the test reads all of its own."""


def first_process() -> bool:
    """Whether this process writes and reports; under torchrun only the first one does."""
    return os.environ.get("RANK", "0") == "0"


@dataclass(frozen=True)
class Cell:
    """One run of a comparison."""

    loss: str
    fold: int
    seed: int

    @property
    def name(self) -> str:
        """Folder name."""
        return f"{self.loss}-fold{self.fold}-seed{self.seed}"


@dataclass(frozen=True)
class Material:
    """What all cells of a comparison share."""

    recipe: Recipe
    samples: Samples
    splits: list[Split]
    statistics: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]
    steps: int
    maps: Path

    def model(self, seed: int) -> nn.Module:
        """A fresh network; channels last, which CPUs and tensor cores prefer."""
        samples = self.samples
        model = build_model(self.recipe.model, channels=samples.channels, classes=samples.classes, seed=seed)
        return model.to(memory_format=torch.channels_last)


def crop_stream(material: Material, cell: Cell, *, steps: int) -> CropStream:
    """Training crops of one cell."""
    data = material.recipe.data
    mean, std = material.statistics[cell.fold]
    return CropStream(
        material.samples,
        indices=material.splits[cell.fold].train,
        length=steps * data.batch,
        augment=Augment.named(data.augment, crop=tuple(data.crop)),
        mean=mean,
        std=std,
        seed=cell.seed,
        map_kind=build_loss(material.recipe, cell.loss).map_kind,
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
    model = material.model(cell.seed)
    loss = build_loss(recipe, cell.loss)
    held = WholeImages(material.samples, indices=split.validation[:MAX_VALIDATION], mean=mean, std=std)
    warmup = round(recipe.warmup * material.steps)
    task = SegmentationTask(model, loss, [held[i] for i in range(len(held))], warmup_steps=warmup)
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
    images = test_images(model, tested, folder / "predictions")
    names = [name for name in images[0] if name != "name"] if images else []
    milliseconds, megabytes = loss_cost(loss, stream, recipe.data.batch, classes=model_outputs(model, stream))
    return {
        "loss": cell.loss,
        "fold": cell.fold,
        "seed": cell.seed,
        "status": "finished",
        "error": None,
        "metrics": {name: float(np.mean([image[name] for image in images])) for name in names},
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


def test_images(model: nn.Module, items: WholeImages, folder: Path) -> list[dict[str, Any]]:
    """Metrics of each image; predictions are written as PNG (probability x 255, or the class)."""
    rows = []
    for index in range(len(items)):
        item = items[index]
        scores, probability = evaluate(model, item)
        picture = np.rint(probability[0] * 255).astype(np.uint8) if len(probability) == 1 else labels(probability)
        write_png(folder / f"{item['name']}.png", picture)
        rows.append({"name": item["name"], **scores})
    return rows


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
