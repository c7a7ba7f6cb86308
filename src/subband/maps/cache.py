"""Weight maps kept in files: by content for the loader, by name for a folder of masks."""

import contextlib
import hashlib
import io
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from subband._check import one_of, positive
from subband._files import write_bytes
from subband.maps.abw import abw_weight_maps
from subband.maps.skeleton import skea_topo_maps
from subband.maps.unet import unet_weight_map

KINDS: Mapping[str, Callable[..., NDArray[Any]]] = {
    "unet": unet_weight_map,
    "abw": abw_weight_maps,
    "skea_topo": skea_topo_maps,
}
VERSION = "1"
"""Part of every cache key; raised when a map changes."""

ReadMask = Callable[[Path], ArrayLike]


def cached_map(
    kind: str,
    mask: ArrayLike,
    *,
    folder: str | os.PathLike[str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> NDArray[Any]:
    """A weight map, read from ``folder`` if the same mask was seen before.

    Several processes may use one folder at the same time. A file that cannot be read is computed again.

    Args:
        kind: One of `KINDS`.
        mask: (H, W) or (D, H, W) of 0 and 1.
        folder: Where maps are kept, made when missing; None computes without keeping.
        options: Options of the map's function.

    Returns:
        What the map's function returns.

    Raises:
        ValueError: If the kind is unknown or the mask does not fit.
        OSError: If the folder cannot be written.

    Example:
        >>> import numpy as np, tempfile
        >>> mask = np.array([[0, 1, 0]])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     first = cached_map("unet", mask, folder=folder)
        ...     bool((cached_map("unet", mask, folder=folder) == first).all())
        True
    """
    one_of("kind", kind, KINDS)
    array = np.ascontiguousarray(mask)
    chosen = dict(options or {})
    if folder is None:
        return KINDS[kind](array, **chosen)
    path = Path(folder) / f"{kind}-{_key(kind, array, chosen)}.npy"
    with contextlib.suppress(OSError, ValueError, EOFError):
        found: NDArray[Any] = np.load(path, allow_pickle=False)
        if found.shape[-array.ndim :] == array.shape:
            return found
    computed = KINDS[kind](array, **chosen)
    _write(path, computed)
    return computed


def write_maps(
    kind: str,
    files: Sequence[Path],
    target: Path,
    *,
    read: ReadMask,
    jobs: int = 1,
    overwrite: bool = False,
) -> Iterator[tuple[Path, str | None]]:
    """Write the map of every mask file as ``target/NAME.npy``; goes on where it stopped.

    Args:
        kind: One of `KINDS`.
        files: Mask files.
        target: Folder to write, made when missing.
        read: Returns the mask of a file, of 0 and 1; must be importable by name if ``jobs`` is above 1.
        jobs: Processes.
        overwrite: Compute maps again that are there.

    Yields:
        For every file, as it is done, the file and None, or the file and what went wrong.

    Raises:
        ValueError: If the kind is unknown, or two files have the same name but for the suffix.
    """
    one_of("kind", kind, KINDS)
    positive(jobs=jobs)
    targets = {path: Path(target) / f"{Path(path).stem}.npy" for path in files}
    _refuse_namesakes(targets)
    missing = []
    for path, out in targets.items():
        if overwrite or not out.exists():
            missing.append(path)
        elif out.stat().st_mtime < Path(path).stat().st_mtime:
            yield path, f"{out.name} is older than this mask; compute it again with overwrite"
        else:
            yield path, None
    if jobs == 1 or len(missing) <= 1:
        for path in missing:
            yield path, _write_one(kind, path, targets[path], read)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(missing)), mp_context=context)
    try:
        waiting = {pool.submit(_write_one, kind, path, targets[path], read): path for path in missing}
        for done in as_completed(waiting):
            yield waiting[done], _outcome(done)
    finally:
        pool.shutdown(cancel_futures=True)


def _refuse_namesakes(targets: Mapping[Path, Path]) -> None:
    seen: dict[Path, Path] = {}
    for path, out in targets.items():
        if out in seen:
            raise ValueError(f"{seen[out].name} and {path.name} would both write {out.name}; rename one of them")
        seen[out] = path


def _outcome(done: "Future[str | None]") -> str | None:
    """What a worker returned, or why it could not."""
    error = done.exception()
    return done.result() if error is None else f"{type(error).__name__}: {error}"


def _write_one(kind: str, path: Path, out: Path, read: ReadMask) -> str | None:
    """Write one map; returns what went wrong, so that one bad file does not stop the others."""
    try:
        _write(out, KINDS[kind](read(path)))
    except Exception as error:
        return str(error) or type(error).__name__
    return None


def _key(kind: str, mask: NDArray[Any], options: Mapping[str, Any]) -> str:
    """Hash of all that the map depends on."""
    head = repr((VERSION, kind, sorted(options.items()), mask.shape, mask.dtype.str))
    return hashlib.sha256(head.encode() + mask.tobytes()).hexdigest()


def _write(path: Path, array: NDArray[Any]) -> None:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    write_bytes(path, content.getbuffer())
