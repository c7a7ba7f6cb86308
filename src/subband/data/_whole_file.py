"""A file written piece by piece that is either whole or as it was."""

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from subband._files import explain_failure


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """An open file that takes the place of ``path`` when the block ends without an error. Its folder is made.

    Raises:
        OSError: If it cannot be written, with a sentence that names it.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with explain_failure(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("x+b") as file:
                yield file
            partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
