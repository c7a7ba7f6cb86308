"""Heads on two and three processes against one: what UNPG, VPL, SphereFace2 and diverse biases add to the weights."""

import functools

import pytest
import torch
from gloo_world import gloo_world

from subband.losses.recognition.arcface import ArcFace
from subband.losses.recognition.cosface import CosFace
from subband.losses.recognition.shard import ClassShard
from subband.losses.recognition.sharded import ShardedHead, load_whole
from subband.losses.recognition.sphereface2 import SphereFace2
from subband.losses.recognition.uniface import UniFace
from subband.losses.recognition.unpg import UNPG
from subband.losses.recognition.vpl import VPL

D, C, B = 6, 13, 7

HEADS = {
    "arcface": lambda shard: ArcFace(D, shard, scale=9.0),
    "sphereface2": lambda shard: SphereFace2(D, shard),
    "uniface": lambda shard: UniFace(D, shard, scale=9.0, bias="diverse"),
    "unpg": lambda shard: UNPG(CosFace(D, shard, scale=9.0)),
    "vpl": lambda shard: VPL(CosFace(D, shard, scale=9.0), start=0),
}


def _steps():
    """Loss of two batches, gradients of the second and the memory, of all classes together."""
    found = {}
    for name, make in HEADS.items():
        torch.manual_seed(3)
        whole, shard = make(ClassShard(C)).double(), ClassShard.of(C)
        head = ShardedHead(make(shard).double(), averaged=False)
        load_whole(head, whole.state_dict())
        generator = torch.Generator().manual_seed(8)
        for _ in range(2):
            x = torch.randn(B, D, dtype=torch.float64, generator=generator)
            labels = torch.randint(0, C, (B,), generator=generator)
            mine = x.tensor_split(shard.world)[shard.rank].clone().requires_grad_()
            head.zero_grad()
            loss = head(mine, labels.tensor_split(shard.world)[shard.rank])
            loss.backward()
        found[name] = {"loss": loss.detach(), "embeddings": mine.grad}
        found[name] |= {key: value.grad for key, value in head.named_parameters()}
        found[name] |= {key: value for key, value in head.named_buffers() if "memory" in key}
    return found


@functools.cache
def _alone():
    return _steps()


@pytest.mark.slow
@pytest.mark.parametrize("world", [2, 3])
def test_many_processes_are_one(world, tmp_path):
    parts = gloo_world(_steps, world, tmp_path)
    for name, expected in _alone().items():
        for key, value in expected.items():
            mine = [part[name][key] for part in parts]
            if key == "loss" or len(mine[0]) == len(value):  # of the whole batch, or held by all
                joined = mine[0]
                assert all(one.equal(joined) for one in mine)
            else:
                joined = torch.cat(mine)
            assert (joined - value).abs().max() <= 1e-12 * value.abs().max(), (name, key)
