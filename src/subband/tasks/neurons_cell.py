"""One run on neurons: its cubes, its test on whole volumes by voxels and by trees, and its pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from subband._check import between, not_negative, one_of, positive
from subband._files import write_json
from subband.config import Recipe
from subband.data.check import check_samples as check_images
from subband.data.cubes import CubeStream
from subband.data.neuron_augment import NeuronAugment
from subband.data.swc import write_swc
from subband.losses.segmentation import SegmentationLoss
from subband.report.neuron_views import NeuronView, write_views
from subband.tasks.cell import Cell, Material, result_of_another_seed
from subband.tasks.methods import network
from subband.tasks.neuron_scores import Normalisation, score_neuron, validate, view_of
from subband.tasks.neuron_threshold import GreyThreshold
from subband.tasks.neurons import (
    NeuronTask,
    NeuronVolumes,
    build_model,
    load_weights,
    options_of,
    read_samples,
    split_samples,
)
from subband.tasks.robustness import asks
from subband.tasks.segmentation import build_loss

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
AXES = 3
FLIPS: dict[str, tuple[int, ...]] = {"none": (), "flips": (1, 2), "full": (0, 1, 2)}
"""Axes that a cube may be flipped along; the authors leave z out."""
GREY_LEVELS = 255
"""Grey levels from 0 to 1."""
PROJECTIONS = "projections.npz"


def check_recipe(recipe: Recipe) -> None:
    """Say what does not go with neurons.

    Raises:
        ValueError: If cubes would be changed as only images are, a number is out of range, or robustness is asked for.
    """
    asked = recipe.neurons
    one_of("data.augment of neurons", recipe.data.augment, FLIPS)
    not_negative(
        noise=asked.noise, gap=asked.gap, min_length=asked.min_length, pictures=asked.pictures, halo=min(asked.halo)
    )
    positive(distance=asked.distance)
    between(0, 1, foreground=asked.foreground)
    for name, value in (("data.crop", recipe.data.crop), ("block", asked.block), ("halo", asked.halo)):
        if len(value) != AXES:
            raise ValueError(f"{name} is {value}, but must be 3 numbers of voxels, [z, y, x]")
    if asks(recipe.robustness):
        raise ValueError("robustness is for classifications; leave it out of a recipe of neurons")


def check_samples(samples: NeuronVolumes) -> list[str]:
    """How many volumes there are, of which size, and what is odd about them."""
    odd = check_images(samples)
    sizes = np.array([samples.neuron(index).image.shape for index in range(len(samples))])
    ends = [" x ".join(map(str, size)) for size in (sizes.min(0).tolist(), sizes.max(0).tolist())]
    trees = sum(samples.neuron(index).tree is not None for index in range(len(samples)))
    size = ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
    what = f"{len(samples)} volumes of {len(set(samples.neurons))} neurons, {size} voxels, {trees} with a tree"
    return [what, *odd]


def announce(recipe: Recipe, samples: NeuronVolumes) -> list[str]:
    """Say which networks learn nothing."""
    labels = list(recipe.networks) or [""]
    found = {label: network(recipe, label).name for label in labels}
    return [
        f"{label or name} learns nothing and is only tested"
        for label, name in found.items()
        if name in ("threshold", "tracer")
    ]


def normalisation(material: Material, fold: int) -> Normalisation:
    """Mean and deviation of the grey values of a fold."""
    mean, std = material.statistics[fold]
    return Normalisation(float(np.ravel(mean)[0]), float(np.ravel(std)[0]))


def training_stream(material: Material, cell: Cell, *, steps: int) -> CubeStream:
    """Training cubes of a cell."""
    data, asked = material.recipe.data, material.recipe.neurons
    normal = normalisation(material, cell.fold)
    return CubeStream(
        material.samples.volumes,
        indices=material.splits[cell.fold].train,
        length=steps * data.batch,
        cube=tuple(data.crop),
        augment=NeuronAugment(flips=FLIPS[data.augment], noise=asked.noise / GREY_LEVELS),
        foreground=asked.foreground,
        mean=normal.mean,
        std=normal.std,
        seed=cell.seed,
    )


def training_task(material: Material, cell: Cell, model: nn.Module, loss: SegmentationLoss) -> NeuronTask:
    """A network and a loss with the volumes that validate."""
    recipe, samples, normal = material.recipe, material.samples, normalisation(material, cell.fold)
    held = material.splits[cell.fold].validation[: recipe.validation_images or None]

    def check(model: nn.Module) -> dict[str, float]:
        return validate(model, [samples.neuron(index) for index in held], normal, recipe.neurons) if held else {}

    warmup = round(recipe.warmup * material.steps)
    return NeuronTask(model, loss, check, warmup_steps=warmup, divide=recipe.optim.loss_over_batch)


def test(material: Material, cell: Cell, task: NeuronTask, stream: CubeStream, folder: Path) -> dict[str, Any]:
    """Segment and trace the test volumes; writes their trees, and the projections that the report shows."""
    if isinstance(task.model, GreyThreshold):
        names = ("metrics", "images", "failures")
        if (known := result_of_another_seed(cell, folder, pictures=PROJECTIONS, names=names)) is not None:
            return known
    asked, normal = material.recipe.neurons, normalisation(material, cell.fold)
    task.model.eval()
    rows: list[dict[str, Any]] = []
    failures: dict[str, str] = {}
    views: list[NeuronView] = []
    for number, index in enumerate(material.splits[cell.fold].test):
        sample = material.samples.neuron(index)
        found, values = score_neuron(task.model, sample, normal, asked)
        rows.append({"name": sample.name, **values})
        if found.tree is None:
            failures[sample.name] = found.why
        else:
            write_swc(folder / "traces" / f"{sample.name}.swc", found.tree)
        if number < asked.pictures:
            views.append(view_of(sample, found.tree))
    write_views(folder / PROJECTIONS, views)
    return {"metrics": means(rows), "images": rows, "failures": failures}


def means(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Mean of each metric over the volumes that have it."""
    names = dict.fromkeys(name for row in rows for name in row if name != "name")
    return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}


def more(material: Material, cell: Cell, folder: Path) -> dict[str, Any] | None:
    """Nothing is asked for later."""
    return None


def write_pictures(folder: Path, material: Material, planned: Sequence[Cell]) -> list[str]:
    """Write the names of the test volumes; their projections are beside the runs."""
    names = [material.samples.names[index] for index in material.splits[planned[0].fold].test]
    write_json(folder / "volumes.json", names)
    return names
