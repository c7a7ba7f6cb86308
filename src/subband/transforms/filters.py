r"""Gains of the steerable pyramid, evaluated at any set of frequencies, in 2-D and 3-D.

A band of level :math:`n` and orientation :math:`k` has the gain

.. math:: G_{n,k}(\omega) = R_n(|\omega|) \, A_k(\omega / |\omega|), \qquad \sum_{n,k} |G_{n,k}|^2 + H_0^2 + L_N^2 = 1 .

Source:
    Simoncelli and Freeman, The Steerable Pyramid, ICIP 1995; Portilla and Simoncelli, IJCV 2000. Orientations start at
    the row axis, as in the CWMI and SPW code (lurenhaothu/CWMI, ``ComplexSteerablePyramid.py``).
"""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from subband._check import one_of

Kind = Literal["complex", "steerable", "even"]
Grid = Literal["exact", "authors"]
KINDS: tuple[Kind, ...] = ("complex", "steerable", "even")
GRIDS: tuple[Grid, ...] = ("exact", "authors")


def axis_frequency(size: int, *, grid: Grid = "exact", dtype: torch.dtype = torch.float64) -> Tensor:
    """Frequencies of one axis in ``fftshift`` order, in radians per sample; shape (size,).

    ``"exact"``: entry ``i`` is bin ``i - size // 2``. ``"authors"``: the published code's ``linspace`` grid, which is
    one bin further on for even sizes and has no zero for odd ones.
    """
    if grid == "exact":
        return (torch.arange(size, dtype=dtype) - size // 2) * (2 * math.pi / size)
    half = max(size // 2, 1)
    return torch.linspace(-(half - 1) * math.pi / half, math.pi, size, dtype=dtype)


def radius(frequency: Sequence[Tensor]) -> Tensor:
    """Euclidean norm of broadcastable frequency components."""
    total = torch.zeros((), dtype=frequency[0].dtype, device=frequency[0].device)
    for component in frequency:
        total = total + component.square()
    return total.sqrt()


def radial_pair(r: Tensor, edge: float) -> tuple[Tensor, Tensor]:
    """High and low gain of one octave: 0 and 1 below ``edge``, 1 and 0 above ``2 * edge``; squares sum to one."""
    t = torch.log2(r / edge).clamp(0, 1) * (math.pi / 2)
    return torch.sin(t), torch.cos(t)


def high_gain(r: Tensor) -> Tensor:
    """Gain of the high residual, pi/2 to pi."""
    return radial_pair(r, math.pi / 2)[0]


def low_gain(r: Tensor, levels: int) -> Tensor:
    """Gain of the low residual after ``levels`` levels, in frequencies of the full-size image."""
    gain = radial_pair(r, math.pi / 2)[1]
    for level in range(1, levels + 1):
        gain = gain * radial_pair(r * 2 ** (level - 1), math.pi / 4)[1]
    return gain


def level_gain(r: Tensor, level: int) -> Tensor:
    """Radial gain R_n of level ``level`` = 1, 2, ..., in frequencies of the full-size image."""
    return low_gain(r, level - 1) * radial_pair(r * 2 ** (level - 1), math.pi / 4)[0]


def directions(dims: int, orientations: int) -> tuple[Tensor, Tensor]:
    """Unit vectors (J, dims) and squared-gain weights (J,) whose powers of order ``orientations - 1`` tile evenly.

    In 2-D, J = ``orientations`` directions pi k / J from the row axis. In 3-D a flat total needs a spherical design:
    3 axes for order 1, the 6 axes of the icosahedron for order 2, those and the 10 of the dual dodecahedron with
    weights 1 : 27/25 for orders 3 and 4, so J = 1, 3, 6, 16, 16 for ``orientations`` = 1 to 5.

    Raises:
        ValueError: If ``dims`` is not 2 or 3, ``orientations`` < 1, or more than 5 in 3-D.
    """
    if dims not in (2, 3) or orientations < 1 or (dims == 3 and orientations > 5):
        raise ValueError(f"orientations is {orientations} in {dims}-D, but must be at least 1, and at most 5 in 3-D")
    if dims == 2:
        angle = torch.arange(orientations, dtype=torch.float64) * (math.pi / orientations)
        return torch.stack([angle.cos(), angle.sin()], 1), torch.ones(orientations, dtype=torch.float64)
    if orientations <= 2:
        axes = torch.eye(3, dtype=torch.float64)[: 1 if orientations == 1 else 3]
        return axes, torch.ones(len(axes), dtype=torch.float64)
    golden = (1 + math.sqrt(5)) / 2
    seeds = [(0.0, 1.0, s * golden) for s in (1, -1)]
    icosahedron = [_turn(seed, i) for seed in seeds for i in range(3)]
    cube = [(1.0, float(a), float(b)) for a in (1, -1) for b in (1, -1)]
    dodecahedron = cube + [_turn((0.0, s * golden, 1 / golden), i) for s in (1, -1) for i in range(3)]
    ten = orientations > 3
    axes = torch.tensor(icosahedron + (dodecahedron if ten else []), dtype=torch.float64)
    weight = torch.tensor([1.0] * 6 + [27 / 25] * (10 if ten else 0), dtype=torch.float64)
    return axes / axes.norm(dim=1, keepdim=True), weight


def angular_gain(frequency: Sequence[Tensor], *, orientations: int = 4, kind: Kind = "complex") -> Tensor:
    r"""Angular gains A_j, shape (J, *grid); 0 at frequency zero. With :math:`c = d_j \cdot \omega / |\omega|`:

    ``complex`` :math:`2 \alpha \max(c, 0)^{m}` (analytic), ``steerable`` :math:`\alpha c^{m}` (without the phase
    :math:`(-i)^m`), ``even`` :math:`\alpha |c|^{m}`, order :math:`m` = ``orientations`` - 1.

    Raises:
        ValueError: If ``kind`` is unknown or the orientations do not tile (see `directions`).
    """
    one_of("kind", kind, KINDS)
    dims, order = len(frequency), orientations - 1
    axes, weight = directions(dims, orientations)
    r = radius(frequency)
    safe = torch.where(r > 0, r, torch.ones_like(r))
    total = _mean_power(dims, order) * weight.sum()
    gains = []
    for axis, w in zip(axes.tolist(), weight.tolist(), strict=True):
        along = torch.zeros((), dtype=r.dtype, device=r.device)
        for component, a in zip(frequency, axis, strict=True):
            along = along + component * a
        c = along / safe
        alpha = math.sqrt(w / float(total))
        if kind == "complex":
            half = torch.heaviside(c, torch.full_like(c, 0.5)) if order == 0 else c.clamp_min(0) ** order
            gain = 2 * alpha * half
        else:
            gain = alpha * (c.abs() if kind == "even" else c) ** order
        gains.append(torch.where(r > 0, gain, torch.zeros_like(gain)))
    return torch.stack(gains)


def _turn(point: tuple[float, float, float], by: int) -> tuple[float, float, float]:
    """The coordinates of a point, moved on cyclically."""
    x, y, z = point
    return ((x, y, z), (y, z, x), (z, x, y))[by]


def _mean_power(dims: int, order: int) -> float:
    """Mean of cos^(2 order) over the circle or the sphere."""
    if dims == 3:
        return 1 / (2 * order + 1)
    return math.comb(2 * order, order) / 4.0**order
