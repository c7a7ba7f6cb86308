"""Parts of the classes: the split by hand, and each joined result against one process, on gloo worlds of 1, 2 and 4."""

import pytest
import torch
from gloo_world import gloo_world

from subband.losses.recognition.shard import ClassShard

WORLDS = pytest.mark.parametrize("world", [1, 2, 4])
ROWS = {1: [7], 2: [5, 2], 4: [2, 0, 4, 1]}


def test_the_split_by_hand():
    """21 = 6 + 5 + 5 + 5."""
    shards = [ClassShard(21, rank=rank, world=4) for rank in range(4)]
    assert [(shard.start, shard.stop, len(shard)) for shard in shards] == [
        (0, 6, 6),
        (6, 11, 5),
        (11, 16, 5),
        (16, 21, 5),
    ]


@pytest.mark.parametrize("world", range(1, 9))
@pytest.mark.parametrize("classes", [8, 9, 15, 100])
def test_every_class_lies_once(classes, world):
    shards = [ClassShard(classes, rank=rank, world=world) for rank in range(world)]
    labels = torch.arange(classes)
    assert sum(here.long() for _, here in (shard.local(labels) for shard in shards)).eq(1).all()
    for shard in shards:
        index, here = shard.local(labels)
        assert torch.equal(labels[here], index[here] + shard.start)
        assert index[~here].eq(0).all()
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


def test_one_process_changes_nothing():
    shard, x = ClassShard.of(5), torch.randn(3, requires_grad=True)
    assert shard == ClassShard(5)
    assert shard.gather(x) is shard.sum(x) is shard.logsumexp(x) is x
    assert torch.equal(shard.maximum(x), x)
    assert not shard.maximum(x).requires_grad


def _parts():
    """Of each of four processes: rows of any number, and one number for each of seven samples."""
    generator = torch.Generator().manual_seed(5)
    rows = torch.randn(7, 3, dtype=torch.float64, generator=generator)
    each = torch.randn(4, 7, dtype=torch.float64, generator=generator) * 30
    each[1, 3] = -torch.inf
    return rows, each, torch.randn(7, 3, dtype=torch.float64, generator=generator)


def _job():
    shard = ClassShard.of(9)
    rows, each, gradient = _parts()
    x = rows.split(ROWS[shard.world])[shard.rank].clone().requires_grad_()
    whole = shard.gather(x)
    weight = shard.rank + 1.0
    (back,) = torch.autograd.grad((whole * gradient).sum() * weight, x)
    y = each[shard.rank].clone().requires_grad_()
    total, lse = shard.sum(y.sigmoid()), shard.logsumexp(y)
    gradients = [torch.autograd.grad((result * gradient[:, 0]).sum(), y)[0] for result in (total, lse)]
    nothing = torch.full((2,), -torch.inf, dtype=torch.float64, requires_grad=True)
    empty = shard.logsumexp(nothing)
    (slope,) = torch.autograd.grad(empty.clamp_min(-5).sum(), nothing)
    labels = shard.gather(torch.arange(7).split(ROWS[shard.world])[shard.rank])
    flags = shard.gather(torch.arange(7).split(ROWS[shard.world])[shard.rank] % 2 == 0)
    return {
        "whole": whole.detach(),
        "back": back,
        "sum": total.detach(),
        "lse": lse.detach(),
        "labels": labels,
        "flags": flags,
        "gradients": gradients,
        "top": shard.maximum(y),
        "kept": torch.equal(y, each[shard.rank]),
        "empty": empty.detach(),
        "slope": slope,
    }


@WORLDS
def test_joined_results_are_those_of_one_process(world, tmp_path):
    rows, each, gradient = _parts()
    each = each[:world].clone().requires_grad_()
    total, lse = each.sigmoid().sum(0), each.logsumexp(0)
    expected = [torch.autograd.grad((result * gradient[:, 0]).sum(), each)[0] for result in (total, lse)]
    backs = (gradient * sum(range(1, world + 1))).split(ROWS[world])
    for rank, found in enumerate(gloo_world(_job, world, tmp_path)):
        assert torch.equal(found["whole"], rows)
        assert torch.equal(found["labels"], torch.arange(7))
        assert torch.equal(found["flags"], torch.arange(7) % 2 == 0)
        torch.testing.assert_close(found["back"], backs[rank], rtol=1e-14, atol=0)
        torch.testing.assert_close(found["sum"], total.detach(), rtol=1e-14, atol=0)
        torch.testing.assert_close(found["lse"], lse.detach(), rtol=1e-14, atol=1e-14)
        assert torch.equal(found["top"], each.detach().amax(0))
        for mine, whole in zip(found["gradients"], expected, strict=True):
            torch.testing.assert_close(mine, whole[rank], rtol=1e-12, atol=1e-14)
        assert found["kept"]
        assert found["empty"].eq(-torch.inf).all()
        assert found["slope"].eq(0).all()


@pytest.mark.message
def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="rank is 2, but must be 0 or more and below world, 2"):
        ClassShard(9, rank=2, world=2)
    with pytest.raises(ValueError, match="3 classes cannot be shared by 4 processes; take at most 3"):
        ClassShard(3, world=4)
