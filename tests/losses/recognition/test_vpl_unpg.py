"""VPL and UNPG: the loss with the mixed weights or the further columns written out, and what the memory holds."""

import math

import pytest
import torch
import torch.nn.functional as F

from subband.losses.recognition.arcface import ArcFace
from subband.losses.recognition.cosface import CosFace
from subband.losses.recognition.uniface import UniFace
from subband.losses.recognition.unpg import UNPG, pairs_within_whiskers
from subband.losses.recognition.vpl import VPL

D, C = 5, 8


def test_vpl_by_steps(generator):
    """Nothing is mixed in batch 1; in batch 2 the embeddings of batch 1; in batch 4 those of 1 are too old."""
    head = VPL(CosFace(D, C, scale=6.0), share=0.3, recent=2, start=1).double()
    x = torch.randn(4, 3, D, generator=generator, dtype=torch.float64)
    labels = torch.tensor([[0, 5, 5], [1, 2, 3], [1, 2, 4], [0, 0, 6]])
    inner = head.head
    assert head(x[0], labels[0]).equal(inner(x[0], labels[0]))
    assert head.memory[5].equal(F.normalize(x[0, 2], dim=0))  # the last one
    assert head.seen.tolist() == [1, 0, 0, 0, 0, 1, 0, 0]

    mixed = F.normalize(inner.weight.detach(), eps=1e-5)
    for row, value in ((0, x[0, 0]), (5, x[0, 2])):
        mixed[row] = 0.7 * mixed[row] + 0.3 * F.normalize(value, dim=0)
    cosine = F.normalize(x[1]) @ F.normalize(mixed).T - 0.4 * F.one_hot(labels[1], C).double()
    loss = head(x[1], labels[1])
    assert loss.item() == pytest.approx(F.cross_entropy(6 * cosine, labels[1]).item(), rel=1e-12)
    loss.backward()
    assert inner.weight.grad.abs().sum(1).gt(0).all()
    head(x[2], labels[2])
    head.eval()
    head(x[3], labels[3])
    assert head.batches == 3
    assert head.shares().tolist() == pytest.approx([0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0, 0])
    head.train()
    head(x[3], labels[3])
    assert head.shares().tolist() == pytest.approx([0.3, 0.3, 0.3, 0.3, 0.3, 0, 0.3, 0])


def test_vpl_state_and_delegation():
    head = VPL(ArcFace(D, C), start=0)
    head(torch.eye(D)[:2], torch.tensor([2, 4]))
    again = VPL(ArcFace(D, C), start=0)
    again.load_state_dict(head.state_dict())
    assert again.batches == 1
    assert again.memory.equal(head.memory)
    assert (head.features, head.classes, len(head.shard)) == (D, C, C)
    assert math.isnan(head.threshold)
    assert head.cosines(torch.eye(D)).equal(head.head.cosines(torch.eye(D)))
    assert "share=0.15" in repr(head)


def test_unpg_is_cross_entropy_with_more_columns(generator):
    head = UNPG(CosFace(D, C, scale=6.0), whisker=math.inf).double()
    x = torch.randn(4, D, generator=generator, dtype=torch.float64).requires_grad_()
    labels = torch.tensor([0, 3, 3, 7])
    unit = F.normalize(x)
    pairs = torch.stack([unit[i] @ unit[j] for i in range(4) for j in range(i) if labels[i] != labels[j]])
    cosine = unit @ F.normalize(head.head.weight, eps=1e-5).T - 0.4 * F.one_hot(labels, C).double()
    expected = F.cross_entropy(6 * torch.cat([cosine, pairs.expand(4, -1)], 1), labels)
    loss = head(x, labels)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
    inputs = x, head.head.weight
    for mine, theirs in zip(torch.autograd.grad(loss, inputs), torch.autograd.grad(expected, inputs), strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-10, atol=1e-12)
    assert "whisker=inf" in repr(head)


def test_whiskers_leave_outliers_out():
    """Samples at 0, 80, 90 and 89 degrees, of four classes: one pair has a cosine of nearly 1, and one of 0.98."""
    angle = torch.tensor([0.0, 80.0, 90.0, 89.0]).deg2rad()
    x = torch.stack([angle.cos(), angle.sin()], 1)
    everything = pairs_within_whiskers(x, torch.arange(4), whisker=math.inf)
    assert everything.tolist() == pytest.approx(
        sorted(math.cos(math.radians(a)) for a in (80, 90, 89, 10, 9, 1)), abs=1e-6
    )
    assert pairs_within_whiskers(x, torch.arange(4), whisker=1e-6).tolist() == everything[1:5].tolist()
    assert len(pairs_within_whiskers(x, torch.arange(4), whisker=1.5)) == 6
    assert len(pairs_within_whiskers(x, torch.zeros(4, dtype=torch.int64))) == 0


def test_unpg_of_one_class_is_the_head(generator):
    head = UNPG(CosFace(D, C))
    x, labels = torch.randn(3, D, generator=generator), torch.tensor([2, 2, 2])
    assert head(x, labels).equal(head.head(x, labels))


@pytest.mark.message
def test_bad_options_are_named():
    with pytest.raises(ValueError, match=r"head is a UniFace, but must be a softmax head such as CosFace"):
        VPL(UniFace(D, C))
    with pytest.raises(ValueError, match=r"share is 1.5, but must lie between 0 and 1"):
        VPL(CosFace(D, C), share=1.5)
    with pytest.raises(ValueError, match=r"whisker is 0"):
        UNPG(CosFace(D, C), whisker=0)
