import math

import pytest
import torch

from subband.losses.segmentation.spw_single import _band, single_band_weight_loss
from subband.transforms.filters import angular_gain, axis_frequency

ALPHA = 2**3 * 6 / math.sqrt(4 * 720)


def pair(*size, channels=1, seed=3):
    generator = torch.Generator().manual_seed(seed)
    p = torch.rand(2, channels, *size, generator=generator, dtype=torch.float64).clamp(0.01, 0.99)
    return p, (torch.rand(2, channels, *size, generator=generator) > 0.6).double()


@pytest.mark.parametrize("grid", ["exact", "authors"])
@pytest.mark.parametrize("size", [(16, 20), (15, 21), (6, 7, 8)])
def test_band_is_the_real_part_of_the_sum_of_complex_bands(size, grid):
    image = pair(*size)[0]
    frequency = []
    for axis, n in enumerate(size):
        place = [1] * len(size)
        place[axis] = -1
        frequency.append(axis_frequency(n, grid=grid).reshape(place))
    gains = angular_gain(frequency, orientations=3)
    r = sum(f.square() for f in frequency).sqrt()
    if grid == "authors":
        gains[(slice(None), *(n // 2 - 1 for n in size))] = 0
    gain = torch.where((r < math.pi / 32 - 1e-6) | (r > math.pi + 1e-6), 0, gains).sum(0)
    axes = tuple(range(2, image.ndim))
    expected = torch.fft.ifftn(torch.fft.fftn(image, dim=axes) * torch.fft.ifftshift(gain), dim=axes).real
    assert (_band(image, 3, grid) - expected).abs().max() < (1e-10 if grid == "exact" else 1e-5)


def test_a_grating_by_hand():
    """Its even bands add up to alpha (1 + 2 (1/8)^(1/2)) times the wave; the weight is fixed."""
    wave = 0.5 + 0.25 * torch.cos(math.pi / 2 * torch.arange(16, dtype=torch.float64))
    p = wave[:, None].expand(16, 16)[None, None].contiguous().requires_grad_()
    y = torch.ones_like(p).detach()
    band = ALPHA * (1 + 2 * 0.5**1.5) * (wave - 0.5)
    weight = 10 * (1 - torch.exp(-band.square() / (2 * 0.1**2)))
    loss = single_band_weight_loss(p, y)
    assert torch.allclose(loss, -(weight * torch.log(wave + 1e-7)).mean())
    gradient = torch.autograd.grad(loss, p)[0]
    assert torch.allclose(gradient[0, 0], (-weight / (wave + 1e-7) / 256)[:, None].expand(16, 16))


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 3), (9, 10, 11)])
def test_finite_for_any_size_and_zero_without_difference(size):
    p, y = pair(*size)
    p.requires_grad_()
    loss = single_band_weight_loss(p, y)
    assert loss.isfinite()
    assert torch.autograd.grad(loss, p)[0].isfinite().all()
    assert single_band_weight_loss(y, y) == 0


def test_classes_add_their_maps():
    p, y = pair(12, 9, channels=3)
    likelihood = (y * (p + 1e-7).log()).sum(1, keepdim=True)
    weight = sum(
        10 * (1 - torch.exp(-_band((y - p)[:, c : c + 1], 4, "exact").square() / (2 * 0.1**2))) for c in range(3)
    )
    assert torch.allclose(single_band_weight_loss(p, y), -(weight * likelihood).mean())


@pytest.mark.message
def test_wrong_options_are_refused():
    p, y = pair(4, 4)
    with pytest.raises(ValueError, match="grid is 'none', but must be one of exact, authors"):
        single_band_weight_loss(p, y, grid="none")
    with pytest.raises(ValueError, match="sigma is -1, but must be greater than 0"):
        single_band_weight_loss(p, y, sigma=-1)
