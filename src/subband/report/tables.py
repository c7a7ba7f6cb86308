"""The table of losses and metrics, for the page, the terminal, a Markdown file and a CSV file."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from subband.report.comparison import COSTS, Comparison, read_comparison
from subband.report.published import published, published_seconds
from subband.report.statistics import Difference, Spread, best, differences, higher_is_better, spread

DECIMALS = {"HD": 2, "HD95": 2, "B0": 1, "B1": 1}
PUBLISHED_DECIMALS = {"VI": 2, "HD": 2}
COST_LABELS = {"ms_per_step": "ms/step", "loss_ms": "loss ms", "peak_mb": "loss MB"}
TERMINAL = ("mIoU", "VI", "ARI", "clDice")
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
    """A loss: its cells, costs, number of runs, and the published numbers."""

    loss: str
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
        """Difference from the baseline by metric and loss."""
        return {metric: differences(self.comparison, metric) for metric in self.comparison.metrics}

    @cached_property
    def spreads(self) -> dict[str, dict[str, Spread]]:
        """Mean and deviation over runs by metric and loss."""
        comparison = self.comparison
        return {
            metric: {
                loss: spread([run.metrics.get(metric, math.nan) for run in comparison.of(loss)])
                for loss in comparison.compared()
            }
            for metric in comparison.metrics
        }

    def best(self, metric: str) -> str | None:
        """Loss with the best mean, of those with the same runs."""
        spreads = self.spreads.get(metric, {})
        return best({loss: spreads[loss].mean for loss in self.comparison.comparable() if loss in spreads}, metric)

    @cached_property
    def rows(self) -> list[Row]:
        """One row for each loss of the plan."""
        return [self._row(loss) for loss in self.comparison.losses]

    def _row(self, loss: str) -> Row:
        comparison = self.comparison
        planned = sum(run.loss == loss for run in comparison.runs)
        runs = comparison.of(loss)
        count = f"{len(runs)}" if len(runs) == planned else f"{len(runs)} of {planned}"
        cells = {}
        for metric in comparison.metrics if runs else []:
            found = self.spreads[metric][loss]
            difference = self.differences[metric].get(loss)
            winner = self.best(metric) == loss and len(comparison.compared()) > 1
            cells[metric] = Cell(found, decimals(metric), winner, difference)
        costs = {}
        for name in COSTS if runs else ():
            values = [run.costs[name] for run in runs if name in run.costs]
            costs[name] = number(float(np.mean(values)), 1) if values else "–"
        papers, source = self._published(loss)
        seconds = self._seconds(loss) if source else ""
        return Row(loss, comparison.label(loss), count, cells, costs, papers, source, seconds)

    @property
    def shows_published(self) -> bool:
        """Whether the papers' numbers stand under ours."""
        dataset = self.comparison.about.get("dataset", {})
        wanted = self.show_published
        return bool(dataset.get("published")) and (not dataset.get("synthetic") if wanted is None else wanted)

    def _published(self, loss: str) -> tuple[dict[str, str], str]:
        if not self.shows_published:
            return {}, ""
        about = self.comparison.about
        found = published(about["dataset"]["published"], about.get("model", {}).get("name", ""), loss)
        if found is None:
            return {}, ""
        texts = {}
        for metric in self.comparison.metrics:
            if metric in found:
                sd = found.get(f"{metric}_std")
                digits = PUBLISHED_DECIMALS.get(metric, 3)
                texts[metric] = f"{found[metric]:.{digits}f}" + (f" ± {sd:.{digits}f}" if sd is not None else "")
        return texts, str(found["source"])

    def _seconds(self, loss: str) -> str:
        """Published seconds of an epoch, where they are of this data set and network."""
        about = self.comparison.about
        if (about["dataset"]["published"], about.get("model", {}).get("name")) != ("SNEMI3D", "unet"):
            return ""
        found = published_seconds(loss)
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
        baseline is significant, then milliseconds of a step and runs.

    Raises:
        ValueError: If the folder holds no comparison.
    """
    summary = Summary(read_comparison(folder))
    shown = [metric for metric in metrics if metric in summary.comparison.metrics]
    rows = []
    for row in summary.rows:
        line = [_escape(row.label) if markup else row.label]
        for metric in shown:
            cell = row.cells.get(metric)
            text = cell.text.replace(" ± ", "±") if cell else "–"
            text = f"[bold]{text}[/bold]" if markup and cell and cell.best else text
            line.append(text + (cell.mark if cell else ""))
        rows.append([*line, row.costs.get("ms_per_step", "–"), row.runs.replace(" of ", "/")])
    return ["loss", *map(heading, shown), "ms", "runs"], rows


def markdown_table(summary: Summary) -> str:
    """All losses and metrics as a Markdown table; best in bold, published rows in italics."""
    metrics, costs = summary.comparison.metrics, list(COSTS)
    header = ["loss", *map(heading, metrics), *(COST_LABELS[name] for name in costs), "runs"]
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
    table = csv.DictWriter(text, ["loss", "fold", "seed", "name", *names], restval="", lineterminator="\n")
    table.writeheader()
    for run, image in comparison.rows():
        table.writerow({"loss": run.loss, "fold": run.fold, "seed": run.seed, **image})
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
