"""Mean and spread over runs, and paired tests over images."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from subband.metrics import METRICS
from subband.metrics.neuron_table import NEURON_METRICS
from subband.metrics.registration_table import REGISTRATION_METRICS
from subband.report.comparison import Comparison

LEVEL = 0.05
RESAMPLES = 2000
ENOUGH = 6
"""Fewest pairs with which a two-sided signed-rank test can fall below `LEVEL`."""


@dataclass(frozen=True)
class Spread:
    """Mean and deviation over runs.

    Attributes:
        mean: Mean of the defined values; infinite if one is.
        sd: Standard deviation with n - 1; NaN for less than two runs or infinite values.
        n: Runs with a defined value.
    """

    mean: float
    sd: float
    n: int


@dataclass(frozen=True)
class Difference:
    """A method minus the baseline, in one metric.

    Attributes:
        mean: Mean difference over the images.
        low: Lower end of the 95 % bootstrap interval of the mean.
        high: Upper end.
        p: Two-sided Wilcoxon signed-rank test; NaN for fewer than `ENOUGH` images.
        n: Images that both methods were tested on with finite values.
        holm: ``p`` corrected for the number of methods.
        run_sd: Deviation (n - 1) of the difference from run to run; NaN for less than two.
    """

    mean: float
    low: float
    high: float
    p: float
    n: int
    holm: float = math.nan
    run_sd: float = math.nan

    @property
    def significant(self) -> bool:
        """Whether the corrected p is below 5 %."""
        return self.holm < LEVEL

    @property
    def within_spread(self) -> bool:
        """Whether the difference is smaller than its own deviation from run to run."""
        return abs(self.mean) < self.run_sd


def higher_is_better(metric: str) -> bool:
    """Direction of a metric; unknown ones count as better when higher."""
    known = {**REGISTRATION_METRICS, **NEURON_METRICS, **METRICS}
    return metric != "EER" and (metric not in known or known[metric].better == "higher")


def spread(values: Sequence[float]) -> Spread:
    """Mean and deviation (n - 1) of the defined values.

    Example:
        >>> from subband.report.statistics import spread
        >>> spread([1.0, 3.0])
        Spread(mean=2.0, sd=1.4142135623730951, n=2)
    """
    defined = [float(value) for value in values if not math.isnan(value)]
    if not defined:
        return Spread(math.nan, math.nan, 0)
    if not all(map(math.isfinite, defined)):
        return Spread(sum(defined), math.nan, len(defined))
    sd = float(np.std(defined, ddof=1)) if len(defined) > 1 else math.nan
    return Spread(float(np.mean(defined)), sd, len(defined))


def best(means: Mapping[str, float], metric: str) -> str | None:
    """Name with the best finite mean, the first of equals; none if there is no finite mean."""
    finite = {name: mean for name, mean in means.items() if math.isfinite(mean)}
    if not finite:
        return None
    return max(finite, key=lambda name: finite[name] if higher_is_better(metric) else -finite[name])


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down correction; NaN stays NaN and does not count.

    Source:
        Holm, A simple sequentially rejective multiple test procedure, 1979.

    Example:
        >>> from subband.report.statistics import holm
        >>> holm([0.04, 0.01])
        [0.04, 0.02]
    """
    order = sorted((value, place) for place, value in enumerate(p) if not math.isnan(value))
    corrected, largest = [math.nan] * len(p), 0.0
    for rank, (value, place) in enumerate(order):
        largest = max(largest, min(1.0, value * (len(order) - rank)))
        corrected[place] = largest
    return corrected


def paired(differences: Sequence[float], *, resamples: int = RESAMPLES, seed: int = 0) -> Difference | None:
    """Test whether differences are zero in the middle.

    Args:
        differences: One for each image; those that are not finite are left out.
        resamples: Bootstrap samples of the images.
        seed: Their seed.

    Returns:
        Mean, bootstrap percentile interval and Wilcoxon's p; none without finite differences.

    Source:
        Wilcoxon, 1945; Efron, 1979. The images are the unit: the interval says nothing of how training varies.
    """
    d = np.array([value for value in differences if math.isfinite(value)], dtype=float)
    if not len(d):
        return None
    chosen = np.random.default_rng(seed).integers(0, len(d), (resamples, len(d)))
    low, high = np.percentile(d[chosen].mean(1), [2.5, 97.5]) if len(d) > 1 else (math.nan, math.nan)
    p = math.nan
    if len(d) >= ENOUGH:
        from scipy.stats import wilcoxon

        p = float(wilcoxon(d).pvalue) if d.any() else 1.0
    return Difference(float(d.mean()), float(low), float(high), p, len(d))


def differences(comparison: Comparison, metric: str) -> dict[str, Difference]:
    """Every other method minus the baseline in one metric, corrected over the methods.

    An image tested with several seeds counts once, with the mean over the seeds that both methods have.
    """
    found: dict[str, Difference] = {}
    for method in comparison.compared():
        if method == comparison.baseline:
            continue
        images, runs = _image_differences(comparison, method, metric)
        difference = paired(images)
        if difference is not None:
            found[method] = replace(difference, run_sd=spread(runs).sd)
    corrected = holm([difference.p for difference in found.values()])
    return {method: replace(found[method], holm=p) for method, p in zip(found, corrected, strict=True)}


def _image_differences(comparison: Comparison, method: str, metric: str) -> tuple[list[float], list[float]]:
    """Differences of the images, averaged over seeds, and of the runs, averaged over images."""
    runs = {(run.fold, run.seed): run for run in comparison.of(comparison.baseline)}
    images: dict[tuple[int, str], list[float]] = {}
    means = []
    for run in comparison.of(method):
        other = runs.get((run.fold, run.seed))
        if other is None:
            continue
        theirs = {str(image["name"]): image.get(metric) for image in other.images}
        for image in run.images:
            mine, base = image.get(metric), theirs.get(str(image["name"]))
            if mine is not None and base is not None and math.isfinite(mine) and math.isfinite(base):
                images.setdefault((run.fold, str(image["name"])), []).append(float(mine) - float(base))
        difference = run.means.get(metric, math.nan) - other.means.get(metric, math.nan)
        if math.isfinite(difference):
            means.append(difference)
    return [float(np.mean(values)) for values in images.values()], means
