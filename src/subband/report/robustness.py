"""What classifiers hold out against, for the page: corruption errors, heat maps, attack and shift curves, aliasing."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from subband.metrics.robustness import GROUPS, RobustnessSummary, corruption_summary
from subband.report.comparison import Comparison, Run
from subband.report.figures import Line, Panel, draw
from subband.report.figures import number as colour
from subband.report.heat_map import heat_map
from subband.report.statistics import best, spread
from subband.report.tables import number

Table = dict[str, Any]
LEAST = 0.01
"""Error that each corruption must add to the baseline's for a relative mCE."""
COLUMNS = ("clean", "under corruption", "mCE", "relative mCE", *GROUPS)


@dataclass(frozen=True)
class Figure:
    """Mean and deviation over runs as texts, and whether it is the best of its column."""

    mean: str
    sd: str
    best: bool


def robustness(comparison: Comparison) -> dict[str, Any]:
    """Sections of the page, empty ones as None; everything empty where nothing but the accuracy was asked."""
    return {
        "corruptions": corruption_table(comparison),
        "heat_maps": heat_maps(comparison),
        "attacks": attack_panels(comparison),
        "shifts": shift_panels(comparison),
        "spectra": spectrum_panels(comparison),
        "aliasing": aliasing_table(comparison),
        "uniform": uniform_table(comparison),
        "masking": masking_lines(comparison),
        "notes": notes(comparison),
    }


def asked(run: Run, what: str) -> Any:
    """A part of a run's robustness, or None."""
    return run.extra.get("robustness", {}).get(what)


def error_lists(run: Run) -> dict[str, list[float]]:
    """Errors of each corruption, in the order of the severities."""
    return {name: list(row.values()) for name, row in asked(run, "corruptions")["errors"].items()}


def corruption_summaries(comparison: Comparison) -> dict[str, list[RobustnessSummary]]:
    """Mean corruption error of each run over the baseline's of the same fold and seed."""
    base = {
        (run.fold, run.seed): run for run in comparison.of(comparison.baseline) if asked(run, "corruptions") is not None
    }
    found: dict[str, list[RobustnessSummary]] = {}
    for method in comparison.compared():
        for run in comparison.of(method):
            other = base.get((run.fold, run.seed))
            if other is None or asked(run, "corruptions") is None:
                continue
            own, theirs = error_lists(run), error_lists(other)
            if {name: len(row) for name, row in own.items()} != {name: len(row) for name, row in theirs.items()}:
                continue
            summary = corruption_summary(
                own,
                clean=asked(run, "corruptions")["clean_error"],
                baseline=theirs,
                baseline_clean=asked(other, "corruptions")["clean_error"],
                names=tuple(own),
                reference=comparison.label(comparison.baseline),
            )
            found.setdefault(method, []).append(summary)
    return found


def corruption_table(comparison: Comparison) -> Table | None:
    """Clean error, mean error, mCE, relative mCE and the means of the four groups, in per cent."""
    found = corruption_summaries(comparison)
    if not found:
        return None
    groups = [name for name in GROUPS if any(name in one.groups for every in found.values() for one in every)]
    columns = [*COLUMNS[:4], *groups]
    steady = all(_adds(run) for run in comparison.of(comparison.baseline) if asked(run, "corruptions") is not None)
    values: dict[str, dict[str, list[float]]] = {}
    for method, summaries in found.items():
        clean = [asked(run, "corruptions")["clean_error"] for run in comparison.of(method)]
        values[method] = {
            "clean": [100 * error for error in clean],
            "under corruption": [100 * one.mean_error for one in summaries],
            "mCE": [one.mce for one in summaries],
            "relative mCE": [one.relative_mce if steady else math.nan for one in summaries],
            **{group: [one.groups[group] for one in summaries] for group in groups},
        }
    return run_table(comparison, columns, values, lowest=True)


def _adds(run: Run) -> bool:
    """Whether every corruption adds `LEAST` to the clean error, so that what it adds can be divided by."""
    clean = asked(run, "corruptions")["clean_error"]
    return all(float(np.mean(errors)) - clean >= LEAST for errors in error_lists(run).values())


def run_table(
    comparison: Comparison, columns: Sequence[str], values: Mapping[str, Mapping[str, list[float]]], *, lowest: bool
) -> Table:
    """Means and deviations over runs; the best of a column among methods with the same runs is marked."""
    spreads = {method: {name: spread(row.get(name, [])) for name in columns} for method, row in values.items()}
    rows = []
    for method, row in spreads.items():
        cells = []
        for name in columns:
            means = {key: spreads[key][name].mean for key in spreads if key in comparison.comparable()}
            winner = best({key: -mean if lowest else mean for key, mean in means.items()}, "accuracy")
            sd = row[name].sd
            first = len(set(means.values())) > 1 and method == winner
            cells.append(Figure(number(row[name].mean, 1), "" if math.isnan(sd) else number(sd, 1), first))
        rows.append({"label": comparison.label(method), "cells": cells})
    return {"columns": list(columns), "rows": rows}


def heat_maps(comparison: Comparison) -> list[Panel]:
    """Error by corruption and severity of each method, the mean over the runs."""
    panels = []
    for method in comparison.compared():
        runs = [run for run in comparison.of(method) if asked(run, "corruptions") is not None]
        if not runs:
            continue
        part = asked(runs[0], "corruptions")
        names, severities = list(part["errors"]), [str(each) for each in part["severities"]]
        tables = [
            [[asked(run, "corruptions")["errors"][name].get(each, math.nan) for each in severities] for name in names]
            for run in runs
            if set(asked(run, "corruptions")["errors"]) == set(names)
        ]
        panels.append(
            Panel(comparison.label(method), heat_map(np.mean(tables, axis=0), rows=names, columns=severities))
        )
    return panels


