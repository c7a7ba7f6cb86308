"""Volumes of different sizes brought to one: by their centres, or by where they lie."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from subband._check import positive
from subband.data.registration_sample import Volume, VolumeReader, Volumes
from subband.data.sample import by
from subband.transforms.field import Field, Grid

Matrix = NDArray[np.float64]


def common_shape(shapes: Sequence[tuple[int, ...]], *, multiple: int = 16) -> tuple[int, ...]:
    """The smallest shape that holds all shapes, each size a multiple of ``multiple``.

    Raises:
        ValueError: If there is none, or the numbers of axes differ.

    Example:
        >>> common_shape([(35, 51, 35), (31, 59, 40)])
        (48, 64, 48)
    """
    positive(multiple=multiple)
    if len({len(shape) for shape in shapes}) != 1:
        raise ValueError(f"the volumes have shapes {sorted(set(shapes))}; give images alone, or volumes alone")
    return tuple(-(-max(sizes) // multiple) * multiple for sizes in zip(*shapes, strict=True))


def fit(volume: Volume, shape: tuple[int, ...], *, spacing: tuple[float, ...] | None = None) -> Volume:
    """Bring a volume to a size around its centre; it stays where it lies.

    With its own spacing, voxels are cut off or filled with 0 on both sides of each axis (one more after where the
    number is odd), and none is interpolated. With another spacing images are interpolated linearly, without smoothing
    before, and labels take the nearest.

    Args:
        volume: Volume of any size.
        shape: Number of voxels along each axis.
        spacing: Distance of voxels in mm; None keeps the volume's own.

    Returns:
        A volume of that shape, with the grid of its voxels.

    Raises:
        ValueError: If the number of axes differs.

    Example:
        >>> volume = Volume("a", np.ones((2, 3), np.float32), None, Grid.of((2, 3)))
        >>> fit(volume, (4, 3)).image.sum(1).tolist(), fit(volume, (4, 3)).grid.origin
        ([0.0, 3.0, 3.0, 0.0], (-1.0, 0.0))
    """
    own = volume.grid
    if len(shape) != len(own.shape):
        raise ValueError(
            f"{volume.name} is {by(own.shape)} voxels, but the shape is {by(shape)}; give one size an axis"
        )
    ratio = np.ones(len(shape)) if spacing is None else np.array(spacing) / own.spacing
    ratio = np.where(np.abs(ratio - 1) < 1e-4, 1.0, ratio)
    centre = (np.array(own.shape) - 1) / 2 - ratio * (np.array(shape) - 1) / 2
    start = np.where(ratio == 1, np.trunc(centre), centre)
    step = np.eye(len(shape) + 1)
    step[:-1, :-1], step[:-1, -1] = np.diag(ratio), start
    return _resampled(volume, step, Grid.from_affine(tuple(shape), own.affine @ step))


def onto(volume: Volume, grid: Grid, *, matrix: Matrix | None = None) -> Volume:
    """Bring a volume onto a grid by where both lie; images are interpolated linearly, labels take the nearest.

    Args:
        volume: The volume that moves.
        grid: Grid of the volume that it is compared with.
        matrix: (d + 1, d + 1), takes places of the grid to places of the volume, in mm (RAS), as
            `subband.data.affine.affine_register` finds it; None leaves them where they are.

    Returns:
        A volume on ``grid``; 0 where the volume has no voxel.

    Raises:
        ValueError: If the two do not overlap, or the number of axes differs.

    Example:
        >>> volume = Volume("a", np.ones((2, 3), np.float32), None, Grid((2, 3), origin=(1, 0)))
        >>> onto(volume, Grid.of((2, 3))).image.tolist()
        [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    """
    own = volume.grid
    if len(grid.shape) != len(own.shape):
        raise ValueError(f"{volume.name} is {by(own.shape)} voxels, but the grid is {by(grid.shape)}; give one like it")
    world = np.eye(len(grid.shape) + 1) if matrix is None else matrix
    step = np.linalg.inv(own.affine) @ world @ grid.affine
    low, high = corners(step, grid.shape)
    if (high < 0).any() or (low > np.array(own.shape) - 1).any():
        raise ValueError(
            f"{volume.name} does not overlap the grid that it is brought onto (origins {_mm(own)} and {_mm(grid)}); "
            "lay them together by their centres (fit, or --fit.start centre), or correct the headers"
        )
    return _resampled(volume, np.where(np.abs(step - np.rint(step)) < 1e-6, np.rint(step), step), grid)


def corners(step: Matrix, shape: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest place of the corners of ``shape`` after an affine step."""
    ends = np.stack(np.meshgrid(*[[0, size - 1] for size in shape], indexing="ij"), -1).reshape(-1, len(shape))
    placed = ends @ step[:-1, :-1].T + step[:-1, -1]
    return placed.min(0), placed.max(0)


class OnGrid(VolumeReader):
    """A set of volumes, all on one shape and spacing around their centres, so that any two are a pair.

    Args:
        volumes: Volumes of different sizes; all are read once if ``shape`` is None.
        shape: Number of voxels along each axis; None takes the smallest multiples of 16 that hold every volume at
            ``spacing``.
        spacing: Distance of voxels in mm; None takes that of the first volume.

    Raises:
        ValueError: If volumes have different numbers of axes.

    Example:
        >>> from subband.data.phantoms import Phantoms
        >>> OnGrid(Phantoms(count=1, size=(20, 24)))[0].image.shape
        (32, 32)
    """

    def __init__(
        self, volumes: Volumes, *, shape: tuple[int, ...] | None = None, spacing: tuple[float, ...] | None = None
    ) -> None:
        self._volumes = volumes
        self.spacing = tuple(volumes[0].grid.spacing if spacing is None else spacing)
        if shape is None:
            shape = common_shape([_extent(volumes[index].grid, self.spacing) for index in range(len(volumes))])
        self.shape = tuple(shape)
        super().__init__(list(volumes.names), structures=volumes.structures, pairs=volumes.pairs, split=volumes.split)

    def read(self, index: int) -> Volume:
        """Read volume ``index`` and bring it to the common shape."""
        return fit(self._volumes[index], self.shape, spacing=self.spacing)

    def truth(self, pair: int) -> Field | None:
        """The set's own true displacement where its volumes have this shape and spacing; otherwise None."""
        found = self._volumes.truth(pair)
        known = found is not None and found.grid == Grid(self.shape, spacing=self.spacing)
        return found if known else None


def _extent(grid: Grid, spacing: tuple[float, ...]) -> tuple[int, ...]:
    """Number of voxels of ``spacing`` that hold a grid."""
    if len(grid.shape) != len(spacing):
        raise ValueError(f"a volume of {by(grid.shape)} voxels is among those of {len(spacing)} axes; leave it out")
    return tuple(
        int(np.ceil((size - 1) * own / new - 1e-4)) + 1
        for size, own, new in zip(grid.shape, grid.spacing, spacing, strict=True)
    )


def _mm(grid: Grid) -> str:
    return "(" + ", ".join(f"{x:g}" for x in grid.origin) + ") mm"


def _resampled(volume: Volume, step: Matrix, grid: Grid) -> Volume:
    """The volume at the places that ``step`` takes the grid's voxels to."""
    image = _at(volume.image, step, grid.shape, order=1)
    labels = None if volume.labels is None else _at(volume.labels, step, grid.shape, order=0)
    return replace(volume, image=image, labels=labels, grid=grid)


def _at(values: NDArray[Any], step: Matrix, shape: tuple[int, ...], *, order: Literal[0, 1]) -> NDArray[Any]:
    """Values at affine places; a mere shift along the axes copies them."""
    linear, start = step[:-1, :-1], step[:-1, -1]
    if not (np.array_equal(linear, np.eye(len(shape))) and np.array_equal(start, np.rint(start))):
        from scipy import ndimage

        output = values.astype(np.float64) if order else values
        placed = ndimage.affine_transform(output, linear, start, tuple(shape), order=order, mode="grid-constant")
        return np.asarray(placed, values.dtype)
    result = np.zeros(shape, values.dtype)
    first = start.astype(int)
    to = tuple(slice(max(0, -a), max(0, min(n, m - a))) for a, n, m in zip(first, shape, values.shape, strict=True))
    source = tuple(slice(part.start + a, max(part.stop, part.start) + a) for part, a in zip(to, first, strict=True))
    result[tuple(slice(p.start, max(p.stop, p.start)) for p in to)] = values[source]
    return result
