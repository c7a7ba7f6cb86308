"""What CWMI compares its mutual information with: other measures of the same subbands."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from subband.transforms.filters import Grid, Kind
from subband.transforms.steerable import steerable_pyramid

Distance = Literal["l1", "l2", "ssim"]
Part = Literal["magnitude", "phase"]
DISTANCES: tuple[Distance, ...] = ("l1", "l2", "ssim")
PARTS: tuple[Part, ...] = ("magnitude", "phase")


def band_pairs(
    prediction: Tensor, target: Tensor, *, levels: tuple[int, ...], orientations: int, kind: Kind, grid: Grid
) -> list[tuple[Tensor, Tensor]]:
    """Bands (B, C, K, *space) of prediction and target, of each level."""
    pyramid = steerable_pyramid(
        torch.cat([prediction, target]), levels=max(levels), orientations=orientations, kind=kind, grid=grid
    )
    chosen = (pyramid.bands[level - 1] for level in levels)
    return [(bands[: len(prediction)], bands[len(prediction) :]) for bands in chosen]


def band_part(bands: Tensor, part: Part) -> Tensor:
    """Modulus or phase (radians) of complex bands."""
    return bands.abs() if part == "magnitude" else bands.angle()


def band_distance(prediction: Tensor, target: Tensor, distance: Distance, *, eps: float = 1e-12) -> Tensor:
    r"""How far bands (B, C, K, *space) are from each other, one number.

    .. math:: L_1: \overline{\sum_k |U_k - V_k|}, \quad L_2: \overline{\sqrt{\sum_k |U_k - V_k|^2 + \epsilon}}, \quad
              1 - \overline{\mathrm{SSIM}(|U_k|, |V_k|)}

    with means over pixels, and for SSIM over orientations; the moduli are taken of complex bands only.

    Args:
        prediction: Bands U.
        target: Bands V.
        distance: Which.
        eps: Added under the root, so that its gradient is finite where bands are equal.

    Source:
        lurenhaothu/CWMI ``CWMI_loss.py``, ``CW_method``. Departures: the authors add SSIM itself, which makes bands
        differ; ``eps`` is ours.
    """
    if distance == "ssim":
        moduli = (x.abs() if x.is_complex() else x for x in (prediction, target))
        return 1 - _similarity(*(x.flatten(0, 2).unsqueeze(1) for x in moduli))
    difference = prediction - target
    if distance == "l1":
        return difference.abs().sum(2).mean()
    square = torch.view_as_real(difference).square().sum(-1) if difference.is_complex() else difference.square()
    return (square.sum(2) + eps).sqrt().mean()


def _similarity(first: Tensor, second: Tensor) -> Tensor:
    """Mean structural similarity of images (B, 1, *space): Gaussian of 11 samples, deviation 1.5, padded with zeros."""
    mean_f, mean_s = _blur(first), _blur(second)
    var_f, var_s = _blur(first.square()) - mean_f.square(), _blur(second.square()) - mean_s.square()
    both = _blur(first * second) - mean_f * mean_s
    c1, c2 = 1e-4, 9e-4
    upper = (2 * mean_f * mean_s + c1) * (2 * both + c2)
    return (upper / ((mean_f.square() + mean_s.square() + c1) * (var_f + var_s + c2))).mean()


def _blur(image: Tensor) -> Tensor:
    weight = torch.exp(-(torch.arange(-5, 6, dtype=image.dtype, device=image.device).square()) / (2 * 1.5**2))
    weight = weight / weight.sum()
    dims = image.ndim - 2
    convolve = F.conv2d if dims == 2 else F.conv3d
    for axis in range(dims):
        shape = [11 if i == axis else 1 for i in range(dims)]
        image = convolve(image, weight.reshape(1, 1, *shape), padding=tuple(5 if i == axis else 0 for i in range(dims)))
    return image
