"""Connected components of a volume of any size, block by block."""

import functools
import io
import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband._check import not_negative, one_of
from subband._files import write_bytes
from subband.data.block_components import (
    ORDER,
    Connectivity,
    Ids,
    Merged,
    Offset,
    label_sizes,
    local_labels,
    merge_labels,
    neighbour,
    seam_pairs,
)
from subband.data.block_source import Source, fingerprint, open_source, spacing_of
from subband.data.block_store import BlockStore, open_block_store
from subband.data.blocks import Block
from subband.tasks.block_run import Progress, check_source, run_tasks

KEPT_BYTES = 2**27
"""Bytes of labelled blocks that stay in memory while seams are compared."""
TABLE = "components.npz"


def label_volume(
    source: Source,
    target: str | os.PathLike[str],
    *,
    connectivity: Connectivity = 26,
    min_size: int = 1,
    block: Sequence[int] = (64, 64, 64),
    scheduler: str = "serial",
    workers: int = 2,
    progress: Progress | None = None,
) -> Ids:
    """Number the connected components of a mask, the largest 1, and write them as int32; goes on where it stopped.

    Blocks are labelled each for itself, labels that touch across faces, edges and corners of blocks are joined, and
    blocks are written with the final numbers. Beside the target lies ``NAME.parts.zarr`` until it is whole. Memory
    holds some blocks, and a few numbers for each component of a block.

    Args:
        source: Volume whose voxels other than 0 are the mask; also an array for ``serial`` and ``threads``.
        target: OME-Zarr volume to write, or to go on with.
        connectivity: Voxels touch by faces (6), by edges too (18), or by corners too (26).
        min_size: Voxels that a component must have to stay, over all blocks.
        block: Voxels of a block.
        scheduler: As in `subband.tasks.block_run.run_blocks`.
        workers: Threads or processes.
        progress: Called with the number of finished blocks and of all, of two passes.

    Returns:
        Voxels of the components 1, 2, ...

    Raises:
        ValueError: If an option is out of range, or the target belongs to another input or other settings.
        RuntimeError: If workers died; what they finished is kept.
        ImportError: If zarr or Dask is not installed.

    Source:
        Ours: labels of blocks and a union-find over their seams.

    Example:
        >>> import tempfile
        >>> mask = np.array([[[1, 1, 0, 1]]])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     label_volume(mask, f"{folder}/v.zarr", block=(1, 1, 1)).tolist()
        [2, 1]
    """
    one_of("connectivity", str(connectivity), [str(known) for known in ORDER])
    not_negative(min_size=min_size)
    check_source(source, scheduler)
    path, (spacing, unit), shape = Path(target), spacing_of(source), open_source(source).shape
    settings: dict[str, Any] = {"source": fingerprint(source), "connectivity": connectivity}
    kept = {**settings, "min_size": min_size}
    final = open_block_store(path, shape, dtype=np.int32, block=block, settings=kept, spacing=spacing, unit=unit)
    table = path / "0" / TABLE
    if final.missing():
        wide = np.int64 if math.prod(final.block) * len(final.blocks) >= 2**31 else np.int32
        beside = path.with_name(f"{path.stem}.parts.zarr")
        parts = open_block_store(beside, shape, dtype=wide, block=block, settings=settings)
        total = 2 * len(final.blocks)

        def later(done: int, _: int) -> None:
            if progress is not None:
                progress(total // 2 + done, total)

        label = _Label(source, parts, connectivity)
        run_tasks(
            label,
            parts,
            scheduler=scheduler,
            workers=workers,
            progress=None if progress is None else lambda done, _: progress(done, total),
        )
        if not table.exists():
            _write_table(table, _merged(parts, connectivity, min_size))
        relabel = _Relabel(parts, str(table))
        run_tasks(relabel, final, scheduler=scheduler, workers=workers, progress=later)
        shutil.rmtree(beside)
    return _read_table(str(table)).sizes


@dataclass(frozen=True)
class _Label:
    """First pass: components of one block."""

    source: Source
    store: BlockStore
    connectivity: Connectivity

    def __call__(self, block: Block) -> NDArray[Any]:
        mask = np.asarray(open_source(self.source)[block.slices]) != 0
        labels = local_labels(mask, _first(self.store, block), connectivity=self.connectivity)
        return labels.astype(self.store.dtype)


@dataclass(frozen=True)
class _Relabel:
    """Second pass: final labels of one block."""

    parts: BlockStore
    table: str

    def __call__(self, block: Block) -> NDArray[np.int32]:
        return _read_table(self.table).relabel(self.parts.read(block), _first(self.parts, block))


def _merged(parts: BlockStore, connectivity: Connectivity, min_size: int) -> Merged:
    """Labels of all blocks joined across their seams."""
    counts = [-(-n // b) for n, b in zip(parts.shape, parts.block, strict=True)]
    blocks = {_number(parts, block): block for block in parts.blocks}
    size = math.prod(parts.block) * np.dtype(parts.dtype).itemsize
    read = functools.lru_cache(maxsize=max(27, KEPT_BYTES // size))(lambda number: parts.read(blocks[number]))
    ids, sizes, pairs = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros((0, 2), np.int64)]
    for number, block in blocks.items():
        labels = read(number)
        if not labels.any():
            continue
        found, voxels = label_sizes(labels, _first(parts, block))
        ids.append(found)
        sizes.append(voxels)

        def beside(direction: Offset, number: tuple[int, ...] = number) -> NDArray[Any] | None:
            other = neighbour(number, direction, counts)
            return None if other is None else read(other)

        pairs.append(seam_pairs(labels, block, beside, connectivity))
    return merge_labels(np.concatenate(ids), np.concatenate(sizes), np.concatenate(pairs), min_size=min_size)


def _number(store: BlockStore, block: Block) -> tuple[int, ...]:
    return tuple(a // b for a, b in zip(block.start, store.block, strict=True))


def _first(store: BlockStore, block: Block) -> int:
    """Number before the first label of a block, so that no two blocks share a label."""
    counts = [-(-n // b) for n, b in zip(store.shape, store.block, strict=True)]
    return int(np.ravel_multi_index(_number(store, block), counts)) * math.prod(store.block)


def _write_table(path: Path, merged: Merged) -> None:
    content = io.BytesIO()
    np.savez(content, ids=merged.ids, labels=merged.labels, sizes=merged.sizes)
    write_bytes(path, content.getbuffer())


@functools.lru_cache(maxsize=1)
def _table(path: str, changed: int) -> Merged:
    with np.load(path, allow_pickle=False) as file:
        return Merged(file["ids"], file["labels"], file["sizes"])


def _read_table(path: str) -> Merged:
    """What `_write_table` wrote, kept in memory as long as the file stays."""
    return _table(path, Path(path).stat().st_mtime_ns)
