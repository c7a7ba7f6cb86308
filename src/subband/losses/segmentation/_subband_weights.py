"""The weight map of SPW: amplitudes of steerable subbands of target and prediction, brought to full size and added."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from subband._check import one_of, positive
from subband.transforms._gains import Gains, pyramid_gains
from subband.transforms.filters import GRIDS, Grid
from subband.transforms.resample import authors_crop, crop_spectrum, full_spectrum, pad_spectrum, spectrum_axes

Variant = Literal["head", "paper", "paper_mask_only", "gauss"]
VARIANTS: tuple[Variant, ...] = ("head", "paper", "paper_mask_only", "gauss")

_CHUNK = 1 << 18
"""Pixels transformed at once on a CPU, so that what a transform reads and writes stays in its cache."""


@dataclass(frozen=True)
class SubbandWeights:
    """Options of the map, see `subband.losses.segmentation.spw.spw_loss`."""

    levels: int
    orientations: int
    beta: float
    weight: float
    variant: Variant
    sigma: float
    grid: Grid

    def __post_init__(self) -> None:
        positive(levels=self.levels, orientations=self.orientations, sigma=self.sigma)
        one_of("variant", self.variant, VARIANTS)
        one_of("grid", self.grid, GRIDS)

    @torch.no_grad()
    def of(self, p: Tensor, y: Tensor, kept: Sequence[Tensor] | None = None) -> Tensor:
        """The map (B, 1, *space) of a prediction and a target (B, C, *space), added up over their channels.

        ``kept`` is what `of_target` made of the target.
        """
        size = tuple(y.shape[2:])
        gains = self._gains(y)
        if self.grid == "authors" and any(n % 4 for level in gains.sizes[:-2] for n in level):
            raise ValueError(
                f"grid='authors' with {self.levels} levels cannot bring the levels of the size {size} back to it; "
                f"use grid='exact', or sizes divisible by {2**self.levels}"
            )
        mask = self.of_target(y) if kept is None else [a.to(y) for a in kept]
        total = y.new_zeros(len(y), 1, *size)
        for features in self._features(p, mask, gains):
            for part in _parts(y, len(y)):
                total[part, 0] += self._spread([f[part].sum(1) for f in features], gains.sizes)
        return total.mul_(self.weight)

    @torch.no_grad()
    def of_target(self, y: Tensor) -> list[Tensor]:
        """The half of the work that a target (B, C, *space) asks for: its amplitudes (B, C, *sizes[n])."""
        return amplitudes(y, self._gains(y), self.grid, self.variant != "head")

    def _gains(self, y: Tensor) -> Gains:
        size = tuple(y.shape[2:])
        return pyramid_gains(size, self.levels, self.orientations, "complex", self.grid, False, y.device, y.dtype)

    def _features(self, p: Tensor, mask: Sequence[Tensor], gains: Gains) -> list[list[Tensor]]:
        """What the levels weigh by, (B, C, *sizes[n]) each; lists that the authors bring to full size one by one."""
        if self.variant == "paper_mask_only":
            return [list(mask)]
        prediction = amplitudes(p, gains, self.grid, self.variant != "head")
        if self.variant == "gauss":
            pairs = zip(mask, prediction, strict=True)
            return [[1 - torch.exp((a - b).square() / (-2 * self.sigma**2)) for a, b in pairs]]
        if self.variant == "paper" and self.grid == "authors":
            return [list(mask), prediction]
        return [[b.add_(a) for a, b in zip(mask, prediction, strict=True)]]

    def _spread(self, features: Sequence[Tensor], sizes: Sequence[tuple[int, ...]]) -> Tensor:
        """The sum of the levels (B, *sizes[n]) at full size, the nth times beta^(n-1)."""
        if self.grid == "authors":
            total = features[0]
            for number in range(1, len(features)):
                grown = features[number]
                for _ in range(number):
                    grown = _authors_double(grown)
                total = total + self.beta**number * grown
            return total
        axes = spectrum_axes(sizes[0])
        spectrum: Tensor | None = None
        for number in range(len(features) - 1, 0, -1):
            own = self.beta**number * torch.fft.rfftn(features[number], dim=axes)
            own = own if spectrum is None else own + spectrum
            spectrum = pad_spectrum(own, sizes[number], sizes[number - 1], half=True)
        if spectrum is None:
            return features[0]
        spread: Tensor = torch.fft.irfftn(spectrum, s=sizes[0], dim=axes)
        return spread.add_(features[0]).clamp_min_(0)


def amplitudes(images: Tensor, gains: Gains, grid: Grid, joint: bool) -> list[Tensor]:
    """Amplitudes (B, C, *sizes[n]) of images (B, C, *space) at each level.

    The amplitude is the sum of the moduli of the oriented bands, or the modulus of their sum where ``joint``.
    """
    lead, size = images.shape[:2], tuple(images.shape[2:])
    bands = [band.sum(0, keepdim=True) if joint else band for band in gains.bands]
    sums = [images.new_zeros(lead.numel(), *level) for level in gains.sizes[:-1]]
    axes = spectrum_axes(size)
    for part in _parts(images, lead.numel()):
        spectrum = full_spectrum(torch.fft.rfftn(images.flatten(0, 1)[part], dim=axes), size)
        for number, (band, total) in enumerate(zip(bands, sums, strict=True)):
            if number and grid == "exact":
                spectrum = crop_spectrum(spectrum, gains.sizes[number])
            elif number:
                spectrum = authors_crop(spectrum, len(size))
            for gain in band:
                total[part] += _modulus(torch.fft.ifftn(spectrum * gain, dim=axes))
    return [total.reshape(*lead, *total.shape[1:]) for total in sums]


def _parts(x: Tensor, count: int) -> list[slice]:
    """Slices of ``count`` images of the size of x (B, C, *space)."""
    step = max(_CHUNK // x.shape[2:].numel(), 1) if x.device.type == "cpu" else count
    return [slice(start, start + step) for start in range(0, count, step)]


def _modulus(z: Tensor) -> Tensor:
    """The modulus of z, which is overwritten; faster than `torch.abs`, which guards against overflow."""
    parts = torch.view_as_real(z)
    parts.mul_(parts)
    return (parts[..., 0] + parts[..., 1]).sqrt_()


def _authors_double(x: Tensor) -> Tensor:
    """The published code's upsampling by 2: bin -n/2 of a row is not shared with +n/2, and the modulus is taken."""
    size = x.shape[1:]
    spectrum = F.pad(torch.fft.rfftn(x, dim=spectrum_axes(size)), (0, size[-1] // 2))
    for axis, n in enumerate(size[:-1], 1):
        lower, upper = spectrum.narrow(axis, 0, n // 2), spectrum.narrow(axis, n // 2, n // 2)
        spectrum = torch.cat([lower, torch.zeros_like(spectrum), upper], axis)
    doubled: Tensor = torch.fft.irfftn(spectrum, s=[2 * n for n in size], dim=spectrum_axes(size))
    return doubled.abs()
