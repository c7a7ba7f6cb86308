"""The report of a comparison: one HTML page, a Markdown summary and a CSV file."""

import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from subband._files import write_bytes
from subband.report.answers import answers
from subband.report.comparison import Comparison, Run
from subband.report.detections import detections
from subband.report.figures import curves, number
from subband.report.insight import insight
from subband.report.neurons import neurons
from subband.report.pictures import examples, outliers, shown_methods
from subband.report.published import published_note
from subband.report.reading import read_comparison
from subband.report.recognition import recognition
from subband.report.registration import registration
from subband.report.robustness import robustness
from subband.report.scenes import class_rows, scene_examples, swatches
from subband.report.statistics import RESAMPLES, Difference
from subband.report.tables import COST_LABELS, Summary, csv_text, decimals, heading, markdown_table
from subband.report.tables import number as written
from subband.report.verdict import headline, p_value, reservations
from subband.report.wording import counted, facts, metric_line, own_images, statement, units

TEMPLATES = Path(__file__).parent
COST_NOTES = {
    "parameters": "parameters: trained numbers of the network",
    "ms_per_step": "ms/step: a training step",
    "loss_ms": "loss ms: time of the loss alone, forward and backward",
    "peak_mb": "loss MB: peak memory of the loss alone",
}


def write_report(folder: Path | str, *, published: bool | None = None) -> Path:
    """Write ``report.html``, ``summary.md`` and ``metrics.csv`` into a comparison folder.

    The page holds its pictures, curves and styles, and refers to nothing outside itself. Failed and missing runs are
    listed; what is there is shown.

    Args:
        folder: Comparison folder.
        published: Put the papers' numbers under ours; by default where the recipe names a published set and the images
            are not synthetic.

    Returns:
        The path of ``report.html``.

    Raises:
        ValueError: If the folder holds no comparison.
    """
    comparison = read_comparison(folder)
    summary = Summary(comparison, published)
    write_bytes(comparison.folder / "metrics.csv", csv_text(comparison).encode())
    write_bytes(comparison.folder / "summary.md", summary_text(summary).encode())
    path = comparison.folder / "report.html"
    write_bytes(path, render("page.html", content(summary)).encode())
    return path


def write_index(folders: Iterable[Path | str], path: Path) -> Path:
    """Write a page that links the reports of several comparison folders, by relative paths.

    Args:
        folders: Comparison folders.
        path: File to write.

    Returns:
        ``path``.
    """
    rows = []
    for folder in folders:
        comparison = read_comparison(folder)
        link = os.path.relpath(comparison.folder / "report.html", path.parent)
        title = comparison.about.get("title") or comparison.folder.name
        rows.append({"title": title, "link": Path(link).as_posix(), "verdict": headline(Summary(comparison))})
    write_bytes(path, render("index.html", {"rows": rows}).encode())
    return path


def render(template: str, values: dict[str, Any]) -> str:
    """Fill a template; all text is escaped."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text: str = environment.get_template(template).render(values)
    return text


def content(summary: Summary) -> dict[str, Any]:
    """What the page's template needs."""
    comparison = summary.comparison
    metrics, methods = comparison.metrics, shown_methods(summary)
    shown = examples(summary) if comparison.segmentation and not comparison.scenes else []
    return {
        "about": comparison.about,
        "title": comparison.about.get("title") or comparison.folder.name,
        "facts": facts(comparison),
        "headline": headline(summary),
        "reservations": reservations(comparison),
        "metrics": [
            {"name": name, "heading": heading(name), "line": metric_line(name, comparison)} for name in metrics
        ],
        "segmentation": comparison.segmentation,
        "units": units(comparison),
        "robustness": robustness(comparison) if comparison.classification else None,
        "detections": detections(comparison, methods) if comparison.detection else None,
        "recognition": recognition(comparison) if comparison.recognition else None,
        "registration": registration(comparison, summary.shows_published) if comparison.registration else None,
        "neurons": neurons(comparison) if comparison.neurons else None,
        "answers": answers(comparison),
        "own_images": own_images(comparison),
        "noun": comparison.noun,
        "nouns": comparison.nouns,
        "losses": comparison.losses,
        "judged": heading(comparison.judged[0]).split()[0] if comparison.judged else "",
        "costs": [COST_LABELS[name] for name in comparison.costs],
        "cost_names": comparison.costs,
        "cost_note": "; ".join(COST_NOTES[name] for name in comparison.costs),
        "rows": summary.rows,
        "baseline": comparison.label(comparison.baseline),
        "statement": statement(summary),
        "note": published_note(comparison.about) if any(row.source for row in summary.rows) else "",
        "differences": differences(summary),
        "curves": curves(comparison),
        "legend": [
            {"label": comparison.label(method), "colour": number(comparison, method)} for method in comparison.methods
        ],
        "resamples": RESAMPLES,
        "examples": shown,
        "scenes": scene_examples(summary),
        "classes": class_rows(summary),
        "class_methods": [comparison.label(method) for method in comparison.compared()],
        "swatches": swatches(comparison),
        "insight": insight(comparison, shown, methods),
        "outliers": outliers(summary) if comparison.segmentation else [],
        "unfinished": [_unfinished(comparison, run) for run in comparison.runs if not run.finished],
        "made": made(comparison),
    }


