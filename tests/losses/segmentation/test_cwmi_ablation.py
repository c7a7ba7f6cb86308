"""CWMI's ablations: SciPy's Gaussian filter as oracle of the similarity, arithmetic by hand, then properties."""

import math

import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from subband.losses.segmentation.cwmi import CWMILoss
from subband.losses.segmentation.cwmi_ablation import DISTANCES, PARTS, band_distance, band_pairs, band_part

MEASURES = (*DISTANCES, *PARTS)


def pair(generator, shape=(2, 1, 3, 17, 20), *, complex_bands=False) -> tuple[Tensor, Tensor]:
    dtype = torch.complex128 if complex_bands else torch.float64
    first, second = (torch.randn(shape, generator=generator, dtype=dtype).requires_grad_() for _ in range(2))
    return first, second


def similarity(x, y) -> float:
    """Structural similarity of two arrays, zeros outside."""

    def blur(image):
        return gaussian_filter(image, 1.5, mode="constant", radius=5)

    mx, my = blur(x), blur(y)
    vx, vy, both = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    return float(((2 * mx * my + 1e-4) * (2 * both + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))).mean())


@pytest.mark.parametrize("shape", [(1, 2, 2, 17, 20), (1, 1, 2, 7, 8, 9)])
@pytest.mark.parametrize("complex_bands", [False, True])
def test_similarity_against_scipy(shape, complex_bands, generator):
    first, second = (bands.detach() for bands in pair(generator, shape, complex_bands=complex_bands))
    moduli = [(bands.abs() if complex_bands else bands).flatten(0, 2).numpy() for bands in (first, second)]
    expected = sum(similarity(x, y) for x, y in zip(*moduli, strict=True)) / len(moduli[0])
    assert float(band_distance(first, second, "ssim")) == pytest.approx(1 - expected, rel=1e-10)


def test_distances_by_hand():
    """Two orientations at one pixel: |U - V| = 5 and 12, so L1 = 17 and L2 = 13."""
    first = torch.tensor([3.0 + 4.0j, 0.0]).reshape(1, 1, 2, 1, 1)
    second = torch.tensor([0.0, 12.0j]).reshape(1, 1, 2, 1, 1)
    assert float(band_distance(first, second, "l1")) == pytest.approx(17)
    assert float(band_distance(first, second, "l2")) == pytest.approx(13)
    real = torch.tensor([5.0, -12.0]).reshape(1, 1, 2, 1, 1)
    assert float(band_distance(real, torch.zeros_like(real), "l1")) == pytest.approx(17)
    assert float(band_distance(real, torch.zeros_like(real), "l2")) == pytest.approx(13)


def test_parts_by_hand():
    bands = torch.tensor([3.0 + 4.0j, -2.0 + 0.0j])
    torch.testing.assert_close(band_part(bands, "magnitude"), torch.tensor([5.0, 2.0]))
    torch.testing.assert_close(band_part(bands, "phase"), torch.tensor([math.atan2(4, 3), math.pi]))


@pytest.mark.parametrize("distance", DISTANCES)
def test_equal_bands_are_at_distance_zero_with_a_finite_gradient(distance, generator):
    first, _ = pair(generator)
    value = band_distance(first, first.detach(), distance)
    assert float(value.detach()) == pytest.approx(0, abs=1e-5)
    (gradient,) = torch.autograd.grad(value, first)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("distance", DISTANCES)
def test_gradcheck(distance, generator):
    assert torch.autograd.gradcheck(
        lambda u, v: band_distance(u, v, distance), pair(generator, (1, 1, 2, 6, 5)), fast_mode=True
    )


def test_chosen_levels(generator):
    prediction, target = (torch.rand(1, 1, 20, 24, generator=generator) for _ in range(2))
    every = band_pairs(prediction, target, levels=(1, 2, 3), orientations=3, kind="steerable", grid="exact")
    some = band_pairs(prediction, target, levels=(3,), orientations=3, kind="steerable", grid="exact")
    assert torch.equal(some[0][0], every[2][0])
    assert torch.equal(some[0][1], every[2][1])
    assert [tuple(one.shape) for one, _ in every] == [(1, 1, 3, 20, 24), (1, 1, 3, 10, 12), (1, 1, 3, 5, 6)]


@pytest.mark.parametrize("kind", ["complex", "real"])
@pytest.mark.parametrize("measure", DISTANCES)
def test_the_loss_falls_towards_the_target(measure, kind, generator):
    target = torch.zeros(1, 1, 32, 32)
    target[..., 8:20, 10:14] = 1
    noise = torch.rand(target.shape, generator=generator)
    loss = CWMILoss(measure=measure, kind=kind, levels=3)
    values = [float(loss.subbands.term((1 - t) * noise + t * target, target)) for t in (0.0, 0.5, 0.9, 1.0)]
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (16, 17), (5, 6, 7)])
@pytest.mark.parametrize("measure", MEASURES)
def test_finite_at_any_size_and_for_any_target(measure, shape, generator):
    loss = CWMILoss(measure=measure, orientations=3, levels=2, ignore_index=9)
    for label in (0, 1, 9, None):
        target = (
            torch.randint(0, 2, (1, *shape), generator=generator) if label is None else torch.full((1, *shape), label)
        )
        logits = torch.randn(1, 1, *shape, generator=generator, requires_grad=True)
        value = loss(logits, target)
        value.backward()
        assert value.isfinite()
        assert logits.grad is not None
        assert logits.grad.isfinite().all()
