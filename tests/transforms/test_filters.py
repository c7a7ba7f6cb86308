import math

import pytest
import torch

from subband.transforms.filters import (
    angular_gain,
    axis_frequency,
    directions,
    high_gain,
    level_gain,
    low_gain,
    radial_pair,
    radius,
)

ORIENTATIONS = [(2, k) for k in (1, 2, 3, 4, 5, 12)] + [(3, k) for k in (1, 2, 3, 4, 5)]


def scattered(dims, generator, count=500):
    """Frequencies in general directions, none on the edge of a half plane."""
    return torch.randn(dims, count, dtype=torch.float64, generator=generator).unbind()


@pytest.mark.parametrize("size", [1, 2, 5, 8, 33])
def test_exact_axis_is_the_discrete_fourier_transforms(size):
    expected = torch.fft.fftshift(torch.fft.fftfreq(size, dtype=torch.float64)) * 2 * math.pi
    assert torch.allclose(axis_frequency(size), expected, atol=1e-15)


@pytest.mark.parametrize("size", [2, 8, 64])
def test_authors_axis_of_even_size_is_one_bin_further(size):
    assert torch.allclose(axis_frequency(size, grid="authors"), axis_frequency(size) + 2 * math.pi / size, atol=1e-14)


def test_authors_axis_of_odd_size_has_no_zero():
    axis = axis_frequency(5, grid="authors")
    assert torch.allclose(axis, torch.linspace(-math.pi / 2, math.pi, 5, dtype=torch.float64))
    assert (axis.abs() > 0.3).all()


def test_radial_pair_by_hand():
    high, low = radial_pair(torch.tensor([0.0, 1.0, 2**0.5, 2.0, 9.0], dtype=torch.float64), 1.0)
    half = math.sqrt(0.5)
    assert torch.allclose(high, torch.tensor([0.0, 0.0, half, 1.0, 1.0], dtype=torch.float64))
    assert torch.allclose(low, torch.tensor([1.0, 1.0, half, 0.0, 0.0], dtype=torch.float64))


def test_radius_of_broadcast_components():
    r = radius([torch.tensor([[3.0], [0.0]]), torch.tensor([[4.0, 0.0]])])
    assert r.tolist() == [[5.0, 3.0], [4.0, 0.0]]


@pytest.mark.parametrize("levels", [1, 2, 5])
def test_squared_radial_gains_add_up_to_one(levels):
    r = torch.linspace(0, 5, 1001, dtype=torch.float64)
    total = high_gain(r).square() + low_gain(r, levels).square()
    total = total + sum(level_gain(r, level).square() for level in range(1, levels + 1))
    assert (total - 1).abs().max() < 1e-12


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_level_lies_within_two_octaves(level):
    r = torch.linspace(0, math.pi, 2049, dtype=torch.float64)
    gain = level_gain(r, level)
    upper = math.pi / 2 ** (level - 1)
    assert gain[(r <= upper / 4) | (r > upper)].abs().max() < 1e-12
    assert level_gain(torch.tensor([upper / 2], dtype=torch.float64), level).item() == pytest.approx(1)


@pytest.mark.parametrize("kind", ["steerable", "even"])
@pytest.mark.parametrize(("dims", "orientations"), ORIENTATIONS)
def test_squared_angular_gains_add_up_to_one(dims, orientations, kind, generator):
    gains = angular_gain(scattered(dims, generator), orientations=orientations, kind=kind)
    assert (gains.square().sum(0) - 1).abs().max() < 1e-12


@pytest.mark.parametrize(("dims", "orientations"), ORIENTATIONS)
def test_complex_gains_are_analytic_and_have_the_even_gains_as_real_part(dims, orientations, generator):
    frequency = scattered(dims, generator)
    gain = angular_gain(frequency, orientations=orientations, kind="complex")
    mirrored = angular_gain([-f for f in frequency], orientations=orientations, kind="complex")
    even = angular_gain(frequency, orientations=orientations, kind="even")
    assert (gain * mirrored).abs().max() == 0
    assert ((gain + mirrored) / 2 - even).abs().max() < 1e-12
    assert (gain.square() + mirrored.square()).sum(0).sub(4).abs().max() < 1e-12


@pytest.mark.parametrize("orientations", [1, 2, 3, 4, 12])
def test_factor_is_the_published_one(orientations):
    k, order = orientations, orientations - 1
    alpha = 2**order * math.factorial(order) / math.sqrt(k * math.factorial(2 * order))
    along_rows = [torch.tensor([1.0], dtype=torch.float64), torch.tensor([0.0], dtype=torch.float64)]
    assert angular_gain(along_rows, orientations=k)[0].item() == pytest.approx(2 * alpha)
    assert angular_gain(along_rows, orientations=k, kind="even")[0].item() == pytest.approx(alpha)


def test_orientations_start_at_the_row_axis():
    rows, columns = (torch.tensor([value], dtype=torch.float64) for value in (0.0, 1.0))
    gains = angular_gain([rows, columns], orientations=4, kind="steerable").flatten()
    assert gains.argmax() == 2
    assert gains[0].abs() < 1e-15
    assert gains[1].item() == pytest.approx(gains[3].item()) == pytest.approx(gains[2].item() / 2**1.5)


@pytest.mark.parametrize("kind", ["complex", "steerable", "even"])
@pytest.mark.parametrize("orientations", [1, 2, 4])
def test_frequency_zero_has_no_direction(kind, orientations):
    zero = torch.zeros(1, dtype=torch.float64)
    assert not angular_gain([zero, zero], orientations=orientations, kind=kind).any()


@pytest.mark.parametrize(("orientations", "count"), [(1, 1), (2, 3), (3, 6), (4, 16), (5, 16)])
def test_directions_in_space_are_unit_vectors_and_differ(orientations, count):
    axes, weight = directions(3, orientations)
    assert axes.shape == (count, 3)
    assert weight.shape == (count,)
    cosines = (axes @ axes.T).abs()
    assert torch.allclose(cosines.diagonal(), torch.ones(count, dtype=torch.float64))
    assert (cosines - torch.eye(count)).max() < 0.99


@pytest.mark.message
@pytest.mark.parametrize(("dims", "orientations"), [(2, 0), (3, 6), (1, 2), (4, 2)])
def test_directions_that_do_not_tile_are_refused(dims, orientations):
    with pytest.raises(ValueError, match=rf"orientations is {orientations} in {dims}-D, but must be at least 1"):
        directions(dims, orientations)


@pytest.mark.message
def test_an_unknown_kind_is_told_the_kinds():
    with pytest.raises(ValueError, match=r"kind is 'real', but must be one of complex, steerable, even"):
        angular_gain([torch.ones(1), torch.ones(1)], kind="real")
