"""What is written beside the numbers: who made a run, and what a comparison consists of."""

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from subband import catalog
from subband._files import read_json, write_json
from subband.config import Recipe
from subband.data import class_names, palette
from subband.tasks._folder import command, machine, versions, write_yaml
from subband.tasks.cell import Cell, Material
from subband.tasks.kinds import kind_of
from subband.tasks.methods import DATASET_KIND, baseline, label, methods, network

OPTIONAL = ("width", "depth", "norm", "side")
"""Keys of ``model`` that some networks have."""


def describe_run(run: Path, material: Material, cell: Cell) -> None:
    """Write what made a run beside it: resolved recipe, command, versions, seed."""
    if (run / "recipe.yaml").exists():
        return
    own = dataclasses.replace(
        material.recipe,
        model=network(material.recipe, cell.method.network),
        networks={},
        losses=[cell.method.loss],
        seeds=[cell.seed],
        run_folds=[cell.fold],
    )
    write_yaml(run / "recipe.yaml", {**dataclasses.asdict(own), "budget": f"{material.steps} steps"})
    made = {"command": command(), "versions": versions(), "machine": machine(), "seed": cell.seed}
    write_json(run / "made_by.json", made)


def describe(
    recipe: Recipe, folder: Path, material: Material, minutes: float, planned: Sequence[Cell]
) -> dict[str, Any]:
    """Write ``comparison.json``, and the test images and masks that the report shows."""
    tested = material.kind.write_pictures(folder, material, planned)
    before = 0.0
    with suppress(FileNotFoundError):
        before = float(read_json(folder / "comparison.json")["minutes"])
    segmentation = recipe.task == "segmentation"
    entry = catalog.find(DATASET_KIND[recipe.task], recipe.data.reader)
    results = {
        cell: read_json(path) for cell in planned if (path := folder / "runs" / cell.name / "result.json").exists()
    }
    found = methods(recipe)
    networks = {label: _network(recipe, label, results) for label in recipe.networks or [""]}
    value = {
        "name": recipe.name,
        "title": recipe.title or recipe.name,
        "task": recipe.task,
        "command": command(),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "dataset": {
            "name": recipe.data.reader,
            "label": recipe.data.label or entry.line,
            "synthetic": recipe.data.reader.startswith("synthetic"),
            "published": recipe.data.published,
            "channels": material.samples.channels,
            "classes": material.samples.classes,
            "class_names": class_names(material.samples),
            "palette": np.asarray(palette(material.samples)).tolist() if segmentation else None,
        },
        "model": next(iter(networks.values())),
        "networks": networks if recipe.networks else {},
        "losses": recipe.losses,
        "methods": {method.name: {"network": method.network, "loss": method.loss} for method in found},
        "labels": {method.name: label(recipe, method) for method in found},
        "baseline": baseline(recipe).name,
        "folds": recipe.run_folds or list(range(len(material.splits))),
        "seeds": recipe.seeds,
        "steps": material.steps,
        "budget": recipe.budget,
        "minutes": before + minutes,
        "machine": machine(),
        "versions": versions(),
        "partial": len(results) < len(planned),
        "example": {"image": tested[0]},
        "robustness": dataclasses.asdict(recipe.robustness),
    }
    write_json(folder / "comparison.json", value)
    return value


def _network(recipe: Recipe, chosen: str, results: Mapping[Cell, Mapping[str, Any]]) -> dict[str, Any]:
    """Keys of a network, and its number of parameters once a run has told it."""
    counts = [result.get("parameters") for cell, result in results.items() if cell.method.network == chosen]
    keys = network(recipe, chosen)
    known = kind_of(recipe.task).options_of(keys.name)
    found = {key: value for key, value in vars(keys).items() if key not in OPTIONAL or key in known}
    return {**found, "parameters": next(filter(None, counts), None)}