def attack_panels(comparison: Comparison) -> list[Panel]:
    """Accuracy over the strength of each attack: each run faint, the mean bold."""
    names: dict[str, str] = {}
    for run in comparison.runs:
        for name, curve in ((asked(run, "attacks") or {}).get("curves") or {}).items():
            names[name] = curve["norm"]
    panels = []
    for name, norm in names.items():
        factor, over = (255, "largest change of a pixel, in 255ths") if norm == "linf" else (1, "length of the change")
        curves = {
            method: [
                (np.array(part["curves"][name]["eps"]) * factor, np.array(part["curves"][name]["accuracy"]))
                for run in comparison.of(method)
                if name in ((part := asked(run, "attacks") or {}).get("curves") or {})
            ]
            for method in comparison.compared()
        }
        panels.append(
            Panel(f"accuracy under {name}", draw(_lines(comparison, curves), key=f"attack {name}", over=over))
        )
    return panels


def shift_panels(comparison: Comparison) -> list[Panel]:
    """Share of images that keep their class over the shift, along an axis and along a diagonal."""
    panels = []
    for title, directions in (("along an axis", ("down", "right")), ("diagonally", ("diagonal", "antidiagonal"))):
        curves = {
            method: [_shift_curve(run, directions) for run in comparison.of(method) if asked(run, "shift") is not None]
            for method in comparison.compared()
        }
        if any(curves.values()):
            lines = _lines(comparison, curves)
            panels.append(
                Panel(f"same class when moved {title}", draw(lines, key=f"shift {title}", over="shift in pixels"))
            )
    return panels


def _shift_curve(run: Run, directions: Sequence[str]) -> tuple[Any, Any]:
    points = [point for point in asked(run, "shift")["curve"] if point["direction"] in directions]
    shifts = sorted({point["shift"] for point in points})
    means = [np.mean([point["consistency"] for point in points if point["shift"] == shift]) for shift in shifts]
    return np.array(shifts, float), np.array(means)


def spectrum_panels(comparison: Comparison) -> list[Panel]:
    """Energy of what the first down-sampling layer samples, by frequency, in the logarithm to base 10."""
    curves = {}
    for method in comparison.compared():
        rows = [asked(run, "aliasing")[0] for run in comparison.of(method) if asked(run, "aliasing")]
        curves[method] = [
            ((np.arange(len(row["spectrum_sampled"])) + 0.5) / (2 * len(row["spectrum_sampled"])), _log(row))
            for row in rows
        ]
    if not any(curves.values()):
        return []
    lines = _lines(comparison, curves)
    return [Panel("energy sampled by the first stride", draw(lines, key="spectrum", over="cycles per pixel"))]


def _log(row: Mapping[str, Any]) -> Any:
    return np.log10(np.maximum(row["spectrum_sampled"], 1e-8))


def aliasing_table(comparison: Comparison) -> Table | None:
    """Share of the sampled energy above the new Nyquist frequency, in per cent, by the order of the layers."""
    values: dict[str, dict[str, list[float]]] = {}
    for method in comparison.compared():
        for run in comparison.of(method):
            for place, row in enumerate(asked(run, "aliasing") or []):
                column = values.setdefault(method, {}).setdefault(f"{place + 1}", [])
                column.append(100 * row["aliased"])
    if not values:
        return None
    columns = list(dict.fromkeys(name for row in values.values() for name in row))
    return run_table(comparison, columns, values, lowest=True)


def uniform_table(comparison: Comparison) -> Table | None:
    """Best threshold, learnt bias, and the accuracy at it, where a loss learnt one."""
    rows = []
    for method in comparison.compared():
        for run in comparison.of(method):
            found = run.extra.get("uniform") or {}
            if "bias" not in found:
                continue
            bias = np.asarray(found["bias"], float)
            learnt = number(float(bias[0])) if len(bias) == 1 else f"{number(bias.min())} to {number(bias.max())}"
            rows.append(
                {
                    "label": comparison.label(method),
                    "seed": run.seed,
                    "threshold": number(found["threshold"]),
                    "bias": learnt,
                    "wanted": number(float(bias[0])) if len(bias) == 1 else "0",
                    "uniform": number(run.metrics.get("uniform", math.nan)),
                    "at_bias": number(found["at_bias"]),
                }
            )
    return {"rows": rows} if rows else None


def masking_lines(comparison: Comparison) -> list[dict[str, str]]:
    """What the check for masked gradients says of each run."""
    return [
        {"label": f"{comparison.label(run.method)}, seed {run.seed}", "sentence": asked(run, "masking")["sentence"]}
        for method in comparison.compared()
        for run in comparison.of(method)
        if asked(run, "masking") is not None
    ]


def notes(comparison: Comparison) -> dict[str, str]:
    """How many images each part is of, and how images were moved."""
    found: dict[str, str] = {}
    for run in comparison.runs:
        for part in ("corruptions", "attacks", "shift"):
            if asked(run, part) is not None:
                found[part] = str(asked(run, part)["images"])
        if asked(run, "shift") is not None:
            reflected = asked(run, "shift")["border"] == "reflect"
            found["border"] = "filled by reflection" if reflected else "cut from larger images"
    return found


def _lines(comparison: Comparison, curves: Mapping[str, Sequence[tuple[Any, Any]]]) -> list[Line]:
    lines = []
    for method, pairs in curves.items():
        number_ = colour(comparison, method)
        if len(pairs) > 1:
            lines += [Line(x, y, number_, faint=True) for x, y in pairs]
        if pairs:
            same = [y for x, y in pairs if len(x) == len(pairs[0][0])]
            lines.append(Line(pairs[0][0], np.mean(same, axis=0), number_))
    return lines
