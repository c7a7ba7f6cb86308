"""Tables of the page about a verification: texts, each with a small one below it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from subband.metrics.roc import OperatingPoint, Roc, most_accurate_point, point_at
from subband.metrics.verification import FAR_RULES, equal_error_point, operating_point
from subband.metrics.verification_summary import Interval, VerificationSummary
from subband.report.published_recognition import SETS, published_networks, published_set
from subband.report.tables import number

POOLED = "all sets together"


class Measured(NamedTuple):
    """A set with what was measured of it."""

    label: str
    scores: Any
    same: Any
    curve: Roc
    summary: VerificationSummary
    best: OperatingPoint


def rate_table(found: Sequence[Measured], fars: Sequence[float]) -> dict[str, Any]:
    """Ten-fold accuracy, EER and true accept rates with intervals, in per cent, and the area under the curve."""
    header = ["set", "pairs", "ten-fold accuracy", "EER", *(f"TAR@FAR {rate_name(far)}" for far in fars), "AUC"]
    rows = []
    for each in found:
        summary = each.summary
        pairs = (f"{len(each.same):,}", f"{summary.genuine:,} of one person")
        accuracy = (percent(summary.accuracy.value), f"± {percent(summary.deviation)} {bounds(summary.accuracy, 100)}")
        tars = [
            with_bounds(one.tar, 100) if enough(one.far, summary.impostors) else ("–", "") for one in summary.at_far
        ]
        auc = (number(100 * each.curve.auc, 2), "")
        rows.append([(each.label, ""), pairs, accuracy, with_bounds(summary.eer, 100), *tars, auc])
    return {"header": header, "rows": rows}


def threshold_table(found: Sequence[Measured], fars: Sequence[float]) -> dict[str, Any]:
    """Thresholds of each set with their intervals."""
    header = ["set", "most accurate", "equal error", *(f"FAR {rate_name(far)}" for far in fars)]
    rows = []
    for each in found:
        named = own_thresholds(each)
        cells = [with_bounds(named[name], 1) if name in named else ("–", "") for name in header[1:]]
        rows.append([(each.label, ""), *cells])
    return {"header": header, "rows": rows}


def one_threshold_table(found: Sequence[Measured], whole: tuple[Any, Any], learned: float | None) -> dict[str, Any]:
    """Accuracy of every set at one threshold, and what it costs: learnt, pooled, and each set's own."""
    chosen = [] if learned is None else [("learnt", learned)]
    name = POOLED if len(found) > 1 else found[0].label
    chosen.append((f"{name}: equal error", equal_error_point(*whole).threshold))
    if len(found) > 1:
        chosen.append((f"{name}: most accurate", most_accurate_point(*whole).threshold))
    for each in found:
        chosen.append((f"{each.label}: most accurate", each.best.threshold))
    header = ["one threshold", "at", *(each.label for each in found), *(["mean", "worst cost"] if found[1:] else [])]
    rows = []
    for name, threshold in chosen:
        points = [point_at(each.scores, each.same, threshold) for each in found]
        costs = [each.best.accuracy - point.accuracy for each, point in zip(found, points, strict=True)]
        cells = [_cost_cell(point, cost) for point, cost in zip(points, costs, strict=True)]
        mean = float(np.mean([point.accuracy for point in points]))
        ends = [(percent(mean), f"costs {percent(float(np.mean(costs)))}"), (percent(max(costs)), "")]
        rows.append([(name, ""), (number(threshold), ""), *cells, *(ends if found[1:] else [])])
    return {"header": header, "rows": rows}


def _cost_cell(point: OperatingPoint, cost: float) -> tuple[str, str]:
    return percent(point.accuracy), f"costs {percent(cost)}, FAR {percent(point.far)}, FRR {percent(point.frr)}"


def rule_table(found: Sequence[Measured], fars: Sequence[float]) -> dict[str, Any]:
    """True accept rates by the three rules, and the false accept rate that each really has."""
    header = ["set", "FAR asked for", "at most", "nearest", "insightface's"]
    rows = []
    for each in found:
        for far in fars:
            if not enough(far, each.summary.impostors):
                continue
            points = [operating_point(each.scores, each.same, far, rule=rule) for rule in FAR_RULES]
            cells = [(percent(point.tar), f"FAR {point.far:.3g}") for point in points]
            rows.append([(each.label, ""), (f"{rate_name(far)}", ""), *cells])
    return {"header": header, "rows": rows}


def published_rows(found: Sequence[Measured]) -> dict[str, Any]:
    """Our numbers on published sets, and the published rows."""
    own: dict[str, str] = {}
    for each in found:
        name = published_set(each.label)
        if name == "IJBC":
            own |= {f"IJBC_{rate_name(far)}": _tar(each, far) for far in (1e-4, 1e-5)}
        elif name is not None:
            own[name] = percent(each.summary.accuracy.value)
    rows = [
        [row.method, row.network, row.data, *(_number(row.numbers.get(column)) for column in SETS), row.source]
        for row in published_networks()
    ]
    ours = ["here", "", "", *(own.get(column, "") for column in SETS), ""]
    header = ["method", "network", "trained on", *SETS.values(), "source"]
    return {"header": header, "ours": ours, "rows": rows, "shared": bool(own)}


def percent(value: float) -> str:
    """A share in per cent with two decimals."""
    return number(100 * value, 2)


def rate_name(far: float) -> str:
    """A rate as the papers write it.

    Example:
        >>> rate_name(0.001), rate_name(1e-6), rate_name(0.05)
        ('1e-3', '1e-6', '0.05')
    """
    digits, _, power = f"{far:.3e}".partition("e-0")
    return f"1e-{power}" if power and float(digits) == 1 else f"{far:g}"


def bounds(found: Interval, factor: float) -> str:
    """An interval in brackets."""
    digits = 2 if factor == 100 else 3
    return f"[{number(factor * found.low, digits)}, {number(factor * found.high, digits)}]"


def with_bounds(found: Interval, factor: float) -> tuple[str, str]:
    """A number and its interval; in per cent where the factor is 100."""
    return number(factor * found.value, 2 if factor == 100 else 3), bounds(found, factor)


def own_thresholds(each: Measured) -> dict[str, Interval]:
    """Thresholds of a set by name; no false accept rate that it cannot tell."""
    summary = each.summary
    named = {"most accurate": summary.best_threshold, "equal error": summary.eer_threshold}
    told = [one for one in summary.at_far if enough(one.far, summary.impostors)]
    return named | {f"FAR {rate_name(one.far)}": one.threshold for one in told}


def enough(far: float, impostors: int) -> bool:
    """Whether so many impostor pairs allow one at this rate, so that it can be told from 0."""
    return far * impostors >= 1 - 1e-9


def _tar(each: Measured, far: float) -> str:
    return percent(operating_point(each.scores, each.same, far).tar) if enough(far, each.summary.impostors) else "–"


def _number(value: float | None) -> str:
    return "" if value is None else number(value, 2)
