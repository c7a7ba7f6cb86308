import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from subband.transforms import reconstruct, steerable_pyramid
from subband.transforms._gains import level_sizes, pyramid_gains

KINDS = ["complex", "steerable", "even"]
SIZES = [(64, 64), (63, 61), (1, 1), (5, 300), (1, 7), (2, 3), (9, 10, 11), (1, 5, 8), (1, 1, 1)]


def noise(*shape, dtype=torch.float32, seed=5):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def relative(found, expected):
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("size", [(64, 64), (64, 96)])
@pytest.mark.parametrize("orientations", [2, 3, 4, 5])
@pytest.mark.parametrize("kind", ["complex", "steerable"])
def test_bands_equal_plenoptics(size, orientations, kind):
    from plenoptic.process import SteerablePyramidFreq

    image = noise(2, 1, *size)
    shape = tuple(reversed(size))
    oracle = SteerablePyramidFreq(
        shape, height=3, order=orientations - 1, is_complex=kind == "complex", tight_frame=False
    )
    expected = oracle(image.mT)
    pyramid = steerable_pyramid(image, levels=3, orientations=orientations, kind=kind)
    phase = (-1j) ** (orientations - 1) if kind == "complex" else 1
    pairs = [(phase * pyramid.bands[n], expected[n].mT) for n in range(3)]
    pairs += [(pyramid.high, expected["residual_highpass"].mT), (pyramid.low, expected["residual_lowpass"].mT)]
    for found, wanted in pairs:
        assert found.shape == wanted.shape
        assert (found - wanted).abs().max() < 1e-5 * wanted.abs().max()


@pytest.mark.parametrize("level", [1, 2])
def test_a_grating_by_hand(level):
    """In the middle of its octave every radial gain is 1, and the amplitude grows by 4 from level to level."""
    row = torch.arange(32, dtype=torch.float64)[:, None].expand(32, 24)
    image = torch.cos(math.pi / 2**level * row)[None, None]
    pyramid = steerable_pyramid(image, levels=2, orientations=4)
    alpha = 2**3 * 6 / math.sqrt(4 * 720)
    expected = 4 ** (level - 1) * alpha * torch.tensor([1, 0.5**1.5, 0, 0.5**1.5], dtype=torch.float64)
    modulus = pyramid.bands[level - 1].abs()[0, 0].flatten(1)
    assert torch.allclose(modulus, expected[:, None].expand_as(modulus), atol=1e-12)
    assert pyramid.bands[2 - level].abs().max() < 1e-12
    assert pyramid.high.abs().max() < 1e-12
    assert pyramid.low.abs().max() < 1e-12


def test_a_constant_image_by_hand():
    pyramid = steerable_pyramid(torch.full((1, 1, 12, 20), 0.75, dtype=torch.float64), levels=2)
    assert max(band.abs().max() for band in (pyramid.high, *pyramid.bands)) < 1e-12
    assert torch.allclose(pyramid.low, torch.full((1, 1, 3, 5), 16 * 0.75, dtype=torch.float64))


def test_the_kinds_belong_together():
    """The real part of complex bands is the even band; for odd order the imaginary part is the steerable band."""
    image = noise(1, 2, 21, 34, dtype=torch.float64)
    analytic, odd, even = (steerable_pyramid(image, levels=3, kind=kind).bands for kind in KINDS)
    for a, o, e in zip(analytic, odd, even, strict=True):
        assert torch.allclose(a.real, e, atol=1e-12)
        assert torch.allclose(a.imag, -o, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [*SIZES, pytest.param((584, 565), marks=pytest.mark.slow)])
def test_reconstruction_of_every_size(size, kind):
    image = noise(2, 1, *size)
    for levels, orientations in ((4, 4), (1, 1), (2, 3)):
        found = reconstruct(steerable_pyramid(image, levels=levels, orientations=orientations, kind=kind))
        assert found.shape == image.shape
        assert relative(found, image) < 1e-6


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    size=st.one_of(st.tuples(*[st.integers(1, 40)] * 2), st.tuples(*[st.integers(1, 9)] * 3)),
    levels=st.integers(1, 6),
    orientations=st.integers(1, 5),
    kind=st.sampled_from(KINDS),
)
def test_reconstruction_of_any_size(size, levels, orientations, kind):
    image = noise(1, 1, *size, dtype=torch.float64)
    pyramid = steerable_pyramid(image, levels=levels, orientations=orientations, kind=kind)
    assert relative(reconstruct(pyramid), image) < 1e-12
    sizes = [tuple(band.shape[3:]) for band in pyramid.bands] + [tuple(pyramid.low.shape[2:])]
    assert sizes == [tuple(math.ceil(n / 2**k) for n in size) for k in range(levels + 1)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(64, 48), (33, 41), (5, 30), (9, 10, 11)])
