"""What is lost where a network halves an image: by a shift, by noise, and on the way back."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from subband.transforms import dwt, idwt

Halve: TypeAlias = Callable[[Tensor], Tensor]
SIGMA = 0.1
"""Deviation of the noise, as a part of the intensity range."""


@dataclass(frozen=True)
class Moved:
    """What a shift of the image by one pixel does to its half.

    Attributes:
        still: Half of the image (H / 2, W / 2).
        moved: Half of the image after the shift.
        error: ``moved`` less ``still`` shifted by half a sample.
        percent: Root mean square of ``error``, in per cent of the deviation of ``still``.
    """

    still: Tensor
    moved: Tensor
    error: Tensor
    percent: float


@dataclass(frozen=True)
class Noisy:
    """What noise does to the half of an image.

    Attributes:
        half: Half of the noisy image (H / 2, W / 2).
        error: ``half`` less the half of the clean image.
        percent: Deviation of ``error``, in per cent of that of the noise.
        brighter: Mean of ``error``, in grey levels of 255.
    """

    half: Tensor
    error: Tensor
    percent: float
    brighter: float


@dataclass(frozen=True)
class Back:
    """An image that was halved and brought back.

    Attributes:
        image: The result (H, W).
        error: ``image`` less the original.
        kept: What was kept for the way back.
        psnr: Peak signal-to-noise ratio, in dB, for a peak of 1; infinite without any error.
    """

    image: Tensor
    error: Tensor
    kept: str
    psnr: float


def halvers(wavelet: str) -> dict[str, Halve]:
    """Ways to halve an image (H, W) of even sizes; all keep the mean of a constant one."""
    return {
        "max-pool": lambda x: F.max_pool2d(x[None, None], 2)[0, 0],
        "stride 2": lambda x: x[::2, ::2],
        "average": lambda x: F.avg_pool2d(x[None, None], 2)[0, 0],
        f"{wavelet} low": lambda x: dwt(x, wavelet)["aa"] / 2,
    }


def shifted(halve: Halve, image: Tensor) -> Moved:
    r"""Compare the half of an image moved one pixel to the right with the half of the image.

    .. math:: 100 \, \mathrm{rms}(D S x - S_{1/2} D x) / \sigma(D x)

    D halves, S moves by a pixel, :math:`S_{1/2}` by half a sample of the half, through the Fourier transform. The image
    is mirrored at its right border, so that the circular shifts tear nothing apart. The value is 0 for every filter
    that lets nothing above half the highest frequency pass, and measures what is folded down from there.
    """
    doubled = torch.cat((image, image.flip(1)), 1)
    still, moved = halve(doubled), halve(doubled.roll(1, 1))
    frequencies = torch.fft.rfftfreq(still.shape[1], dtype=image.dtype)
    turn = torch.polar(torch.ones_like(frequencies), -math.pi * frequencies)
    expected = torch.fft.irfft(torch.fft.rfft(still) * turn, n=still.shape[1])
    width = image.shape[1] // 2
    error = (moved - expected)[:, :width]
    still = still[:, :width]
    return Moved(still, moved[:, :width], error, _percent(_rms(error), still.std(correction=0).item()))


def noisy(halve: Halve, image: Tensor, *, seed: int = 0) -> Noisy:
    """Compare the half of an image with normal noise of deviation `SIGMA` with the half of the clean one."""
    generator = torch.Generator().manual_seed(seed)
    noise = SIGMA * torch.randn(image.shape, dtype=image.dtype, generator=generator)
    half = halve(image + noise)
    error = half - halve(image)
    return Noisy(half, error, _percent(error.std(correction=0).item(), SIGMA), 255 * error.mean().item())


def ways_back(image: Tensor, wavelet: str) -> dict[str, Back]:
    """Halve an image (H, W) of even sizes, and bring it back, in float32 as a network does."""
    x = image.float()[None, None]
    largest, places = F.max_pool2d(x, 2, return_indices=True)
    bands = dwt(x, wavelet)
    found = {
        "max-pool, unpool": (F.max_unpool2d(largest, places, (2, 2)), "1/4, and its places"),
        "max-pool, repeat": (F.interpolate(largest, scale_factor=2), "1/4"),
        f"{wavelet} low, IDWT": (idwt({"aa": bands["aa"]}, wavelet), "1/4"),
        f"{wavelet} all, IDWT": (idwt(bands, wavelet), "all, as four quarters"),
    }
    return {name: _back(result[0, 0], x[0, 0], kept) for name, (result, kept) in found.items()}


def _back(result: Tensor, image: Tensor, kept: str) -> Back:
    error = result - image
    rms = _rms(error.double())
    return Back(result, error, kept, -20 * math.log10(rms) if rms > 0 else math.inf)


def _rms(x: Tensor) -> float:
    return math.sqrt(x.square().mean().item())


def _percent(part: float, whole: float) -> float:
    return 100 * part / whole if whole > 0 else 0.0
