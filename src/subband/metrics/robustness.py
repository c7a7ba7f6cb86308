"""Mean corruption error: how much more a network errs on corrupted images than a reference network."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from subband._check import closest
from subband.metrics.table import Metric

ALEXNET_ERRORS: dict[str, float] = {
    "gaussian_noise": 0.886428,
    "shot_noise": 0.894468,
    "impulse_noise": 0.922640,
    "defocus_blur": 0.819880,
    "glass_blur": 0.826268,
    "motion_blur": 0.785948,
    "zoom_blur": 0.798360,
    "snow": 0.866816,
    "frost": 0.826572,
    "fog": 0.819324,
    "brightness": 0.564592,
    "contrast": 0.853204,
    "elastic_transform": 0.646056,
    "pixelate": 0.717840,
    "jpeg_compression": 0.606500,
}
"""Errors of AlexNet on ImageNet-C, mean of the five severities; their order is that of the benchmark."""

ALEXNET_CLEAN_ERROR = 0.4348
"""Error of the same AlexNet on the clean images."""

GROUPS: dict[str, tuple[str, ...]] = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
    "weather": ("snow", "frost", "fog", "brightness"),
    "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression"),
}
"""The four kinds of the 15 corruptions."""

ROBUSTNESS_METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("corruption error", "lower", "errors on corrupted images, mean over corruptions and severities", "%"),
        Metric("mCE", "lower", "that error of each corruption over the reference network's, mean", "%"),
        Metric("relative mCE", "lower", "the same of what corruption adds to the clean error", "%"),
        Metric("shift consistency", "higher", "pairs of shifted images that get one class", "%"),
    )
}
"""Scores of robustness and what they say."""

Errors = Mapping[str, Sequence[float]]
"""Error rates in [0, 1] by corruption, one for each severity."""


@dataclass(frozen=True)
class RobustnessSummary:
    """Errors under corruption, plain and relative to a reference network.

    Attributes:
        mean_error: Mean error over corruptions and severities, in [0, 1]: divided by nothing.
        mce: Mean corruption error in percent of the reference's; 100 is the reference.
        relative_mce: The same of what corruption adds to the clean error; NaN where no clean error is given.
        errors: Mean error of each corruption, in [0, 1].
        corruption_errors: Corruption error of each corruption, in percent.
        relative_errors: Relative corruption error of each, in percent; empty where no clean error is given.
        groups: Mean corruption error of each of `GROUPS` that occurs, in percent.
        group_errors: Mean error of each of them, in [0, 1].
        reference: Whose errors those are divided by, in words.
    """

    mean_error: float
    mce: float
    relative_mce: float
    errors: dict[str, float]
    corruption_errors: dict[str, float]
    relative_errors: dict[str, float]
    groups: dict[str, float]
    group_errors: dict[str, float]
    reference: str


def corruption_summary(
    errors: Errors,
    *,
    clean: float | None = None,
    baseline: Errors | None = None,
    baseline_clean: float | None = None,
    names: Sequence[str] = tuple(ALEXNET_ERRORS),
    reference: str = "",
) -> RobustnessSummary:
    r"""Mean corruption error, relative mean corruption error and group means.

    .. math:: \mathrm{CE}_c = \frac{\sum_s E_{s,c}}{\sum_s E^b_{s,c}}, \qquad
        \mathrm{rCE}_c = \frac{\sum_s (E_{s,c} - E)}{\sum_s (E^b_{s,c} - E^b)}, \qquad
        \mathrm{mCE} = \frac{1}{|C|} \sum_c \mathrm{CE}_c

    Args:
        errors: :math:`E_{s,c}`, error rates in [0, 1] of each corruption, one for each severity.
        clean: :math:`E`, error rate on the clean images.
        baseline: :math:`E^b_{s,c}`, of the reference network on the same images at the same severities, such as the
            vanilla network; None is AlexNet on ImageNet-C, which means five severities.
        baseline_clean: :math:`E^b`; known for AlexNet.
        names: Corruptions C of the means; the 15 of the benchmark.
        reference: What the reference is called; "AlexNet" or "baseline" if empty.

    Returns:
        The summary. Percentages are NaN or infinite where the reference makes no error.

    Raises:
        ValueError: If a corruption is missing, numbers of severities differ, or a rate is outside [0, 1].

    Source:
        Hendrycks and Dietterich, 2019 (arXiv:1903.12261), section 4; AlexNet's errors as its authors and AugMix's
        publish them, its clean error from torchvision's (56.52 % right). Ours: any reference, subsets of corruptions.

    Example:
        >>> errors = {name: [error] * 5 for name, error in ALEXNET_ERRORS.items()}
        >>> summary = corruption_summary(errors, clean=ALEXNET_CLEAN_ERROR)
        >>> round(summary.mce, 6), round(summary.relative_mce, 6), summary.reference
        (100.0, 100.0, 'AlexNet')
    """
    names = tuple(names)
    own = _means("errors", errors, names)
    other_clean = baseline_clean
    if baseline is None:
        _check_alexnet(errors, names)
        other = {name: ALEXNET_ERRORS[name] for name in names}
        other_clean = ALEXNET_CLEAN_ERROR if baseline_clean is None else baseline_clean
    else:
        other = _means("baseline", baseline, names)
        for name in names:
            if len(errors[name]) != len(baseline[name]):
                raise ValueError(
                    f"{name} has {len(errors[name])} severities, but {len(baseline[name])} in the baseline; "
                    "give both the same"
                )
    ratios = {name: 100 * _ratio(own[name], other[name]) for name in names}
    relative: dict[str, float] = {}
    if clean is not None and other_clean is not None:
        relative = {name: 100 * _ratio(own[name] - clean, other[name] - other_clean) for name in names}
    return RobustnessSummary(
        mean_error=_mean(own.values()),
        mce=_mean(ratios.values()),
        relative_mce=_mean(relative.values()) if relative else math.nan,
        errors=own,
        corruption_errors=ratios,
        relative_errors=relative,
        groups=_group_means(ratios),
        group_errors=_group_means(own),
        reference=reference or ("AlexNet" if baseline is None else "baseline"),
    )


def mean_corruption_error(errors: Errors, *, baseline: Errors | None = None) -> float:
    """Mean corruption error over the 15 corruptions, in percent; see `corruption_summary`.

    Example:
        >>> mean_corruption_error({name: [0.5 * error] * 5 for name, error in ALEXNET_ERRORS.items()})
        50.0
    """
    return corruption_summary(errors, baseline=baseline).mce


def relative_mean_corruption_error(
    errors: Errors, clean: float, *, baseline: Errors | None = None, baseline_clean: float | None = None
) -> float:
    """Relative mean corruption error over the 15 corruptions, in percent; see `corruption_summary`."""
    if baseline is not None and baseline_clean is None:
        raise ValueError("baseline_clean is missing; give the clean error of the baseline, in [0, 1]")
    return corruption_summary(errors, clean=clean, baseline=baseline, baseline_clean=baseline_clean).relative_mce


def _means(what: str, errors: Errors, names: Sequence[str]) -> dict[str, float]:
    if not names:
        raise ValueError("names is empty; give at least one corruption")
    means = {}
    for name in names:
        if name not in errors:
            raise ValueError(f"{what} has no {name!r}{closest(name, errors)}; give all of names, or fewer names")
        rates = [float(rate) for rate in errors[name]]
        if not rates or not all(0 <= rate <= 1 for rate in rates):
            raise ValueError(f"{what} of {name} are {rates}, but must be error rates in [0, 1], one for each severity")
        means[name] = _mean(rates)
    return means


def _check_alexnet(errors: Errors, names: Sequence[str]) -> None:
    for name in names:
        if name not in ALEXNET_ERRORS:
            raise ValueError(f"AlexNet's error of {name!r} is not known; give a baseline, or leave it out of names")
        if len(errors[name]) != 5:
            raise ValueError(
                f"{name} has {len(errors[name])} severities, but AlexNet's error is the mean of 5; give all"
            )


def _group_means(values: Mapping[str, float]) -> dict[str, float]:
    found = {group: [values[name] for name in members if name in values] for group, members in GROUPS.items()}
    return {group: _mean(own) for group, own in found.items() if own}


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)


def _ratio(part: float, whole: float) -> float:
    if whole:
        return part / whole
    return math.copysign(math.inf, part) if part else math.nan
