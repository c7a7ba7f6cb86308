"""The one-band forerunner of SPW, in the authors' repository as ``SW_loss``; in no published table."""

import math
from functools import lru_cache

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from subband._check import one_of, positive
from subband.losses.segmentation._inputs import from_probability
from subband.losses.segmentation.cross_entropy import cross_entropy
from subband.transforms.filters import GRIDS, Grid, angular_gain, axis_frequency, radius
from subband.transforms.resample import spectrum_axes


def single_band_weight_loss(
    probability: Float[Tensor, "batch classes *space"],
    target: Shaped[Tensor, "batch classes *space"],
    *,
    orientations: int = 4,
    weight: float = 10.0,
    sigma: float = 0.1,
    grid: Grid = "exact",
) -> Float[Tensor, ""]:
    r"""Cross-entropy where one wide oriented band of target and prediction differs.

    .. math:: -\frac{1}{n} \sum_x W \sum_c t_c \log p_c, \qquad
              W = w \Big(1 - \exp\frac{-(s_y - s_p)^2}{2 \sigma^2}\Big), \qquad s = \sum_k \mathrm{Re}\, b_k

    with :math:`b_k` the complex subbands without radial filter between :math:`\pi / 32` and :math:`\pi`. W is not
    differentiated; where the bands agree there is no gradient.

    Args:
        probability: Class probabilities (B, C, *space) in [0, 1]; C = 1 is the foreground of two classes.
        target: One-hot or soft target of the same shape.
        orientations: Number K of orientations; in 3-D 1 to 5, which are 1, 3, 6, 16 and 16 axes.
        weight: Factor w of the map.
        sigma: Difference of the bands that counts as large, in units of the image.
        grid: ``"exact"`` frequencies, or ``"authors"`` for the published ones.

    Returns:
        A scalar >= 0, in nats per pixel.

    Raises:
        ValueError: If shapes or options do not fit.

    Source:
        lurenhaothu/SPW ``model/SPW_loss/SW_loss.py``, whose constructor does not pass its ``sigma`` on. Departures: the
        exact grid; more classes, whose maps are added.

    Example:
        >>> import torch
        >>> mask = torch.zeros(1, 1, 32, 32)
        >>> mask[..., 8:20, 10:14] = 1
        >>> float(single_band_weight_loss(mask, mask)), float(single_band_weight_loss(1 - mask, mask)) > 1
        (0.0, True)
    """
    positive(orientations=orientations, sigma=sigma)
    one_of("grid", grid, GRIDS)
    with torch.autocast(probability.device.type, enabled=False):
        inputs = from_probability(probability, target)
        p, y = inputs.structures
        with torch.no_grad():
            bands = _band(y - p, orientations, grid)
            weights = weight * -torch.expm1(bands.square() / (-2 * sigma**2))
        return cross_entropy(inputs, weights.sum(1, keepdim=True))


def _band(x: Tensor, orientations: int, grid: Grid) -> Tensor:
    size = tuple(x.shape[2:])
    axes = spectrum_axes(size)
    gain = _gain(size, orientations, grid).to(x.device, x.dtype)
    band: Tensor = torch.fft.irfftn(torch.fft.rfftn(x, dim=axes) * gain, s=size, dim=axes)
    return band


@lru_cache(maxsize=4)
def _gain(size: tuple[int, ...], orientations: int, grid: Grid) -> Tensor:
    """Gain of the real part of the band in the order of ``rfftn``: the mean over f and -f.

    Radii are compared in float32 on the authors' grid, as published, because some lie on the limits.
    """
    with torch.inference_mode(False), torch.no_grad():
        dtype = torch.float32 if grid == "authors" else torch.float64
        frequency = []
        for axis, n in enumerate(size):
            place = [1] * len(size)
            place[axis] = -1
            frequency.append(torch.fft.ifftshift(axis_frequency(n, grid=grid, dtype=dtype)).reshape(place))
        gain = angular_gain(frequency, orientations=orientations).sum(0)
        if grid == "authors":
            gain[(-1,) * len(size)] = 0
        r = radius(frequency)
        limits = torch.tensor([math.pi / 32, math.pi], dtype=dtype)
        gain = torch.where((r < limits[0]) | (r > limits[1]), 0, gain)
        axes = spectrum_axes(size)
        mirrored = gain.flip(axes).roll([1] * len(size), axes)
        return ((gain + mirrored) / 2)[..., : size[-1] // 2 + 1]
