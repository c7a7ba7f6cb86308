"""Files that are either whole or as they were."""

import contextlib
import errno
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO


@contextlib.contextmanager
def explain_failure(path: Path) -> Iterator[None]:
    """Turn a failed write into one sentence that names the file, the reason and what to do."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = "there is no space left on the device; free some and run the same command again"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            reason = "no permission; choose another folder"
        raise OSError(error.errno, f"cannot write {path}: {reason}") from error


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """An open file that takes the place of ``path`` if the block ends without an error; else ``path`` is as it was.

    Raises:
        OSError: If it cannot be written, with a sentence that names it.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    with explain_failure(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("x+b") as file:
                yield file
            partial.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise


def write_bytes(path: str | os.PathLike[str], content: bytes | memoryview) -> None:
    """Write a file whole or not at all: a temporary file beside it, then a rename. Its folder is made.

    Raises:
        OSError: If it cannot be written, with a sentence that names it; a file that was there is then as it was.
    """
    with replacing(path) as file:
        file.write(content)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 text, whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write JSON, whole or not at all; values that are not finite become ``"nan"``, ``"inf"``, ``"-inf"``."""
    write_text(path, json.dumps(_encode(value), indent=1) + "\n")


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read what `write_json` wrote."""
    return _decode(json.loads(Path(path).read_text(encoding="utf-8")))


def _encode(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(item) for item in value]
    return str(value) if isinstance(value, float) and value - value != 0 else value


def _decode(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _decode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_decode(item) for item in value]
    return float(value) if value in ("nan", "inf", "-inf") else value
