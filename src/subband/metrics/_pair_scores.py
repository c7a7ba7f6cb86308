"""Scores of pairs as arrays, checked."""

from typing import Any

import numpy as np

from subband.metrics._labels import Bools, Floats


def read_pairs(scores: Any, same: Any) -> tuple[Floats, Bools]:
    """Scores (N,) in float64 and whether each pair shows one person (N,), from arrays or tensors on any device.

    Raises:
        ValueError: If shapes do not fit, a score is NaN, ``same`` is not true or false, or all pairs are of one kind.
    """
    numbers, truth = as_array(scores).astype(np.float64), as_array(same)
    if numbers.ndim != 1 or truth.shape != numbers.shape or not len(numbers):
        raise ValueError(
            f"scores have shape {numbers.shape} and same has {truth.shape}, but both must be (N,), one number and one "
            "truth value for each pair"
        )
    if truth.dtype.kind not in "biuf" or not np.isin(truth, (0, 1)).all():
        raise ValueError(f"same holds values of {truth.dtype} other than true and false; pass 1 for one person, else 0")
    undefined = np.flatnonzero(np.isnan(numbers))
    if len(undefined):
        raise ValueError(
            f"scores of {len(undefined)} of {len(numbers)} pairs are NaN, the first is pair {undefined[0]}; "
            "look for NaN embeddings"
        )
    truth = truth.astype(bool)
    if truth.all() or not truth.any():
        raise ValueError(
            f"all {len(truth)} pairs are of {'one person each' if truth[0] else 'two people each'}; verification needs "
            "pairs of both kinds"
        )
    return numbers, truth


def as_array(values: Any) -> Any:
    """An array, or a tensor on any device, as an array."""
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)


def allowed(far: float, impostors: float) -> int:
    """Impostor pairs that may be accepted at a false accept rate: its floor, safe from the rounding of the product.

    Raises:
        ValueError: If the rate is outside [0, 1].
    """
    if not 0 <= far <= 1:
        raise ValueError(f"far is {far}, but must be between 0 and 1, such as 1e-3")
    return int(far * impostors * (1 + 1e-12))
