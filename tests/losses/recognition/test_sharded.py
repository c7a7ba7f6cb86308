"""A head over several processes against the same head in one: loss, gradients, bias, memory, after several steps."""

import functools

import pytest
import torch
from gloo_world import gloo_world
from sharded_heads import CLASSES, FEATURES, HEADS, batch, momentum, sharded, train, whole, whole_state
from torch import nn

from subband.losses.recognition.cosface import CosFace
from subband.losses.recognition.shard import ClassShard
from subband.losses.recognition.sharded import ShardedHead, leave_to_shards, load_whole, sharded_names
from subband.losses.recognition.uniface import UniFace
from subband.losses.recognition.uss import USS


def _all_heads():
    found = {}
    for name in HEADS:
        head, optimizer = sharded(name)
        losses, gradient = train(head, optimizer, range(6))
        found[name] = {"losses": losses, "embeddings": gradient, **whole(head)}
        found[name] |= {f"momentum of {key}": value for key, value in whole(head, momentum(head, optimizer)).items()}
        found[name]["threshold"] = torch.tensor(head.threshold)
    return found


@functools.cache
def _in_one_process():
    return _all_heads()


@functools.cache
def _in_many(world, folder):
    return gloo_world(_all_heads, world, folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("world", [2, 4])
def test_many_processes_are_one(name, world, tmp_path_factory):
    expected = _in_one_process()[name]
    for found in _in_many(world, tmp_path_factory.getbasetemp()):
        assert set(found[name]) == set(expected)
        for key, value in expected.items():
            torch.testing.assert_close(
                found[name][key],
                value,
                rtol=1e-12,
                atol=1e-12,
                equal_nan=True,
                msg=lambda text, key=key: f"{key}: {text}",
            )


def test_one_process_is_the_head_itself():
    head, _ = sharded("unitsface")
    head.epoch = 1
    x, labels = batch(0, head.shard)
    assert head.head.epoch == head.epoch == 1
    assert (head.classes, head.features) == (CLASSES, FEATURES)
    plain = HEADS["unitsface"](FEATURES, CLASSES).double()
    plain.load_state_dict(whole_state("unitsface"))
    plain.epoch = 1
    assert torch.equal(head(x, labels), plain(x, labels))
    assert torch.equal(head.cosines(x), plain.cosines(x))


def _averaged():
    """Gradient of a network before the head, averaged over processes as DistributedDataParallel does."""
    head, _ = sharded("uss")
    head.averaged = True
    torch.manual_seed(0)
    network = nn.Linear(FEATURES, FEATURES, bias=False).double()
    for step in range(2):
        x, labels = batch(step, head.shard)
        network.zero_grad()
        head(network(x), labels).backward()
    return head.shard.sum(network.weight.grad) / head.shard.world


@pytest.mark.slow
def test_averaged_gradients_of_the_network_are_those_of_one_process(tmp_path):
    expected = _averaged()
    for found in gloo_world(_averaged, 2, tmp_path):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-13)


def _sampled():
    """Rows of the weight that a step with a third of the classes has moved."""
    head = ShardedHead(UniFace(FEATURES, ClassShard.of(CLASSES), sample=1 / 3))
    head.head.generator = torch.Generator().manual_seed(head.shard.rank)
    x, labels = batch(0, head.shard)
    loss = head(x.float(), labels)
    loss.backward()
    return {
        "moved": head.shard.gather(head.head.weight.grad.abs().sum(1) > 0),
        "own": head.shard.gather(labels),
        "loss": loss,
    }


@pytest.mark.slow
def test_every_process_samples_its_own_classes(tmp_path):
    """11 and 10 classes: 3 of each, among which are those of the batch, of which there may be more."""
    one, two = gloo_world(_sampled, 2, tmp_path)
    assert torch.equal(one["moved"], two["moved"])
    assert torch.equal(one["loss"], two["loss"])
    own = torch.zeros(CLASSES, dtype=torch.bool).index_fill(0, one["own"], True)
    assert one["moved"][own].all()
    for part in (slice(0, 11), slice(11, 21)):
        assert one["moved"][part].sum() == max(3, own[part].sum())


def test_rows_of_a_whole_head():
    state = whole_state("uss")
    state["memory"] = torch.arange(CLASSES * FEATURES, dtype=torch.float64).view(CLASSES, FEATURES)
    parts = [USS(FEATURES, ClassShard(CLASSES, rank, 4)).double() for rank in range(4)]
    for part in parts:
        load_whole(part, state)
        assert torch.equal(part.bias, state["bias"])
    assert torch.equal(torch.cat([part.memory for part in parts]), state["memory"])
    assert sharded_names(parts[0]) == {"memory", "filled"}


def test_left_out_of_distributed_data_parallel():
    head = ShardedHead(USS(4, 6))
    model = nn.ModuleDict({"network": nn.Linear(4, 4), "head": head})
    leave_to_shards(model)
    kept = {"head.head.bias", "head.head.memory", "head.head.filled", "head.head.started"}
    assert set(model._ddp_params_and_buffers_to_ignore) == kept


@pytest.mark.message
def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match=r"Linear has no shard of classes; make it with ClassShard.of\(classes\)"):
        ShardedHead(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="5 classes on 4 processes leave one with a single class; take at most 2"):
        ShardedHead(CosFace(2, ClassShard(5, 0, 4)))
    with pytest.raises(ValueError, match="the state has weight, but USS needs bias, filled, memory, started"):
        load_whole(USS(4, 6), CosFace(4, 6).state_dict())
    with pytest.raises(ValueError, match=r"weight has shape \(7, 4\), but a head of 6 classes needs \(6, 4\)"):
        load_whole(CosFace(4, 6), CosFace(4, 7).state_dict())
