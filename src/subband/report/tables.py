"""The table of methods and metrics, for the page, the terminal, a Markdown file and a CSV file."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from subband.report.comparison import Comparison
from subband.report.published import published, published_mean, published_seconds
from subband.report.published_registration import published_field
from subband.report.reading import read_comparison
from subband.report.statistics import Difference, Spread, best, differences, higher_is_better, spread

DECIMALS = {
    **{"HD": 2, "HD95": 2, "B0": 1, "B1": 1, "ASD": 2, "TRE": 2},
    **{"ESA": 2, "DSA": 2, "failed": 2, "seconds": 2, "MB": 0},
}
PUBLISHED_DECIMALS = {"VI": 2, "HD": 2}
COST_LABELS = {"parameters": "parameters", "ms_per_step": "ms/step", "loss_ms": "loss ms", "peak_mb": "loss MB"}
TERMINAL = (
    *("mIoU", "accuracy", "FWIoU", "VI", "ARI", "clDice"),
    *("class-wise", "uniform", "corrupted", "consistency", "EER", "at learned"),
    *("Dice", "folds", "SDlogJ", "IoU", "recall", "precision", "F1", "ESA", "seconds"),
    *("AP50", "AP", "AR", "mPC", "rPC"),
)
"""Metrics that fit into a terminal of 80 columns."""


def number(value: float, decimals: int = 3) -> str:
    """Write a number; a dash where it is undefined.

    Example:
        >>> from subband.report.tables import number
        >>> number(0.12345), number(float("inf")), number(float("nan")), number(-0.5, 1)
        ('0.123', '∞', '–', '−0.5')
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")


def cost(name: str, value: float) -> str:
    """A cost in its unit; parameters in millions or thousands, a dash for what has none.

    Example:
        >>> from subband.report.tables import cost
        >>> cost("parameters", 29_480_000), cost("parameters", 73_525), cost("ms_per_step", 81.25)
        ('29.48 M', '73.5 k', '81.2')
    """
    if name != "parameters":
        return number(value, 1)
    if not value:
        return "–"
    return f"{value / 1e6:.2f} M" if value >= 1e5 else f"{value / 1e3:.1f} k"


def decimals(metric: str) -> int:
    """Digits after the point of a metric."""
    return DECIMALS.get(metric, 3)


def heading(metric: str) -> str:
    """Name of a metric with the direction of better."""
    return f"{metric} {'↑' if higher_is_better(metric) else '↓'}"


@dataclass(frozen=True)
class Cell:
    """One number of the table: its mean and spread, whether it is the best, and what the paired test says."""

    spread: Spread
    decimals: int
    best: bool = False
    difference: Difference | None = None

    @property
    def mean(self) -> str:
        """The mean."""
        return number(self.spread.mean, self.decimals)

    @property
    def sd(self) -> str:
        """The deviation, or nothing."""
        return "" if math.isnan(self.spread.sd) else number(self.spread.sd, self.decimals)

    @property
    def mark(self) -> str:
        """A star where the difference from the baseline is significant."""
        return "*" if self.difference is not None and self.difference.significant else ""

    @property
    def text(self) -> str:
        """Mean and deviation."""
        return f"{self.mean} ± {self.sd}" if self.sd else self.mean


@dataclass(frozen=True)
class Row:
    """A method: its cells, costs, number of runs, and the published numbers."""

    method: str
    label: str
    runs: str
    cells: dict[str, Cell] = field(default_factory=dict)
    costs: dict[str, str] = field(default_factory=dict)
    published: dict[str, str] = field(default_factory=dict)
    source: str = ""
    seconds: str = ""


