"""The page about a verification: scores, error rates, and what one threshold for all sets costs."""

import contextlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from subband._files import write_bytes
from subband.metrics._pair_scores import read_pairs
from subband.metrics.roc import most_accurate_point, point_at, roc_curve
from subband.metrics.verification import equal_error_point, operating_point
from subband.metrics.verification_summary import verification_summary
from subband.report._verification_figures import Mark, Shown, curve_figure, score_figure
from subband.report._verification_tables import (
    Measured,
    enough,
    one_threshold_table,
    own_thresholds,
    percent,
    published_rows,
    rate_name,
    rate_table,
    rule_table,
    threshold_table,
)
from subband.report.page import render
from subband.report.tables import number

PAGE = "verification.html"
PICTURES = ("scores.png", "curves.png")
DRAWS = 200_000_000
"""Pairs drawn by the bootstrap of one set, at most: of millions of pairs there are fewer samples."""


class ScoredSet(NamedTuple):
    """One set of pairs.

    Attributes:
        label: Its name; LFW, CFP-FP, AgeDB-30 and IJB-C are set beside their published numbers.
        scores: Cosine of each pair (N,).
        same: Whether it shows one person (N,).
        folds: Number of folds of the ten-fold accuracy, or the fold of each pair.
        identities: The two people of each pair (N, 2), to draw people, not pairs, for the intervals.
    """

    label: str
    scores: Any
    same: Any
    folds: int | Sequence[int] = 10
    identities: Any = None


def write_verification(
    folder: Path,
    sets: Sequence[tuple[Any, ...]],
    *,
    learned: float | None = None,
    title: str = "Verification",
    facts: str = "",
    fars: Sequence[float] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Path:
    """Write ``verification.html``, ``scores.png`` and ``curves.png``; the page refers to nothing outside itself.

    Args:
        folder: Folder to write.
        sets: A `ScoredSet` for each set, or its fields: label, scores, same, and more.
        learned: Threshold that the head learnt, as a cosine; None or NaN where it has none.
        title: Heading.
        facts: Line below it: what was trained on what.
        fars: False accept rates; by default the three smallest powers of ten that the largest set can tell.
        resamples: Bootstrap samples of each set.
        seed: Of the samples.

    Returns:
        The path of the page.

    Raises:
        ValueError: If there is no set, or as `subband.metrics.verification_summary.verification_summary`.
    """
    given = [ScoredSet(*each) for each in sets]
    if not given:
        raise ValueError("there is no set of pairs to report; give at least one")
    learned = None if learned is None or math.isnan(learned) else float(learned)
    rates = usual_fars([_impostors(each) for each in given]) if fars is None else tuple(fars)
    found = [measured(each, rates, resamples, seed) for each in given]
    whole = pooled(found)
    shown = [_shown(each) for each in found]
    drawings = (score_figure(shown, marks(whole, learned, rates)), curve_figure(shown, learned))
    for name, drawing in zip(PICTURES, drawings, strict=True):
        write_bytes(folder / name, drawing.png)
    content = {
        "title": title,
        "facts": facts,
        "verdict": verdict(found, whole, learned),
        "scores": drawings[0].svg,
        "curves": drawings[1].svg,
        "rates": rate_table(found, rates),
        "thresholds": threshold_table(found, rates),
        "one": one_threshold_table(found, whole, learned),
        "rules": rule_table(found, rates),
        "published": published_rows(found),
        "drawn": drawn_words(found),
        "pairs_drawn": any(each.summary.drawn == "pairs" for each in found),
        "many": len(found) > 1,
        "learned": learned is not None,
    }
    write_bytes(folder / PAGE, render("verification.html", content).encode())
    return folder / PAGE


def usual_fars(impostors: Sequence[int]) -> tuple[float, ...]:
    """The three smallest of 0.1, 0.01, ... at which the largest set still allows one impostor pair.

    Example:
        >>> usual_fars([3000])
        (0.1, 0.01, 0.001)
    """
    rates = [10.0**-power for power in range(1, 7)]
    return tuple(float(f"{rate:.0e}") for rate in rates if enough(rate, max(impostors)))[-3:]


def measured(one: ScoredSet, fars: Sequence[float], resamples: int, seed: int) -> Measured:
    """Summary, curve and best threshold of a set; errors name it."""
    with _named(one):
        scores, same = read_pairs(one.scores, one.same)
        samples = min(resamples, max(20, DRAWS // len(scores)))
        options: Any = {"folds": one.folds, "identities": one.identities, "resamples": samples, "seed": seed}
        summary = verification_summary(scores, same, fars=fars, **options)
    return Measured(str(one.label), scores, same, roc_curve(scores, same), summary, most_accurate_point(scores, same))


def pooled(found: Sequence[Measured]) -> tuple[Any, Any]:
    """Scores and kinds of the pairs of all sets together."""
    return np.concatenate([each.scores for each in found]), np.concatenate([each.same for each in found])


def marks(whole: tuple[Any, Any], learned: float | None, fars: Sequence[float]) -> list[Mark]:
    """Thresholds for all sets: learnt, at equal error, and at each false accept rate."""
    lines = [] if learned is None else [Mark("learnt", learned, "-")]
    lines.append(Mark("equal error", equal_error_point(*whole).threshold, "--"))
    impostors = int((~whole[1]).sum())
    told = [far for far in fars if enough(far, impostors)]
    return lines + [Mark(f"FAR {rate_name(far)}", operating_point(*whole, far).threshold, ":") for far in told]


def verdict(found: Sequence[Measured], whole: tuple[Any, Any], learned: float | None) -> str:
    """The page in two sentences."""
    scores = ", ".join(f"{each.label} {percent(each.summary.accuracy.value)} %" for each in found)
    text = f"Ten-fold accuracy: {scores}."
    threshold = equal_error_point(*whole).threshold if learned is None else learned
    costs = [each.best.accuracy - point_at(each.scores, each.same, threshold).accuracy for each in found]
    name = "The threshold at equal error" if len(found) == 1 else "One threshold for all sets, at equal error"
    name = name if learned is None else "The threshold that the head learnt"
    sets = "" if len(found) == 1 else f" on average, {percent(max(costs))} at worst"
    return f"{text} {name}, {number(threshold)}, costs {percent(float(np.mean(costs)))} points of accuracy{sets}."


def drawn_words(found: Sequence[Measured]) -> str:
    """How the intervals were made."""
    draws: dict[str, list[str]] = {}
    for each in found:
        unit = "people" if each.summary.drawn == "identities" else "pairs"
        draws.setdefault(f"{each.summary.resamples} draws of {unit}", []).append(each.label)
    if len(draws) == 1:
        return next(iter(draws))
    return "; ".join(f"{words} in {', '.join(labels)}" for words, labels in draws.items())


@contextlib.contextmanager
def _named(one: ScoredSet) -> Iterator[None]:
    """Set the name of the set before an error."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{one.label}: {error}") from error


def _impostors(one: ScoredSet) -> int:
    with _named(one):
        return int((~read_pairs(one.scores, one.same)[1]).sum())


def _shown(each: Measured) -> Shown:
    return Shown(each.label, each.scores[each.same], each.scores[~each.same], each.curve, own_thresholds(each))
