r"""Which frequencies the moments of steerable subbands need, in which order, and with which weights.

By Parseval a covariance of subbands is :math:`\sum_f A(f) \overline{B(f)} \, G_k(f) G_l(f)`. In 2-D the products
:math:`G_k G_l` of one level are, inside each sector between two lines :math:`c_k = 0`, squared radial gains times the
:math:`2K - 1` harmonics :math:`\cos 2 j \theta, \sin 2 j \theta, j < K`, so that few columns serve for all K(K+1)/2
pairs. Elsewhere (3-D, K = 1) the products themselves are the columns, formed when they are needed.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from subband.transforms._gains import level_sizes
from subband.transforms.filters import Grid, Kind, angular_gain, level_gain, radius


@dataclass(frozen=True, eq=False)
class Plan:
    """Frequencies of a half spectrum sorted by sector and octave, and the columns that weigh their products.

    Attributes:
        index: Flat positions in ``view_as_real`` of ``rfftn``, (2, S, L), S sectors of L frequencies each; those of
            frequency zero where filled up.
        sign: -1 where the frequency is the negative of the stored one, (S, L); None if that never happens.
        scatter: Positions (2, S, L) to write gradients to, without a double but frequency zero's; the halved axis comes
            first there, so that the inverse transform reads along rows.
        spans: First and last frequency of each level, a contiguous slice.
        columns: Of each level the columns (S, c, l), or the gains (J, l) whose products are the columns.
        real: What the columns mean, (S, c, J, J), for real parts.
        imaginary: The same for imaginary parts; None if the covariances are real.
    """

    index: Tensor
    sign: Tensor | None
    scatter: tuple[Tensor, ...]
    spans: tuple[tuple[int, int], ...]
    columns: tuple[Tensor, ...]
    real: Tensor
    imaginary: Tensor | None

    def levels(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """The levels that have some of the frequencies start to stop, and which."""
        for level, (begin, end) in enumerate(self.spans):
            first, last = max(start, begin), min(stop, end)
            if first < last:
                yield level, first, last

    def basis(self, level: int, start: int, stop: int) -> Tensor:
        """Columns (S, c, stop - start) of the frequencies start to stop."""
        begin = self.spans[level][0]
        stored = self.columns[level][..., start - begin : stop - begin]
        if stored.ndim == 3:
            return stored
        first, second = torch.triu_indices(len(stored), len(stored), device=stored.device)
        return (stored[first] * stored[second]).unsqueeze(0)


@lru_cache(maxsize=4)
def plan(
    shape: tuple[int, ...], levels: tuple[int, ...], orientations: int, kind: Kind, grid: Grid, device: torch.device
) -> Plan:
    """Build, or take from the cache, the plan of images of one shape."""
    with torch.inference_mode(False), torch.no_grad():
        return _build(shape, levels, orientations, kind, grid, device)


def _build(
    shape: tuple[int, ...], levels: tuple[int, ...], orientations: int, kind: Kind, grid: Grid, device: torch.device
) -> Plan:
    sectors = len(shape) == 2 and orientations > 1
    full = kind == "complex" and (grid == "authors" or not sectors)
    bins, frequency, octave = _frequencies(shape, levels, grid, full)
    if sectors:
        angle = torch.atan2(frequency[1], frequency[0])
        sector, middle = _sectors(angle, orientations, kind, full)
        angular = _harmonics(angle, orientations)
        real, imaginary = _sector_maps(middle, orientations, kind, full)
    else:
        sector = torch.zeros_like(octave)
        angular = angular_gain(frequency, orientations=orientations, kind=kind).T
        real, imaginary = _pair_maps(angular.shape[1], kind)
    count = len(real)
    place, begin = _layout(sector, octave, count, max(levels) + 1)

    def spread(value: Tensor, fill: float = 0) -> Tensor:
        out = torch.full((count * int(begin[-1]), *value.shape[1:]), fill, dtype=value.dtype)
        out[place] = value
        return out.reshape(count, int(begin[-1]), *value.shape[1:])

    spans = tuple((int(begin[level - 1]), int(begin[level + 1])) for level in levels)
    columns = []
    for level, (start, stop) in zip(levels, spans, strict=True):
        samples = math.prod(level_sizes(shape, level, "exact")[level - 1])
        radial = level_gain(radius(frequency), level) / math.sqrt(samples)
        column = spread(angular * (radial.square() if sectors else radial)[:, None])[:, start:stop].transpose(1, 2)
        columns.append((column if sectors else column[0]).contiguous().to(device))
    stored, sign = _storage(bins, shape)
    signs, half = spread(sign, 1), shape[-1] // 2 + 1
    turned = spread(stored % half * math.prod(shape[:-1]) + stored // half)
    scatter = tuple(_planar(torch.where(signs == s, turned, 0)).to(device) for s in ((1, -1) if full else (1,)))
    return Plan(
        index=_planar(spread(stored)).to(device),
        sign=signs.double().to(device) if full else None,
        scatter=scatter,
        spans=spans,
        columns=tuple(columns),
        real=real.to(device),
        imaginary=None if imaginary is None else imaginary.to(device),
    )


def _frequencies(
    shape: tuple[int, ...], levels: tuple[int, ...], grid: Grid, full: bool
) -> tuple[Tensor, tuple[Tensor, ...], Tensor]:
    """Bins (n, dims) that the levels pass, where their gains are read, and in which octave below pi they lie."""
    bins = _bins(shape, full)
    steps = torch.tensor([2 * math.pi / size for size in shape], dtype=torch.float64)
    frequency = (bins + (1 if grid == "authors" else 0)) * steps
    r = radius(frequency.unbind(1))
    octave = torch.floor(torch.log2(math.pi / r)).nan_to_num(posinf=0).long()
    wanted = torch.tensor(sorted({octave for level in levels for octave in (level - 1, level)}))
    keep = (r > 0) & (r < math.pi) & torch.isin(octave, wanted)
    return bins[keep], frequency[keep].unbind(1), octave[keep]


def _bins(shape: Sequence[int], full: bool) -> Tensor:
    """Signed bins (n, dims), zero left out; of each pair f and -f only one unless ``full``."""
    axes = [torch.arange(size) - size // 2 for size in shape]
    bins = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(shape))
    positive = torch.zeros(len(bins), dtype=torch.bool)
    undecided = torch.ones(len(bins), dtype=torch.bool)
    for axis in range(len(shape) - 1, -1, -1):
        positive |= undecided & ((bins[:, axis] != 0) if full else (bins[:, axis] > 0))
        undecided &= bins[:, axis] == 0
    return bins[positive]


def _storage(bins: Tensor, shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Flat position in ``rfftn`` of each bin or of its negative, and 1 or -1 accordingly."""
    sign = torch.where(bins[:, -1] < 0, -1, 1)
    size = torch.tensor(shape)
    wrapped = (bins * sign[:, None]) % size
    position = torch.zeros_like(sign)
    for axis, n in enumerate((*shape[:-1], shape[-1] // 2 + 1)):
        position = position * n + wrapped[:, axis]
    return position, sign


def _planar(position: Tensor) -> Tensor:
    """Positions of real and of imaginary parts."""
    return torch.stack([2 * position, 2 * position + 1])


def _layout(sector: Tensor, octave: Tensor, count: int, octaves: int) -> tuple[Tensor, Tensor]:
    """Where each frequency goes in (S, L), and where each octave begins; an octave is as long in every sector."""
    key = sector * octaves + octave
    number = torch.bincount(key, minlength=count * octaves)
    width = number.reshape(count, octaves).amax(0)
    begin = torch.cat([torch.zeros(1, dtype=torch.long), width.cumsum(0)])
    order = torch.argsort(key, stable=True)
    rank = torch.empty_like(key)
    rank[order] = torch.arange(len(key)) - (number.cumsum(0) - number)[key[order]]
    return sector * begin[-1] + begin[octave] + rank, begin


def _sectors(angle: Tensor, orientations: int, kind: Kind, full: bool) -> tuple[Tensor, Tensor]:
    """The sector between two zero lines of the gains in which each angle lies, and the middle of each sector."""
    if kind == "steerable":
        return torch.zeros_like(angle, dtype=torch.long), torch.zeros(1, dtype=torch.float64)
    first = 0 if full else -((orientations + 1) // 2)
    count = 2 * orientations if full else orientations + orientations % 2
    number = torch.floor(angle * (orientations / math.pi) - orientations / 2).long() - first
    middle = (torch.arange(count, dtype=torch.float64) + (first + (1 + orientations) / 2)) * (math.pi / orientations)
    return number % count if full else number.clamp(0, count - 1), middle


def _harmonics(angle: Tensor, orientations: int) -> Tensor:
    """1, cos 2 theta, sin 2 theta, ..., shape (n, 2K - 1)."""
    columns = [torch.ones_like(angle)]
    for j in range(1, orientations):
        columns += [torch.cos(2 * j * angle), torch.sin(2 * j * angle)]
    return torch.stack(columns, 1)


def _sector_maps(middle: Tensor, orientations: int, kind: Kind, full: bool) -> tuple[Tensor, Tensor | None]:
    """What the harmonics of each sector mean for the pairs (k, l): (S, 2K - 1, K, K), real and imaginary parts."""
    order = orientations - 1
    axis = torch.tensor([[1.0], [0.0]], dtype=torch.float64).unbind()
    alpha = angular_gain(axis, orientations=orientations, kind="even")[0]
    centre = torch.arange(orientations, dtype=torch.float64) * (math.pi / orientations)
    angle = torch.arange(4 * orientations, dtype=torch.float64) * (math.pi / (4 * orientations))
    power = torch.cos(angle[:, None] - centre) ** order
    harmonic = _harmonics(angle, orientations)
    harmonic = harmonic / harmonic.square().sum(0)
    pairs = alpha.square() * torch.einsum("ah,ak,al->hkl", harmonic, power, power)
    side = torch.cos(middle[:, None] - centre).sign()
    if kind == "steerable":
        return 2 * pairs[None], None
    if kind == "even":
        sign = (side[:, :, None] * side[:, None, :]) ** order
        return 2 * sign[:, None] * pairs, None
    positive = (side[:, :, None] > 0) & (side[:, None, :] > 0)
    negative = torch.zeros_like(positive) if full else (side[:, :, None] < 0) & (side[:, None, :] < 0)
    plus, minus = 4 * positive[:, None] * pairs, 4 * negative[:, None] * pairs
    return plus + minus, plus - minus


def _pair_maps(gains: int, kind: Kind) -> tuple[Tensor, Tensor | None]:
    """What the products of gains mean for the pairs (k, l): (1, J(J+1)/2, J, J), zeros and ones."""
    first, second = torch.triu_indices(gains, gains)
    unpack = torch.zeros(len(first), gains, gains, dtype=torch.float64)
    unpack[torch.arange(len(first)), first, second] = 1
    unpack[torch.arange(len(first)), second, first] = 1
    return (unpack[None], unpack[None]) if kind == "complex" else (2 * unpack[None], None)
