"""Binary cross-entropy of every class: PyTorch's, arithmetic by hand, gradients, the bias beside the best threshold."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from subband.losses.recognition.uniform_bce import UniformBCE, uniform_bce_loss
from subband.metrics.classification import UniformClassification


def some(generator, samples=6, classes=4):
    scores = torch.randn(samples, classes, dtype=torch.float64, generator=generator)
    return scores, torch.randint(classes, (samples,), generator=generator)


@pytest.mark.parametrize("bias", [0.0, torch.tensor([0.7]), torch.tensor([0.1, -0.4, 2.0, 0.0])])
def test_is_pytorchs_binary_cross_entropy_of_one_hot_targets(bias, generator):
    scores, labels = some(generator)
    expected = F.binary_cross_entropy_with_logits(scores - bias, F.one_hot(labels, 4).double(), reduction="sum") / len(
        labels
    )
    assert uniform_bce_loss(scores, labels, bias).item() == pytest.approx(expected.item(), rel=1e-12)


def test_by_hand():
    """softplus(-(1 - 0.5)) + 0.25 (softplus(-1.5) + softplus(1.5))."""
    scores, labels = torch.tensor([[1.0, -1.0, 2.0]]), torch.tensor([0])
    found = uniform_bce_loss(scores, labels, 0.5, negative_weight=0.25)
    expected = math.log1p(math.exp(-0.5)) + 0.25 * (math.log1p(math.exp(-1.5)) + math.log1p(math.exp(1.5)))
    assert found.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("shape", [(1,), (4,), (1, 4)])
def test_gradients(shape, generator):
    scores, labels = some(generator)
    bias = torch.randn(shape, dtype=torch.float64, generator=generator, requires_grad=True)
    kept = scores.clone()
    assert torch.autograd.gradcheck(
        lambda z, b: uniform_bce_loss(z, labels, b, negative_weight=0.6), (scores.requires_grad_(), bias)
    )
    assert torch.equal(scores.detach(), kept)


def test_huge_scores_keep_their_gradients():
    scores = torch.tensor([[-200.0, 300.0]], requires_grad=True)
    loss = uniform_bce_loss(scores, torch.tensor([0]))
    loss.backward()
    assert loss.item() == 500
    assert scores.grad.tolist() == [[-1, 1]]


def test_clipped_scores_have_none():
    scores = torch.tensor([[-200.0, 300.0]], requires_grad=True)
    loss = uniform_bce_loss(scores, torch.tensor([0]), logit_clamp=64)
    loss.backward()
    assert loss.item() == 128
    assert scores.grad.tolist() == [[0, 0]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_full(dtype, generator):
    scores, labels = some(generator)
    half = scores.to(dtype)
    expected = uniform_bce_loss(half.float(), labels, 0.3)
    assert uniform_bce_loss(half, labels, 0.3).equal(expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert uniform_bce_loss(half, labels, 0.3).equal(expected)


@pytest.mark.parametrize(("bias", "count"), [("unified", 1), ("diverse", 10), ("none", 0)])
def test_module_learns_its_bias(bias, count, generator):
    scores, labels = some(generator, classes=10)
    loss = UniformBCE(10, bias=bias)
    assert sum(parameter.numel() for parameter in loss.parameters()) == count
    assert repr(loss) == f"UniformBCE(10, bias='{bias}')"
    start = 0.0 if bias == "none" else torch.full((count,), math.log(9))
    assert loss(scores, labels).item() == pytest.approx(uniform_bce_loss(scores, labels, start).item())
    assert UniformBCE(10, bias=bias, initial=0.0)(scores, labels).item() == pytest.approx(
        uniform_bce_loss(scores, labels).item()
    )


def test_starts_in_balance():
    """At scores of 0 the positive and the negative classes pull the bias equally."""
    loss = UniformBCE(50)
    loss(torch.zeros(3, 50), torch.tensor([0, 1, 2])).backward()
    assert loss.bias.grad.abs().max() < 1e-6


def test_threshold_and_its_scores():
    scores = torch.tensor([[1.0, 2.0]])
    for bias, threshold, shifted in (("unified", 0.5, [1, 2]), ("diverse", 0.0, [0.5, 1.5]), ("none", 0.0, [1, 2])):
        loss = UniformBCE(2, bias=bias, initial=0.5)
        assert loss.threshold == threshold
        assert loss.threshold_scores(scores).tolist() == [shifted]
        assert not loss.threshold_scores(scores).requires_grad


@pytest.mark.slow
def test_the_learned_bias_is_a_good_threshold(generator):
    """Noisy clusters of ten classes, a linear layer without bias: accuracy at the bias against the best threshold."""
    centres = 2 * torch.randn(10, 16, generator=generator)
    labels = torch.arange(1000) % 10
    features = centres[labels] + torch.randn(1000, 16, generator=generator)
    layer, loss = nn.Linear(16, 10, bias=False), UniformBCE(10)
    nn.init.zeros_(layer.weight)
    optimiser = torch.optim.Adam([*layer.parameters(), *loss.parameters()], 0.02)
    for _ in range(300):
        optimiser.zero_grad()
        loss(layer(features), labels).backward()
        optimiser.step()
    scores = UniformClassification.of(layer(features), labels)
    result = scores.result()
    assert result.uniform > 0.9
    assert abs(loss.threshold - math.log(9)) > 0.1  # it moved
    assert scores.accuracy_at(loss.threshold) > result.uniform - 0.02


@pytest.mark.message
def test_errors_say_what_to_do():
    scores, labels = torch.zeros(2, 3), torch.tensor([0, 2])
    with pytest.raises(ValueError, match=r"scores have shape \(2, 1\) and dtype torch.float32, but must be floating"):
        uniform_bce_loss(scores[:, :1], labels)
    with pytest.raises(ValueError, match=r"labels have shape \(2,\) and dtype torch.float32, but must be int64 \(2,\)"):
        uniform_bce_loss(scores, labels.float())
    with pytest.raises(ValueError, match="bias has 2 numbers, but must have 1, or 3, one of each class"):
        uniform_bce_loss(scores, labels, torch.zeros(2))
    with pytest.raises(ValueError, match="negative_weight is 0, but must be greater than 0"):
        UniformBCE(3, negative_weight=0)
    with pytest.raises(ValueError, match="logit_clamp is -1, but must be greater than 0"):
        UniformBCE(3, logit_clamp=-1)
    with pytest.raises(ValueError, match="bias is 'unifed', but must be one of unified, diverse, none; did you mean"):
        UniformBCE(3, bias="unifed")
    with pytest.raises(ValueError, match="classes is 1, but must be at least 2"):
        UniformBCE(1)
    with pytest.raises(ValueError, match="scores are of 3 classes, but the loss was made for 4"):
        UniformBCE(4)(scores, labels)
