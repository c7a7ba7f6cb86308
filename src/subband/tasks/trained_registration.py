"""A trained registration run, and how it registers other volumes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from subband._files import write_json
from subband.config import Recipe
from subband.data import load_splits
from subband.tasks.cell import load_best
from subband.tasks.finished_run import finished_run, folds_file
from subband.tasks.registration import build_model, read_samples
from subband.tasks.registration_baselines import Baseline
from subband.tasks.registration_loss import RegistrationLoss, build_loss
from subband.tasks.registration_scores import score_pair


@dataclass(frozen=True)
class TrainedRegistration:
    """What is needed to register.

    Attributes:
        folder: Run folder.
        recipe: Its resolved recipe.
        model: Network with its best weights, in evaluation mode, or a baseline.
        loss: What it was trained with.
        fold: Fold that was tested.
    """

    folder: Path
    recipe: Recipe
    model: nn.Module
    loss: RegistrationLoss
    fold: int


def trained_registration(path: Path) -> TrainedRegistration:
    """Load a run.

    Args:
        path: Run folder, or comparison folder of one run.

    Raises:
        ValueError: If there is no finished run of a registration, or its weights are missing.
    """
    run = finished_run(path, "registration", use="registering")
    recipe, result = run.recipe, run.result
    model = build_model(recipe.model, channels=int(result["channels"]), classes=int(result["classes"]), seed=0)
    loss = build_loss(recipe, recipe.losses[0], classes=int(result["classes"]))
    if not isinstance(model, Baseline):
        load_best(run.weights, model, loss)
        model = model.to(memory_format=torch.channels_last_3d if model.dims == 3 else torch.channels_last)
    return TrainedRegistration(run.folder, recipe, model.eval(), loss, int(result["fold"]))


def evaluate_registration(path: Path, *, out: Path | None = None) -> dict[str, Any]:
    """Test a run on its own test pairs again; writes ``evaluation.json``.

    Raises:
        ValueError: If the run or its data are missing.
    """
    run = trained_registration(path)
    data, asked = run.recipe.data, run.recipe.registration
    samples = read_samples(data)
    tested = load_splits(folds_file(run.folder), samples.names)[run.fold].test
    rows = []
    for pair in samples.chosen(tested, count=asked.pairs, seed=data.fold_seed):
        moving, fixed = samples.pair(*pair)
        truth = samples.truth(*pair)
        found = score_pair(run.model, run.loss, moving, fixed, samples.structures, labels=asked.labels, truth=truth)
        dice = {f"Dice {name}": value for name, value in found.dice.items()}
        rows.append({"name": f"{moving.name} to {fixed.name}", **found.metrics, **dice})
    folder = out or run.folder / "evaluation"
    write_json(folder / "evaluation.json", {"run": run.folder.name, "pairs": rows})
    return {"pairs": rows, "folder": folder}
