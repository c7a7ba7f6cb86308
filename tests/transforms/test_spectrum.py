"""Covariances by Parseval against subbands formed in space by plain torch.fft, in float64."""

import math

import pytest
import torch
from torch import Tensor

from subband.transforms._plan import plan
from subband.transforms.filters import KINDS, angular_gain, level_gain, radius
from subband.transforms.spectrum import SubbandCovariances, band_covariances, subband_covariances

SIZES = [(64, 64), (33, 40), (50, 77), (37, 21), (7, 5), (1, 9), (1, 1)]


def spatial(prediction: Tensor, target: Tensor, levels, orientations, kind) -> SubbandCovariances:
    """The same by full-plane FFT, undecimated bands, and sums over pixels."""
    dims, shape = prediction.ndim - 2, prediction.shape[2:]
    axes = tuple(range(-dims, 0))
    frequency = torch.meshgrid(*[torch.fft.fftfreq(n, dtype=torch.float64) * 2 * math.pi for n in shape], indexing="ij")
    gains = angular_gain(frequency, orientations=orientations, kind=kind)
    phase = -1j if kind == "steerable" and orientations % 2 == 0 else 1
    each = []
    for level in levels:
        samples = math.prod(-(-n // 2 ** (level - 1)) for n in shape)
        gain = level_gain(radius(frequency), level) * gains * math.sqrt(math.prod(shape) / samples)
        pair = [
            torch.fft.ifftn(torch.fft.fftn(x, dim=axes).unsqueeze(2) * gain, dim=axes) * phase
            for x in (prediction, target)
        ]
        each.append(band_covariances(*(bands if kind == "complex" else bands.real for bands in pair)))
    return SubbandCovariances(*(torch.cat(parts) for parts in zip(*each, strict=True)))


def images(shape, generator, *, batch=2, channels=1, dtype=torch.float64):
    size = (batch, channels, *shape)
    prediction = torch.rand(size, generator=generator, dtype=dtype)
    target = (torch.rand(size, generator=generator, dtype=dtype) > 0.5).to(dtype)
    return prediction.requires_grad_(), target.requires_grad_()


def scalar(covariances: SubbandCovariances, weights) -> Tensor:
    return sum((part * weight).sum().real for part, weight in zip(covariances, weights, strict=True))


def compare(shape, generator, *, levels=(1, 2, 3), orientations=4, kind="complex", **options) -> None:
    prediction, target = images(shape, generator, **options)
    ours = subband_covariances(prediction, target, levels=levels, orientations=orientations, kind=kind)
    theirs = spatial(prediction, target, levels, orientations, kind)
    for own, other in zip(ours, theirs, strict=True):
        assert own.shape == other.shape
        assert own.dtype == other.dtype
        torch.testing.assert_close(own, other, rtol=1e-11, atol=1e-11 * max(1.0, float(other.detach().abs().max())))
    torch.testing.assert_close(ours.target, theirs.target, rtol=1e-10, atol=1e-9)
    weights = [torch.randn(part.shape, generator=generator, dtype=part.dtype) for part in theirs]
    own = torch.autograd.grad(scalar(ours, weights), (prediction, target))
    other = torch.autograd.grad(scalar(theirs, weights), (prediction, target))
    for a, b in zip(own, other, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-11 * max(1.0, float(b.abs().max())))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SIZES)
def test_equals_the_subbands_in_space_for_any_size(shape, kind, generator):
    compare(shape, generator, kind=kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientations", [1, 2, 3, 6, 12])
def test_equals_the_subbands_in_space_for_any_orientations(orientations, kind, generator):
    compare((33, 40), generator, orientations=orientations, kind=kind, batch=1, channels=2)


@pytest.mark.parametrize(("orientations", "kind"), [(1, "complex"), (2, "steerable"), (3, "complex"), (3, "even")])
def test_equals_the_subbands_in_space_in_three_dimensions(orientations, kind, generator):
    compare((9, 10, 11), generator, levels=(1, 2), orientations=orientations, kind=kind)


def test_sixteen_axes_in_three_dimensions(generator):
    compare((8, 7, 6), generator, levels=(1,), orientations=4, batch=1)


def test_levels_may_be_chosen(generator):
    prediction, target = images((32, 48), generator)
    every = subband_covariances(prediction, target, levels=4)
    some = subband_covariances(prediction, target, levels=(4, 2))
    for all_parts, two in zip(every, some, strict=True):
        torch.testing.assert_close(two, all_parts[[3, 1]])


def test_small_pieces_give_the_same(generator, monkeypatch):
    prediction, target = images((64, 48), generator)
    whole = subband_covariances(prediction, target)
    (expected,) = torch.autograd.grad(whole.error.sum(), prediction)
    monkeypatch.setattr("subband.transforms.spectrum._CHUNK", 1)
    pieces = subband_covariances(prediction, target)
    torch.testing.assert_close(pieces.cross, whole.cross, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(torch.autograd.grad(pieces.error.sum(), prediction)[0], expected)


def test_one_wave_by_hand():
    """cos(pi x / 2) along the rows: |F|^2 = (N/2)^2 at two bins, gain 1 at level 1, two orientations at a half each."""
    rows = torch.cos(torch.arange(8, dtype=torch.float64) * (math.pi / 2)).reshape(1, 1, 8, 1).expand(1, 1, 8, 8)
    found = subband_covariances(rows, torch.zeros_like(rows), levels=1, orientations=2, kind="even")
    power = 2 * (8 * 8 / 2) ** 2 / 64
    gain = level_gain(torch.tensor(math.pi / 2, dtype=torch.float64), 1) ** 2
    expected = torch.tensor([[power, 0], [0, 0]], dtype=torch.float64) * gain
    assert float(gain) == pytest.approx(1)
    torch.testing.assert_close(found.prediction[0, 0, 0], expected, rtol=1e-12, atol=1e-12)


def test_a_constant_is_nothing(generator):
    prediction, _ = images((16, 20), generator)
    moved = subband_covariances(prediction + 5, prediction - 3, levels=2)
    assert float(moved.error.detach().abs().max()) < 1e-20


@pytest.mark.parametrize("kind", KINDS)
def test_gradcheck(kind, generator):
    prediction, target = images((6, 7), generator)

    def parts(p, t):
        own, cross, error = subband_covariances(p, t, levels=2, orientations=3, kind=kind)
        return own, torch.view_as_real(cross) if cross.is_complex() else cross, error

    assert torch.autograd.gradcheck(parts, (prediction, target), fast_mode=True)


def test_second_derivatives_are_refused(generator):
    prediction, target = images((8, 8), generator)
    (first,) = torch.autograd.grad(
        subband_covariances(prediction, target, levels=1).prediction.square().sum(), prediction, create_graph=True
    )
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_only_the_gradients_asked_for(generator):
    prediction, target = images((8, 8), generator)
    subband_covariances(prediction, target.detach(), levels=1).cross.real.sum().backward()
    assert prediction.grad is not None
    assert target.grad is None


def test_single_and_half_precision(generator):
    prediction, target = images((32, 32), generator)
    wide = subband_covariances(prediction, target)
    single = subband_covariances(prediction.float(), target.float())
    assert single.cross.dtype == torch.complex128
    torch.testing.assert_close(single.cross, wide.cross, rtol=1e-5, atol=1e-3)
    half = subband_covariances(prediction.bfloat16(), target.bfloat16())
    torch.testing.assert_close(half.prediction, wide.prediction, rtol=0.02, atol=0.5)


def test_the_basis_stays_small():
    """At 512 x 512 with twelve complex orientations all stored columns and indices take less than 100 MB."""
    how = plan((512, 512), (1, 2, 3, 4), 12, "complex", "exact", torch.device("cpu"))
    stored = [how.index, *how.scatter, *how.columns, how.real, how.imaginary]
    assert sum(tensor.nbytes for tensor in stored) < 40e6


def test_a_plan_made_under_inference_mode_can_be_trained_with(generator):
    plan.cache_clear()
    prediction, target = images((10, 12), generator)
    with torch.inference_mode():
        subband_covariances(prediction, target, levels=1)
    subband_covariances(prediction, target, levels=1).error.sum().backward()
    assert prediction.grad is not None


@pytest.mark.message
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "real"}, "must be one of complex, steerable, even"),
        ({"grid": "exakt"}, "did you mean 'exact'"),
        ({"levels": 0}, "levels is 0"),
        ({"levels": (0, 1)}, "counted from 1"),
        ({"orientations": 0}, "at least 1"),
    ],
)
def test_errors(options, message):
    image = torch.zeros(1, 1, 8, 8)
    with pytest.raises(ValueError, match=message):
        subband_covariances(image, image, **options)


@pytest.mark.message
def test_errors_of_shape():
    image = torch.zeros(1, 1, 8, 8)
    with pytest.raises(ValueError, match="give both the same shape"):
        subband_covariances(image, image[..., :7])
    with pytest.raises(ValueError, match=r"must be real \(B, C, H, W\)"):
        subband_covariances(image[0], image[0])
    with pytest.raises(ValueError, match=r"torch\.int64"):
        subband_covariances(image.long(), image.long())
