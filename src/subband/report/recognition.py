"""Which threshold each head learnt, which one is best, and what the choice costs, for the page of a comparison."""

import math
from typing import Any

from subband._files import read_json
from subband.report.comparison import Comparison, Run
from subband.report.pictures import png_uri, read_picture
from subband.report.tables import number

LINES = {
    "accuracy": "share of the pairs that are judged right, over folds",
    "EER": "error at which as many pairs of one person as of two are judged wrong",
    "at learned": "share of the pairs that are judged right at the threshold that the head learnt in training",
}


def pair_line(metric: str) -> str:
    """What a column means.

    Example:
        >>> pair_line("TAR@0.01")
        'share of the pairs of one person that are accepted where at most 0.01 of the others are'
    """
    if metric.startswith("TAR@"):
        rate = metric.removeprefix("TAR@")
        return f"share of the pairs of one person that are accepted where at most {rate} of the others are"
    return LINES.get(metric, "accuracy on this set")


def recognition(comparison: Comparison) -> dict[str, Any]:
    """Thresholds of each run, and some faces."""
    return {
        "rows": [row for run in _finished(comparison) for row in _rows(comparison, run)],
        "faces": faces(comparison),
    }


def faces(comparison: Comparison) -> list[dict[str, str]]:
    """Some of the images."""
    path = comparison.folder / "images" / "faces.json"
    found = []
    for place, name in enumerate(read_json(path) if path.exists() else []):
        picture = read_picture(comparison.folder / "images" / f"{place:02d}.png")
        if picture is not None:
            found.append({"name": str(name), "image": png_uri(picture)})
    return found


def _finished(comparison: Comparison) -> list[Run]:
    return [run for method in comparison.compared() for run in comparison.of(method)]


def _rows(comparison: Comparison, run: Run) -> list[dict[str, Any]]:
    """One row for each set of a run."""
    found = []
    for each in run.extra.get("verification", {}).get("sets", []):
        thresholds, metrics = each["thresholds"], each["metrics"]
        learned = metrics.get("at learned", math.nan)
        found.append(
            {
                "label": comparison.label(run.method),
                "seed": run.seed,
                "set": each["label"],
                "learned": number(thresholds.get("learned", math.nan)),
                "at_learned": number(learned),
                "best": number(thresholds["best"]),
                "at_best": number(each["best_accuracy"]),
                "cost": number(each["best_accuracy"] - learned),
                "link": f"runs/{run.folder.name}/verification.html",
            }
        )
    return found
