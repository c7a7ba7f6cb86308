"""What the numbers say, in one sentence, and what they do not."""

from pathlib import Path

from subband.report.comparison import Comparison
from subband.report.reading import read_comparison
from subband.report.statistics import ENOUGH, Difference, higher_is_better
from subband.report.tables import Summary, decimals, number

_WORDS = {1: "One", 2: "Two"}
TOGETHER = ("class-wise", "uniform")
"""Metrics that an image alone has not."""


def verdict(folder: Path | str) -> str:
    """One sentence on a comparison folder, then its reservations.

    Raises:
        ValueError: If the folder holds no comparison.
    """
    summary = Summary(read_comparison(folder))
    return " ".join([headline(summary), *reservations(summary.comparison)])


def headline(summary: Summary) -> str:
    """The best method by structure and by pixels against the baseline, with the paired test."""
    comparison = summary.comparison
    methods = comparison.compared()
    if not methods:
        return "No run has finished, so there is nothing to compare."
    metrics = [metric for metric in comparison.judged if summary.best(metric) is not None]
    if not metrics:
        return f"No metric has a finite value, so no {comparison.noun} can be called the best."
    if len(methods) == 1:
        values = ", ".join(f"{spoken(metric)} {_value(summary, metric, methods[0])}" for metric in metrics)
        return f"{comparison.label(methods[0])} alone has finished ({values}), so there is nothing to compare it with."
    winners = [summary.best(metric) for metric in metrics]
    parts = [_part(summary, metric) for metric in metrics]
    name = comparison.label(winners[0] or "")
    if len(parts) > 1 and winners[0] == winners[1] and parts[1].startswith(name):
        parts[1] = f"it also{parts[1].removeprefix(name)}"
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text.startswith("no ") else f"{text}."


def _part(summary: Summary, metric: str) -> str:
    comparison = summary.comparison
    winner, base = summary.best(metric) or "", comparison.baseline
    name, value, said = comparison.label(winner), _value(summary, metric, winner), spoken(metric)
    direction = "highest" if higher_is_better(metric) else "lowest"
    if base not in comparison.comparable():
        return f"{name} has the {direction} {said} ({value}), but {comparison.label(base)} has not finished all runs"
    if winner == base:
        return f"no {comparison.noun} has a better {said} than {name} ({value})"
    found = summary.differences[metric].get(winner)
    against = f"{value} against {_value(summary, metric, base)} for {comparison.label(base)}"
    said_of_it = f"{_tested(summary, metric, found)}{_contrary(summary, metric, winner)}"
    return f"{name} has the {direction} {said}, {against} ({said_of_it})"


def spoken(metric: str) -> str:
    """A metric within a sentence.

    Example:
        >>> spoken("mIoU"), spoken("corrupted"), spoken("pgd 4/255")
        ('mIoU', 'accuracy under corruption', 'accuracy under pgd 4/255')
    """
    words = {"corrupted": "accuracy under corruption", "consistency": "shift consistency"}
    words |= {"class-wise": "class-wise accuracy", "uniform": "uniform accuracy", "F1": "F1 of the length"}
    words |= {"IoU": "IoU of the voxels"}
    return f"accuracy under {metric}" if "/255" in metric else words.get(metric, metric)


def _contrary(summary: Summary, metric: str, winner: str) -> str:
    """A warning where the images, each counting alike, say the opposite of all their pixels together."""
    found, spreads = summary.differences[metric].get(winner), summary.spreads[metric]
    together = spreads[winner].mean - spreads[summary.comparison.baseline].mean
    if found is None or found.mean * together >= 0:
        return ""
    return "; the mean over the images is the other way round"


def _tested(summary: Summary, metric: str, found: Difference | None) -> str:
    """The test, where single folds or images have the metric."""
    if metric in TOGETHER:
        return "of all images together, not tested"
    if not summary.comparison.recognition:
        comparison = summary.comparison
        return evidence(found, unit="pair" if comparison.registration else "volume" if comparison.neurons else "image")
    return "of all pairs together, so no test" if found is None else evidence(found, unit="fold")


def evidence(difference: Difference | None, *, unit: str = "image") -> str:
    """What a paired test says, in words."""
    if difference is None:
        return f"no {unit} in common, so no test"
    if difference.n < ENOUGH:
        return f"{difference.n} {unit}{'s' * (difference.n != 1)}: too few for a test"
    text = f"{p_value(difference.holm)}, {difference.n} {unit}s"
    if not difference.significant:
        return f"{text}: no evidence of a difference"
    return f"{text}, but within the spread from run to run" if difference.within_spread else text


def p_value(p: float) -> str:
    """``p = 0.012`` or ``p < 0.001``."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def reservations(comparison: Comparison) -> list[str]:
    """Sentences that keep a reader from taking more out of the numbers than there is."""
    found = []
    seeds = len({run.seed for run in comparison.runs if run.finished})
    folds = len({run.fold for run in comparison.runs if run.finished})
    if 0 < seeds < 3:
        word, noun = _WORDS[seeds], "seed is" if seeds == 1 else "seeds are"
        found.append(f"{word} {noun} an illustration, not evidence{', even on several folds' if folds > 1 else ''}.")
    if comparison.about.get("dataset", {}).get("synthetic"):
        volumes = comparison.registration or comparison.neurons
        found.append(f"The {'volumes' if volumes else 'images'} are synthetic.")
    unfinished = [run.status for run in comparison.runs if not run.finished]
    if unfinished:
        failed = unfinished.count("failed")
        words = [(failed, "failed"), (len(unfinished) - failed, "missing")]
        found.append(f"Runs: {len(comparison.runs)}, {', '.join(f'{count} {word}' for count, word in words if count)}.")
    uneven = [comparison.label(method) for method in comparison.compared() if method not in comparison.comparable()]
    if uneven:
        found.append(f"Not ranked, because they have other runs than the rest: {', '.join(uneven)}.")
    return found


def _value(summary: Summary, metric: str, method: str) -> str:
    return number(summary.spreads[metric][method].mean, decimals(metric))