def differences(summary: Summary) -> list[dict[str, Any]]:
    """Rows of the table of differences from the baseline."""
    comparison = summary.comparison
    wanted = (*comparison.judged, "ARI", "clDice") if comparison.segmentation else comparison.metrics
    if comparison.registration:
        wanted = (*comparison.judged, "TRE", "folds", "SDlogJ")
    if comparison.neurons:
        wanted = (*comparison.judged, "recall", "precision", "clDice")
    judged = [metric for metric in dict.fromkeys(wanted) if metric in comparison.metrics]
    if not comparison.segmentation:
        judged = [metric for metric in judged if summary.differences[metric]]
    return [
        {
            "label": comparison.label(method),
            "cells": [_difference(metric, summary.differences[metric].get(method)) for metric in judged],
        }
        for method in comparison.compared()
        if method != comparison.baseline
    ]


def _difference(metric: str, found: Difference | None) -> dict[str, Any]:
    """Texts of one difference."""
    cell: dict[str, Any] = {"metric": heading(metric), "mean": "–", "interval": "", "test": "", "significant": False}
    if found is None:
        return cell
    digits = decimals(metric)
    if found.n > 1:
        cell["interval"] = f"[{written(found.low, digits)}, {written(found.high, digits)}]"
    test = "too few for a test" if math.isnan(found.holm) else p_value(found.holm)
    return {
        **cell,
        "mean": written(found.mean, digits),
        "test": f"{test}, n = {found.n}",
        "significant": found.significant,
    }


def made(comparison: Comparison) -> list[tuple[str, str]]:
    """Command, versions and machine, one line each."""
    about = comparison.about
    machine, versions = about.get("machine", {}), about.get("versions", {})
    processor = f"{machine.get('cpu', 'unknown processor')}, {counted(int(machine.get('threads') or 1), 'thread')}"
    return [
        ("Versions", ", ".join(f"{name} {version}" for name, version in versions.items() if version) or "not recorded"),
        ("Machine", f"{processor}, {machine.get('gpu') or 'no GPU'}"),
        ("Seeds", ", ".join(map(str, about.get("seeds", [])))),
        ("Folds", ", ".join(map(str, about.get("folds", [])))),
        ("Written", str(about.get("created", "not recorded"))),
    ]


def summary_text(summary: Summary) -> str:
    """Verdict, table and origin as Markdown."""
    comparison = summary.comparison
    about = comparison.about
    lines = [
        f"## {about.get('title') or comparison.folder.name}",
        " ".join([headline(summary), *reservations(comparison)]),
        " · ".join(facts(comparison)),
        markdown_table(summary),
        statement(summary),
    ]
    if any(row.source for row in summary.rows):
        lines.append(published_note(about))
    lines += [f"    {about.get('command', '')}", *(f"{name}: {text}" for name, text in made(comparison))]
    return "\n\n".join(lines) + "\n"


def _unfinished(comparison: Comparison, run: Run) -> dict[str, str]:
    return {"run": run.folder.name, "status": run.status, "error": run.error}
