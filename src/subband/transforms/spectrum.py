r"""Second moments of steerable subbands straight from the spectrum, by Parseval: no subband is ever formed.

.. math:: \Sigma_{ab}[k, l] = \sum_x a_k(x) \overline{b_l(x)}
          = \frac{1}{N_n} \sum_{f \ne 0} A(f) \overline{B(f)} \, G_{n,k}(f) G_{n,l}(f)

with :math:`N_n` the number of samples of a band of level n. Leaving f = 0 out removes the means.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.autograd.function import once_differentiable

from subband._check import one_of, same_shape
from subband.transforms._plan import Plan, plan
from subband.transforms.filters import GRIDS, KINDS, Grid, Kind
from subband.transforms.steerable import steerable_pyramid

_CHUNK = 1 << 18
"""Float64 values formed at once on a CPU, so that they stay in its cache."""
_CHUNK_ELSEWHERE = 1 << 24
"""The same on another device, so that they fit in its memory."""


class SubbandCovariances(NamedTuple):
    """Covariances (N, B, C, J, J) in float64 of the J subbands of N levels, of a prediction and its error."""

    prediction: Tensor
    """Of the prediction with itself, real and symmetric."""
    cross: Tensor
    """Of the error, target minus prediction, with the prediction; complex and symmetric for complex subbands."""
    error: Tensor
    """Of the error with itself, real and symmetric."""

    @property
    def target(self) -> Tensor:
        """Of the target with itself, real and symmetric."""
        cross = self.cross.real if self.cross.is_complex() else self.cross
        return self.prediction + 2 * cross + self.error


def subband_covariances(
    prediction: Float[Tensor, "batch channels *space"],
    target: Shaped[Tensor, "batch channels *space"],
    *,
    levels: int | Sequence[int] = 4,
    orientations: int = 4,
    kind: Kind = "complex",
    grid: Grid = "exact",
    spectrum: Tensor | None = None,
) -> SubbandCovariances:
    r"""Covariances of the steerable subbands of two real images, by Parseval.

    The error's spectrum is taken from the error itself, so nothing cancels where the prediction is nearly right.
    Sums run over the samples of a band and are not divided by their number; the mean of a band is left out.

    Args:
        prediction: Real images (B, C, *space) in 2-D or 3-D, of any size; transformed in float32, or float64.
        target: Images of the same shape.
        levels: How many levels from the finest on, or which, counted from 1.
        orientations: Number K of orientations; in 3-D see `subband.transforms.filters.directions`.
        kind: ``"complex"`` (analytic), ``"steerable"`` or ``"even"``.
        grid: ``"exact"``, or ``"authors"`` for the published code's frequencies, one bin further on.
        spectrum: What `subband_spectrum` found for this target; the target then has no gradient.

    Returns:
        The covariances, (number of levels, B, C, J, J) in float64; zero for a level that an image is too small for.

    Raises:
        ValueError: If shapes or options do not fit, or the authors' crop cannot cut the size.

    Source:
        Parseval's theorem, for the bands of `subband.transforms.steerable.steerable_pyramid`. Only first derivatives
        are offered. On the authors' grid, real subbands and sizes that do not divide are not symmetric in frequency;
        there the bands are formed and summed.

    Example:
        >>> import torch
        >>> image = torch.rand(1, 1, 21, 34)
        >>> moments = subband_covariances(image, image, levels=2)
        >>> moments.prediction.shape, float(moments.error.abs().max())
        (torch.Size([2, 1, 1, 4, 4]), 0.0)
    """
    same_shape(prediction=prediction, target=target)
    one_of("kind", kind, KINDS)
    one_of("grid", grid, GRIDS)
    if prediction.ndim not in (4, 5) or not prediction.is_floating_point():
        raise ValueError(
            f"prediction has shape {tuple(prediction.shape)} and dtype {prediction.dtype}, "
            "but must be real (B, C, H, W) or (B, C, D, H, W)"
        )
    if prediction.dtype not in (torch.float32, torch.float64):
        prediction = prediction.float()
    target = target.to(prediction.dtype)
    chosen, batch = _levels(levels), prediction.shape[:2]
    how = _plan_of(prediction, chosen, orientations, kind, grid)
    if how is None:
        return _from_bands(prediction, target, chosen, orientations, kind)
    known = None if spectrum is None else spectrum.to(prediction)
    moments: Tensor = _Moments.apply(prediction.flatten(0, 1), target.flatten(0, 1), known, how)
    own, error, cross = torch.einsum("nqbsc,sckl->qnbkl", moments[:, :3], how.real)
    if how.imaginary is not None:
        cross = torch.complex(cross, torch.einsum("nbsc,sckl->nbkl", moments[:, 3], how.imaginary))
    return SubbandCovariances(*(x.reshape(len(chosen), *batch, *x.shape[2:]) for x in (own, cross, error)))


def subband_spectrum(
    images: Float[Tensor, "batch channels *space"],
    *,
    levels: int | Sequence[int] = 4,
    orientations: int = 4,
    kind: Kind = "complex",
    grid: Grid = "exact",
) -> Tensor | None:
    """The part of the spectrum of images (B, C, *space) that `subband_covariances` reads, in the order it reads it.

    Options are those of `subband_covariances`; None where it needs the bands themselves.
    """
    how = _plan_of(images, _levels(levels), orientations, kind, grid)
    if how is None:
        return None
    found = images.new_empty((images.shape[0] * images.shape[1], *how.index.shape))
    _gather(images.flatten(0, 1), how.index, found)
    return found


def _levels(levels: int | Sequence[int]) -> tuple[int, ...]:
    chosen = tuple(range(1, levels + 1)) if isinstance(levels, int) else tuple(levels)
    if not chosen or min(chosen) < 1:
        raise ValueError(f"levels is {levels!r}, but must be a number of levels, or levels counted from 1")
    return chosen


def _plan_of(images: Tensor, levels: tuple[int, ...], orientations: int, kind: Kind, grid: Grid) -> Plan | None:
    """The plan of images (B, C, *space); None where the grid is not symmetric in frequency."""
    space = tuple(images.shape[2:])
    if grid == "authors" and (kind != "complex" or any(size % 2 ** max(levels) for size in space)):
        return None
    # The compiler would trace the builder and not see its cache.
    find = torch.compiler.disable(plan) if torch.compiler.is_compiling() else plan  # type: ignore[no-untyped-call]
    found: Plan = find(space, levels, orientations, kind, grid, images.device)
    return found


def band_covariances(prediction: Tensor, target: Tensor) -> SubbandCovariances:
    """The same covariances (1, B, C, J, J) from bands (B, C, J, *space) of prediction and target."""
    first, error = (x.flatten(3) for x in (prediction, target - prediction))
    wide = torch.complex128 if first.is_complex() else torch.float64
    first, error = (x.to(wide) for x in (first, error))
    first, error = (x - x.mean(-1, keepdim=True) for x in (first, error))
    own, cross, rest = (a @ b.mH for a, b in ((first, first), (error, first), (error, error)))
    return SubbandCovariances(*(x.unsqueeze(0) for x in (own.real, cross, rest.real)))


def _from_bands(
    prediction: Tensor, target: Tensor, levels: Sequence[int], orientations: int, kind: Kind
) -> SubbandCovariances:
    pyramids = [
        steerable_pyramid(x.double(), levels=max(levels), orientations=orientations, kind=kind, grid="authors").bands
        for x in (prediction, target)
    ]
    each = [band_covariances(*(bands[level - 1] for bands in pyramids)) for level in levels]
    return SubbandCovariances(*(torch.cat(parts) for parts in zip(*each, strict=True)))


class _Moments(torch.autograd.Function):
    """Sums over frequencies of P P*, E E*, Re and Im of E P*, times the plan's columns: (N, 4, B, S, c)."""

    @staticmethod
    def forward(ctx: Any, prediction: Tensor, target: Tensor, known: Tensor | None, how: Plan) -> Tensor:
        """Transform, gather, multiply, sum; ``known`` is the spectrum P + E of the target, or None."""
        batch, (sectors, columns) = len(prediction), how.real.shape[:2]
        spectra = prediction.new_empty((2, batch, *how.index.shape))
        first, error = spectra
        _gather(target - prediction, how.index, error)
        if known is None:
            _gather(prediction, how.index, first)
        else:
            torch.sub(known, error, out=first)
        ctx.how, ctx.shape = how, prediction.shape
        ctx.save_for_backward(spectra)
        sums = prediction.new_zeros((len(how.spans), sectors, columns, 4 * batch), dtype=torch.float64)
        for start, stop in _chunks(how, batch, prediction.device.type):
            product = _products(spectra[..., start:stop].double())
            if how.sign is not None:
                product[3] *= how.sign[:, start:stop]
            rows = product.flatten(0, 1).permute(1, 2, 0)
            for level, first, last in how.levels(start, stop):
                sums[level].baddbmm_(how.basis(level, first, last), rows[:, first - start : last - start])
        return sums.view(*sums.shape[:3], 4, batch).permute(0, 3, 4, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Weigh the spectra by the gradients of their products and go back by one inverse transform."""
        how, (spectra,) = ctx.how, ctx.saved_tensors
        batch, sectors = spectra.shape[1], spectra.shape[3]
        a, b, c, d = gradient.permute(1, 0, 3, 2, 4) / 2
        weights = [torch.cat([2 * a - c, c - 2 * b, -d], 2), torch.cat([c, 2 * b, d], 2)]
        half = 2 * math.prod(ctx.shape[1:-1]) * (ctx.shape[-1] // 2 + 1)
        into = [[spectra.new_zeros(batch, half) for _ in how.scatter] if x else [] for x in ctx.needs_input_grad[:2]]
        for start, stop in _chunks(how, batch, spectra.device.type):
            p, e = spectra[..., start:stop].double()
            for found, weight, turned in zip(into, weights, (p + e, p), strict=True):
                if not found:
                    continue
                back = weight.new_zeros(sectors, 3 * batch, stop - start)
                for level, first, last in how.levels(start, stop):
                    back[..., first - start : last - start].baddbmm_(weight[level], how.basis(level, first, last))
                u, v, w = back.view(sectors, 3, batch, -1).permute(1, 2, 0, 3)
                out = _weighed(u, p, v, e, w if how.sign is None else w * how.sign[:, start:stop], turned)
                for spectrum, index in zip(found, how.scatter, strict=True):
                    place = index[..., start:stop].flatten().expand(batch, -1)
                    spectrum.scatter_(1, place, out.to(spectrum.dtype).flatten(1))
        return *(_adjoint(found, ctx.shape) if found else None for found in into), None, None


def _chunks(how: Plan, batch: int, device: str) -> Iterator[tuple[int, int]]:
    """First and last of the frequencies of a sector that are worked on at once."""
    length, (sectors, columns) = how.index.shape[-1], how.real.shape[:2]
    formed = columns if how.columns[0].ndim == 2 else 0
    step = max((_CHUNK if device == "cpu" else _CHUNK_ELSEWHERE) // (max(4 * batch, formed) * sectors), 256)
    for start in range(0, length, step):
        yield start, min(start + step, length)


def _gather(image: Tensor, index: Tensor, into: Tensor) -> None:
    """Real and imaginary parts (B, 2, S, L) of the plan's frequencies of images (B, *space)."""
    spectrum = torch.view_as_real(torch.fft.rfftn(image, dim=tuple(range(1, image.ndim)))).flatten(1)
    torch.gather(spectrum, 1, index.flatten().expand(len(image), -1), out=into.view(len(image), -1))


def _products(spectra: Tensor) -> Tensor:
    """The squared moduli of P and E, and the real and imaginary parts of E P*, stacked, (4, B, S, l)."""
    real, imaginary = spectra.unbind(2)
    (pr, er), (pi, ei) = real, imaginary
    out = spectra.new_empty((4, *pr.shape))
    torch.mul(real, real, out=out[:2]).addcmul_(imaginary, imaginary)
    torch.mul(er, pr, out=out[2]).addcmul_(ei, pi)
    torch.mul(ei, pr, out=out[3]).addcmul_(er, pi, value=-1)
    return out


def _weighed(u: Tensor, p: Tensor, v: Tensor, e: Tensor, w: Tensor, x: Tensor) -> Tensor:
    """Real and imaginary parts of u P + v E + i w X, (B, 2, S, l)."""
    out = (u.unsqueeze(1) * p).addcmul_(v.unsqueeze(1), e)
    out[:, 0].addcmul_(w, x[:, 1], value=-1)
    out[:, 1].addcmul_(w, x[:, 0])
    return out


def _adjoint(spectra: Sequence[Tensor], shape: torch.Size) -> Tensor:
    """The real images with the sum of these flat half spectra, and its mirror image, as their spectrum."""
    for spectrum in spectra:
        spectrum[:, :2] = 0
    both = spectra[0] if len(spectra) == 1 else spectra[0] + spectra[1]
    spectrum = torch.view_as_complex(both.view(shape[0], shape[-1] // 2 + 1, *shape[1:-1], 2))
    axes = tuple(range(1, len(shape) - 1))
    for column in {0, shape[-1] / 2}:
        if column == int(column):
            own = spectrum[:, int(column)]
            own += own.flip(axes).roll([1] * len(axes), axes).conj()
    spectrum = torch.fft.ifftn(spectrum, dim=[axis + 1 for axis in axes], norm="forward")
    image: Tensor = torch.fft.irfft(spectrum, n=shape[-1], dim=1, norm="forward")
    return image.movedim(1, -1)
