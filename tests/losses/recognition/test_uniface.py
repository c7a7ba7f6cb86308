"""UniFace and SphereFace2: their loss from whole matrices of logits, their thresholds, and class sampling."""

import math

import pytest
import torch
import torch.nn.functional as F

from subband.losses.recognition.class_sampling import SampledRows, sample_classes
from subband.losses.recognition.sphereface2 import SphereFace2
from subband.losses.recognition.uniface import UniFace
from subband.losses.recognition.uniform_bce import uniform_bce_loss

B, D, C = 6, 5, 40


def problem(generator, head):
    head.double()
    head.weight.data = torch.randn(C, D, generator=generator, dtype=torch.float64)
    x = torch.randn(B, D, generator=generator, dtype=torch.float64).requires_grad_()
    return x, torch.randint(0, C, (B,), generator=generator)


def cosines(x, head):
    return F.normalize(x) @ F.normalize(head.weight).T


@pytest.mark.parametrize("clamp", [None, 4.0])
@pytest.mark.parametrize("kind", ["unified", "diverse"])
def test_uniface_is_uniform_bce_of_cosines(generator, kind, clamp):
    head = UniFace(D, C, scale=9.0, margin=0.3, bias=kind, negative_weight=0.6, logit_clamp=clamp)
    x, labels = problem(generator, head)
    inputs = x, head.weight, head.bias
    logits = 9 * (cosines(x, head) - 0.3 * F.one_hot(labels, C).double())
    expected = uniform_bce_loss(logits, labels, head.bias, negative_weight=0.6, logit_clamp=clamp)
    loss = head(x, labels)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
    for mine, theirs in zip(torch.autograd.grad(loss, inputs), torch.autograd.grad(expected, inputs), strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-11, atol=1e-13)


def test_threshold_is_where_the_unified_probability_is_even():
    """b = s t + log(C - 1): the author's start, log(10 C), lies at t = log(10 C / (C - 1)) / s."""
    head = UniFace(D, C)
    assert head.threshold == pytest.approx(math.log(10 * C / (C - 1)) / 64, abs=1e-6)
    with torch.no_grad():
        head.bias.fill_(64 * 0.3 + math.log(C - 1))
    assert head.threshold == pytest.approx(0.3, abs=1e-6)
    assert UniFace(D, C, sample=0.5).bias.item() == pytest.approx(math.log(5 * C), rel=1e-6)
    assert math.isnan(UniFace(D, C, bias="diverse").threshold)
    assert "bias='unified'" in repr(head)


def test_sphereface2_is_binary_cross_entropy(generator):
    head = SphereFace2(D, C, scale=5.0)
    x, labels = problem(generator, head)
    truth = F.one_hot(labels, C).double()
    logits = 5 * (2 * ((cosines(x, head) + 1) / 2) ** 3 - 1 - 0.4 * (2 * truth - 1)) + head.bias
    each = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    expected = 50 / 5 * (each * (0.7 * truth + 0.3 * (1 - truth))).sum(1).mean()
    assert head(x, labels).item() == pytest.approx(expected.item(), rel=1e-12)


def test_sphereface2_starts_balanced():
    """Where c = 0 for all classes, the own and the others pull the bias equally strong."""
    head = SphereFace2(D, C).double()
    head.weight.data = torch.eye(D, dtype=torch.float64)[:1].repeat(C, 1)
    head(torch.eye(D, dtype=torch.float64)[1:2], torch.tensor([3])).backward()
    assert abs(head.bias.grad.item()) < 1e-6
    head.bias.data.fill_(-40 * (2 * 0.6**3 - 1))
    assert head.threshold == pytest.approx(0.2)
    head.bias.data.fill_(50.0)
    assert math.isnan(head.threshold)
    assert "power=3" in repr(head)


@pytest.mark.parametrize("part", [0.1, 0.5, 1.0])
def test_sampled_classes_have_all_of_the_batch(generator, part):
    own = torch.randint(0, C, (B,), generator=generator)
    counts = torch.zeros(C)
    for _ in range(200):
        rows = sample_classes(own, C, part=part, generator=generator)
        assert rows.equal(rows.unique())
        assert torch.isin(own, rows).all()
        assert len(rows) == max(int(C * part), len(own.unique()))
        counts[rows] += 1
    others = counts[~torch.isin(torch.arange(C), own)] / 200  # each as likely as the next
    expected = (max(int(C * part), len(own.unique())) - len(own.unique())) / (C - len(own.unique()))
    assert (others - expected).abs().max() <= 5 * math.sqrt(expected * (1 - expected) / 200)


