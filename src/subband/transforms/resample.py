"""Fewer or more samples of the same signal, by cropping its discrete spectrum or filling it up with zeros.

Spectra are in the order of `torch.fft.fftn` over the last axes, or of `torch.fft.rfftn` where ``half`` is true (the
last axis then holds the bins from 0 up). Their values are not scaled.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def spectrum_axes(size: Sequence[int]) -> tuple[int, ...]:
    """The last ``len(size)`` axes, counted from the end."""
    return tuple(range(-len(size), 0))


def full_spectrum(half: Tensor, size: Sequence[int]) -> Tensor:
    """The ``fftn`` of real signals of shape (..., *size) from their ``rfftn``."""
    axes = spectrum_axes(size)
    missing = half.narrow(-1, 1, size[-1] - half.shape[-1]).conj().flip(axes)
    if len(axes) > 1:
        missing = missing.roll([1] * (len(axes) - 1), axes[:-1])
    return torch.cat([half, missing], -1)


def crop_spectrum(spectrum: Tensor, size: Sequence[int], *, half: bool = False) -> Tensor:
    """Keep the bins of signals of shape (..., *size); of a pair of bins +-n/2 only the negative one."""
    for axis, n in zip(spectrum_axes(size), size, strict=True):
        if half and axis == -1:
            spectrum = spectrum.narrow(axis, 0, n // 2 + 1)
        elif n < spectrum.shape[axis]:
            upper = n // 2
            ends = spectrum.narrow(axis, 0, n - upper), spectrum.narrow(axis, spectrum.shape[axis] - upper, upper)
            spectrum = torch.cat(ends, axis)
    return spectrum


def pad_spectrum(spectrum: Tensor, old: Sequence[int], new: Sequence[int], *, half: bool = False) -> Tensor:
    """Bring the spectrum of signals of shape (..., *old) to (..., *new); bin n/2 goes evenly to both its signs."""
    for axis, n, m in zip(spectrum_axes(old), old, new, strict=True):
        if n < m:
            spectrum = _pad_axis(spectrum, axis, n, m, half and axis == -1)
    return spectrum


def authors_crop(spectrum: Tensor, dims: int) -> Tensor:
    """The published code's crop to half the size, ``h // 4 : h // 4 * 3`` of the shifted spectrum."""
    axes = tuple(range(-dims, 0))
    spectrum = torch.fft.fftshift(spectrum, axes)
    for axis in axes:
        quarter = spectrum.shape[axis] // 4
        spectrum = spectrum.narrow(axis, quarter, 2 * quarter)
    cropped: Tensor = torch.fft.ifftshift(spectrum, axes)
    return cropped


def authors_pad(spectrum: Tensor, new: Sequence[int]) -> Tensor:
    """The published code's way back from `authors_crop` to the shape (..., *new)."""
    axes = spectrum_axes(new)
    padding: list[int] = []
    for m, n in zip(reversed(new), reversed(spectrum.shape), strict=False):
        padding += [m // 4, m - m // 4 - n]
    padded: Tensor = torch.fft.ifftshift(F.pad(torch.fft.fftshift(spectrum, axes), padding), axes)
    return padded


def _pad_axis(spectrum: Tensor, axis: int, old: int, new: int, half: bool) -> Tensor:
    below = (old + 1) // 2
    middle = [spectrum.narrow(axis, below, 1) / 2] if old % 2 == 0 else []
    upper = [] if half else [*middle, spectrum.narrow(axis, old - below + 1, below - 1)]
    shape = list(spectrum.shape)
    shape[axis] = (new // 2 + 1 if half else new) - below - len(middle) - sum(part.shape[axis] for part in upper)
    return torch.cat([spectrum.narrow(axis, 0, below), *middle, spectrum.new_zeros(shape), *upper], axis)
