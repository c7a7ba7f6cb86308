"""``subband head``."""

from pathlib import Path
from typing import Literal

from subband._check import not_negative
from subband.cli._console import say, say_where


def head(
    action: Literal["merge", "split"], source: Path, target: Path, *, ranks: int = 0, overwrite: bool = False
) -> None:
    """Bring the parts of a recognition head together into one file, or a file into parts.

    Args:
        action: ``merge`` makes a file of a folder, ``split`` a folder of a file.
        source: For ``merge``, the folder of a distributed checkpoint or of one file of each process; for ``split``, a
            file.
        target: The file, ``.safetensors`` or ``.pt``, or the folder.
        ranks: For ``split``, write one file for each of so many processes; 0 writes a distributed checkpoint, which
            any number of processes loads.
        overwrite: Replace the target if it is there.
    """
    not_negative(ranks=ranks)
    if action == "merge" and ranks:
        raise ValueError("--ranks is for split; merge takes the files that are there")
    if not source.exists():
        raise ValueError(f"there is no {source}")
    if source.is_dir() != (action == "merge"):
        raise ValueError(f"{source} is a {'folder' if source.is_dir() else 'file'}; {_other(action)}")
    if target.exists() and target.is_dir() == (action == "merge"):
        raise ValueError(f"{target} is a {'folder' if target.is_dir() else 'file'} already; choose another name")
    if target.exists() and not overwrite:
        raise ValueError(f"{target} is there already; choose another name or add --overwrite")
    from subband.tasks.head_files import merge_head, split_head

    state = merge_head(source, target) if action == "merge" else split_head(source, target, ranks=ranks)
    say(", ".join(f"{name} {' x '.join(map(str, value.shape)) or 'one number'}" for name, value in state.items()))
    say_where("written", target)


def _other(action: str) -> str:
    return "split makes a folder of a file" if action == "merge" else "merge makes a file of a folder"
