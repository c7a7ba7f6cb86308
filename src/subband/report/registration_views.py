"""Planes through a registered pair, as they are stored beside a run and drawn on a page."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband._files import write_bytes

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class View:
    """One plane through a pair.

    Attributes:
        title: What plane it is of which pair.
        fixed: Fixed image (H, W), in [0, 1].
        moving: Moving image before it is warped.
        warped: Moving image after.
        shift: Displacement within the plane (2, H, W), in voxels, rows first.
        determinant: Jacobian determinant of the whole field (H, W).
        spacing: Distance of rows and of columns, in mm.
    """

    title: str
    fixed: Floats
    moving: Floats
    warped: Floats
    shift: Floats
    determinant: Floats
    spacing: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True, eq=False)
class Registered:
    """A registered pair as arrays on the fixed grid.

    Attributes:
        fixed: Fixed image (*space).
        moving: Moving image, not warped.
        warped: Moving image, warped.
        shift: Displacement (d, *space), in voxels.
        determinant: Jacobian determinant (*space).
        spacing: Distance of voxels along each axis, in mm.
    """

    fixed: Floats
    moving: Floats
    warped: Floats
    shift: Floats
    determinant: Floats
    spacing: tuple[float, ...]


def view_of(title: str, pair: Registered, *, axis: int = 0, place: int | None = None) -> View:
    """The plane across an axis of a registered pair; a pair of two axes is its own plane.

    Args:
        title: Name of the pair.
        pair: Images, displacement and determinant on the fixed grid.
        axis: Axis across which a volume is cut.
        place: Number of the plane; None takes the middle.
    """
    dims = pair.fixed.ndim
    if dims == 2:
        flat = (pair.fixed, pair.moving, pair.warped, pair.shift, pair.determinant)
        return _view(title, [_single(each) for each in flat], pair.spacing)
    at = pair.fixed.shape[axis] // 2 if place is None else place
    kept = [a for a in range(3) if a != axis]
    images = [np.take(each, at, axis) for each in (pair.fixed, pair.moving, pair.warped)]
    shift = np.take(pair.shift[kept], at, axis + 1)
    planes = [_upright(each) for each in (*images, shift, np.take(pair.determinant, at, axis))]
    return _view(title, planes, (pair.spacing[kept[1]], pair.spacing[kept[0]]))


def _view(title: str, planes: Sequence[Floats], spacing: Sequence[float]) -> View:
    fixed, moving, warped, shift, determinant = planes
    return View(title, fixed, moving, warped, shift, determinant, (spacing[0], spacing[1]))


def write_views(path: Path, views: list[View]) -> None:
    """Store planes in one file, whole or not at all."""
    content = io.BytesIO()
    arrays: dict[str, Any] = {"titles": np.array([view.title for view in views])}
    for number, view in enumerate(views):
        arrays |= {f"{name}_{number}": np.asarray(value) for name, value in vars(view).items() if name != "title"}
    np.savez_compressed(content, **arrays)
    write_bytes(path, content.getvalue())


def read_views(path: Path) -> list[View]:
    """Read what `write_views` wrote; nothing where there is no such file."""
    if not path.exists():
        return []
    with np.load(path, allow_pickle=False) as stored:
        return [_stored(stored, number, str(title)) for number, title in enumerate(stored["titles"])]


def _stored(arrays: Any, number: int, title: str) -> View:
    planes = [arrays[f"{name}_{number}"] for name in ("fixed", "moving", "warped", "shift", "determinant")]
    return _view(title, planes, arrays[f"spacing_{number}"].tolist())


def _single(values: NDArray[Any]) -> Floats:
    return np.asarray(values, np.float32)


def _upright(values: NDArray[Any]) -> Floats:
    """A plane of a volume in RAS as people look at it: the second axis upwards, the first to the right."""
    turned = np.flip(np.swapaxes(values, -1, -2), -2)
    if values.ndim == 3:
        turned = np.stack([-turned[1], turned[0]])
    return np.ascontiguousarray(turned, np.float32)