@dataclass(frozen=True)
class Summary:
    """A comparison with its statistics, worked out once.

    Args:
        comparison: What to summarise.
        show_published: Put the papers' numbers under ours; by default where the recipe names a published set and the
            images are not synthetic.
    """

    comparison: Comparison
    show_published: bool | None = None

    @cached_property
    def differences(self) -> dict[str, dict[str, Difference]]:
        """Difference from the baseline by metric and method."""
        return {metric: differences(self.comparison, metric) for metric in self.comparison.metrics}

    @cached_property
    def spreads(self) -> dict[str, dict[str, Spread]]:
        """Mean and deviation over runs by metric and method."""
        comparison = self.comparison
        return {
            metric: {
                method: spread([run.metrics.get(metric, math.nan) for run in comparison.of(method)])
                for method in comparison.compared()
            }
            for metric in comparison.metrics
        }

    def best(self, metric: str) -> str | None:
        """Method with the best mean, of those with the same runs."""
        spreads = self.spreads.get(metric, {})
        known = [method for method in self.comparison.comparable() if method in spreads]
        return best({method: spreads[method].mean for method in known}, metric)

    @cached_property
    def rows(self) -> list[Row]:
        """One row for each method of the plan."""
        return [self._row(method) for method in self.comparison.methods]

    def _row(self, method: str) -> Row:
        comparison = self.comparison
        planned = sum(run.method == method for run in comparison.runs)
        runs = comparison.of(method)
        count = f"{len(runs)}" if len(runs) == planned else f"{len(runs)} of {planned}"
        cells = {}
        for metric in comparison.metrics if runs else []:
            found = self.spreads[metric][method]
            difference = self.differences[metric].get(method)
            winner = self.best(metric) == method and len(comparison.compared()) > 1
            cells[metric] = Cell(found, decimals(metric), winner, difference)
        costs = {}
        for name in comparison.costs if runs else ():
            values = [run.costs[name] for run in runs if math.isfinite(run.costs.get(name, math.nan))]
            costs[name] = cost(name, float(np.mean(values))) if values else "–"
        papers, source = self._published(method)
        seconds = self._seconds(method) if source else ""
        return Row(method, comparison.label(method), count, cells, costs, papers, source, seconds)

    @property
    def shows_published(self) -> bool:
        """Whether the papers' numbers stand under ours."""
        dataset = self.comparison.about.get("dataset", {})
        wanted = self.show_published
        return bool(dataset.get("published")) and (not dataset.get("synthetic") if wanted is None else wanted)

    def _published(self, method: str) -> tuple[dict[str, str], str]:
        if not self.shows_published:
            return {}, ""
        about = self.comparison.about
        dataset, network = about["dataset"]["published"], self.comparison.network(method)
        loss = self.comparison.loss(method)
        if self.comparison.registration:
            found = published_field(dataset, network, loss)
        else:
            found = published(dataset, network.get("name", ""), loss) or published_mean(dataset, network, loss)
        if found is None:
            return {}, ""
        texts = {}
        for metric in self.comparison.metrics:
            if metric in found:
                sd = found.get(f"{metric}_std")
                digits = PUBLISHED_DECIMALS.get(metric, 3)
                texts[metric] = f"{found[metric]:.{digits}f}" + (f" ± {sd:.{digits}f}" if sd is not None else "")
        return texts, str(found["source"])

    def _seconds(self, method: str) -> str:
        """Published seconds of an epoch, where they are of this data set and network."""
        about = self.comparison.about
        if (about["dataset"]["published"], self.comparison.network(method).get("name")) != ("SNEMI3D", "unet"):
            return ""
        found = published_seconds(self.comparison.loss(method))
        return "" if found is None else f"{found['epoch_time_s']:.2f} s/epoch, {found['source']}"


def report_table(
    folder: Path | str, *, metrics: Sequence[str] = TERMINAL, markup: bool = True
) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a comparison's table, for a terminal.

    Args:
        folder: Comparison folder.
        metrics: Columns, of those that the results have.
        markup: Write the best of each column in rich's ``[bold]``.

    Returns:
        The header and the rows, all text: mean ± deviation over runs, a star where the paired test against the
        baseline is significant, then milliseconds of a step (not for registrations) and runs.

    Raises:
        ValueError: If the folder holds no comparison.
    """
    summary = Summary(read_comparison(folder))
    shown = [metric for metric in metrics if metric in summary.comparison.metrics]
    if metrics is TERMINAL and "corrupted" in shown:
        shown = [metric for metric in shown if metric not in ("class-wise", "uniform")]  # 80 columns
    if metrics is TERMINAL and summary.comparison.neurons:
        shown = [metric for metric in shown if metric not in ("clDice", "seconds")]
    rows, timed = [], "ms_per_step" in summary.comparison.costs
    for row in summary.rows:
        line = [_escape(row.label) if markup else row.label]
        for metric in shown:
            cell = row.cells.get(metric)
            text = cell.text.replace(" ± ", "±") if cell else "–"
            text = f"[bold]{text}[/bold]" if markup and cell and cell.best else text
            line.append(text + (cell.mark if cell else ""))
        line += [row.costs.get("ms_per_step", "–")] if timed else []
        rows.append([*line, row.runs.replace(" of ", "/")])
    return [summary.comparison.noun, *map(heading, shown), *(["ms"] if timed else []), "runs"], rows


def markdown_table(summary: Summary) -> str:
    """All methods and metrics as a Markdown table; best in bold, published rows in italics."""
    metrics, costs = summary.comparison.metrics, summary.comparison.costs
    header = [summary.comparison.noun, *map(heading, metrics), *(COST_LABELS[name] for name in costs), "runs"]
    lines = [header, [":--", *["--:"] * (len(header) - 1)]]
    for row in summary.rows:
        cells = [row.cells.get(metric) for metric in metrics]
        texts = ["–" if cell is None else _markdown(cell) for cell in cells]
        lines.append([_plain(row.label), *texts, *(row.costs.get(name, "–") for name in costs), row.runs])
        if row.source:
            papers = [f"*{row.published[metric]}*" if metric in row.published else "" for metric in metrics]
            lines.append([f"*{_plain(row.label)}, {row.source}*", *papers, *[""] * (len(costs) + 1)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def csv_text(comparison: Comparison) -> str:
    """One line for each run and test image; numbers in full."""
    names = list(dict.fromkeys(name for _, image in comparison.rows() for name in image if name != "name"))
    text = io.StringIO()
    noun = comparison.noun
    table = csv.DictWriter(text, [noun, "fold", "seed", "name", *names], restval="", lineterminator="\n")
    table.writeheader()
    for run, image in comparison.rows():
        table.writerow({noun: run.method, "fold": run.fold, "seed": run.seed, **image})
    return text.getvalue()


def _markdown(cell: Cell) -> str:
    return (f"**{cell.text}**" if cell.best else cell.text) + ("\\*" if cell.mark else "")


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _plain(text: str) -> str:
    """Text that Markdown does not read as a table or as HTML."""
    for sign, harmless in (("\n", " "), ("|", "\\|"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, harmless)
    return text
