"""One run of a segmentation: its crops, its test, and its pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from subband import catalog
from subband._check import one_of
from subband.config import Recipe, Robustness
from subband.data import VOID, Augment, CropStream, Samples, WholeImages, check_samples, class_names
from subband.data.augment import PRESETS, Preset
from subband.data.images import write_png
from subband.losses.segmentation import SegmentationLoss
from subband.metrics import SET_METRICS, ConfusionMatrix
from subband.tasks import _cost
from subband.tasks.cell import Cell, Material
from subband.tasks.segmentation import (
    SegmentationTask,
    build_loss,
    build_model,
    evaluate,
    labels,
    network_options,
    read_samples,
    split_samples,
)
from subband.tasks.weights import load_encoder as load_weights

__all__ = [
    "SCORE",
    "announce",
    "build_loss",
    "build_model",
    "check_recipe",
    "check_samples",
    "load_weights",
    "more",
    "options_of",
    "read_samples",
    "split_samples",
    "test",
    "training_stream",
    "training_task",
    "write_pictures",
]
SCORE = "mIoU"


def check_recipe(recipe: Recipe) -> None:
    """Say what does not go with a segmentation.

    Raises:
        ValueError: If images are changed as only classes stand, or robustness is asked for.
    """
    one_of("data.augment of a segmentation", recipe.data.augment, PRESETS)
    if recipe.robustness != Robustness():
        raise ValueError("robustness is for classifications; leave it out of a recipe of a segmentation")


def announce(recipe: Recipe, samples: Samples) -> list[str]:
    """Nothing beforehand."""
    return []


def options_of(network: str) -> list[str]:
    """Names of the options of a network of the catalogue."""
    return network_options(catalog.find("model", network).load())


def training_stream(material: Material, cell: Cell, *, steps: int) -> CropStream:
    """Training crops of one cell."""
    data = material.recipe.data
    mean, std = material.statistics[cell.fold]
    return CropStream(
        material.samples,
        indices=material.splits[cell.fold].train,
        length=steps * data.batch,
        augment=Augment.named(cast(Preset, data.augment), crop=tuple(data.crop), base=data.scale_base),
        mean=mean,
        std=std,
        seed=cell.seed,
        map_kind=material.loss(cell.method).map_kind,
        map_scope=data.map_scope,
        map_folder=material.maps,
    )


def training_task(material: Material, cell: Cell, model: nn.Module, loss: SegmentationLoss) -> SegmentationTask:
    """A network and a loss with the validation images."""
    recipe, split = material.recipe, material.splits[cell.fold]
    mean, std = material.statistics[cell.fold]
    held = WholeImages(
        material.samples, indices=split.validation[: recipe.validation_images or None], mean=mean, std=std
    )
    warmup = round(recipe.warmup * material.steps)
    return SegmentationTask(model, loss, held, warmup_steps=warmup, divide=recipe.optim.loss_over_batch)


def test(material: Material, cell: Cell, task: SegmentationTask, stream: CropStream, folder: Path) -> dict[str, Any]:
    """Metrics of each test image, predictions as PNG, and what the loss costs."""
    model = task.model
    mean, std = material.statistics[cell.fold]
    tested = WholeImages(material.samples, indices=material.splits[cell.fold].test, mean=mean, std=std)
    images, matrix = test_images(model, tested, folder / "predictions")
    batch = material.recipe.data.batch
    milliseconds, megabytes = loss_cost(task.loss, stream, batch, classes=model_outputs(model, stream))
    return {
        **set_metrics(images, matrix, class_names(material.samples)),
        "images": images,
        "loss_ms": milliseconds,
        "peak_mb": megabytes,
    }


def more(material: Material, cell: Cell, folder: Path) -> dict[str, Any] | None:
    """Nothing: a segmentation's result is whole."""
    return None


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


def write_pictures(folder: Path, material: Material, planned: Sequence[Cell]) -> list[str]:
    """Write the tested images and their masks as PNG, those that are not there yet; returns their names."""
    tested = sorted({index for cell in planned for index in material.splits[cell.fold].test})
    for index in tested:
        if (folder / "truth" / f"{material.samples.names[index]}.png").exists():
            continue
        sample = material.samples[index]
        picture = np.rint(sample.image * 255).astype(np.uint8)
        picture = picture[0] if len(picture) == 1 else np.moveaxis(picture, 0, -1)
        write_png(folder / "images" / f"{sample.name}.png", picture)
        scale = 255 if material.samples.classes == 2 else 1
        write_png(folder / "truth" / f"{sample.name}.png", (sample.mask * scale).astype(np.uint8))
    return [material.samples.names[index] for index in tested]
