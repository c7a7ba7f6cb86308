"""The exponent of a growth curve."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Fit:
    """A power law through measurements.

    Attributes:
        exponent: Power of the law that the measurements follow: 1 where they grow as the law does.
        deviation: Largest difference of a measurement from the fitted curve, as a part of that.
    """

    exponent: float
    deviation: float


def linear(n: float) -> float:
    """The law n."""
    return n


def n_log_n(n: float) -> float:
    """The law n log n."""
    return n * math.log2(n)


def fit(sizes: Sequence[float], measured: Sequence[float], law: Callable[[float], float] = linear) -> Fit:
    r"""Least squares of the logarithms: :math:`\log t = a \log f(n) + c`.

    Args:
        sizes: n, at least 4 different ones.
        measured: t of each of them, above 0.
        law: f, what t is expected to be proportional to.

    Raises:
        ValueError: If there are fewer than 4 sizes, or not one positive measurement for each.
    """
    if len(set(sizes)) < 4 or len(sizes) != len(measured) or min(measured) <= 0:
        raise ValueError(
            f"{len(sizes)} sizes and {len(measured)} measurements were given, but a fit takes 4 different sizes or "
            "more with a positive measurement each"
        )
    x, y = [math.log(law(n)) for n in sizes], [math.log(t) for t in measured]
    middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
    spread = sum((a - middle_x) ** 2 for a in x)
    exponent = sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True)) / spread
    beside = [b - middle_y - exponent * (a - middle_x) for a, b in zip(x, y, strict=True)]
    return Fit(exponent, max(abs(math.expm1(rest)) for rest in beside))