def test_sampled_loss_is_that_of_the_drawn_classes(generator):
    head = UniFace(D, C, scale=9.0, sample=0.4)
    x, labels = problem(generator, head)
    head.generator = torch.Generator().manual_seed(3)
    loss = head(x, labels)
    rows = sample_classes(labels, C, part=0.4, generator=torch.Generator().manual_seed(3))
    assert head.used.nonzero()[:, 0].equal(rows)
    part = UniFace(D, len(rows), scale=9.0).double()
    part.weight.data, part.bias.data = head.weight.data[rows], head.bias.data
    assert loss.item() == pytest.approx(part(x, torch.searchsorted(rows, labels)).item(), rel=1e-13)
    loss.backward()
    assert head.weight.grad.abs().sum(1).gt(0).equal(head.used)
    head.eval()
    assert head.rows(labels) is None


@pytest.mark.parametrize(
    "make",
    [
        lambda weights: torch.optim.SGD(weights, lr=0.5, momentum=0.9, weight_decay=0.1),
        lambda weights: torch.optim.AdamW(weights, lr=0.5, weight_decay=0.1),
    ],
    ids=["sgd", "adamw"],
)
def test_momentum_moves_no_row_that_was_not_drawn(generator, make):
    """Rows that are used move as if they alone were the parameter; the others, and their momentum, not at all."""
    head = UniFace(D, C, scale=9.0, sample=0.3)
    x, labels = problem(generator, head)
    optimizer = make(head.parameters())
    free = head.only_sampled_rows(optimizer)
    moved = 0
    for _ in range(4):
        optimizer.zero_grad()
        before, state = head.weight.detach().clone(), {}
        for key, value in optimizer.state[head.weight].items():
            state[key] = value.clone()
        head(x, labels).backward()
        used = head.used.clone()
        optimizer.step()
        after = optimizer.state[head.weight]
        assert not head.used.any()
        assert head.weight.grad.shape == head.weight.shape
        assert head.weight.detach()[~used].equal(before[~used])
        assert (head.weight.detach()[used] != before[used]).any(1).all()
        for key, value in state.items():
            if value.shape == (C, D):
                assert after[key][~used].equal(value[~used])
                moved += int((value[~used] != 0).any())
        if "momentum_buffer" in state:
            gradient = head.weight.grad[used] + 0.1 * before[used]
            expected = 0.9 * state["momentum_buffer"][used] + gradient
            assert torch.allclose(after["momentum_buffer"][used], expected)
            assert torch.allclose(head.weight.detach()[used], before[used] - 0.5 * expected)
    assert moved  # rows that rest do have momentum
    free.remove()
    optimizer.zero_grad()
    head(x, labels).backward()
    before, used = head.weight.detach().clone(), head.used.clone()
    optimizer.step()
    assert (head.weight.detach()[~used] != before[~used]).any()


def test_a_step_without_a_gradient_moves_nothing(generator):
    head = UniFace(D, C, sample=0.3)
    optimizer = torch.optim.SGD(head.parameters(), lr=1.0)
    head.only_sampled_rows(optimizer)
    before = head.weight.detach().clone()
    optimizer.step()
    assert head.weight.equal(before)


@pytest.mark.message
def test_bad_options_are_named():
    with pytest.raises(ValueError, match=r"bias is 'unify', .* did you mean 'unified'"):
        UniFace(D, C, bias="unify")
    with pytest.raises(ValueError, match=r"sample is 1.5, but must lie between 0 and 1"):
        UniFace(D, C, sample=1.5)
    with pytest.raises(ValueError, match=r"sample is 0, but must be greater than 0"):
        UniFace(D, C, sample=0)
    with pytest.raises(ValueError, match=r"part is 2, but must lie between 0 and 1"):
        sample_classes(torch.tensor([0]), 4, part=2)
    head = UniFace(D, C)
    with pytest.raises(ValueError, match=r"the weight is not among the parameters of the optimiser"):
        SampledRows(torch.optim.SGD([head.bias], lr=1.0), head.weight, head.used)
