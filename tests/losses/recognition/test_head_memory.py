"""The estimate of a step's memory, by hand, and against what a step takes."""

import pytest
import torch
from torch import nn

from subband.losses.recognition.cosface import CosFace
from subband.losses.recognition.head_memory import head_memory
from subband.losses.recognition.shard import ClassShard
from subband.losses.recognition.unitsface import UniTSFace
from subband.losses.recognition.uss import USS


def test_by_hand():
    """1000 classes of 8 features, 4 samples."""
    found = head_memory(CosFace(8, 1000), batch=4, states=2)
    assert (found.weights, found.gradient, found.optimiser, found.memory) == (32000, 32000, 64000, 0)
    assert (found.logits, found.embeddings) == (16000, 256)
    assert found.total == 144256
    assert str(found) == (
        "CosFace, 1000 classes x 8: 144.3 kB on each process (weights 32.0 kB, gradient 32.0 kB, optimiser 64.0 kB, "
        "logits 16.0 kB, embeddings 256 bytes)"
    )


def test_memory_and_shards():
    """A bias and a sign that it has started beside 500 of 1000 rows, each with a flag that it is filled."""
    found = head_memory(USS(8, ClassShard(1000, 0, 2)), batch=4)
    assert (found.weights, found.memory) == (4, 16000 + 500 + 1)
    assert str(found).startswith("USS, 1000 classes x 8 over 2 processes: ")


def test_a_million_classes_take_no_memory_to_estimate():
    """Logits that would not fit are computed again in pieces."""
    with torch.device("meta"):
        head = UniTSFace(CosFace(512, 1_000_000), USS(512, 1_000_000))
    found = head_memory(head, batch=512)
    assert found.weights == pytest.approx(2.048e9, rel=1e-6)
    assert found.memory == pytest.approx(2.049e9, rel=1e-6)
    assert found.logits < 1e8
    assert found.total < 12e9


@pytest.mark.message
def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="Linear has no shard of classes; give a recognition head"):
        head_memory(nn.Linear(2, 2), batch=1)
