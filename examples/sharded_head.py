"""A head whose classes lie on several processes, and a checkpoint that goes on with another number of them.

python examples/sharded_head.py
torchrun --nproc-per-node 2 examples/sharded_head.py runs/sharded
torchrun --nproc-per-node 3 examples/sharded_head.py runs/sharded    # goes on where the two stopped
"""

import os
import sys
import tempfile
from pathlib import Path

import torch
from torch import distributed, nn

from subband.losses.recognition import ClassShard, ShardedHead, UniFace, head_memory
from subband.tasks.head_checkpoint import load_head, save_head

PEOPLE, FEATURES, STEPS = 1001, 16, 20


def main(folder: Path) -> None:
    """Train on points around a centre for each person; with more processes each holds a part of the people."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world > 1:
        distributed.init_process_group("gloo")
    rank = distributed.get_rank() if world > 1 else 0
    torch.manual_seed(0)
    centres, network = torch.randn(PEOPLE, FEATURES), nn.Linear(FEATURES, FEATURES)
    torch.manual_seed(1 + rank)  # from here on each process draws its own
    inner = UniFace(FEATURES, ClassShard.of(PEOPLE))
    head = ShardedHead(inner)
    ours = nn.parallel.DistributedDataParallel(network) if world > 1 else network
    optimizer = torch.optim.SGD(head.parameters(), 0.002, momentum=0.9)
    whole = torch.optim.SGD(network.parameters(), 0.002)
    begin = load_head(folder, head, optimizer) if folder.is_dir() else 0
    if rank == 0:
        print(head_memory(inner, batch=32 * world))
    for step in range(begin, begin + STEPS):
        people = torch.randint(PEOPLE, (32,))
        loss = head(ours(centres[people] + 0.3 * torch.randn(32, FEATURES)), people)
        for each in (optimizer, whole):
            each.zero_grad()
        loss.backward()
        for each in (optimizer, whole):
            each.step()
        if rank == 0 and step % 10 == 0:
            print(f"step {step}: loss {loss.item():.3f}, cosine threshold {head.threshold:.3f}")
    save_head(folder, head, optimizer, step=begin + STEPS)
    if world > 1:
        distributed.destroy_process_group()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else f"{scratch}/head"))
