"""Rows of the classes as parts of a DTensor.

A DTensor is cut as ``torch.chunk`` cuts, a `ClassShard` into parts that differ by one at most: a few rows move between
neighbours.
"""

import torch
from torch import Tensor, distributed
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Shard

from subband.losses.recognition.shard import ClassShard


def spread(value: Tensor, shard: ClassShard) -> Tensor:
    """This process's rows as a part of a DTensor, whose parts are those of ``torch.chunk``."""
    value = value.detach()
    if shard.world == 1:
        return value
    group = shard.group or distributed.group.WORLD
    assert group is not None
    mesh = DeviceMesh.from_group(group, value.device.type)
    size = torch.Size((shard.classes, *value.shape[1:]))
    stride = torch.empty(size, device="meta").stride()
    rows = relaid(value, _held(shard), _chunks(shard), shard)
    return DTensor.from_local(rows, mesh, [Shard(0)], run_check=False, shape=size, stride=stride)


def own_rows(value: DTensor, shard: ClassShard) -> Tensor:
    """The rows of this process's classes, back from `spread`."""
    return relaid(value.to_local(), _chunks(shard), _held(shard), shard)


def room(size: torch.Size, dtype: torch.dtype, device: torch.device, shard: ClassShard) -> Tensor:
    """Space for the part of a tensor (C, ...) of all classes."""
    return spread(torch.empty(len(shard), *size[1:], dtype=dtype, device=device), shard)


def relaid(rows: Tensor, held: list[range], wanted: list[range], shard: ClassShard) -> Tensor:
    """Rows of the classes ``wanted[rank]``, from processes that hold ``held``; both in the order of the processes."""
    if held == wanted:
        return rows
    sent = [_overlap(held[shard.rank], part) for part in wanted]
    received = [_overlap(part, wanted[shard.rank]) for part in held]
    result = rows.new_empty(sum(received), *rows.shape[1:])
    distributed.all_to_all_single(result, rows.contiguous(), received, sent, group=shard.group)
    return result


def _held(shard: ClassShard) -> list[range]:
    parts = (ClassShard(shard.classes, rank, shard.world) for rank in range(shard.world))
    return [range(part.start, part.stop) for part in parts]


def _chunks(shard: ClassShard) -> list[range]:
    size = -(-shard.classes // shard.world)
    ends = [min(rank * size, shard.classes) for rank in range(shard.world + 1)]
    return [range(ends[rank], ends[rank + 1]) for rank in range(shard.world)]


def _overlap(one: range, other: range) -> int:
    return max(0, min(one.stop, other.stop) - max(one.start, other.start))
