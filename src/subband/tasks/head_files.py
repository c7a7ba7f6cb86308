"""A recognition head of many processes as one file, and one file as the parts of many."""

import io
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_saver import save

from subband._files import explain_failure, write_bytes
from subband._optional import require
from subband.losses.recognition.shard import ClassShard
from subband.tasks.head_checkpoint import HEAD, one_failure, read_into, read_metadata, replace_folder
from subband.tasks.weights import read_state

KINDS = (".safetensors", ".pt")
Tensors = dict[str, Tensor]


def merge_head(folder: Path, file: Path) -> Tensors:
    """Write the head of a distributed checkpoint, or of one file of each process, into one file.

    Args:
        folder: Of `save_head`; or of files ``.pt`` or ``.safetensors`` whose names have the number of the process as
            their first, such as insightface's ``checkpoint_gpu_0.pt``.
        file: Ends in ``.safetensors`` or ``.pt``; ``head.load_state_dict`` or `load_whole` take what is in it.

    Returns:
        What was written. The optimiser's momentum is not among it.

    Raises:
        ValueError: If the folder has no head, or its files do not fit together.
    """
    _kind(file)
    state = _from_checkpoint(folder) if (folder / ".metadata").exists() else _from_files(folder)
    _write(file, state)
    return state


def split_head(file: Path, folder: Path, *, ranks: int = 0) -> Tensors:
    """Write the head in a file as a distributed checkpoint, or as one file for each process.

    Args:
        file: A state dictionary of a head of all classes, ``.safetensors`` or ``.pt``.
        folder: Replaced if it is there.
        ranks: Number of files, ``rank-0-of-4.safetensors`` and so on, with the classes of `ClassShard`; 0 for a
            distributed checkpoint, which any number of processes loads (`load_head`), with step 0.

    Returns:
        What was in the file.

    Raises:
        ValueError: If the file has no head, or fewer classes than ``ranks``.
    """
    state = read_head(file)
    partial = folder.with_name(f".{folder.name}.partial")
    shards = [ClassShard(_classes(state, file), rank, ranks) for rank in range(ranks)]
    with explain_failure(folder):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for shard in shards:
            part = {name: _rows(value, shard).contiguous() for name, value in state.items()}
            _write(partial / f"rank-{shard.rank}-of-{ranks}{_kind(file)}", part)
        if not ranks:
            with one_failure():
                save(
                    {"step": torch.tensor(0), **{HEAD + name: value for name, value in state.items()}},
                    checkpoint_id=partial,
                )
        replace_folder(partial, folder)
    return state


def read_head(file: Path) -> Tensors:
    """The tensors of a file, read without running anything in it.

    Raises:
        ValueError: If there is no such file, or it holds no tensors.
    """
    if _kind(file) == ".pt":
        found: Mapping[str, Any] = read_state(file)
        found = found.get("state_dict_softmax_fc", found)
    else:
        if not file.is_file():
            raise ValueError(f"there is no file {file}")
        package = require("safetensors.torch", extra="faces")
        try:
            found = package.load_file(file)
        except Exception as error:  # its own class, which says no more than that
            raise ValueError(f"{file} is no file of safetensors: {str(error).partition(chr(10))[0]}") from error
    state = {name: value for name, value in found.items() if isinstance(value, Tensor)}
    if not state:
        raise ValueError(f"{file} holds no tensors; give the state of a head")
    return state


def _from_checkpoint(folder: Path) -> Tensors:
    saved = read_metadata(folder).state_dict_metadata
    entries = {key: value for key, value in saved.items() if key.startswith(HEAD)}
    if not entries:
        raise ValueError(f"the checkpoint {folder} holds no head; give a folder that save_head wrote")
    state: dict[str, Any] = {
        key: torch.empty(value.size, dtype=value.properties.dtype)
        for key, value in entries.items()
        if isinstance(value, TensorStorageMetadata)
    }
    read_into(state, folder)
    return {key.removeprefix(HEAD): value for key, value in state.items()}


def _from_files(folder: Path) -> Tensors:
    files = [file for file in folder.glob("*") if file.suffix in KINDS and re.search(r"\d", file.stem)]
    if not files:
        raise ValueError(f"there is neither a distributed checkpoint nor a file of each process in {folder}")
    files.sort(key=_rank)
    if [_rank(file) for file in files] != list(range(len(files))):
        raise ValueError(
            f"the files in {folder} are of processes {', '.join(str(_rank(file)) for file in files)}, but must be one "
            f"of each from 0 to {len(files) - 1}"
        )
    parts = [read_head(file) for file in files]
    for file, part in zip(files, parts, strict=True):
        if set(part) != set(parts[0]):
            raise ValueError(f"{file} has {', '.join(sorted(part))}, but {files[0]} {', '.join(sorted(parts[0]))}")
    counts = [_classes(part, file) for part, file in zip(parts, files, strict=True)]
    state = {}
    for name, value in parts[0].items():
        each = [part[name] for part in parts]
        spread = value.ndim > 0 and [len(one) if one.ndim else 0 for one in each] == counts
        state[name] = torch.cat(each) if spread else value
    return state


def _classes(state: Tensors, file: Path) -> int:
    """Rows of the widest matrix: class weights, or a memory."""
    wide = [value for value in state.values() if value.ndim == 2]
    if not wide:
        raise ValueError(f"{file} has no class weights and no memory; give the state of a head")
    return len(max(wide, key=Tensor.numel))


def _rows(value: Tensor, shard: ClassShard) -> Tensor:
    return value[shard.start : shard.stop] if value.ndim and len(value) == shard.classes else value


def _rank(file: Path) -> int:
    """The first number in a file's name."""
    return int(re.findall(r"\d+", file.stem)[0])


def _kind(file: Path) -> str:
    if file.suffix not in KINDS:
        raise ValueError(f"{file} ends in {file.suffix or 'nothing'}, but must end in {' or '.join(KINDS)}")
    return file.suffix


def _write(file: Path, state: Tensors) -> None:
    if file.suffix == ".pt":
        content = io.BytesIO()
        torch.save(state, content)
        write_bytes(file, content.getbuffer())
    else:
        write_bytes(file, require("safetensors.torch", extra="faces").save(state))
