"""One run of a recognition: its training images, its test on pairs, and its pictures."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from subband._check import one_of, positive
from subband._files import write_json
from subband.config import Recipe
from subband.data._class_changes import CHANGES
from subband.data.class_stream import ClassImages, ClassStream, height_and_width
from subband.data.images import write_png
from subband.losses.recognition.head_memory import head_memory
from subband.metrics.roc import most_accurate_point
from subband.models.normalized import Normalized
from subband.tasks import _cost
from subband.tasks.cell import Cell, Material
from subband.tasks.classification_cell import training_stream
from subband.tasks.pair_sets import PairSet, derived_pairs, read_pair_sets
from subband.tasks.recognition import (
    OpenSet,
    RecognitionTask,
    build_model,
    features_of,
    load_weights,
    options_of,
    read_samples,
    split_samples,
)
from subband.tasks.recognition import build_head as build_loss
from subband.tasks.robustness import asks, drawn
from subband.tasks.verification import learned_threshold, score_pairs, set_result, test_result, write_scores
from subband.tasks.verification_page import write_page

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
"""Tested images that the report shows."""


def check_recipe(recipe: Recipe) -> None:
    """Say what does not go with a recognition.

    Raises:
        ValueError: If the split, the change of images, their size, or what is asked of the test is wrong, or the
            networks have embeddings of other lengths.
    """
    asked = recipe.recognition
    one_of("data.augment of a recognition", recipe.data.augment, CHANGES)
    one_of("data.split of a recognition", recipe.data.split, ("holdout", "given"))
    height_and_width(recipe.data.crop)
    features_of(recipe)
    if recipe.data.split == "given" and not asked.sets:
        raise ValueError("all identities train, so name pairs to test on, --recognition.sets; or take holdout as split")
    if not all(0 < rate < 1 for rate in asked.far):
        raise ValueError(f"recognition.far is {asked.far}, but must hold rates between 0 and 1, such as 1e-3")
    positive(folds=asked.folds, pairs=asked.pairs)
    if asks(recipe.robustness):
        raise ValueError("robustness is for classifications; leave it out of a recipe of a recognition")


def check_samples(samples: OpenSet) -> list[str]:
    """How many identities and images train; the images are not read."""
    tested = {samples.labels[index] for index in samples.split.test}
    rest = f", {len(tested)} more identities test" if tested else ""
    return [f"{samples.classes} identities train on {len(samples.split.train)} images{rest}"]


def announce(recipe: Recipe, samples: OpenSet) -> list[str]:
    """Memory that the largest head will take, before it takes it."""
    states = 1 if recipe.optim.name == "sgd" else 2
    with torch.device("meta"):
        heads = [build_loss(recipe, name, classes=samples.classes) for name in recipe.losses]
    found = [head_memory(head, batch=recipe.data.batch, states=states) for head in heads]
    return [f"memory of the largest head: {max(found, key=lambda each: each.total)}"]


def training_task(material: Material, cell: Cell, model: nn.Module, loss: nn.Module) -> RecognitionTask:
    """A network and a head with the validation pairs.

    Raises:
        ValueError: If a head that remembers or samples would train on several processes.
    """
    apart = any(name.endswith("memory") for name, _ in loss.named_buffers()) or getattr(loss, "sample", 1) < 1
    if apart and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ValueError(
            f"the head {cell.method.loss} remembers images or draws classes, which several processes would not share; "
            "train on one, or put it into a ShardedHead in a loop of your own"
        )
    split, normal = material.splits[cell.fold], material.statistics[cell.fold]
    if not split.validation:
        return RecognitionTask(model, loss)
    data, asked = material.recipe.data, material.recipe.recognition
    pairs = derived_pairs(
        material.samples, split.validation, folds=1, most=asked.pairs, seed=data.fold_seed, label="validation"
    )

    def validate(network: nn.Module) -> dict[str, float]:
        seen = score_pairs(normalized(network, normal), PairSet(material.samples, pairs), crop=data.crop)
        return {SCORE: most_accurate_point(seen.scores, seen.same).accuracy}

    return RecognitionTask(model, loss, validate)


def normalized(model: nn.Module, normal: tuple[Any, Any]) -> Normalized:
    """The network for images in [0, 1]."""
    return Normalized(model, *(np.asarray(each).tolist() for each in normal))


def test(material: Material, cell: Cell, task: RecognitionTask, stream: ClassStream, folder: Path) -> dict[str, Any]:
    """Score the pairs, write the scores and a page about them, and measure what the head costs."""
    recipe, learned = material.recipe, learned_threshold(task.loss)
    milliseconds, megabytes = head_cost(task.loss, stream, recipe.data.batch, features=features_of(recipe))
    model = normalized(task.model, material.statistics[cell.fold]).eval()
    sets = []
    for given in tested_sets(material, cell.fold):
        data, asked = recipe.data, recipe.recognition
        scored = score_pairs(model, given, crop=data.crop, resize=data.resize, flip=asked.flip)
        write_scores(folder, scored)
        sets.append(set_result(scored, far=asked.far, learned=learned))
    found = test_result(sets, learned)
    write_page(folder, found["verification"], title=f"{recipe.title or recipe.name}: {cell.name}")
    return {**found, "loss_ms": milliseconds, "peak_mb": megabytes}


def tested_sets(material: Material, fold: int) -> list[PairSet]:
    """Pairs of the identities that are held out, and the recipe's sets."""
    samples, data, asked = material.samples, material.recipe.data, material.recipe.recognition
    found = read_pair_sets(
        [Path(each) for each in asked.sets],
        images=None if asked.images is None else Path(asked.images),
        channels=samples.channels,
        folds=asked.folds,
        most=asked.pairs,
        seed=data.fold_seed,
    )
    tested = material.splits[fold].test
    if not tested:
        return found
    label = data.label or "held-out identities"
    pairs = derived_pairs(samples, tested, folds=asked.folds, most=asked.pairs, seed=data.fold_seed, label=label)
    return [PairSet(samples, pairs), *found]


def more(material: Material, cell: Cell, folder: Path) -> dict[str, Any] | None:
    """Nothing is asked for later."""
    return None


def head_cost(head: nn.Module, stream: ClassStream, batch: int, *, features: int) -> tuple[float, float]:
    """Milliseconds and peak MB of the head alone, forward and backward; its state stays as it is."""
    target = torch.tensor([stream[i]["target"] for i in range(batch)])
    x = torch.randn((batch, features), generator=torch.Generator().manual_seed(0), requires_grad=True)
    device = next((each.device for each in head.parameters()), torch.device("cpu"))
    state = {name: value.clone() for name, value in head.state_dict().items()}

    def work() -> object:
        return torch.autograd.grad(head(x.to(device), target.to(device)), x)

    found = _cost.time_ms(work), _cost.peak_mb(work)
    head.load_state_dict(state)
    return found


def write_pictures(folder: Path, material: Material, planned: Sequence[Cell]) -> list[str]:
    """Write some tested images as PNG, or training ones where the sets alone test; returns their names."""
    samples, data, split = material.samples, material.recipe.data, material.splits[0]
    listed = split.test or split.train
    items = ClassImages(
        samples, indices=[listed[place] for place in drawn(len(listed), SHOWN)], crop=data.crop, resize=data.resize
    )
    for position in range(len(items)):
        path = folder / "images" / f"{position:02d}.png"
        pixels = items.pixels(position)
        if not path.exists():
            write_png(path, pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, -1))
    names = [samples.names[index] for index in items.indices]
    write_json(folder / "images" / "faces.json", names)
    return names
