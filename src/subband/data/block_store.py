"""A Zarr volume written block by block: what is whole, what is missing, and for which input and settings it is."""

import json
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband._files import explain_failure, read_json, write_bytes, write_json
from subband.data.blocks import Block, Shape, grid
from subband.data.images import held
from subband.data.ome_zarr import LEVEL, create_zarr, open_zarr, writable_zarr

RECORD, MARKERS = "blocks.json", "done"


@dataclass(frozen=True)
class BlockStore:
    """An OME-Zarr volume, one file for each block, and beside the files a marker for each block that is whole.

    Make one with `open_block_store`. It can be sent to other processes. A block is written first and marked then, so a
    marker stands for whole voxels; a block without marker is written again.

    Args:
        path: Folder of the volume.
        shape: Voxels along each axis (z, y, x).
        dtype: Type of a voxel.
        block: Voxels of a block.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = open_block_store(f"{folder}/v.zarr", (4, 4, 4), block=(4, 4, 2))
        ...     store.write(store.blocks[0], np.ones((4, 4, 2), np.uint8))
        ...     [block.start for block in store.missing()]
        [(0, 0, 2)]
    """

    path: str
    shape: Shape
    dtype: str
    block: Shape

    @property
    def blocks(self) -> list[Block]:
        """All blocks, the first axis outermost."""
        return grid(self.shape, self.block)

    def is_done(self, block: Block) -> bool:
        """Whether a block is whole."""
        return self._marker(block).exists()

    def missing(self, shard: tuple[int, int] = (0, 1)) -> list[Block]:
        """Blocks of shard i of n, every n-th one from i on, that are not whole."""
        return [block for block in self.blocks[shard[0] :: shard[1]] if not self.is_done(block)]

    def read(self, block: Block) -> NDArray[Any]:
        """The voxels of a block, or of any other box."""
        return np.asarray(open_zarr(self.path).array[block.slices])

    def write(self, block: Block, values: NDArray[Any]) -> None:
        """Write one block, then mark it.

        Raises:
            ValueError: If shape or type are not the block's.
            OSError: If it cannot be written.
        """
        if values.shape != block.shape or not np.can_cast(values.dtype, self.dtype, "safe"):
            raise ValueError(
                f"block {block.start} of {self.path} is {block.shape} of {self.dtype}, but the work gave "
                f"{values.shape} of {values.dtype}; give as many voxels as came, as integers that fit"
            )
        with explain_failure(self._file(block)):
            writable_zarr(self.path).with_config({"write_empty_chunks": True})[block.slices] = values
        write_bytes(self._marker(block), b"")

    def check(self) -> None:
        """Compare markers and files.

        Raises:
            ValueError: If a block is marked whose file is missing.
        """
        lost = [block for block in self.blocks if self.is_done(block) and not self._file(block).exists()]
        if lost:
            raise ValueError(
                f"{self.path} is damaged: {len(lost)} blocks are marked as whole and have no voxels, the first at "
                f"{lost[0].start}; delete {self._marker(lost[0])} and its like, or the whole folder, and run again"
            )

    def _marker(self, block: Block) -> Path:
        z, *rest = self._number(block)
        return Path(self.path) / LEVEL / MARKERS / str(z) / ".".join(map(str, rest))

    def _file(self, block: Block) -> Path:
        return Path(self.path).joinpath(LEVEL, "c", *map(str, self._number(block)))

    def _number(self, block: Block) -> Shape:
        return tuple(a // b for a, b in zip(block.start, self.block, strict=True))


def open_block_store(
    path: str | os.PathLike[str],
    shape: Sequence[int],
    *,
    dtype: Any = np.uint8,
    block: Sequence[int] = (64, 64, 64),
    settings: Mapping[str, Any] | None = None,
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
    unit: str = "voxel",
) -> BlockStore:
    """Begin a volume that is written block by block, or go on with one that was begun with the same settings.

    Several processes may do so at the same time.

    Args:
        path: Folder of the volume, by custom ``NAME.zarr``.
        shape: Voxels (z, y, x).
        dtype: Type of a voxel.
        block: Voxels of a block; a longer one than the volume becomes the volume's.
        settings: All that the voxels depend on, of what JSON can hold.
        spacing: Distance of neighbours along (z, y, x).
        unit: Its unit.

    Raises:
        ValueError: If ``path`` is something else, was begun for another input or with other settings, or is damaged.
        OSError: If it cannot be written.
        ImportError: If zarr is not installed.
    """
    size = tuple(min(b, n) for b, n in zip(block, shape, strict=True))
    grid(shape, size)
    store = BlockStore(os.fspath(path), tuple(map(int, shape)), str(np.dtype(dtype)), tuple(map(int, size)))
    record = {"shape": store.shape, "dtype": store.dtype, "block": store.block, **(settings or {})}
    if not Path(path).exists():
        _begin(store, record, spacing, unit)
    _compare(store.path, json.loads(json.dumps(record)))
    store.check()
    return store


def existing_block_store(path: str | os.PathLike[str]) -> BlockStore | None:
    """The store at a path, or None if what is there was not written block by block."""
    record = Path(path) / LEVEL / RECORD
    if not record.is_file():
        return None
    known = read_json(record)
    return BlockStore(os.fspath(path), tuple(known["shape"]), known["dtype"], tuple(known["block"]))


def check_whole(path: str | os.PathLike[str]) -> None:
    """Refuse a volume that is written block by block and is not whole yet.

    Raises:
        ValueError: If blocks are missing or damaged.
    """
    store = existing_block_store(path)
    if store is None:
        return
    store.check()
    missing = len(store.missing())
    if missing:
        raise ValueError(
            f"{path} is not whole: {missing} of its {len(store.blocks)} blocks are missing; "
            "run the command that writes it again, which does only these"
        )


def _begin(store: BlockStore, record: dict[str, Any], spacing: tuple[float, float, float], unit: str) -> None:
    """Make the volume and its record, which appear together; another process may be faster."""
    path = Path(store.path)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        create_zarr(partial / path.name, store.shape, store.dtype, store.block, spacing=spacing, unit=unit)
        write_json(partial / path.name / LEVEL / RECORD, record)
        with explain_failure(path):
            try:
                (partial / path.name).rename(path)
            except OSError:
                if not path.exists():
                    raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _compare(path: str, record: dict[str, Any]) -> None:
    """Raise ``ValueError`` unless a store was begun with this record."""
    file = Path(path) / LEVEL / RECORD
    if not file.is_file():
        raise ValueError(
            f"{path} is there already and was not written block by block ({held(Path(path))}); "
            "choose another name, or delete it"
        )
    known = read_json(file)
    for name in [*record, *known]:
        old, new = known.get(name), record.get(name)
        if old != new:
            what = f"for another {name}" if isinstance(new, dict) else f"with another {name}"
            raise ValueError(
                f"{path} was begun {what}: {_told(old)} then, {_told(new)} now; "
                "choose another name, or delete it to begin again"
            )


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_told(item)}" for name, item in value.items() if item not in (None, ""))
    return " x ".join(map(str, value)) if isinstance(value, list) else "none" if value is None else str(value)
