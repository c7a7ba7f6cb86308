"""One run of a comparison: one method, one fold, one seed, trained and tested."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from subband._files import read_json, write_bytes
from subband.config import Recipe
from subband.data import Split
from subband.tasks import _run
from subband.tasks.kinds import Kind, kind_of
from subband.tasks.methods import Method, methods, network
from subband.tasks.plan import Fitted, Plan, Progress


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


def result_of_another_seed(cell: Cell, folder: Path, *, pictures: str, names: Sequence[str]) -> dict[str, Any] | None:
    """What is called ``names`` in the finished result of the same method with another seed; None if there is none.

    For what no seed changes. The file of ``pictures`` is copied into ``folder``, if there is one.
    """
    for other in sorted(folder.parent.glob(f"{cell.method.name}-fold{cell.fold}-seed*")):
        path = other / "result.json"
        if other != folder and path.exists() and (found := read_json(path))["status"] == "finished":
            if (other / pictures).exists():
                write_bytes(folder / pictures, (other / pictures).read_bytes())
            return {name: found[name] for name in names}
    return None


@dataclass(frozen=True)
class Material:
    """What all cells of a comparison share; the samples are those of the task's reader."""

    recipe: Recipe
    samples: Any
    splits: list[Split]
    statistics: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]
    steps: int
    maps: Path

    @property
    def kind(self) -> Kind:
        """What the task gives."""
        return kind_of(self.recipe.task)

    def model(self, method: Method, seed: int) -> nn.Module:
        """A fresh network; channels last, which CPUs and tensor cores prefer."""
        samples, keys = self.samples, network(self.recipe, method.network)
        model = self.kind.build_model(keys, channels=samples.channels, classes=samples.classes, seed=seed)
        if keys.weights:
            self.kind.load_weights(model, Path(keys.weights))
        volumes = any(parameter.ndim == 5 for parameter in model.parameters())
        return model.to(memory_format=torch.channels_last_3d if volumes else torch.channels_last)

    def loss(self, method: Method) -> Any:
        """The loss of a method."""
        return self.kind.build_loss(self.recipe, method.loss, classes=self.samples.classes)


def identity(cell: Cell) -> dict[str, Any]:
    """What a result is of."""
    method = cell.method
    named = {"method": method.name, "network": method.network, "loss": method.loss}
    return {**named, "fold": cell.fold, "seed": cell.seed}


def run_cell(
    material: Material,
    cell: Cell,
    folder: Path,
    *,
    listen: Callable[[Progress], None] = lambda progress: None,
    tensorboard: bool = False,
) -> dict[str, Any]:
    """Train, choose the best validation, test; returns the content of ``result.json``.

    What learns nothing, as a baseline of a registration, is tested alone. Goes on from the last checkpoint in
    ``folder`` if there is one. Under ``torchrun`` every process trains, and the first one tests.
    """
    recipe, kind = material.recipe, material.kind
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    model, loss = material.model(cell.method, cell.seed), material.loss(cell.method)
    task = kind.training_task(material, cell, model, loss)
    stream = kind.training_stream(material, cell, steps=material.steps)
    plan = Plan(
        folder=folder,
        steps=material.steps,
        batch=recipe.data.batch,
        epoch_items=len(material.splits[cell.fold].train),
        validate_every=max(1, material.steps // recipe.validations),
        optim=recipe.optim,
        score=kind.SCORE,
        workers=recipe.data.workers,
        tensorboard=tensorboard,
    )
    learns = any(parameter.requires_grad for parameter in (*model.parameters(), *loss.parameters()))
    nothing = Fitted(0, -float("inf"), 0.0, float("nan"))
    fitted = _run.fit(task, stream, plan, listen=listen) if learns else nothing
    if not first_process():
        return {}
    if plan.best.exists():
        load_best(plan.best, model, loss)
    found = kind.test(material, cell, task, stream, folder)
    if not learns:
        listen(Progress(material.steps, material.steps, float("nan"), {}))
    mean, std = material.statistics[cell.fold]
    return {
        **identity(cell),
        "status": "finished",
        "error": None,
        **found,
        "steps": material.steps,
        "seconds": fitted.seconds,
        "ms_per_step": fitted.ms_per_step,
        "best_step": fitted.best_step,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "channels": material.samples.channels,
        "classes": material.samples.classes,
        "mean": np.asarray(mean).tolist(),
        "std": np.asarray(std).tolist(),
    }


def load_best(path: Path, model: nn.Module, loss: nn.Module) -> None:
    """Read the best weights of a run, and those of its loss where the loss learns."""
    state = torch.load(path, weights_only=True, map_location="cpu")
    of_loss = {key: value for key, value in state.items() if key.startswith(_run.LOSS)}
    model.load_state_dict({key: value for key, value in state.items() if key not in of_loss})
    loss.load_state_dict({key.removeprefix(_run.LOSS): value for key, value in of_loss.items()})
