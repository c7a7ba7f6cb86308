"""Maximum projections of a volume and the trees over them, as they are stored beside a run and drawn on a page."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband._files import write_bytes
from subband.transforms.tree import Tree

Bytes = NDArray[np.uint8]
LONGEST = 768
"""Pixels along the longer side of a projection; larger ones are shrunk by their maxima."""
WHITE = 99.7
"""Percentile of a projection that is shown in full brightness."""


@dataclass(frozen=True, eq=False)
class NeuronView:
    """Projections of one volume, the tree that was traced in it, and the true one.

    Attributes:
        title: Name of the volume.
        shape: Voxels (z, y, x).
        projections: Maxima along z (Y, X), y (Z, X) and x (Z, Y), 8 bits; shrunk where the volume is large.
        tree: What was traced; None where it failed.
        truth: True tree; None if there is none.
        spacing: Size of a voxel along (z, y, x).
    """

    title: str
    shape: tuple[int, ...]
    projections: tuple[Bytes, ...]
    tree: Tree | None
    truth: Tree | None = None
    spacing: tuple[float, ...] = (1.0, 1.0, 1.0)


def project(slabs: Iterable[NDArray[Any]]) -> tuple[Bytes, ...]:
    """Projections of a volume that is given in slabs along z, so that it need not be in memory.

    Raises:
        ValueError: If there is no slab.

    Example:
        >>> flat, front, side = project([np.arange(12).reshape(1, 3, 4)])
        >>> flat.shape, front.shape, side.shape, int(flat.max())
        ((3, 4), (1, 4), (1, 3), 255)
    """
    above, fronts, sides = None, [], []
    for slab in slabs:
        highest = np.asarray(slab).max(0)
        above = highest if above is None else np.maximum(above, highest)
        fronts.append(np.asarray(slab).max(1))
        sides.append(np.asarray(slab).max(2))
    if above is None:
        raise ValueError("there is no slab to project; give at least one")
    planes = (above, np.concatenate(fronts), np.concatenate(sides))
    dark, white = float(np.median(above)), float(np.percentile(above, WHITE))
    return tuple(_shown(shrunk(plane), dark, white) for plane in planes)


def shrunk(plane: NDArray[Any], longest: int = LONGEST) -> NDArray[Any]:
    """A plane of at most ``longest`` pixels along each side, each the maximum of those that it stands for.

    Example:
        >>> shrunk(np.array([[1, 5, 2, 0, 7]]), 3).tolist()
        [[5, 2, 7]]
    """
    for axis in (0, 1):
        step = -(-plane.shape[axis] // longest)
        if step > 1:
            plane = np.maximum.reduceat(plane, np.arange(0, plane.shape[axis], step), axis)
    return plane


def _shown(plane: NDArray[Any], dark: float, white: float) -> Bytes:
    """Grey values from a quarter of the median's to the white one, the dark half lifted."""
    low = 0.75 * dark
    share = ((plane.astype(np.float64) - low) / max(white - low, 1e-12)).clip(0, 1) ** 0.8
    shown: Bytes = np.rint(255 * share).astype(np.uint8)
    return shown


def write_views(path: Path, views: Sequence[NeuronView]) -> None:
    """Store views in one file, whole or not at all."""
    arrays: dict[str, Any] = {"titles": np.array([view.title for view in views])}
    for number, view in enumerate(views):
        arrays |= {f"shape_{number}": np.array(view.shape), f"spacing_{number}": np.array(view.spacing)}
        arrays |= {f"plane{axis}_{number}": plane for axis, plane in enumerate(view.projections)}
        for name, tree in (("tree", view.tree), ("truth", view.truth)):
            if tree is not None:
                arrays |= {f"{name}_{key}_{number}": value for key, value in vars(tree).items()}
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    write_bytes(path, content.getvalue())


def read_views(path: Path) -> list[NeuronView]:
    """Read what `write_views` wrote; nothing where there is no such file."""
    if not path.exists():
        return []
    with np.load(path, allow_pickle=False) as stored:
        return [_stored(stored, number, str(title)) for number, title in enumerate(stored["titles"])]


def _stored(arrays: Any, number: int, title: str) -> NeuronView:
    shape, spacing = (tuple(arrays[f"{name}_{number}"].tolist()) for name in ("shape", "spacing"))
    planes = tuple(arrays[f"plane{axis}_{number}"] for axis in range(3))
    return NeuronView(title, shape, planes, _tree(arrays, "tree", number), _tree(arrays, "truth", number), spacing)


def _tree(arrays: Any, name: str, number: int) -> Tree | None:
    if f"{name}_radii_{number}" not in arrays:
        return None
    return Tree(*(arrays[f"{name}_{key}_{number}"] for key in ("positions", "radii", "parents", "kinds")))
