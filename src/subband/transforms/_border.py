"""What lies beyond the ends of a signal: each outside sample as a sum of a few inside samples."""

from collections.abc import Callable

import torch
from torch import Tensor

Terms = list[tuple[Tensor, Tensor | None]]
"""Index of an inside sample for each outside one, and its factor (None is 1); an outside sample is the sum over terms.
Computed from the size by arithmetic alone, so that a symbolic size stays symbolic."""


def border_terms(positions: Tensor, n: int, mode: str) -> Terms:
    """Terms of the samples at ``positions`` (integers below 0 or from n on) of a signal of n samples."""
    return _RULES[mode](positions, n)


def outside(x: Tensor, axis: int, positions: Tensor, mode: str) -> Tensor:
    """Samples of x at ``positions`` beyond its ends along one axis."""
    terms = border_terms(positions, x.shape[axis], mode)
    if not terms:
        shape = list(x.shape)
        shape[axis] = positions.shape[0]
        return x.new_zeros(shape)
    parts = [_scaled(x.index_select(axis, index), factor, axis) for index, factor in terms]
    return parts[0] if len(parts) == 1 else torch.stack(parts).sum(0)


def fold_outside(x: Tensor, axis: int, positions: Tensor, values: Tensor, mode: str) -> None:
    """Add ``values`` at ``positions`` to the inside samples of x that they are made of; the transpose of `outside`."""
    if positions.shape[0]:
        for index, factor in border_terms(positions, x.shape[axis], mode):
            x.index_add_(axis, index, _scaled(values, factor, axis))


def zeros_around(band: Tensor, axis: int, before: int, after: int) -> Tensor:
    """Put zeros in front of and behind a band."""
    if not before and not after:
        return band
    shapes = [[size if place != axis else count for place, size in enumerate(band.shape)] for count in (before, after)]
    return torch.cat((band.new_zeros(shapes[0]), band, band.new_zeros(shapes[1])), axis)


def periodic_around(band: Tensor, axis: int, before: int, after: int) -> Tensor:
    """Put a band's own samples, as if it were periodic, in front of it and behind it."""
    if not before and not after:
        return band
    count = band.shape[axis]
    places = (torch.arange(-before, 0, device=band.device), torch.arange(after, device=band.device))
    ends = [band.index_select(axis, place % count) for place in places]
    return torch.cat((ends[0], band, ends[1]), axis)


def _scaled(values: Tensor, factor: Tensor | None, axis: int) -> Tensor:
    if factor is None:
        return values
    shape = [1] * values.ndim
    shape[axis] = -1
    return values * factor.to(values.dtype).reshape(shape)


def _remainder(at: Tensor, period: int) -> Tensor:
    return at % _divisor(at, period)


def _divisor(at: Tensor, period: int) -> int | Tensor:
    """The period, as a tensor where it is symbolic: ONNX cannot divide by such a number."""
    return torch.full_like(at, period) if isinstance(period, torch.SymInt) else period


def _zero(at: Tensor, n: int) -> Terms:
    return []


def _constant(at: Tensor, n: int) -> Terms:
    return [(at.clamp(0, n - 1), None)]


def _periodic(at: Tensor, n: int) -> Terms:
    return [(_remainder(at, n), None)]


def _periodization(at: Tensor, n: int) -> Terms:
    """Periodic with an even period: an odd signal first gets its last sample twice."""
    return [(_remainder(at, n + n % 2).clamp(max=n - 1), None)]


def _symmetric(at: Tensor, n: int) -> Terms:
    inside = _remainder(at, 2 * n)
    return [(torch.minimum(inside, 2 * n - 1 - inside), None)]


def _antisymmetric(at: Tensor, n: int) -> Terms:
    inside = _remainder(at, 2 * n)
    return [(torch.minimum(inside, 2 * n - 1 - inside), 1 - 2 * (inside >= n).long())]


def _reflect(at: Tensor, n: int) -> Terms:
    period = max(2 * n - 2, 1)
    inside = _remainder(at, period)
    return [(torch.minimum(inside, period - inside).clamp(max=n - 1), None)]


def _antireflect(at: Tensor, n: int) -> Terms:
    """Point reflection in the end samples: every period adds twice their difference."""
    period = max(2 * n - 2, 1)
    inside = _remainder(at, period)
    turn = torch.div(at - inside, _divisor(at, period), rounding_mode="floor")
    back = (inside >= n).long()
    nearest = torch.where(back == 1, period - inside, inside).clamp(max=n - 1)
    end, start = torch.full_like(at, n - 1), torch.zeros_like(at)
    return [(nearest, 1 - 2 * back), (end, 2 * (turn + back)), (start, -2 * turn)]


def _smooth(at: Tensor, n: int) -> Terms:
    """Straight line through the last two samples."""
    left = at < 0
    end, next_to_it = torch.where(left, 0, n - 1), torch.where(left, 1, n - 2).clamp(0, n - 1)
    beyond = torch.where(left, -at, at - (n - 1))
    return [(end, 1 + beyond), (next_to_it, -beyond)]


_RULES: dict[str, Callable[[Tensor, int], Terms]] = {
    "zero": _zero,
    "authors": _zero,
    "constant": _constant,
    "periodic": _periodic,
    "periodization": _periodization,
    "symmetric": _symmetric,
    "antisymmetric": _antisymmetric,
    "reflect": _reflect,
    "antireflect": _antireflect,
    "smooth": _smooth,
}
MODES = tuple(mode for mode in _RULES)
