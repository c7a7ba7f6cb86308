import math

import numpy as np
import pytest
import torch

from subband.losses.segmentation import _subband_weights
from subband.losses.segmentation.spw import SPWLoss, spw_loss, spw_weight_map
from subband.transforms import steerable_pyramid

VARIANTS = ["head", "paper", "paper_mask_only", "gauss"]
ALPHA = 2**3 * 6 / math.sqrt(4 * 720)  # largest gain of four even bands


def pair(*size, classes=1, seed=3, dtype=torch.float64):
    """Soft predictions and hard targets (2, classes, *size)."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, max(classes, 2), *size, generator=generator, dtype=dtype)
    labels = torch.randn(2, max(classes, 2), *size, generator=generator).argmax(1)
    target = torch.nn.functional.one_hot(labels, max(classes, 2)).movedim(-1, 1).to(dtype)
    first = 1 if classes == 1 else 0
    return logits.softmax(1)[:, first:], target[:, first:]


def grating(axis=0, size=32):
    """A soft mask of the middle frequency of level 1."""
    wave = 0.5 + 0.5 * torch.cos(math.pi / 2 * torch.arange(size, dtype=torch.float64))
    return (wave[:, None] if axis == 0 else wave[None]).expand(size, size)[None, None].contiguous()


def amplitude(pyramid, variant):
    """Of each level: the sum of the moduli, or the modulus of the sum."""
    return [band.abs().sum(2) if variant == "head" else band.sum(2).abs() for band in pyramid.bands]


def restated_map(p, y, variant, beta, sigma, **options):
    """The map from our subbands, with scipy.signal.resample, which shares the bin n/2 evenly, as interpolation."""
    from scipy.signal import resample

    a, b = (amplitude(steerable_pyramid(x, **options), variant) for x in (y, p))
    total = 0
    for number, (own, predicted) in enumerate(zip(a, b, strict=True)):
        if variant == "gauss":
            feature = 1 - torch.exp(-(own - predicted).square() / (2 * sigma**2))
        else:
            feature = own if variant == "paper_mask_only" else own + predicted
        grown = feature.numpy()
        for axis in range(2, y.ndim):
            scale = grown.shape[axis] / y.shape[axis]
            grown = scale * resample(grown, y.shape[axis], axis=axis)
        total = total + beta**number * grown
    return np.clip(total.sum(1, keepdims=True), 0, None)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("size", [(32, 48), (33, 41), (26, 18), (9, 10, 11)])
def test_map_equals_one_made_with_scipys_resample(size, variant):
    p, y = pair(*size)
    options = {"levels": 3, "orientations": 3}
    found = spw_weight_map(p, y, variant=variant, beta=0.7, weight=2.0, sigma=0.3, **options)
    expected = 2 * restated_map(p, y, variant, 0.7, 0.3, **options)
    assert np.abs(found.numpy() - expected).max() < 1e-10 * expected.max()


def test_finest_level_equals_plenoptics_amplitude():
    from plenoptic.process import SteerablePyramidFreq

    p, y = pair(48, 64, dtype=torch.float32)
    oracle = SteerablePyramidFreq((64, 48), height=1, order=3, is_complex=True, tight_frame=False)
    expected = sum(oracle(x.mT)[0].mT.abs().sum(2) for x in (p, y))
    found = spw_weight_map(p, y, levels=1, weight=1.0)
    assert (found - expected).abs().max() < 1e-5 * expected.max()


def test_map_of_a_grating_by_hand():
    """A wave of amplitude 1/2 has moduli alpha/2 |cos|^3 in four directions; mask and prediction count."""
    mask = grating()
    expected = 10 * 2 * ALPHA / 2 * (1 + 2 * 0.5**1.5)
    found = spw_weight_map(mask, mask, levels=1)
    assert torch.allclose(found, torch.full_like(found, expected), atol=1e-10)
    assert torch.allclose(spw_weight_map(grating(1), grating(1), levels=1), found, atol=1e-10)


def test_older_variants_of_a_grating_by_hand():
    """The sum of the bands is e^(it) + (1/8)^(1/2) (e^(it) + e^(-it)): the bands beside it lie in both half planes."""
    mask = grating()
    phase = math.pi / 2 * torch.arange(32, dtype=torch.float64)[:, None]
    wave = torch.exp(1j * phase)
    expected = (ALPHA / 2 * (wave + 0.5**1.5 * (wave + wave.conj())).abs()).expand(32, 32)
    only = spw_weight_map(mask, mask, levels=1, weight=1.0, variant="paper_mask_only")
    both = spw_weight_map(mask, mask, levels=1, weight=1.0, variant="paper")
    assert torch.allclose(only[0, 0], expected, atol=1e-10)
    assert torch.allclose(both, 2 * only, atol=1e-10)
    gauss = spw_weight_map(0 * mask, mask, levels=1, weight=1.0, variant="gauss", sigma=0.5)
    assert torch.allclose(gauss[0, 0], 1 - torch.exp(-2 * expected.square()), atol=1e-10)
    assert not spw_weight_map(mask, mask, variant="gauss").any()


def test_constant_images_weigh_nothing_beside_the_classes():
    half, ones = torch.full((1, 1, 12, 10), 0.5, dtype=torch.float64), torch.ones(1, 1, 12, 10, dtype=torch.float64)
    assert spw_weight_map(half, ones).max() < 1e-10
    assert float(spw_loss(half, ones, class_weight=None)) == pytest.approx(math.log(2), abs=1e-6)
    weights = torch.tensor([5.0, 3.0])
    assert float(spw_loss(half, ones, class_weight=weights)) == pytest.approx(3 * math.log(2), abs=1e-6)
    dice = 1 - 0.5 * (2 * 0.5 / 1.25)  # foreground 2 sum(pt) / (sum(p^2) + sum(t^2)), background 0
    assert float(spw_loss(half, ones, base="dice")) == pytest.approx(dice, abs=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("base", ["ce", "dice"])
def test_gradient_is_that_of_a_fixed_weight(variant, base):
    p, y = pair(12, 9)
    p.requires_grad_()
    weight = spw_weight_map(p, y, variant=variant)
    options = {"class_weight": torch.tensor([2.0, 3.0]), "variant": variant, "base": base}
    found = torch.autograd.grad(spw_loss(p, y, **options), p)[0]
    own = weight if base == "dice" else weight + 3 * y + 2 * (1 - y)
    value = -(own * (y * (p + 1e-7).log() + (1 - y) * (1 - p + 1e-7).log())).mean()
    if base == "dice":
        for a, b in ((p, y), (1 - p, 1 - y)):
            value = value - (a * b).sum() / (a.square().sum() + b.square().sum() + 1e-7)
    expected = torch.autograd.grad(value, p)[0]
    assert torch.allclose(found, expected, rtol=1e-10, atol=1e-14)


def test_gradient_of_the_variant_that_does_not_read_the_prediction():
    p, y = pair(9, 8)
    assert torch.autograd.gradcheck(
        lambda x: spw_loss(x, y, variant="paper_mask_only"), (p.requires_grad_(),), fast_mode=True
    )


@pytest.mark.parametrize("size", [(16, 17), (7, 9, 8)])
def test_module_is_the_function_on_probabilities(size):
    p, y = pair(*size)
    logits = (p / (1 - p)).log()
    options = {"levels": 2, "orientations": 3, "beta": 0.5, "weight": 4.0, "class_weight": "balanced"}
    expected = spw_loss(p, y, **options)
    assert torch.allclose(SPWLoss(**options)(logits, y.squeeze(1).long()), expected, rtol=1e-5)
    two = torch.cat([torch.zeros_like(logits), logits], 1)
    assert torch.allclose(SPWLoss(**options)(two, y.squeeze(1).long()), expected, rtol=1e-5)


def test_classes_add_their_maps():
    p, y = pair(16, 17, classes=3)
    found = spw_weight_map(p, y)
    expected = sum(spw_weight_map(p[:, c : c + 1], y[:, c : c + 1]) for c in range(3))
    assert torch.allclose(found, expected, atol=1e-10)
    weight = torch.tensor([1.0, 2.0, 4.0]).double()
    likelihood = (y * (found + weight[None, :, None, None]) * (p + 1e-7).log()).sum(1)
    assert torch.allclose(spw_loss(p, y, class_weight=weight), -likelihood.mean())


def test_images_do_not_see_each_other():
    p, y = pair(16, 17)
    alone = [spw_loss(p[i : i + 1], y[i : i + 1]) for i in range(2)]
    assert torch.allclose(spw_loss(p, y), (alone[0] + alone[1]) / 2)


@pytest.mark.parametrize("pixels", [1, 300, 1 << 18])
def test_map_does_not_depend_on_how_many_images_are_transformed_at_once(pixels, monkeypatch):
    p, y = pair(16, 9, classes=3)
    expected = torch.cat([spw_weight_map(p[i : i + 1], y[i : i + 1]) for i in range(2)])
    monkeypatch.setattr(_subband_weights, "_CHUNK", pixels)
    assert torch.allclose(spw_weight_map(p, y), expected, atol=1e-12)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 3), (5, 60), (1, 2, 3), (8, 9, 10)])
def test_map_of_any_size_is_finite_and_not_negative(size, variant):
    p, y = pair(*size)
    found = spw_weight_map(p, y, variant=variant)
    assert found.shape == (2, 1, *size)
    assert found.isfinite().all()
    assert found.min() >= 0
    assert found.max() > 0 or max(size) < 2


def test_map_is_large_at_edges_and_small_far_from_them():
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 16:48] = 1
    weight = spw_weight_map(mask, mask, levels=2)[0, 0, 0]
    assert weight[16] > 10 * weight[32]


def test_map_has_no_gradient_and_leaves_its_inputs():
    p, y = pair(16, 9)
    before = p.clone(), y.clone()
    found = spw_weight_map(p.requires_grad_(), y)
    assert not found.requires_grad
    assert torch.equal(found, spw_weight_map(p.detach(), y))
    assert torch.equal(p, before[0])
    assert torch.equal(y, before[1])


@pytest.mark.parametrize("base", ["ce", "dice"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_ignored_pixels_change_nothing(variant, base):
    p, y = pair(16, 17)
    logits, labels = (p / (1 - p)).log().float(), y.squeeze(1).long()
    labels[:, 3:9, 2:8] = 255
    loss = SPWLoss(variant=variant, base=base, ignore_index=255)
    other = logits.clone()
    other[..., 3:9, 2:8] = 7
    results = []
    for given in (logits.requires_grad_(), other.requires_grad_()):
        value = loss(given, labels)
        results.append((value, torch.autograd.grad(value, given)[0]))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
    assert not results[0][1][..., 3:9, 2:8].any()
    assert results[0][1].any()


def test_a_weight_map_multiplies_the_weights():
    p, y = pair(16, 17)
    logits, labels = (p / (1 - p)).log(), y.squeeze(1).long()
    for base in ("ce", "dice"):
        loss = SPWLoss(base=base)
        ones = torch.ones(2, 16, 17)
        assert torch.allclose(loss(logits, labels, weight_map=ones), loss(logits, labels))
    assert torch.allclose(SPWLoss()(logits, labels, weight_map=3 * ones), 3 * SPWLoss()(logits, labels))
    left = ones.clone()
    left[..., 8:] = 0
    gradient = torch.autograd.grad(loss(logits.requires_grad_(), labels, weight_map=left), logits)[0]
    assert not gradient[..., 8:].any()
    assert gradient[..., :8].any()


def test_class_weights_are_those_of_each_image_or_mixed_as_published():
    p, y = pair(16, 17)
    y[1] = 0
    y[1, 0, 4, 4:7] = 1
    count = y.flatten(1).sum(1)
    foreground = (16 * 17 - count) / count
    own = torch.stack([torch.ones_like(foreground), foreground], 1)
    own = own / own.amin(1, keepdim=True)
    assert torch.allclose(spw_loss(p, y), spw_loss(p, y, class_weight=own))
    assert torch.allclose(spw_loss(p, y, class_weight="balanced-batch"), spw_loss(p, y, class_weight=own.mean(0)))


def test_half_precision_and_autocast_are_computed_in_single():
    p, y = pair(16, 17, dtype=torch.float32)
    logits, labels = (p / (1 - p)).log().bfloat16(), y.squeeze(1).long()
    expected = SPWLoss()(logits.float(), labels)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(SPWLoss()(logits, labels), expected)
        assert spw_loss(p.half(), y).dtype == torch.float32


def test_the_authors_grid_differs_and_double_precision_stays():
    p, y = pair(32, 48)
    exact, authors = (spw_weight_map(p, y, levels=3, grid=grid) for grid in ("exact", "authors"))
    assert exact.dtype == authors.dtype == torch.float64
    assert 0.01 < float((exact - authors).norm() / exact.norm()) < 0.8


@pytest.mark.parametrize("grid", ["exact", "authors"])
def test_levels_are_weighed_by_powers_of_beta(grid):
    p, y = pair(32, 48)
    maps = [spw_weight_map(p, y, levels=n, beta=1.0, grid=grid) for n in (1, 2, 3)]
    found = spw_weight_map(p, y, levels=3, beta=0.5, grid=grid)
    expected = maps[0] + (maps[1] - maps[0]) / 2 + (maps[2] - maps[1]) / 4
    assert torch.allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("variant", VARIANTS)
def test_volumes_on_the_authors_grid(variant):
    p, y = pair(8, 12, 16)
    options = {"levels": 2, "orientations": 2, "variant": variant, "grid": "authors"}
    found = spw_weight_map(p, y, **options)
    turned = spw_weight_map(p.transpose(2, 3), y.transpose(2, 3), **options)
    assert torch.allclose(found, turned.transpose(2, 3), atol=1e-10)
    assert found.min() >= 0


@pytest.mark.parametrize("grid", ["exact", "authors"])
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("classes", [1, 2, 3])
def test_a_prepared_target_gives_the_same(classes, variant, grid):
    p, y = pair(16, 24, classes=max(classes, 2))
    logits, labels = p.log()[:, 1:] - p.log()[:, :1] if classes == 1 else p.log(), y.argmax(1)
    labels[:, 3:9, 2:8] = 255
    loss = SPWLoss(levels=3, variant=variant, grid=grid, ignore_index=255)
    prepared = loss.prepare(labels, classes=max(classes, 2))
    kept = [part.clone() for part in prepared.kept]
    x = logits.float().requires_grad_()
    results = []
    for target in (labels, prepared, prepared):
        value = loss(x, target)
        results.append((value, torch.autograd.grad(value, x)[0]))
    for value, slope in results[1:]:
        assert torch.equal(value, results[0][0])
        assert torch.equal(slope, results[0][1])
    assert all(torch.equal(a, b) for a, b in zip(prepared.kept, kept, strict=True))


def test_a_prepared_target_in_other_precision():
    p, y = pair(16, 17)
    logits, labels = (p / (1 - p)).log(), y.squeeze(1).long()
    found = SPWLoss()(logits, SPWLoss().prepare(labels))
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, SPWLoss()(logits, labels), rtol=1e-6, atol=0)


@pytest.mark.message
@pytest.mark.parametrize("change", [{"beta": 0.5}, {"variant": "paper"}, {"levels": 2}, {"ignore_index": 3}])
def test_targets_that_other_options_prepared_are_refused(change):
    p, y = pair(16, 16)
    labels = y.squeeze(1).long()
    with pytest.raises(ValueError, match="target was prepared by"):
        SPWLoss(**change)(p, SPWLoss().prepare(labels))


@pytest.mark.message
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variant": "heads"}, "variant is 'heads', but must be one of head, paper, .*; did you mean 'head'"),
        ({"base": "bce"}, "base is 'bce', but must be one of ce, dice"),
        ({"grid": "exakt"}, "grid is 'exakt', but must be one of exact, authors; did you mean 'exact'"),
        ({"levels": 0}, "levels is 0, but must be greater than 0"),
        ({"orientations": 0}, "orientations is 0, but must be greater than 0"),
        ({"sigma": 0.0}, "sigma is 0.0, but must be greater than 0"),
    ],
)
def test_wrong_options_are_refused_at_once(change, message):
    with pytest.raises(ValueError, match=message):
        SPWLoss(**change)


@pytest.mark.message
@pytest.mark.parametrize(
    ("size", "levels", "message"),
    [
        ((34, 32), 3, "cannot crop the size"),
        ((33, 32), 2, r"cannot bring the levels of the size \(33, 32\) back to it; use grid='exact', or .* 4"),
    ],
)
def test_sizes_that_the_authors_cannot_do_are_refused(size, levels, message):
    p, y = pair(*size)
    with pytest.raises(ValueError, match=message):
        spw_loss(p, y, levels=levels, grid="authors")


@pytest.mark.message
def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match="probability has shape"):
        spw_loss(torch.rand(1, 1, 4, 4), torch.rand(1, 1, 4, 5))
    with pytest.raises(ValueError, match="probability has shape"):
        spw_weight_map(torch.rand(1, 1, 4, 4), torch.rand(1, 4, 4))
