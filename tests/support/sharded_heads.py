"""Heads of 21 classes in float64, and steps of them on any number of processes, each with its part of one batch."""

import torch

from subband.losses.recognition.cosface import CosFace
from subband.losses.recognition.epl import EPL
from subband.losses.recognition.s2s import S2SBCE, S2SSoftmax
from subband.losses.recognition.shard import ClassShard
from subband.losses.recognition.sharded import ShardedHead, load_whole, sharded_names
from subband.losses.recognition.uniface import UniFace
from subband.losses.recognition.unitsface import UniTSFace
from subband.losses.recognition.uss import USS

CLASSES, FEATURES, BATCH = 21, 6, 8
ROWS = {1: [8], 2: [5, 3], 3: [2, 5, 1], 4: [3, 0, 4, 1]}
EPOCHS = [0, 0, 1, 3, 3, 3]


def _unitsface(features, classes):
    return UniTSFace(CosFace(features, classes), USS(features, classes))


def _epl(features, classes):
    return EPL(CosFace(features, classes))


def _epl_uniface(features, classes):
    return EPL(UniFace(features, classes))


HEADS = {
    "cosface": CosFace,
    "uniface": UniFace,
    "uss": USS,
    "s2s-softmax": S2SSoftmax,
    "s2s-bce": S2SBCE,
    "unitsface": _unitsface,
    "epl": _epl,
    "epl-uniface": _epl_uniface,
}


def whole_state(name):
    """State of a head of all classes, the same wherever it is drawn."""
    torch.manual_seed(3)
    return HEADS[name](FEATURES, CLASSES).double().state_dict()


def sharded(name):
    """A head with this process's rows of `whole_state`, and its optimiser."""
    head = ShardedHead(HEADS[name](FEATURES, ClassShard.of(CLASSES)).double(), averaged=False)
    load_whole(head, whole_state(name))
    other = torch.zeros(1, requires_grad=True)  # an optimiser of nothing is refused
    return head, torch.optim.SGD([*head.parameters(), other], lr=0.1, momentum=0.9, weight_decay=1e-3)


def batch(step, shard):
    """This process's part of the embeddings and labels of a step; labels repeat."""
    generator = torch.Generator().manual_seed(100 + step)
    x = torch.randn(BATCH, FEATURES, dtype=torch.float64, generator=generator)
    labels = torch.randint(CLASSES // 2, (BATCH,), generator=generator) * 2
    rows = ROWS[shard.world]
    return x.split(rows)[shard.rank].clone().requires_grad_(), labels.split(rows)[shard.rank]


def train(head, optimizer, steps):
    """Loss of each step, and the gradient of all embeddings of the last one."""
    losses, gradient = [], torch.empty(0)
    for step in steps:
        x, labels = batch(step, head.shard)
        head.epoch = EPOCHS[step]
        optimizer.zero_grad()
        loss = head(x, labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
        gradient = head.shard.gather(x.grad)
    return torch.stack(losses), gradient


def whole(head, values=None):
    """Entries of a head's state, or of its like, with the rows of all classes."""
    held, state = sharded_names(head.head), head.head.state_dict() if values is None else values
    return {name: head.shard.gather(value) if name in held else value for name, value in state.items()}


def momentum(head, optimizer):
    """What the optimiser keeps of each parameter."""
    return {name: optimizer.state[value]["momentum_buffer"] for name, value in head.head.named_parameters()}
