"""One run of a registration: its training pairs, its test on other pairs, and its pictures."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from subband._check import not_negative
from subband._files import write_json
from subband.config import Recipe
from subband.models._winet_memory import MemoryEstimate, estimate_memory
from subband.report.registration_views import View, view_of, write_views
from subband.tasks.cell import Cell, Material, result_of_another_seed
from subband.tasks.methods import network
from subband.tasks.registration import (
    PairedVolumes,
    PairStream,
    RegistrationTask,
    build_model,
    check_dims,
    load_weights,
    options_of,
    read_samples,
    split_samples,
)
from subband.tasks.registration_baselines import Baseline
from subband.tasks.registration_loss import RegistrationLoss, build_loss
from subband.tasks.registration_scores import middle_of, registered, score_pair
from subband.tasks.robustness import asks
from subband.transforms.field import Field, Grid

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
SCORE = "Dice"
PLANES = "planes.npz"


def check_recipe(recipe: Recipe) -> None:
    """Say what does not go with a registration.

    Raises:
        ValueError: If images would be changed, a number is out of range, or robustness is asked for.
    """
    asked = recipe.registration
    not_negative(pairs=asked.pairs, pictures=asked.pictures, weight=asked.weight, dice=asked.dice)
    if asks(recipe.robustness):
        raise ValueError("robustness is for classifications; leave it out of a recipe of a registration")


def check_samples(samples: PairedVolumes) -> list[str]:
    """How many volumes and pairs there are, and the grid that they are brought to."""
    shape = " x ".join(map(str, samples.grid.shape))
    spacing = " x ".join(f"{length:.3g}" for length in samples.grid.spacing)
    what = f"{len(samples.names)} pairs" if samples.pairs is not None else "any two are a pair"
    return [f"{len(samples.volumes)} volumes, {what}, on {shape} voxels of {spacing} mm"]


def announce(recipe: Recipe, samples: PairedVolumes) -> list[str]:
    """Memory of a training step of each network, before it is taken.

    Raises:
        ValueError: If a network is for images of another number of axes.
    """
    check_dims(recipe, samples)
    said = []
    for label in list(recipe.networks) or [""]:
        keys = network(recipe, label)
        if keys.name == "winet":
            model = build_model(keys, channels=samples.channels, classes=samples.classes, seed=0)
            found = memory_of(model, build_loss(recipe, recipe.losses[0]), samples.grid, batch=recipe.data.batch)
            said.append(f"{label or 'winet'}: {str(found)[0].lower()}{str(found)[1:]}")
    return said


def memory_of(model: nn.Module, loss: RegistrationLoss, grid: Grid, *, batch: int = 1) -> MemoryEstimate:
    """Memory that a training step is going to take."""

    def total(warped: Tensor, fixed: Tensor, field: Field) -> Tensor:
        value: Tensor = loss.similarity(warped, fixed) + loss.weight * loss.smoothness(replace(field, grid=grid))
        return value

    return estimate_memory(model, grid.shape, batch=batch, loss=total)


def training_stream(material: Material, cell: Cell, *, steps: int) -> PairStream:
    """Training pairs of a cell."""
    recipe = material.recipe
    return PairStream(
        material.samples,
        indices=material.splits[cell.fold].train,
        seed=cell.seed,
        length=steps * recipe.data.batch,
        labels=recipe.registration.dice > 0,
    )


def training_task(material: Material, cell: Cell, model: nn.Module, loss: Any) -> RegistrationTask:
    """A network and a loss with the validation pairs."""
    samples, recipe = material.samples, material.recipe
    split = material.splits[cell.fold]
    if len(split.validation) < (1 if samples.pairs is not None else 2) or not samples.structures:
        return RegistrationTask(model, loss, samples.grid)
    pairs = samples.chosen(split.validation, count=recipe.validation_images, seed=recipe.data.fold_seed)

    def validate(network: nn.Module) -> dict[str, float]:
        found = [_scored(material, network, loss, pair).metrics["Dice"] for pair in pairs]
        return {SCORE: float(np.nanmean(found))}

    return RegistrationTask(model, loss, samples.grid, validate)


def test(material: Material, cell: Cell, task: RegistrationTask, stream: PairStream, folder: Path) -> dict[str, Any]:
    """Register the test pairs; writes the planes that the report shows, and the Dice of each structure."""
    if isinstance(task.model, Baseline) and not task.model.seeded:
        kept = ("metrics", "images", "structures")
        if (known := result_of_another_seed(cell, folder, pictures=PLANES, names=kept)) is not None:
            return known
    recipe, samples = material.recipe, material.samples
    task.model.eval()
    rows: list[dict[str, Any]] = []
    structures: dict[str, list[float]] = {}
    views: list[View] = []
    for number, pair in enumerate(tested_pairs(material, cell.fold)):
        moving, fixed = samples.pair(*pair)
        found = _scored(material, task.model, task.loss, pair)
        rows.append({"name": f"{moving.name} to {fixed.name}", **found.metrics})
        for name, value in found.dice.items():
            structures.setdefault(name, []).append(value)
        if number < recipe.registration.pictures:
            axis = fixed.image.ndim - 1
            planes = registered(moving, fixed, found.field)
            views.append(view_of(rows[-1]["name"], planes, axis=axis, place=middle_of(fixed, axis)))
    write_views(folder / PLANES, views)
    names = [name for name in rows[0] if name != "name"]
    metrics = {name: float(np.nanmean([row[name] for row in rows])) for name in names}
    return {"metrics": metrics, "images": rows, "structures": structures}


def tested_pairs(material: Material, fold: int) -> list[tuple[int, int]]:
    """Numbers of the moving and the fixed volume of each test pair."""
    asked, data = material.recipe.registration, material.recipe.data
    return list(material.samples.chosen(material.splits[fold].test, count=asked.pairs, seed=data.fold_seed))


def _scored(material: Material, model: nn.Module, loss: Any, pair: tuple[int, int]) -> Any:
    samples = material.samples
    moving, fixed = samples.pair(*pair)
    labels, truth = material.recipe.registration.labels, samples.truth(*pair)
    return score_pair(model, loss, moving, fixed, samples.structures, labels=labels, truth=truth)


def more(material: Material, cell: Cell, folder: Path) -> dict[str, Any] | None:
    """Nothing is asked for later."""
    return None


def write_pictures(folder: Path, material: Material, planned: Sequence[Cell]) -> list[str]:
    """Write the names of the test pairs; their planes are beside the runs."""
    names = [
        f"{material.samples.volumes.names[a]} to {material.samples.volumes.names[b]}"
        for a, b in tested_pairs(material, planned[0].fold)
    ]
    write_json(folder / "pairs.json", names)
    return names
