"""The sum of a loss against classes and one against samples: what it adds, when, and which threshold it reports."""

import math

import pytest
import torch

from subband.losses.recognition.cosface import CosFace
from subband.losses.recognition.epl import EPL
from subband.losses.recognition.normface import NormFace
from subband.losses.recognition.s2s import S2SSoftmax
from subband.losses.recognition.shard import ClassShard
from subband.losses.recognition.uniface import UniFace
from subband.losses.recognition.unitsface import UniTSFace
from subband.losses.recognition.uss import USS
from subband.losses.recognition.vpl import VPL

CLASSES, FEATURES = 7, 5


def some(generator, samples=6):
    return torch.randn(samples, FEATURES, generator=generator), torch.randint(CLASSES, (samples,), generator=generator)


def made(**options):
    return UniTSFace(CosFace(FEATURES, CLASSES), USS(FEATURES, CLASSES, initial_bias=8.0), **options)


def test_first_epoch_is_the_class_loss_and_fills_the_memory(generator):
    head = made()
    x, labels = some(generator)
    assert head(x, labels).equal(head.s2c(x, labels))
    assert head.s2s.filled.nonzero()[:, 0].tolist() == labels.unique().tolist()
    head.eval()
    before = head.s2s.memory.clone()
    head(-x, labels)
    assert torch.equal(head.s2s.memory, before)


@pytest.mark.parametrize("s2c", [CosFace, UniFace, NormFace])
@pytest.mark.parametrize("s2s", [USS, S2SSoftmax])
@pytest.mark.parametrize("combine", [True, False])
def test_then_it_is_the_weighted_sum(s2c, s2s, combine, generator):
    head = UniTSFace(s2c(FEATURES, CLASSES), s2s(FEATURES, CLASSES), weight=0.25, combine=combine)
    x, labels = some(generator)
    head(x, labels)
    head.epoch = 1
    head(*some(generator))  # starts the bias
    head.eval()
    expected = 0.25 * head.s2s(x, labels) + (head.s2c(x, labels) if combine else 0)
    assert head(x, labels).item() == pytest.approx(expected.item(), rel=1e-6)


def test_start_epoch(generator):
    head = made(start_epoch=3)
    x, labels = some(generator)
    for epoch in range(5):
        head.epoch = epoch
        alone = head.s2c(x, labels).item()
        assert (head(x, labels).item() == alone) == (epoch < 3)


@pytest.mark.parametrize("wrap", [VPL, EPL])
def test_on_a_head_around_another(wrap, generator):
    head = UniTSFace(wrap(CosFace(FEATURES, CLASSES)), USS(FEATURES, CLASSES))
    x, labels = some(generator)
    for head.epoch in range(5):
        head(x, labels).backward()
    assert head.s2c.head.weight.grad.isfinite().all()
    assert head.s2c.epoch == 4
    assert head.cosines(x).equal(head.s2c.cosines(x))


def test_threshold_is_that_between_samples_or_else_of_the_classes():
    unified = UniFace(FEATURES, CLASSES)
    assert made().threshold == 8 / 64
    assert UniTSFace(unified, S2SSoftmax(FEATURES, CLASSES)).threshold == unified.threshold
    assert math.isnan(UniTSFace(CosFace(FEATURES, CLASSES), USS(FEATURES, CLASSES)).threshold)


def test_sizes():
    head = made()
    assert (head.features, head.classes, head.shard) == (FEATURES, CLASSES, ClassShard(CLASSES))
    assert "weight=1, combine=True, start_epoch=1" in repr(head)


@pytest.mark.message
def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="features of s2c is 5, but of s2s 4; make both heads alike"):
        UniTSFace(CosFace(5, 7), USS(4, 7))
    with pytest.raises(ValueError, match=r"shard of s2c is ClassShard\(classes=7, rank=0, world=1\), but of s2s"):
        UniTSFace(CosFace(5, 7), USS(5, 8))
    with pytest.raises(ValueError, match="weight is 0, but must be greater than 0"):
        made(weight=0)
    with pytest.raises(ValueError, match="start_epoch is -1, but must be 0 or greater"):
        made(start_epoch=-1)
