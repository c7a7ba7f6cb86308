"""A finished run on disk: its folder, its recipe, its result, and the file of its best weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from subband._files import read_json
from subband.config import Recipe, resolved_recipe


@dataclass(frozen=True)
class FinishedRun:
    """What a run folder holds.

    Attributes:
        folder: The folder.
        recipe: Its resolved recipe.
        result: Content of ``result.json``.
    """

    folder: Path
    recipe: Recipe
    result: dict[str, Any]

    @property
    def weights(self) -> Path:
        """File of the best weights.

        Raises:
            ValueError: If it is missing.
        """
        best = self.folder / "checkpoints" / "best.pt"
        if not best.exists():
            raise ValueError(f"{self.folder} has no weights ({best.name} is missing); run the same comparison again")
        return best


def finished_run(path: Path, task: str, *, use: str) -> FinishedRun:
    """Read a run folder.

    Args:
        path: Run folder, or comparison folder of one run.
        task: Kind of run that is needed.
        use: What it is needed for, for the message.

    Raises:
        ValueError: If there is no such run, it did not finish, or it is of another kind.
    """
    folder = run_folder(path)
    result = read_json(folder / "result.json")
    if result["status"] != "finished":
        raise ValueError(f"{folder} has no weights (status: {result['status']}); run the same comparison again")
    recipe = resolved_recipe(yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8")))
    if recipe.task != task:
        raise ValueError(f"{folder} is a run of the task {recipe.task}, but {use} needs one of the task {task}")
    return FinishedRun(folder, recipe, result)


def run_folder(path: Path) -> Path:
    """The run folder that ``path`` is, or the only one in it.

    Raises:
        ValueError: If there is none, or several.
    """
    if (path / "result.json").exists():
        return path
    found = sorted(result.parent for result in path.glob("runs/*/result.json"))
    if len(found) == 1:
        return found[0]
    if not found:
        raise ValueError(f"{path} holds no finished run; give a folder with result.json and checkpoints/best.pt")
    raise ValueError(f"{path} holds {len(found)} runs; name one: {', '.join(str(run) for run in found[:4])} ...")


def task_of(path: Path) -> str:
    """Kind of a run: ``segmentation``, ``classification``, ``detection`` or ``recognition``.

    Raises:
        ValueError: If there is no finished run.
    """
    recipe = yaml.safe_load((run_folder(path) / "recipe.yaml").read_text(encoding="utf-8"))
    return str(recipe.get("task", "segmentation"))


def folds_file(run: Path) -> Path:
    """The ``folds.json`` of the comparison that a run belongs to.

    Raises:
        ValueError: If there is none above the run.
    """
    found = next((folder / "folds.json" for folder in run.parents if (folder / "folds.json").exists()), None)
    if found is None:
        raise ValueError(
            f"there is no folds.json above {run}; keep runs in their comparison, or name --images and --masks"
        )
    return found
