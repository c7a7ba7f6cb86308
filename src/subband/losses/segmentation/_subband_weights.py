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
"""Pixels transformed at once on a CPU, so that a band stays in its cache."""


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
    def of(self, p: Tensor, y: Tensor) -> Tensor:
        """The map (B, 1, *space) of a prediction and a target (B, C, *space), added up over their channels."""
        size = tuple(y.shape[2:])
        gains = pyramid_gains(size, self.levels, self.orientations, "complex", self.grid, False, y.device, y.dtype)
        if self.grid == "authors" and any(n % 4 for level in gains.sizes[:-2] for n in level):
            raise ValueError(
                f"grid='authors' with {self.levels} levels cannot bring the levels of the size {size} back to it; "
                f"use grid='exact', or sizes divisible by {2**self.levels}"
            )
        total = y.new_zeros(len(y), 1, *size)
        for features in self._features(p, y, gains):
            total += self._spread([f.sum(1) for f in features], gains.sizes).unsqueeze(1)
        return total.mul_(self.weight)

    def _features(self, p: Tensor, y: Tensor, gains: Gains) -> list[list[Tensor]]:
        """What the levels weigh by, (B, C, *sizes[n]) each; lists that the authors bring to full size one by one."""
        joint = self.variant != "head"
        if self.variant == "gauss":
            pair = (amplitudes([x], gains, self.grid, joint) for x in (y, p))
            return [[1 - torch.exp((a - b).square() / (-2 * self.sigma**2)) for a, b in zip(*pair, strict=True)]]
        images = [y] if self.variant == "paper_mask_only" else [y, p]
        if self.variant == "paper" and self.grid == "authors":
            return [amplitudes([x], gains, self.grid, joint) for x in images]
        return [amplitudes(images, gains, self.grid, joint)]

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


def amplitudes(images: Sequence[Tensor], gains: Gains, grid: Grid, joint: bool) -> list[Tensor]:
    """Sums over the images (B, C, *space) of their amplitudes (B, C, *sizes[n]) at each level.

    The amplitude is the sum of the moduli of the oriented bands, or the modulus of their sum where ``joint``.
    """
    lead, size = images[0].shape[:2], tuple(images[0].shape[2:])
    bands = [band.sum(0, keepdim=True) if joint else band for band in gains.bands]
    sums = [images[0].new_zeros(lead.numel(), *level) for level in gains.sizes[:-1]]
    step = max(_CHUNK // gains.high.numel(), 1) if images[0].device.type == "cpu" else lead.numel()
    axes = spectrum_axes(size)
    for x in images:
        for start in range(0, lead.numel(), step):
            spectrum = full_spectrum(torch.fft.rfftn(x.flatten(0, 1)[start : start + step], dim=axes), size)
            for number, (band, total) in enumerate(zip(bands, sums, strict=True)):
                if number and grid == "exact":
                    spectrum = crop_spectrum(spectrum, gains.sizes[number])
                elif number:
                    spectrum = authors_crop(spectrum, len(size))
                for gain in band:
                    total[start : start + step] += _modulus(torch.fft.ifftn(spectrum * gain, dim=axes))
    return [total.reshape(*lead, *total.shape[1:]) for total in sums]


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
