"""Empirical prototypes: the authors' steps written plainly, arithmetic by hand, policies, classes not seen."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F

from subband.losses.recognition._epl_policies import direct, proportional, sigmoid, softsign
from subband.losses.recognition.arcface import ArcFace
from subband.losses.recognition.cosface import CosFace
from subband.losses.recognition.epl import EPL
from subband.losses.recognition.normface import NormFace
from subband.losses.recognition.uniface import UniFace
from subband.losses.recognition.uss import USS

CLASSES, FEATURES = 7, 5
HEADS = [NormFace, CosFace, ArcFace, UniFace]
SHARES = {
    "softsign": lambda u: u / (1 + abs(u)),
    "sigmoid": lambda u: 1 / (1 + math.exp(1 - u)),
    "direct": lambda u: 0.0,
}


def some(generator, samples=6):
    x = torch.randn(samples, FEATURES, dtype=torch.float64, generator=generator)
    return x.requires_grad_(), torch.randint(CLASSES, (samples,), generator=generator)


def made(kind, generator, **options):
    """A head with weights of length about 1 and prototypes of all classes."""
    head = EPL(kind(FEATURES, CLASSES, scale=16.0), **{"start_epoch": 0, **options}).double()
    for rows in (head.head.weight.data, head.memory):
        rows.copy_(F.normalize(torch.randn(CLASSES, FEATURES, dtype=torch.float64, generator=generator)))
    head.filled.fill_(True)
    return head


def plain(head, x, labels, k):
    """L(P), with a one-hot margin without gradient."""
    own = F.one_hot(labels, CLASSES).to(x.dtype)
    v = F.normalize(x) @ F.normalize(head.memory).T
    v = v - k * (own * v).detach()
    if isinstance(head.head, UniFace):
        z = 16 * (v - head.head.margin * own) - head.head.bias
        return F.binary_cross_entropy_with_logits(z, own, reduction="sum") / len(x)
    if isinstance(head.head, ArcFace):
        v = torch.where(own > 0, (v.clamp(-1 + 1e-12, 1 - 1e-12).acos() + head.head.margin).cos(), v)
    return F.cross_entropy(16 * v, labels)


@pytest.mark.parametrize("update", SHARES)
def test_prototypes_move_as_a_loop_says(update, generator):
    head = made(CosFace, generator, update=update)
    old = head.memory.clone()
    x, labels = some(generator)
    labels[:3] = 4
    head(x, labels)
    expected = old.clone()
    for sample, label in zip(F.normalize(x.detach()), labels.tolist(), strict=True):
        share = SHARES[update](float(old[label] @ sample))
        expected[label] = F.normalize(share * old[label] + (1 - share) * sample, dim=0)
    torch.testing.assert_close(head.memory, expected, rtol=1e-12, atol=1e-12)
    assert not head.memory.requires_grad


@pytest.mark.parametrize("kind", HEADS)
def test_loss_is_the_mean_of_both_halves(kind, generator):
    head = made(kind, generator).eval()
    x, labels = some(generator)
    inputs = (x, *head.parameters())
    found = head(x, labels)
    expected = (head.head(x, labels) + plain(head, x, labels, 0.7)) / 2
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)
    for one, other in zip(torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", HEADS)
def test_before_the_start_it_is_the_head_while_prototypes_move(kind, generator):
    head = made(kind, generator, start_epoch=3)
    before = head.memory.clone()
    x, labels = some(generator)
    head.epoch = 2
    assert head(x, labels).equal(head.head(x, labels))
    assert not torch.equal(head.memory, before)
    head.epoch = 3
    assert not head(x, labels).equal(head.head(x, labels))


def test_by_hand():
    """Prototypes e1, e2 and weights e1, e2; x = e1: log(1 + exp(-(1 - 0.4))) and log(1 + exp(-0.3)), halved."""
    head = EPL(CosFace(2, 2, scale=1.0), start_epoch=0).eval()
    for rows in (head.head.weight.data, head.memory):
        rows.copy_(torch.eye(2))
    head.filled.fill_(True)
    expected = (math.log1p(math.exp(-0.6)) + math.log1p(math.exp(-0.3))) / 2
    assert head(torch.tensor([[3.0, 0.0]]), torch.tensor([0])).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("kind", HEADS)
def test_margin_has_no_gradient(kind, generator):
    """A function as the margin: a constant one, whose value is that of k v, has the same gradient."""
    head = made(kind, generator).eval()
    x, labels = some(generator)
    cosines = (F.normalize(x) * head.memory[labels]).sum(1).detach()
    fixed = copy.deepcopy(head)
    fixed.margin = lambda v: 0.7 * cosines
    torch.testing.assert_close(
        torch.autograd.grad(head(x, labels), x), torch.autograd.grad(fixed(x, labels), x), rtol=1e-12, atol=1e-12
    )
    if kind is not ArcFace:
        assert torch.autograd.gradcheck(lambda x: fixed(x, labels), x)


def test_policies_of_ones_own(generator):
    head = made(CosFace, generator, update=torch.ones_like, strength=torch.zeros_like)
    before = head.memory.clone()
    x, labels = some(generator)
    found = head(x, labels)
    torch.testing.assert_close(head.memory, before)
    assert found.item() == pytest.approx((head.head(x, labels) + plain(head, x, labels, 0.0)).item() / 2, rel=1e-12)


def test_first_sample_of_a_class_is_its_prototype(generator):
    for update in SHARES:
        head = EPL(CosFace(FEATURES, CLASSES), update=update).double()
        x, _ = some(generator, 2)
        head(x, torch.tensor([1, 5]))
        torch.testing.assert_close(head.memory[[1, 5]], F.normalize(x.detach()))
        assert head.filled.nonzero()[:, 0].tolist() == [1, 5]


@pytest.mark.parametrize("kind", [CosFace, ArcFace])
def test_classes_not_seen_take_no_part(kind, generator):
    head = made(kind, generator).eval()
    head.filled[5:] = False
    x, _ = some(generator, 3)
    labels = torch.tensor([0, 6, 4])
    v = F.normalize(x) @ head.memory.T
    own = F.one_hot(labels, CLASSES)
    target = head.head.target(0.3 * v.flatten()).view_as(v) + (head.head.margin if kind is CosFace else 0)
    z = 16 * torch.where(own > 0, target, v)
    near = F.cross_entropy(z[[0, 2], :5], labels[[0, 2]], reduction="sum") / 3
    assert head(x, labels).item() == pytest.approx((head.head(x, labels) + near).item() / 2, rel=1e-12)


def test_two_steps_before_one_backward(generator):
    head = made(UniFace, generator)
    (x, first), (y, second) = some(generator), some(generator)
    alone = torch.autograd.grad(copy.deepcopy(head)(x, first), x)[0]
    both = torch.autograd.grad(head(x, first) + head(y, second), x)[0]
    torch.testing.assert_close(both, alone, rtol=1e-12, atol=1e-12)


def test_evaluation_changes_nothing(generator):
    head = made(CosFace, generator).eval()
    before = head.memory.clone()
    head(*some(generator))
    assert torch.equal(head.memory, before)


def test_is_its_head_to_others(generator):
    head = made(UniFace, generator)
    x, _ = some(generator)
    assert head.threshold == head.head.threshold
    assert head.cosines(x).equal(head.head.cosines(x))
    head.epoch = 7
    head(*some(generator))
    assert head.head.epoch == 7
    assert "update=softsign, start_epoch=0" in repr(head)


def test_policies_are_named_functions():
    u = torch.tensor([0.5])
    assert softsign(u).item() == pytest.approx(1 / 3)
    assert sigmoid(u).item() == pytest.approx(1 / (1 + math.exp(0.5)))
    assert direct(u).item() == 0
    assert proportional(u, strength=0.7).item() == pytest.approx(0.35)


@pytest.mark.message
def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="head is a USS, but must be a NormFace, CosFace, ArcFace or UniFace"):
        EPL(USS(2, 3))
    with pytest.raises(
        ValueError, match="update is 'softsing', but must be one of softsign, sigmoid, direct; did you m"
    ):
        EPL(CosFace(2, 3), update="softsing")
    with pytest.raises(ValueError, match=r"strength is -0.1, but must be 0 or greater"):
        EPL(CosFace(2, 3), strength=-0.1)
    head = EPL(CosFace(2, 3))
    with pytest.raises(ValueError, match="embeddings are NaN in rows 0"):
        head(torch.full((1, 2), math.nan), torch.tensor([0]))
    assert not head.filled.any()
