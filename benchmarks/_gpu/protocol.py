"""Section on the authors' protocol: all their losses on each benchmark set that lies prepared in ``SUBBAND_DATA``."""

import dataclasses
import os
import statistics
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from _gpu.clock import Given, Rows

SETS = ("snemi3d", "glas", "drive", "roads")
MEASURED = ("mIoU", "mDice", "VI", "ARI", "HD")
LIMIT_S = 500.0
VARIABLE = "SUBBAND_DATA"


class Unfinished(Exception):  # noqa: N818  (no error: the section goes on at the next call)
    """What a section has so far, and why it ends before the end."""

    def __init__(self, note: str, tables: dict[str, Rows]) -> None:
        super().__init__(note)
        self.tables = tables


class _TimeIsUp(Exception):  # noqa: N818
    """Leaves a comparison, whose last checkpoint stays."""


def protocol(given: Given, runs: Path) -> dict[str, Rows]:
    """The recipe of each set, with all thirteen losses, as far as the time of one call goes.

    Raises:
        Unfinished: With the runs that are there, if not all are; or if there is no set.
    """
    tables: dict[str, Rows] = {}
    end = time.monotonic() + LIMIT_S

    def listen(*_: object) -> None:
        if time.monotonic() > end:
            raise _TimeIsUp

    found = prepared()
    if not found:
        wanted = f"one of {', '.join(SETS)}, as `subband prepare` writes them"
        raise Unfinished(f"{VARIABLE} names no folder with {wanted}", {})
    from subband.config import read_recipe, resolved_recipe
    from subband.tasks.compare import compare

    for name, root in found.items():
        recipe = resolved_recipe(read_recipe(f"segmentation/{name}-unet"))
        recipe = dataclasses.replace(recipe, data=dataclasses.replace(recipe.data, root=str(root)))
        recipe = shortened(recipe) if given.small else recipe
        folder = runs / recipe.name
        try:
            compare(recipe, folder, listen=listen)
            title = f"{recipe.title}, {recipe.budget}"
        except _TimeIsUp:
            title = f"{recipe.title}, {recipe.budget}, not all runs yet"
        tables[title] = table(folder, recipe.losses)
        if time.monotonic() > end:
            raise Unfinished("the time of this section is up; call again to go on", tables)
    return tables


def prepared() -> dict[str, Path]:
    """The sets that ``subband prepare`` has written into the folder of ``SUBBAND_DATA``."""
    base = Path(os.environ.get(VARIABLE) or "nowhere")
    return {name: base / name for name in SETS if all((base / name / part).is_dir() for part in ("images", "masks"))}


def shortened(recipe: Any) -> Any:
    """Two steps of a small network on one fold, to try the section."""
    data = dataclasses.replace(recipe.data, crop=[32, 32], batch=2)
    model = dataclasses.replace(recipe.model, width=2, depth=2)
    short = {"budget": "2 steps", "validations": 1, "validation_images": 1, "run_folds": [0]}
    return dataclasses.replace(recipe, data=data, model=model, losses=["ce", "cwmi"], **short)


def table(folder: Path, losses: Iterable[str]) -> Rows:
    """Means over the finished runs of each loss."""
    from subband._files import read_json

    rows: Rows = {}
    for loss in losses:
        results = [read_json(path) for path in sorted(folder.glob(f"runs/{loss}-fold*/result.json"))]
        done = [result for result in results if result["status"] == "finished"]
        rows[loss] = {"runs": len(done)}
        for name in MEASURED:
            rows[loss][name] = statistics.mean(result["metrics"][name] for result in done) if done else None
        rows[loss]["ms_per_step"] = statistics.median(result["ms_per_step"] for result in done) if done else None
    return rows
