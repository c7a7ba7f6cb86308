"""One run of a classification: its training images, its test, and its pictures."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from subband._check import one_of
from subband._files import read_json, write_json
from subband.config import Recipe
from subband.data._class_changes import CHANGES
from subband.data.class_sample import ClassSamples
from subband.data.class_stream import ClassImages, ClassStream, height_and_width
from subband.data.images import write_png
from subband.models.classifiers import with_bias
from subband.models.normalized import Normalized
from subband.tasks import _cost
from subband.tasks.cell import Cell, Material, load_best
from subband.tasks.classification import (
    ClassificationTask,
    batches,
    build_loss,
    build_model,
    learnt_bias,
    logits_of,
    options_of,
    read_samples,
    split_samples,
)
from subband.tasks.robustness import asks, check_asked, drawn, evaluate_robustness
from subband.tasks.uniform import PLAIN, UniformTest
from subband.tasks.weights import load_classifier as load_weights

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
SCORE = "accuracy"
SHOWN = 12
"""Test images that the report shows."""


def check_recipe(recipe: Recipe) -> None:
    """Say what does not go with a classification.

    Raises:
        ValueError: If the change of images, their size, or what is asked of robustness is wrong.
    """
    one_of("data.augment of a classification", recipe.data.augment, CHANGES)
    height_and_width(recipe.data.crop)
    check_asked(recipe.robustness)


def check_samples(samples: ClassSamples) -> list[str]:
    """Classes without an image to test, if there is a split; the images are not read."""
    if samples.split is None:
        return []
    tested = {samples.labels[index] for index in samples.split.test}
    return [
        f"{name}: no image tests this class" for place, name in enumerate(samples.class_names) if place not in tested
    ]


def announce(recipe: Recipe, samples: ClassSamples) -> list[str]:
    """Nothing beforehand."""
    return []


def training_stream(material: Material, cell: Cell, *, steps: int) -> ClassStream:
    """Training images of one cell."""
    data = material.recipe.data
    mean, std = material.statistics[cell.fold]
    return ClassStream(
        material.samples,
        indices=material.splits[cell.fold].train,
        length=steps * data.batch,
        augment=data.augment,
        crop=data.crop,
        mean=mean,
        std=std,
        seed=cell.seed,
    )


def training_task(material: Material, cell: Cell, model: nn.Module, loss: nn.Module) -> ClassificationTask:
    """A network and a loss with the validation images."""
    data = material.recipe.data
    return ClassificationTask(
        model,
        loss,
        class_images(material, material.splits[cell.fold].validation),
        classes=material.samples.classes,
        normal=material.statistics[cell.fold],
        divide=material.recipe.optim.loss_over_batch,
        workers=data.workers,
    )


def class_images(material: Material, indices: Sequence[int]) -> ClassImages:
    """Images of a test or a validation."""
    data = material.recipe.data
    return ClassImages(material.samples, indices=indices, crop=data.crop, resize=data.resize)


def test(material: Material, cell: Cell, task: ClassificationTask, stream: ClassStream, folder: Path) -> dict[str, Any]:
    """Class of each test image, the three accuracies, what the loss costs, and robustness where it is asked for."""
    classes = material.samples.classes
    milliseconds, megabytes = loss_cost(task.loss, stream, material.recipe.data.batch, classes=classes)
    model = ready(task.model, task.loss, material, cell)
    items = class_images(material, material.splits[cell.fold].test)
    bias = learnt_bias(task.loss)
    found = test_images(model, items, bias, names=material.samples.class_names, workers=material.recipe.data.workers)
    found = {**found, **with_robustness(found, material, items, model)}
    return {**found, "loss_ms": milliseconds, "peak_mb": megabytes}


def ready(model: nn.Module, loss: nn.Module, material: Material, cell: Cell) -> Normalized:
    """The trained network of a cell for images in [0, 1]."""
    return ready_network(model, loss, material.samples.classes, material.statistics[cell.fold])


def ready_network(model: nn.Module, loss: nn.Module, classes: int, normal: tuple[Any, Any]) -> Normalized:
    """A trained network for images in [0, 1], a bias of the loss in its last layer."""
    bias = learnt_bias(loss)
    network = model if bias is None else with_bias(model, bias, classes)
    return Normalized(network, *(np.asarray(each).tolist() for each in normal)).eval()


def more(material: Material, cell: Cell, folder: Path) -> dict[str, Any] | None:
    """Robustness, if the recipe asks for another one than the result holds."""
    result, wanted = read_json(folder / "result.json"), dataclasses.asdict(material.recipe.robustness)
    if result.get("robustness", {}).get("asked") == wanted or not asks(material.recipe.robustness):
        return None
    model, loss = material.model(cell.method, cell.seed), material.loss(cell.method)
    task = training_task(material, cell, model, loss)
    load_best(folder / "checkpoints" / "best.pt", model, loss)
    model = ready(task.model, loss, material, cell)
    return with_robustness(result, material, class_images(material, material.splits[cell.fold].test), model)


def test_images(
    model: nn.Module, items: ClassImages, bias: Tensor | None, *, names: Sequence[str], workers: int
) -> dict[str, Any]:
    """Metrics of a test, the class of each image, and the accuracy of each class.

    Args:
        model: Network of images in [0, 1] to logits.
        items: Test images.
        bias: What a loss learnt and the network's logits hold already, or None.
        names: Name of each class.
        workers: Loader processes.
    """
    uniform = UniformTest(bias)
    rows: list[dict[str, Any]] = []
    right, count = np.zeros(len(names), np.int64), np.zeros(len(names), np.int64)
    for batch in batches(items, workers=workers):
        logits, target = logits_of(model, batch["image"]), batch["target"]
        found = logits.argmax(1)
        uniform.update(logits, target)
        hit = (found == target).numpy()
        np.add.at(count, target.numpy(), 1)
        np.add.at(right, target.numpy()[hit], 1)
        for name, yes, label in zip(batch["name"], hit.tolist(), found.tolist(), strict=True):
            rows.append({"name": name, "accuracy": float(yes), "class": names[label]})
    return {
        "metrics": {"accuracy": float(right.sum() / max(1, count.sum())), **uniform.metrics()},
        "uniform": uniform.thresholds(),
        "class_accuracy": {
            name: float(hits / total) if total else math.nan
            for name, hits, total in zip(names, right, count, strict=True)
        },
        "images": rows,
    }


def with_robustness(
    result: Mapping[str, Any], material: Material, items: ClassImages, model: nn.Module
) -> dict[str, Any]:
    """A result's ``metrics`` and ``images`` with those of robustness, and ``robustness`` itself; empty if not asked."""
    asked = material.recipe.robustness
    if not asks(asked):
        return {}
    found = evaluate_robustness(asked, model, items)
    plain = [{key: row[key] for key in ("name", "accuracy", "class")} for row in result["images"]]
    columns = found.columns
    return {
        "metrics": {**{key: value for key, value in result["metrics"].items() if key in PLAIN}, **found.metrics},
        "images": [
            {**row, **{name: values[place] for name, values in columns.items() if place in values}}
            for place, row in enumerate(plain)
        ],
        "robustness": {"asked": dataclasses.asdict(asked), **found.content},
    }


