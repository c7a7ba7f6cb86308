"""NormFace, CosFace, ArcFace, SphereFace: pytorch-metric-learning, cross-entropy, arithmetic by hand, then errors."""

import math

import pytest
import torch
import torch.nn.functional as F

from subband.losses.recognition.arcface import ArcFace, arcface_target
from subband.losses.recognition.cosface import CosFace
from subband.losses.recognition.normface import NormFace, recommended_scale
from subband.losses.recognition.shard import ClassShard
from subband.losses.recognition.sphereface import SphereFace, sphereface_target
from subband.losses.recognition.sphereface2 import SphereFace2
from subband.losses.recognition.uniface import UniFace

B, D, C = 9, 6, 13
HEADS = {
    "normface": NormFace,
    "cosface": CosFace,
    "arcface": ArcFace,
    "sphereface": SphereFace,
    "sphereface2": SphereFace2,
    "uniface": UniFace,
}
every_head = pytest.mark.parametrize("kind", HEADS.values(), ids=HEADS)


def problem(generator, head):
    """Samples all over the sphere, so some beyond pi - m."""
    head.double()
    head.weight.data = torch.randn(C, D, generator=generator, dtype=torch.float64)
    x = torch.randn(B, D, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, C, (B,), generator=generator)
    x[0] = -head.weight.data[labels[0]] + 0.05 * x[0]
    return x.requires_grad_(), labels


def gradients(loss, *inputs):
    return loss.detach(), *torch.autograd.grad(loss, inputs)


@pytest.mark.slow  # to import
@pytest.mark.parametrize(
    ("name", "options", "head"),
    [
        ("CosFaceLoss", {"margin": 0.4, "scale": 64}, CosFace(D, C)),
        ("ArcFaceLoss", {"margin": math.degrees(0.5), "scale": 64}, ArcFace(D, C, fallback="cos - m sin m")),
        ("NormalizedSoftmaxLoss", {"temperature": 1 / 64}, NormFace(D, C)),
    ],
)
def test_heads_are_those_of_pytorch_metric_learning(generator, name, options, head):
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    x, labels = problem(generator, head)
    theirs = getattr(losses, name)(num_classes=C, embedding_size=D, **options)
    theirs.W = torch.nn.Parameter(head.weight.detach().T.clone())
    mine = gradients(head(x, labels), x, head.weight)
    value, to_x, to_w = gradients(theirs(x, labels), x, theirs.W)
    for found, expected in zip(mine, (value, to_x, to_w.T), strict=True):
        assert (found - expected).abs().max() <= 1e-9 * expected.abs().max()


@pytest.mark.parametrize("kind", [NormFace, CosFace, ArcFace, SphereFace])
def test_loss_is_cross_entropy_of_changed_cosines(generator, kind):
    head = kind(D, C, scale=20.0)
    x, labels = problem(generator, head)
    logits = F.normalize(x) @ F.normalize(head.weight).T
    logits = logits.scatter(1, labels[:, None], head.target(logits.gather(1, labels[:, None])[:, 0])[:, None])
    expected = gradients(F.cross_entropy(20 * logits, labels), x, head.weight)
    for mine, theirs in zip(gradients(head(x, labels), x, head.weight), expected, strict=True):
        assert (mine - theirs).abs().max() <= 1e-12 * theirs.abs().max()


def test_cosface_by_hand():
    """Orthogonal classes, a sample on its own: log(1 + e^(2 (0 - 1 + 0.5)))."""
    head = CosFace(2, 2, scale=2.0, margin=0.5)
    head.weight.data = torch.eye(2)
    loss = head(torch.tensor([[7.0, 0.0]]), torch.tensor([0]))
    assert loss.item() == pytest.approx(math.log1p(math.exp(-1)))


@pytest.mark.parametrize(
    ("fallback", "expected"),
    [
        ("none", [math.cos(0.5), math.cos(2.0), math.cos(2.1), math.cos(math.pi + 0.5)]),
        ("easy", [math.cos(0.5), math.cos(2.0), math.cos(1.6), -1]),
        ("cos - m", [math.cos(0.5), math.cos(2.0), math.cos(2.1), -1.5]),
        ("cos - m sin m", [math.cos(0.5), math.cos(2.0), math.cos(2.1), -1 - 0.5 * math.sin(0.5)]),
    ],
)
def test_arcface_target_by_hand(fallback, expected):
    """Angles of 0, 1.5, 1.6 (beyond 90 degrees) and pi, and a margin of 0.5."""
    cosine = torch.tensor([0.0, 1.5, 1.6, math.pi], dtype=torch.float64).cos()
    found = arcface_target(cosine, margin=0.5, fallback=fallback)
    assert torch.allclose(found, torch.tensor(expected, dtype=torch.float64), atol=1e-14)


def test_arcface_gradients():
    cosine = torch.linspace(-0.95, 0.95, 7, dtype=torch.float64).requires_grad_()
    slope = torch.autograd.grad(arcface_target(cosine).sum(), cosine)[0]
    angle = cosine.detach().arccos()
    assert torch.allclose(slope, (angle + 0.5).sin() / angle.sin(), rtol=1e-12)
    detached = arcface_target(cosine, gradient="detached")
    assert torch.autograd.grad(detached.sum(), cosine)[0].eq(1).all()
    assert torch.allclose(detached, arcface_target(cosine))
    ends = torch.tensor([-1.0, 1.0], requires_grad=True)
    assert torch.autograd.grad(arcface_target(ends).sum(), ends)[0].isfinite().all()


