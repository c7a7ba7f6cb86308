"""Where to cut scores so that most are on their right side, without sorting them all."""

import numpy as np

from subband.metrics._labels import Bools, Floats, Integers

_COARSE = 16
"""Bits of a float32 score that its cell leaves out; the other 7 of its fraction make 128 cells of each octave."""


def best_cut(scores: Floats, same: Bools) -> float | None:
    r"""The score s for which most pairs are right if :math:`z \ge s` is taken for one person.

    .. math:: \arg\max_s |\{n : z_n \ge s, \text{same}_n\}| - |\{n : z_n \ge s, \text{not same}_n\}|

    Fast because pairs are first counted in cells of near scores. A cell can at best add its genuine pairs to what is
    above it; the few cells where that is enough for the maximum are sorted.

    Args:
        scores: Scores z (N,), none of them NaN.
        same: Whether each pair shows one person (N,).

    Returns:
        The score, the greatest of several; None if no score is better than to accept none.
    """
    cells = _falling_cells(scores)
    genuine = np.bincount(cells[same], minlength=int(cells.max()) + 1)
    gain = 2 * genuine - np.bincount(cells)
    above = np.cumsum(gain) - gain
    near = above + genuine >= max(0, int((above + gain).max()))
    kept = np.flatnonzero(near[cells])
    kept = kept[np.argsort(-scores[kept])]
    falling, cell = scores[kept], cells[kept]
    value = np.cumsum(np.where(same[kept], 1, -1))
    first = np.searchsorted(cell, cell)  # the first pair of each one's cell
    value += above[cell] - (value - np.where(same[kept], 1, -1))[first]
    value[:-1][falling[1:] == falling[:-1]] = -1  # equal scores are accepted together
    best = int(value.argmax())
    return float(falling[best]) if value[best] > 0 else None


def _falling_cells(scores: Floats) -> Integers:
    """Cell of each score from 0, none greater for a greater score."""
    with np.errstate(over="ignore"):
        bits = (scores.astype(np.float32) + np.float32(0)).view(np.int32)  # + 0: minus zero is zero
    ordered = (bits ^ ((bits >> 31) & 0x7FFFFFFF)) >> _COARSE
    cells: Integers = (ordered.max() - ordered).astype(np.int64)
    return cells
