"""A comparison as its folder has it."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from subband._files import read_json
from subband.report.comparison import COSTS, EXTRA, TOGETHER, Comparison, Run


def read_comparison(folder: Path | str) -> Comparison:
    """Read a folder that ``subband compare`` wrote, finished or not.

    Raises:
        ValueError: If there is no ``comparison.json``, or it names no losses.

    Example:
        >>> from subband.report import read_comparison
        >>> read_comparison("nowhere")
        Traceback (most recent call last):
        ValueError: nowhere holds no comparison.json; give a folder that `subband compare` wrote
    """
    folder = Path(folder)
    path = folder / "comparison.json"
    if not path.exists():
        raise ValueError(f"{folder} holds no comparison.json; give a folder that `subband compare` wrote")
    about: dict[str, Any] = read_json(path)
    if not about.get("losses"):
        raise ValueError(f"{path} names no losses; run the same `subband compare` again to write it")
    folds, seeds = about.get("folds") or [0], about.get("seeds") or [0]
    methods = about.get("methods") or about["losses"]
    cells = [(method, fold, seed) for method in methods for fold in folds for seed in seeds]
    return Comparison(folder, about, [_read_run(folder / "runs", *cell) for cell in cells])


def _read_run(runs: Path, method: str, fold: int, seed: int) -> Run:
    folder = runs / f"{method}-fold{fold}-seed{seed}"
    path = folder / "result.json"
    if not path.exists():
        return Run(method, fold, seed, folder)
    try:
        result = read_json(path)
        status = str(result["status"])
        if status != "finished":
            return Run(method, fold, seed, folder, status, str(result.get("error") or ""))
        images = list(result.get("images") or [])
        stored = {name: float(value) for name, value in result.get("metrics", {}).items()}
        means = _means(images) or stored
        class_iou = {str(name): float(value) for name, value in (result.get("class_iou") or {}).items()}
        pixels = [sum(row) for row in result.get("confusion") or []]
        costs = {name: float(result[name]) for name in COSTS if result.get(name) is not None}
    except (KeyError, TypeError, ValueError) as error:
        return Run(method, fold, seed, folder, "failed", f"result.json cannot be read: {error}")
    metrics = stored if any(result.get(part) for part in TOGETHER) else means
    extra = {name: result[name] for name in EXTRA if name in result}
    return Run(method, fold, seed, folder, status, "", images, metrics, costs, means, class_iou, pixels, extra)


def _means(images: list[dict[str, Any]]) -> dict[str, float]:
    """Mean of each metric over the images; undefined values are left out, infinite ones are not."""
    names = dict.fromkeys(name for image in images for name in image if name not in ("name", "class"))
    found = {}
    for name in names:
        values = [float(image[name]) for image in images if image.get(name) is not None]
        defined = [value for value in values if not math.isnan(value)]
        found[name] = float(np.mean(defined)) if defined else math.nan
    return found
