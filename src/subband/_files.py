"""Files that are either whole or as they were."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

FULL = "there is no space left on the device; free some and run the same command again: it goes on where it stopped"


@contextlib.contextmanager
def explain_failure(path: Path) -> Iterator[None]:
    """Turn a failed write into one sentence that names the file and what to do."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"cannot write {path}: {_reason(error)}") from error


def write_atomic(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file through a temporary one beside it, so that it is either whole or as it was.

    Raises:
        OSError: If the folder cannot be written or the device is full, with a sentence that names the file.
    """
    with explain_failure(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                write(file)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes."""

    write_atomic(path, lambda file: file.write(content))


def _reason(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return FULL
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "no permission; choose another folder with --out"
    return (error.strerror or str(error)).lower()
