"""Sums over taps along one axis and their transposes, against the sums written as a matrix."""

import pytest
import torch

from subband.transforms._axis import Filtering, analyse, transpose
from subband.transforms._border import MODES, border_terms, periodic_around, zeros_around
from subband.transforms._correlate import every, in_turn


def matrix(n, taps, filtering):
    """Row k: taps at 2k + dm - o, those beyond the ends put where the mode has their samples from."""
    count = (filtering.before + n + filtering.after - filtering.dilation * (len(taps) - 1) - 1) // filtering.step + 1
    rows = torch.zeros(count, n, dtype=torch.float64)
    for k in range(count):
        for m, tap in enumerate(taps):
            at = filtering.step * k + filtering.dilation * m - filtering.before
            inside = [(torch.tensor([at]), None)] if 0 <= at < n else []
            for index, factor in inside or border_terms(torch.tensor([at]), n, filtering.mode):
                rows[k, index] += tap * (1 if factor is None else factor.double())
    return rows


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("n", [1, 2, 5, 8])
@pytest.mark.parametrize(
    ("taps", "before", "after", "step", "dilation"),
    [(2, 0, 1, 2, 1), (4, 1, 2, 2, 1), (6, 2, 2, 2, 1), (4, 2, 3, 2, 1), (4, 2, 4, 1, 2)],
)
def test_sums_and_transposes_are_the_matrix(mode, n, taps, before, after, step, dilation):
    filtering = Filtering(mode, before, after, step, dilation)
    if before + n + after <= dilation * (taps - 1):
        pytest.skip("no position fits")
    filters = [tuple(torch.randn(taps, generator=torch.Generator().manual_seed(seed)).tolist()) for seed in (1, 2)]
    x = torch.randn((n, 3), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    rows = [matrix(n, one, filtering) for one in filters]
    bands = analyse(x, 0, filters, filtering)
    for band, wanted in zip(bands, rows, strict=True):
        assert torch.allclose(band, wanted @ x, atol=1e-12)
    back = transpose(bands, 0, filters, n, filtering)
    assert torch.allclose(back, sum(one.t() @ band for one, band in zip(rows, bands, strict=True)), atol=1e-11)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_samples_around_a_band(count):
    band = torch.arange(count).float().reshape(1, count)
    assert periodic_around(band, 1, 0, 0) is band
    assert zeros_around(band, 1, 0, 0) is band
    assert periodic_around(band, 1, 3, 4)[0].tolist() == [float(place % count) for place in range(-3, count + 4)]
    assert zeros_around(band, 1, 2, 1)[0].tolist() == [0, 0, *range(count), 0]


@pytest.mark.parametrize("first", [0, 1, 2, 3])
@pytest.mark.parametrize("learns", [False, True])
def test_planes_in_turn(first, learns):
    x = torch.arange(12.0).requires_grad_(learns)
    planes = [every(x, 0, plane, 2) for plane in (0, 1)]
    for count in (1, 4, 7):
        assert torch.equal(in_turn(planes, 0, first, count), x[first : first + count])
    assert torch.equal(in_turn([x], 0, first, 5), x[first : first + 5])
