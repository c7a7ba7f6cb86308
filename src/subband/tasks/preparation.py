"""What is decided before the runs of a comparison: folds, normalisation, number of steps, and whether networks fit."""

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import default_collate

from subband._files import read_json, write_json
from subband.config import Recipe, parse_budget
from subband.data import Split, save_splits, statistics
from subband.layers.conversion_report import attached
from subband.models.frozen_report import frozen_report
from subband.tasks.cell import Cell, Material, cells, first_process
from subband.tasks.kinds import kind_of
from subband.tasks.methods import methods, network

Array = np.ndarray[Any, Any]
HALF = 0.5
"""Mean and deviation of every channel for face networks, in units of [0, 1]."""
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and deviation of red, green and blue that torchvision's ImageNet networks were trained with."""


def check_networks(recipe: Recipe, samples: Any, say: Callable[[str], None]) -> None:
    """Build each network once, and say what its checkpoint gave, what was converted, and what is frozen.

    Raises:
        ValueError: If an option is wrong, or a checkpoint does not fit.
    """
    kind = kind_of(recipe.task)
    for label in list(recipe.networks) or [""]:
        keys = network(recipe, label)
        built = kind.build_model(keys, channels=samples.channels, classes=samples.classes, seed=0)
        if recipe.optim.head_lr_factor != 1 and not hasattr(built, "encoder"):
            raise ValueError(f"optim.head_lr_factor needs a network with an encoder, but {keys.name!r} has none")
        if keys.weights:
            say(f"{label or keys.name}, {keys.weights}: {kind.load_weights(built, Path(keys.weights))}")
        conversion = attached(built)
        converted = "" if conversion is None else f"{str(conversion).splitlines()[0]}; "
        if any(True for _ in built.parameters()):
            say(f"{label or keys.name}: {converted}{frozen_report(built)}")


def prepare(recipe: Recipe, folder: Path, samples: Any) -> Material:
    """Folds, normalisation and number of steps; what was decided once is read again."""
    splits = kind_of(recipe.task).split_samples(samples, recipe.data)
    save_splits(folder / "folds.json", splits, samples.names)
    material = Material(recipe, samples, splits, normalisations(recipe, samples, splits), 0, folder / "maps")
    return dataclasses.replace(material, steps=number_of_steps(material, folder))


def normalisations(recipe: Recipe, samples: Any, splits: Sequence[Split]) -> list[tuple[Array, Array]]:
    """Mean and deviation of each channel that the images of each split are normalised with.

    Raises:
        ValueError: If ImageNet's are wanted for images that are not in colour.
    """
    if recipe.task == "registration":  # its readers bring every volume to [0, 1]
        return [(np.zeros(samples.channels), np.ones(samples.channels)) for _ in splits]
    if recipe.data.normalise == "imagenet":
        if samples.channels != len(IMAGENET[0]):
            raise ValueError(f"data.normalise is 'imagenet', but the images have {samples.channels} channel(s), not 3")
        mean, std = np.array(IMAGENET[0]), np.array(IMAGENET[1])
        return [(mean, std) for _ in splits]
    if recipe.data.normalise == "half":
        return [(np.full(samples.channels, HALF), np.full(samples.channels, HALF)) for _ in splits]
    chosen = [tuple(split.train) if recipe.data.normalise == "train" else None for split in splits]
    found = {key: statistics(samples, indices=key) for key in set(chosen)}
    return [found[key] for key in chosen]


def number_of_steps(material: Material, folder: Path) -> int:
    """Steps of every run: as the budget says, or what fits into its minutes, measured once."""
    recipe, path = material.recipe, folder / "steps.json"
    amount, unit = parse_budget(recipe.budget)
    if unit == "steps":
        return max(1, round(amount))
    if unit == "epochs":
        return max(1, round(amount * math.ceil(len(material.splits[0].train) / recipe.data.batch)))
    while not path.exists() and not first_process():
        time.sleep(0.2)
    if path.exists():
        return int(read_json(path)["steps"])
    planned = cells(recipe, len(material.splits))
    seconds = {method.name: step_seconds(material, Cell(method, planned[0].fold, 0)) for method in methods(recipe)}
    together = sum(seconds[cell.method.name] for cell in planned)
    steps = max(10, int(0.8 * amount * 60 / together)) if together else 10
    write_json(path, {"steps": steps, "seconds_per_step": seconds, "minutes": amount})
    return steps


def step_seconds(material: Material, cell: Cell) -> float:
    """Seconds of one training step, the faster of three; 0 for what learns nothing."""
    kind, model = material.kind, material.model(cell.method, 0)
    if not any(True for _ in model.parameters()):
        return 0.0
    stream: Any = kind.training_stream(material, cell, steps=4)
    task = kind.training_task(material, cell, model, material.loss(cell.method))
    batch_size, seconds = material.recipe.data.batch, []
    for step in range(4):
        start = time.perf_counter()
        items = [stream[step * batch_size + i] for i in range(batch_size)]
        batch: dict[str, Tensor] = default_collate(items)
        task.step(batch)["loss"].backward()  # type: ignore[no-untyped-call]
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])