def test_sphereface_target_by_hand():
    """Angles of 60, 90 and 120 degrees, twice: cos 120, -cos 180 - 2, -cos 240 - 2; and it always falls."""
    cosine = torch.tensor([0.5, 0.0, -0.5], dtype=torch.float64)
    assert torch.allclose(sphereface_target(cosine, margin=2.0), torch.tensor([-0.5, -1.0, -1.5]).double())
    falling = sphereface_target(torch.linspace(1, -1, 1001, dtype=torch.float64), margin=3.3)
    assert falling.diff().le(0).all()


def test_recommended_scale():
    """At that scale a sample on its centre, with the others around it evenly (cosine -1 / (C - 1)), reaches p."""
    for classes in (2, 30, 10_000):
        scale = recommended_scale(classes, probability=0.99)
        others = (classes - 1) * math.exp(-scale / (classes - 1))
        assert math.exp(scale) / (math.exp(scale) + others) == pytest.approx(0.99)


@every_head
def test_finite_on_the_hardest_and_easiest_samples(kind):
    """Embeddings on the own class, opposite to it, on another, and zero."""
    head = kind(D, C)
    x = torch.cat([head.weight.detach()[:3], torch.zeros(1, D)]) * torch.tensor([[1.0], [-1.0], [1.0], [1.0]])
    x.requires_grad_()
    loss = head(x, torch.tensor([0, 1, 3, 4]))
    loss.backward()
    assert loss.isfinite()
    assert x.grad.isfinite().all()
    assert head.weight.grad.isfinite().all()


@every_head
def test_prefers_the_truth_and_leaves_the_batch_alone(kind, generator):
    head = kind(D, C, scale=8.0)
    head.weight.data = torch.randn(C, D, generator=generator)
    labels = torch.arange(B)
    x = head.weight.detach()[labels].clone()
    right, wrong = head(x, labels), head(x, (labels + 1) % C)
    assert right < wrong
    assert x.equal(head.weight.detach()[labels])
    assert labels.equal(torch.arange(B))
    order = torch.randperm(B, generator=generator)
    assert torch.allclose(head(x[order], labels[order]), right)


@every_head
def test_state_and_attributes(kind):
    head = kind(D, ClassShard(C))
    assert (head.features, head.classes, len(head.shard), head.epoch) == (D, C, C, 0)
    assert head.weight.shape == (C, D)
    assert 0.005 < head.weight.std() < 0.02
    assert f"{D}, {C}, scale=" in repr(head)
    again = kind(D, C)
    again.load_state_dict(head.state_dict())
    assert again.weight.equal(head.weight)
    assert math.isnan(head.threshold) == issubclass(kind, NormFace)
    own = head.cosines(3 * head.weight)
    assert own.diagonal().sub(1).abs().max() < 1e-5
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert head.cosines(3 * head.weight).equal(own)


@pytest.mark.message
@every_head
def test_bad_batches_are_named(kind):
    head, x = kind(D, C), torch.zeros(2, D)
    with pytest.raises(ValueError, match=r"labels go from 0 to 13, but the head was made for 13 classes, 0 to 12"):
        head(x, torch.tensor([0, C]))
    with pytest.raises(ValueError, match=r"labels go from -1 to 0"):
        head(x, torch.tensor([0, -1]))
    with pytest.raises(ValueError, match=r"embeddings are NaN in rows 1; lower the learning rate"):
        head(torch.tensor([[0.0] * D, [math.nan] * D]), torch.tensor([0, 0]))
    with pytest.raises(ValueError, match=r"rows 0, 1, 2, 3, 4 and 4 more"):
        head(torch.full((B, D), math.nan), torch.zeros(B, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"embeddings have shape \(2, 7\) .* must be floating point \(B, 6\)"):
        head(torch.zeros(2, D + 1), torch.tensor([0, 0]))
    with pytest.raises(ValueError, match=r"labels have shape \(3,\) .* must be int64 \(2,\)"):
        head(x, torch.tensor([0, 0, 0]))
    with pytest.raises(ValueError, match=r"at least one"):
        head(x[:0], torch.zeros(0, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"classes is 1, but a head needs at least 2 identities"):
        kind(D, 1)
    with pytest.raises(ValueError, match=r"scale is 0, but must be greater than 0"):
        kind(D, C, scale=0)


@pytest.mark.message
def test_bad_options_are_named():
    with pytest.raises(ValueError, match=r"margin is -0.1"):
        CosFace(D, C, margin=-0.1)
    with pytest.raises(ValueError, match=r"margin is 4, but must lie between 0 and 3.14"):
        ArcFace(D, C, margin=4)
    with pytest.raises(ValueError, match=r"fallback is 'eazy', .* did you mean 'easy'"):
        ArcFace(D, C, fallback="eazy")
    with pytest.raises(ValueError, match=r"gradient is 'detach'"):
        ArcFace(D, C, gradient="detach")
    with pytest.raises(ValueError, match=r"margin is 0.5, but must lie between 1 and inf"):
        SphereFace(D, C, margin=0.5)
    with pytest.raises(ValueError, match=r"classes is 1, but must lie between 2 and inf"):
        recommended_scale(1)
    with pytest.raises(ValueError, match=r"probability is 1, but must be greater than 0 and less than 1"):
        recommended_scale(10, probability=1)
    with pytest.raises(ValueError, match=r"balance is 1.5"):
        SphereFace2(D, C, balance=1.5)
