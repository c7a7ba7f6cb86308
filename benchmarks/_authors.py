"""The authors' operations on any device, written anew from the formulas: what ours is divided by.

They keep the published order and sizes of the operations, with one kindness: filters and matrices that the authors'
programs make at every call are made once here.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

LEVELS = 4
ALPHA = 5e-4


@lru_cache
def gains(size: int, orientations: int, dtype: torch.dtype, device: str) -> tuple[Tensor, Tensor, Tensor]:
    """Gain below the first high-pass filter, low gain and band gains of a level of one size, in ``fftshift`` order."""
    from subband.transforms.filters import angular_gain, axis_frequency, radial_pair, radius

    frequency = torch.meshgrid(axis_frequency(size), axis_frequency(size), indexing="ij")
    r = radius(frequency)
    high, low = radial_pair(r, math.pi / 4)
    bands = high * angular_gain(frequency, orientations=orientations)
    return tuple(gain.to(device, dtype) for gain in (radial_pair(r, math.pi / 2)[1], low, bands))


def pyramid(image: Tensor, orientations: int) -> list[Tensor]:
    """Complex bands (B, 1, K, h, w) of each level, all formed in space."""
    like = image.dtype, str(image.device)
    spectrum = torch.fft.fftshift(torch.fft.fft2(image), dim=(-2, -1))
    spectrum = spectrum * gains(image.shape[-1], orientations, *like)[0]
    bands = []
    for _ in range(LEVELS):
        _, low, each = gains(spectrum.shape[-1], orientations, *like)
        bands.append(torch.fft.ifft2(torch.fft.ifftshift(spectrum.unsqueeze(2) * each, dim=(-2, -1))))
        inner = slice(spectrum.shape[-1] // 4, 3 * (spectrum.shape[-1] // 4))
        spectrum = (spectrum * low)[..., inner, inner]
    return bands


def cwmi(prediction: Tensor, target: Tensor, orientations: int) -> Tensor:
    """Mutual-information term: real embedding of the bands, covariances, inverse and Cholesky factor by autograd."""
    total = prediction.new_zeros(())
    for u, v in zip(pyramid(target, orientations), pyramid(prediction, orientations), strict=True):
        y, p = (x - x.mean(-1, keepdim=True) for x in (embedded(u), embedded(v)))
        eye = torch.eye(y.shape[2], dtype=y.dtype, device=y.device)
        cross = y @ p.mT
        inner = y @ y.mT - cross @ torch.linalg.inv(p @ p.mT + ALPHA * eye) @ cross.mT
        factor = torch.linalg.cholesky(inner)
        total = total + (factor.diagonal(dim1=-2, dim2=-1) + 1e-8).log().sum(-1).mean()
    return total


def embedded(bands: Tensor) -> Tensor:
    """Real rows [[Re, Im], [-Im, Re]], (B, C, 2K, 2M)."""
    flat = bands.flatten(3)
    return torch.cat([torch.cat([flat.real, flat.imag], -1), torch.cat([-flat.imag, flat.real], -1)], 2)


def spw(p: Tensor, y: Tensor, orientations: int, weight: float, beta: float) -> Tensor:
    """Map of the moduli of all bands, each level doubled through the spectrum until it is full size; cross-entropy."""
    with torch.no_grad():
        total = torch.zeros_like(y)
        for number, (u, v) in enumerate(zip(pyramid(y, orientations), pyramid(p, orientations), strict=True)):
            feature = u.abs().sum(2) + v.abs().sum(2)
            for _ in range(number):
                feature = _doubled(feature)
            total = total + beta**number * feature
        total = weight * total + 1
    return -(total * y * torch.log(p + 1e-7) + total * (1 - y) * torch.log(1 - p + 1e-7)).mean()


def _doubled(x: Tensor) -> Tensor:
    """Twice the size through the spectrum, then the modulus."""
    h, w = x.shape[-2:]
    shifted = torch.fft.fftshift(torch.fft.rfft2(x), -2)
    padded = shifted.new_zeros(*x.shape[:-2], 2 * h, w + 1)
    padded[..., h // 2 : h // 2 + h, : w // 2 + 1] = shifted
    return torch.fft.irfft2(torch.fft.ifftshift(padded, -2), s=(2 * h, 2 * w)).abs()


def rmi(p: Tensor, t: Tensor) -> Tensor:
    """Half the cross-entropy, and half the region term of both classes: nine shifted copies each, float64 algebra."""
    both_p, both_t = torch.cat([1 - p, p], 1), torch.cat([1 - t, t], 1)
    entropy = F.binary_cross_entropy(both_p.clamp(1e-12, 1), both_t, reduction="sum") / (t.numel() + 1)
    pooled = [F.max_pool2d(x, 3, 3, 1) for x in (both_p, both_t)]
    h, w = (size - 2 for size in pooled[0].shape[2:])
    windows = [
        torch.stack([x[:, :, a : a + h, b : b + w] for a in range(3) for b in range(3)], 2).flatten(3).double()
        for x in pooled
    ]
    pr, la = (x - x.mean(3, keepdim=True) for x in windows)
    eye = torch.eye(9, dtype=pr.dtype, device=pr.device)
    cross = la @ pr.mT
    inner = la @ la.mT - cross @ torch.linalg.inv(pr @ pr.mT + ALPHA * eye) @ cross.mT
    factor = torch.linalg.cholesky(inner + ALPHA * eye)
    region = (factor.diagonal(dim1=-2, dim2=-1) + 1e-8).log().sum(-1) / 9
    return 0.5 * entropy + 0.5 * region.mean(0).sum().to(p.dtype)


def skeleton(x: Tensor, iterations: int = 10) -> Tensor:
    """Soft skeleton by pooling, with an erosion of its own in each opening."""

    def erode(x: Tensor) -> Tensor:
        return torch.min(-F.max_pool2d(-x, (3, 1), 1, (1, 0)), -F.max_pool2d(-x, (1, 3), 1, (0, 1)))

    def opened(x: Tensor) -> Tensor:
        return F.max_pool2d(erode(x), 3, 1, 1)

    found = F.relu(x - opened(x))
    for _ in range(iterations):
        x = erode(x)
        lost = F.relu(x - opened(x))
        found = found + F.relu(lost - found * lost)
    return found


def cldice(p: Tensor, t: Tensor) -> Tensor:
    """Half Dice, half Dice of the skeletons; that of the target is made at every call."""
    line_p, line_t = skeleton(p), skeleton(t)
    precision = ((line_p * t).sum() + 1) / (line_p.sum() + 1)
    recall = ((line_t * p).sum() + 1) / (line_t.sum() + 1)
    dice = 1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)
    return 0.5 * dice + 0.5 * (1 - 2 * precision * recall / (precision + recall))


def weighted_entropy(p: Tensor, t: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy with a weight for each pixel, both logarithms of every pixel."""
    return -(weight * (t * torch.log(p + 1e-7) + (1 - t) * torch.log(1 - p + 1e-7))).mean()


class DenseLowPass(torch.nn.Module):
    """Low band of an image by two dense matrices, which are made row by row and sent to the device at every call."""

    def __init__(self, taps: tuple[float, ...]) -> None:
        super().__init__()
        self.taps = taps

    def forward(self, x: Tensor) -> Tensor:
        """Return x at half its size."""
        rows, columns = (self.matrix(size).to(x.device, x.dtype) for size in x.shape[-2:])
        return rows @ x @ columns.T

    def matrix(self, size: int) -> Tensor:
        """The matrix (size / 2, size); zeros beyond the ends."""
        matrix, before = torch.zeros(size // 2, size), len(self.taps) // 2 - 1
        for row in range(size // 2):
            for number, tap in enumerate(self.taps):
                if 0 <= (column := 2 * row + number - before) < size:
                    matrix[row, column] = tap
        return matrix