def test_energy_is_kept(size, kind):
    image = noise(1, 1, *size, dtype=torch.float64)
    pyramid = steerable_pyramid(image, levels=3, orientations=3, kind=kind)
    energy = pyramid.high.square().sum() + pyramid.low.square().sum() * pyramid.low[0, 0].numel() / image.numel()
    for band in pyramid.bands:
        share = band[0, 0, 0].numel() / image.numel() / (2 if kind == "complex" else 1)
        energy = energy + share * band.abs().square().sum()
    assert abs(float(energy / image.square().sum()) - 1) < 1e-12


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left_at_the_edge_of_a_level(kind):
    """So that levels of even size need no rule for the bin n/2."""
    gains = pyramid_gains((20, 14), 3, 4, kind, "exact", False, torch.device("cpu"), torch.float64)
    for size, gain in zip(gains.sizes, (*gains.bands, gains.low), strict=True):
        for axis, n in zip((-2, -1), size, strict=True):
            if n % 2 == 0:
                assert not gain.select(axis, n // 2).any()


def test_a_shift_of_the_image_shifts_the_bands():
    image = noise(1, 1, 32, 48, dtype=torch.float64)
    before = steerable_pyramid(image, levels=3)
    after = steerable_pyramid(image.roll((8, -4), (2, 3)), levels=3)
    for level, (a, b) in enumerate(zip(before.bands, after.bands, strict=True)):
        assert torch.allclose(a.roll((8 // 2**level, -4 // 2**level), (3, 4)), b, atol=1e-10)


def test_moduli_hardly_change_under_a_shift_by_one_pixel():
    image = torch.zeros(1, 1, 64, 64)
    image[..., 20:44, 24:40] = 1
    a, b = (steerable_pyramid(x, levels=3).bands[2].abs().sum() for x in (image, image.roll(1, 3)))
    assert abs(float(a / b) - 1) < 0.02


@pytest.mark.parametrize("size", [32, 33])
def test_a_quarter_turn_exchanges_the_orientations(size):
    image = noise(1, 1, size, size, dtype=torch.float64)
    upright, turned = (steerable_pyramid(x, levels=1).bands[0].abs() for x in (image, image.rot90(1, (2, 3))))
    assert torch.allclose(upright.rot90(1, (3, 4)).roll(2, 2), turned, atol=1e-10)


def test_a_volume_may_be_turned_about_its_axes():
    volume = noise(1, 1, 8, 8, 12, dtype=torch.float64)
    upright, turned = (steerable_pyramid(x, levels=2, orientations=2) for x in (volume, volume.transpose(2, 4)))
    for a, b in zip(upright.bands, turned.bands, strict=True):
        assert a.shape[2] == 3
        assert torch.allclose(a.transpose(3, 5)[:, :, [2, 1, 0]], b, atol=1e-12)


@pytest.mark.parametrize("grid", ["exact", "authors"])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients(kind, grid):
    image = noise(1, 1, 8, 12, dtype=torch.float64).requires_grad_()

    def values(x):
        pyramid = steerable_pyramid(x, levels=2, orientations=3, kind=kind, grid=grid)
        parts = [pyramid.high, *pyramid.bands, pyramid.low, reconstruct(pyramid)]
        return torch.cat([torch.view_as_real(p + 0j).flatten() for p in parts])

    assert torch.autograd.gradcheck(values, (image,), fast_mode=True)


def test_changed_bands_change_the_reconstruction_linearly():
    image = noise(1, 1, 21, 13, dtype=torch.float64)
    pyramid = steerable_pyramid(image, levels=2, kind="steerable")
    halved = replace(pyramid, bands=(pyramid.bands[0] / 2, pyramid.bands[1]))
    without = replace(pyramid, bands=(0 * pyramid.bands[0], pyramid.bands[1]))
    assert torch.allclose(reconstruct(halved), (image + reconstruct(without)) / 2, atol=1e-12)
    assert relative(reconstruct(without), image) > 0.1


@pytest.mark.parametrize("grid", ["exact", "authors"])
def test_batches_are_the_images_one_by_one(grid):
    images = noise(2, 3, 16, 24)
    together = steerable_pyramid(images, levels=2, grid=grid)
    for b in range(2):
        alone = steerable_pyramid(images[b : b + 1, 1:2], levels=2, grid=grid)
        for one, all_ in zip((alone.high, *alone.bands), (together.high, *together.bands), strict=True):
            assert torch.allclose(one[0, 0], all_[b, 1], atol=1e-5)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(torch.float16, torch.float32), (torch.bfloat16, torch.float32), (torch.float64, torch.float64)],
)
def test_dtypes(dtype, expected):
    image = noise(1, 1, 9, 16).to(dtype)
    before = image.clone()
    pyramid = steerable_pyramid(image, kind="even")
    assert {x.dtype for x in (pyramid.high, *pyramid.bands, pyramid.low)} == {expected}
    assert reconstruct(pyramid).dtype == expected
    assert relative(reconstruct(pyramid), image.to(expected)) < 1e-6
    assert torch.equal(image, before)


def test_gains_made_in_inference_mode_serve_training_later():
    with torch.inference_mode():
        steerable_pyramid(noise(1, 1, 11, 19))
    image = noise(1, 1, 11, 19).requires_grad_()
    bands = steerable_pyramid(image).bands
    assert torch.autograd.grad(bands[0].abs().square().sum(), image)[0].isfinite().all()


def test_the_authors_grid_does_not_reconstruct():
    image = noise(1, 1, 64, 64)
    error = relative(reconstruct(steerable_pyramid(image, levels=3, grid="authors")), image)
    assert 1e-3 < error < 0.2


@pytest.mark.parametrize(
    ("levels", "works"), [(3, (32, 33, 40, 41, 48, 49)), (1, (4, 6, 7, 35)), (2, (8, 9, 12, 592)), (4, (592, 576))]
)
def test_sizes_that_the_authors_crop_cuts(levels, works):
    for size in works:
        assert len(level_sizes((size, size), levels, "authors")) == levels + 1


@pytest.mark.message
@pytest.mark.parametrize(
    ("size", "levels", "at"), [((34, 32), 2, 1), ((3, 8), 1, 1), ((8, 8), 3, 3), ((584, 565), 4, 2), ((1, 1), 1, 1)]
)
def test_sizes_that_the_authors_crop_cannot_cut_are_refused(size, levels, at):
    message = (
        rf"grid='authors' with {levels} levels cannot crop the size \({size[0]}, {size[1]}\) at level {at}; use grid="
    )
    with pytest.raises(ValueError, match=message):
        steerable_pyramid(torch.zeros(1, 1, *size), levels=levels, grid="authors")


@pytest.mark.message
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": torch.zeros(4, 4)}, r"x has shape \(4, 4\) and dtype torch.float32, but must be floating point"),
        ({"x": torch.zeros(1, 1, 4, 4, dtype=torch.int64)}, "dtype torch.int64, but must be floating point"),
        ({"x": torch.zeros(1, 1, 0, 4)}, "without an empty axis"),
        ({"levels": 0}, "levels is 0, but must be greater than 0"),
        ({"orientations": 0}, "orientations is 0 in 2-D, but must be at least 1"),
        ({"kind": "real"}, "kind is 'real', but must be one of complex, steerable, even"),
        ({"grid": "author"}, "grid is 'author', but must be one of exact, authors; did you mean 'authors'"),
    ],
)
def test_wrong_arguments_are_refused(change, message):
    x, options = change.pop("x", torch.zeros(1, 1, 8, 8)), change
    with pytest.raises(ValueError, match=message):
        steerable_pyramid(x, **options)


@pytest.mark.message
def test_bands_of_another_shape_are_refused():
    pyramid = steerable_pyramid(torch.zeros(1, 1, 8, 8), levels=2)
    with pytest.raises(ValueError, match=r"level 2 has batch, channels and size \(1, 1, 3, 4\), but .* \(1, 1, 4, 4\)"):
        reconstruct(replace(pyramid, bands=(pyramid.bands[0], pyramid.bands[1][..., 1:, :])))
    with pytest.raises(ValueError, match="the low residual has batch"):
        reconstruct(replace(pyramid, low=pyramid.low[..., 1:]))
