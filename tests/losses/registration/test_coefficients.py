import math
from dataclasses import replace

import pytest
import torch

from subband.losses.registration import CoefficientLoss, coefficient_loss
from subband.transforms import wavedec, waverec


def coefficients_of(generator, space=(16, 8, 24), wavelet="haar", level=3):
    vectors = torch.randn(2, len(space), *space, generator=generator, dtype=torch.double)
    return vectors, wavedec(vectors, wavelet, dims=len(space), level=level)


@pytest.mark.parametrize("order", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("space", [(16, 8, 24), (16, 24)])
def test_is_the_sum_over_pywavelets_bands(generator, space, order):
    import pywt

    vectors, coefficients = coefficients_of(generator, space)
    axes = tuple(range(2, vectors.ndim))
    _, *details = pywt.wavedecn(vectors.numpy(), "haar", "periodization", level=3, axes=axes)
    total = 0.0
    for level, bands in zip((3, 2, 1), details, strict=True):
        total += sum((band**2).sum() for band in bands.values()) * 2 ** (-2 * order * level)
    assert coefficient_loss(coefficients, order=order).item() == pytest.approx(total / vectors.numel())


def test_by_hand():
    """Rows of 0, 4, 4, 4: on level 1 two details of -4 in four of them, on level 2 one of (4 - 8) / 2 * 2."""
    vectors = torch.tensor([0.0, 4.0, 4.0, 4.0])[:, None].expand(1, 1, 4, 4)
    found = coefficient_loss(wavedec(vectors, "haar", level=2))
    fine, coarse = 2 * (-4.0) ** 2, (4.0 - 8.0) ** 2
    assert found.item() == pytest.approx((fine / 4 + coarse / 16) / 16)


@pytest.mark.parametrize("wavelet", ["haar", "db4"])
def test_order_zero_is_the_energy_above_the_low_pass_part(generator, wavelet):
    vectors, coefficients = coefficients_of(generator, (32, 16, 32), wavelet, level=2)
    nothing = tuple({name: torch.zeros_like(band) for name, band in bands.items()} for bands in coefficients.details)
    smooth = waverec(replace(coefficients, details=nothing))
    torch.testing.assert_close(coefficient_loss(coefficients, order=0), (vectors - smooth).square().mean())


def test_fast_waves_cost_more_as_their_derivatives_do():
    """Waves of 6 and 12 periods, each in the middle of the octave of a level."""
    x = torch.arange(256, dtype=torch.double) * 2 * math.pi / 256
    costs = [
        [
            coefficient_loss(wavedec((k * x).sin().expand(1, 1, 256), "db4", dims=1, level=6), order=s).item()
            for k in (6, 12)
        ]
        for s in (1.0, 2.0)
    ]
    assert costs[0][1] / costs[0][0] == pytest.approx(4, rel=0.1)
    assert costs[1][1] / costs[1][0] == pytest.approx(16, rel=0.1)


def test_constant_fields_cost_nothing():
    vectors = torch.full((1, 3, 8, 9, 10), 3.0, dtype=torch.double)
    assert coefficient_loss(wavedec(vectors, "haar", dims=3, level=2)) < 1e-20


def test_gradient(generator):
    _, coefficients = coefficients_of(generator, (8, 4), level=2)
    bands = [band.clone().requires_grad_() for band in coefficients.details[0].values()]

    def of(*bands):
        coarse = dict(zip(coefficients.details[0], bands, strict=True))
        return coefficient_loss(replace(coefficients, details=(coarse, *coefficients.details[1:])))

    assert torch.autograd.gradcheck(of, bands, fast_mode=True)


def test_the_module_remembers_its_option(generator):
    _, coefficients = coefficients_of(generator)
    assert CoefficientLoss(order=2.0)(coefficients) == coefficient_loss(coefficients, order=2.0)
    assert (
        CoefficientLoss()(coefficients) == coefficient_loss(coefficients) != coefficient_loss(coefficients, order=2.0)
    )


@pytest.mark.message
def test_refuses(generator):
    with pytest.raises(ValueError, match=r"order is -1\.0, but must be 0 or greater"):
        CoefficientLoss(order=-1.0)
    _, coefficients = coefficients_of(generator)
    with pytest.raises(ValueError, match="the coefficients have no details; take at least one level"):
        coefficient_loss(replace(coefficients, details=()))