def loss_cost(loss: nn.Module, stream: ClassStream, batch: int, *, classes: int) -> tuple[float, float]:
    """Milliseconds and peak MB of the loss alone, forward and backward, on the first training batch's classes."""
    target = torch.tensor([stream[i]["target"] for i in range(batch)])
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn((batch, classes), generator=generator, requires_grad=True)
    device = next((parameter.device for parameter in loss.parameters()), torch.device("cpu"))

    def work() -> object:
        return torch.autograd.grad(loss(logits.to(device), target.to(device)), logits)

    return _cost.time_ms(work), _cost.peak_mb(work)


def write_pictures(folder: Path, material: Material, planned: Sequence[Cell]) -> list[str]:
    """Write some tested images as PNG, the same in every run; returns their names."""
    tested = sorted({index for cell in planned for index in material.splits[cell.fold].test})
    items = class_images(material, [tested[place] for place in drawn(len(tested), SHOWN)])
    for position in range(len(items)):
        path = folder / "images" / f"{position:02d}.png"
        pixels = items.pixels(position)
        if not path.exists():
            write_png(path, pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, -1))
    samples = material.samples
    shown = [{"name": samples.names[i], "truth": samples.class_names[samples.labels[i]]} for i in items.indices]
    write_json(folder / "images" / "names.json", shown)
    return [image["name"] for image in shown]
