"""What each method traced in some volumes, and which traces failed, for the page of a comparison."""

from typing import Any

from subband.metrics.neuron_table import NEURON_METRICS
from subband.report.comparison import Comparison
from subband.report.neuron_figures import ADDED, MISSED, RIGHT, methods_figure
from subband.report.neuron_views import NeuronView, read_views
from subband.report.tables import number


def tree_line(metric: str) -> str:
    """What a column means, with its unit.

    Example:
        >>> tree_line("ESA")
        'mean distance of the two trees, both ways (voxels)'
    """
    found = NEURON_METRICS.get(metric)
    if found is None:
        return ""
    return f"{found.line} ({found.unit})" if found.unit else found.line


def neurons(comparison: Comparison) -> dict[str, Any]:
    """A figure for each volume that is shown, and the failed traces."""
    colours = (("in both", RIGHT), ("only traced", ADDED), ("only true", MISSED))
    return {"volumes": volume_figures(comparison), "failures": failures(comparison), "colours": colours}


def volume_figures(comparison: Comparison) -> list[dict[str, str]]:
    """Projections of a volume after the first run of each method, with its scores."""
    volumes: dict[str, dict[str, NeuronView]] = {}
    for method in comparison.compared():
        run = comparison.of(method)[0]
        scores = {str(image["name"]): image for image in run.images}
        for view in read_views(run.folder / "projections.npz"):
            label = f"{comparison.label(method)}\n{_said(scores.get(view.title, {}))}".strip()
            volumes.setdefault(view.title, {})[label] = view
    return [
        {"title": title, "svg": methods_figure(views, key=f"volume {place}").svg}
        for place, (title, views) in enumerate(volumes.items())
    ]


def failures(comparison: Comparison) -> list[dict[str, str]]:
    """Volume, method and run of each trace that failed, and why."""
    return [
        {"volume": str(name), "method": comparison.label(run.method), "run": run.folder.name, "why": str(why)}
        for run in comparison.runs
        for name, why in run.extra.get("failures", {}).items()
    ]


def _said(row: dict[str, Any]) -> str:
    """Length recall and precision of a volume, or what is known of its voxels."""
    if row.get("failed"):
        return "no trace"
    of_trees = ("recall", "precision", "ESA")
    names = [name for name in (of_trees if "recall" in row else ("IoU",)) if name in row]
    return ", ".join(f"{name} {number(float(row[name]), 2)}" for name in names)
