"""Checkpoints of a recognition head that any number of processes saves and any other number goes on from."""

import contextlib
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.metadata import Metadata, TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer

from subband._files import explain_failure
from subband.losses.recognition.shard import ClassShard
from subband.losses.recognition.sharded import ShardedHead, sharded_names
from subband.tasks._class_rows import own_rows, room, spread
from subband.tasks._safe_reader import SafeReader

HEAD, OPTIMIZER = "head.", "optimizer."
"""Before the names of a head's entries, and of what an optimiser keeps of its parameters."""
State = dict[str, Any]


def save_head(folder: Path, head: nn.Module, optimizer: Optimizer | None = None, *, step: int = 0) -> None:
    """Write a distributed checkpoint, whole or not at all; every process of the head's shard calls it.

    Args:
        folder: Replaced if it is there.
        head: Any recognition head, or a `ShardedHead`.
        optimizer: Whose tensors, such as momentum, of the head's parameters are saved too.
        step: A number to be given back.

    Raises:
        OSError: If it cannot be written.
    """
    head, shard = _plain(head)
    held = sharded_names(head)
    state: State = {"step": torch.tensor(step)}
    for name, value in head.state_dict().items():
        state[HEAD + name] = spread(value, shard) if name in held else value
    for name, parameter in head.named_parameters():
        kept = optimizer.state.get(parameter, {}) if optimizer else {}
        for key, value in ((key, value) for key, value in kept.items() if isinstance(value, Tensor)):
            whole = name in held and value.shape == parameter.shape
            state[f"{OPTIMIZER}{name}.{key}"] = spread(value, shard) if whole else value
    partial = folder.with_name(f".{folder.name}.partial")
    with explain_failure(folder):
        _first(shard, lambda: shutil.rmtree(partial, ignore_errors=True))
        partial.mkdir(parents=True, exist_ok=True)
        with one_failure():
            save(state, checkpoint_id=partial, process_group=shard.group, no_dist=shard.world == 1)
        _first(shard, lambda: replace_folder(partial, folder))


def load_head(folder: Path, head: nn.Module, optimizer: Optimizer | None = None) -> int:
    """Read a checkpoint of `save_head`, of any number of processes; every process of the head's shard calls it.

    Args:
        folder: What `save_head` wrote.
        head: Made as the saved one, with the shard of this process.
        optimizer: Over the head's parameters, which gets back what was saved of them.

    Returns:
        The ``step`` that was saved.

    Raises:
        ValueError: If there is no checkpoint, or it is of another head or number of classes.
    """
    head, shard = _plain(head)
    held, own, saved = sharded_names(head), head.state_dict(), read_metadata(folder).state_dict_metadata
    _check(folder, head, saved)
    parameters = dict(head.named_parameters()) if optimizer else {}
    kept = [key for key in saved if key.startswith(OPTIMIZER) and _parameter(key) in parameters]
    state: State = {"step": torch.tensor(0)}
    for key in [*(HEAD + name for name in own), *kept]:
        entry, name = saved[key], key.removeprefix(HEAD) if key.startswith(HEAD) else _parameter(key)
        assert isinstance(entry, TensorStorageMetadata)
        if name in held and len(entry.size) == own[name].ndim:
            state[key] = room(entry.size, entry.properties.dtype, own[name].device, shard)
        else:
            state[key] = torch.empty(entry.size, dtype=entry.properties.dtype, device=own[name].device)
    read_into(state, folder, shard)
    found = {key: own_rows(value, shard) if isinstance(value, DTensor) else value for key, value in state.items()}
    head.load_state_dict({name: found[HEAD + name] for name in own})
    for key in kept:
        assert optimizer is not None
        optimizer.state[parameters[_parameter(key)]][key.rpartition(".")[2]] = found[key]
    return int(found["step"])


def read_metadata(folder: Path) -> Metadata:
    """What a distributed checkpoint holds.

    Raises:
        ValueError: If the folder is none, or holds more than tensors.
    """
    return SafeReader(folder).read_metadata()


def read_into(state: State, folder: Path, shard: ClassShard | None = None) -> None:
    """Fill the tensors of ``state`` from a checkpoint; in this process alone if no shard is given.

    Raises:
        ValueError: If the checkpoint is damaged.
    """
    try:
        with one_failure():
            load(
                state,
                storage_reader=SafeReader(folder),
                process_group=shard.group if shard else None,
                no_dist=shard is None or shard.world == 1,
            )
    except (RuntimeError, ValueError, EOFError, OSError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ValueError(f"the checkpoint {folder} is damaged ({reason}); take an older one") from error


def replace_folder(new: Path, old: Path) -> None:
    """Put one folder in the place of another, which is gone only when the new one is there."""
    aside = old.with_name(f".{old.name}.old")
    shutil.rmtree(aside, ignore_errors=True)
    if old.exists():
        old.rename(aside)
    new.rename(old)
    shutil.rmtree(aside, ignore_errors=True)


@contextlib.contextmanager
def one_failure() -> Iterator[None]:
    """Raise what failed first, not a list over all processes; and be quiet about being one process."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        try:
            yield
        except CheckpointException as error:
            raise next(iter(error.failures.values()))[0] from error


def _plain(head: nn.Module) -> tuple[nn.Module, ClassShard]:
    head = head.head if isinstance(head, ShardedHead) else head
    shard: ClassShard = head.shard  # type: ignore[assignment]
    return head, shard


def _parameter(key: str) -> str:
    return key.removeprefix(OPTIMIZER).rpartition(".")[0]


def _first(shard: ClassShard, action: Callable[[], object]) -> None:
    """Do something on the first process while the others wait."""
    if shard.rank == 0:
        action()
    if shard.world > 1:
        distributed.barrier(group=shard.group)


def _check(folder: Path, head: nn.Module, saved: Mapping[str, Any]) -> None:
    shard, held, own = head.shard, sharded_names(head), head.state_dict()
    names = {key.removeprefix(HEAD) for key in saved if key.startswith(HEAD)}
    if names != set(own):
        raise ValueError(
            f"{folder} holds a head of {', '.join(sorted(names)) or 'nothing'}, but {type(head).__name__} has "
            f"{', '.join(sorted(own))}; make the head as it was saved"
        )
    for name, value in own.items():
        rows = (shard.classes,) if name in held else value.shape[:1]  # type: ignore[union-attr]
        wanted, found = (*rows, *value.shape[1:]), tuple(saved[HEAD + name].size)
        if wanted != found:
            raise ValueError(
                f"{name} in {folder} has shape {found}, but this head needs {wanted}; make the head as it was saved"
            )
