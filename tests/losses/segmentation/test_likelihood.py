"""The closed form against the plain expression, which the other path of the file is."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from subband.losses.segmentation import (
    BalancedCrossEntropyLoss,
    CrossEntropyLoss,
    UNetWeightedLoss,
    cross_entropy_loss,
)
from subband.losses.segmentation._inputs import from_logits
from subband.losses.segmentation._likelihood import likelihood_loss

SIZES = [(7, 9), (2, 1), (3, 4, 5)]


def sample(space, *, soft=False, ignored=False, dtype=torch.float64, seed=5):
    """Logits (2, 1, *space), a target, weights of both classes at each pixel, and a weight map."""
    generator = torch.Generator().manual_seed(seed)
    logits = 4 * torch.randn(2, 1, *space, generator=generator, dtype=dtype)
    target = torch.rand(2, 1, *space, generator=generator, dtype=dtype)
    if not soft:
        target = (target > 0.6).long().squeeze(1)
        if ignored:
            target[0, ..., 0] = 255
    weight = torch.rand(2, 2, *space, generator=generator, dtype=dtype)
    weight_map = torch.rand(2, 1, *space, generator=generator, dtype=dtype)
    return logits, target, weight, weight_map


def plain(logits, target, weight, weight_map, ignore_index):
    """The weighted sum of the logarithms of both classes over the number of pixels, from the formula."""
    counted = torch.ones_like(logits)
    if not target.is_floating_point():
        counted = counted if ignore_index is None else (target != ignore_index).unsqueeze(1).to(logits.dtype)
        target = (target == 1).unsqueeze(1).to(logits.dtype)
    background, foreground = (1, 1) if weight is None else (weight[:, :1], weight[:, 1:])
    value = foreground * target * F.logsigmoid(logits) + background * (1 - target) * F.logsigmoid(-logits)
    value = value if weight_map is None else value * weight_map
    return -(value * counted).sum() / counted.sum()


@pytest.mark.parametrize("space", SIZES)
@pytest.mark.parametrize("kind", ["hard", "ignored", "soft"])
@pytest.mark.parametrize("given", ["nothing", "classes", "map", "both"])
def test_value_and_gradient_are_those_of_the_formula(space, kind, given):
    logits, target, weight, weight_map = sample(space, soft=kind == "soft", ignored=kind == "ignored")
    weight = weight if given in ("classes", "both") else None
    weight_map = weight_map if given in ("map", "both") else None
    ignore_index = 255 if kind == "ignored" else None
    logits.requires_grad_()
    found = likelihood_loss(from_logits(logits, target, ignore_index=ignore_index), weight, weight_map)
    expected = plain(logits, target, weight, weight_map, ignore_index)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    slopes = (torch.autograd.grad(value, logits)[0] for value in (found, expected))
    torch.testing.assert_close(*slopes, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("kind", ["hard", "ignored", "soft"])
def test_one_channel_is_two_channels(kind):
    logits, target, weight, weight_map = sample((6, 5), soft=kind == "soft", ignored=kind == "ignored")
    ignore_index = 255 if kind == "ignored" else None
    both = target if kind != "soft" else torch.cat([1 - target, target], 1)
    one = likelihood_loss(from_logits(logits, target, ignore_index=ignore_index), weight, weight_map)
    two = from_logits(torch.cat([0 * logits, logits], 1), both, ignore_index=ignore_index)
    torch.testing.assert_close(one, likelihood_loss(two, weight, weight_map), rtol=1e-12, atol=0)


@pytest.mark.parametrize("derivative", [torch.autograd.gradcheck, torch.autograd.gradgradcheck])
def test_derivatives_towards_everything_that_is_given(derivative):
    logits, soft, weight, weight_map = sample((3, 2), soft=True)
    given = tuple(x.requires_grad_() for x in (logits, soft, weight, weight_map))
    assert derivative(lambda z, t, w, m: likelihood_loss(from_logits(z, t), w, m), given)
    assert derivative(lambda z: likelihood_loss(from_logits(z, soft)), given[:1])


def test_ignored_pixels_move_nothing():
    logits, target, weight, weight_map = sample((6, 5), ignored=True)
    inputs = from_logits(logits.requires_grad_(), target, ignore_index=255)
    slope = torch.autograd.grad(likelihood_loss(inputs, weight, weight_map), logits)[0]
    assert not slope[0, ..., 0].any()
    assert slope[1].all()
    nothing = from_logits(logits, torch.full_like(target, 255), ignore_index=255)
    assert likelihood_loss(nothing, weight, weight_map) == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_far_logits_keep_value_and_slope(dtype):
    logits = torch.tensor([-1e4, -100.0, -30.0, 30.0, 100.0, 1e4], dtype=dtype).reshape(1, 1, 1, 6)
    for label, slope in ((0, [0, 0, 0, 1, 1, 1]), (1, [-1, -1, -1, 0, 0, 0])):
        z = logits.clone().requires_grad_()
        value = CrossEntropyLoss()(z, torch.full((1, 1, 6), label))
        torch.testing.assert_close(value, torch.tensor(10130 / 6, dtype=dtype))
        found = 6 * torch.autograd.grad(value, z)[0].flatten()
        torch.testing.assert_close(found, torch.tensor(slope, dtype=dtype), atol=1e-6, rtol=0)


@pytest.mark.parametrize("given", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(given):
    logits, target, _, weight_map = sample((6, 5), dtype=torch.float32)
    logits = logits.to(given)
    expected = CrossEntropyLoss()(logits.float(), target, weight_map=weight_map)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = CrossEntropyLoss()(logits.requires_grad_(), target, weight_map=weight_map)
        assert torch.equal(found, expected)
    assert torch.autograd.grad(found, logits)[0].dtype == given


def test_works_under_functional_gradients():
    logits, target, _, _ = sample((6, 5))
    loss = CrossEntropyLoss()
    found = torch.func.grad(lambda z: loss(z, target.to(torch.uint8)))(logits)
    expected = (logits.sigmoid() - target.unsqueeze(1)) / target.numel()
    torch.testing.assert_close(found, expected)


def test_bytes_and_long_integers_are_read_alike():
    logits, target, _, _ = sample((6, 5), ignored=True)
    several = torch.randn(2, 4, 6, 5, generator=torch.Generator().manual_seed(1))
    for scores in (logits, several):
        for ignore_index in (255, 0, -1):
            labels = target if ignore_index == 255 else target.clamp_max(1)
            a, b = (from_logits(scores, x, ignore_index=ignore_index) for x in (labels, labels.to(torch.uint8)))
            assert torch.equal(a.target, b.target)
            assert torch.equal(a.valid, b.valid)


@pytest.mark.slow
@pytest.mark.parametrize("make", [CrossEntropyLoss, BalancedCrossEntropyLoss, UNetWeightedLoss])
def test_compiles_as_one_graph(make):
    logits, target, _, weight_map = sample((16, 17), dtype=torch.float32)
    loss = make()
    found, expected = (
        torch.autograd.grad(one(x, target, weight_map=weight_map), x)[0]
        for one, x in (
            (torch.compile(loss, fullgraph=True, backend="aot_eager"), logits.clone().requires_grad_()),
            (loss, logits.clone().requires_grad_()),
        )
    )
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("kind", ["hard", "ignored", "soft"])
@pytest.mark.parametrize("weighted", [True, False])
def test_probabilities_of_one_channel_are_those_of_two(kind, weighted):
    logits, target, weight, weight_map = sample((6, 5), soft=kind == "soft", ignored=kind == "ignored")
    weight = weight if weighted else None
    inputs = replace(from_logits(logits, target, ignore_index=255), scores=logits.sigmoid(), eps=1e-7)
    two = replace(inputs, scores=inputs.probability, own=inputs.target)
    expected = likelihood_loss(two, weight, weight_map)
    torch.testing.assert_close(likelihood_loss(inputs, weight, weight_map), expected, rtol=1e-12, atol=0)


def test_probabilities_of_exactly_zero_and_one():
    p = torch.tensor([0.0, 1.0, 0.0, 1.0], dtype=torch.float64).reshape(1, 1, 1, 4).requires_grad_()
    t = torch.tensor([0.0, 1.0, 1.0, 0.0], dtype=torch.float64).reshape(1, 1, 1, 4)
    value = cross_entropy_loss(p, t)
    assert value.item() == pytest.approx((2 * -math.log(1e-7) - 2 * math.log1p(1e-7)) / 4, rel=1e-12)
    slope = 4 * torch.autograd.grad(value, p)[0].flatten()
    torch.testing.assert_close(slope, torch.tensor([1, -1, -1e7, 1e7], dtype=torch.float64), rtol=1e-6, atol=0)
