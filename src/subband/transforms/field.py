"""Displacement and velocity fields with their unit, and the grid of voxels they lie on."""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from subband._check import one_of

Unit = Literal["normalised", "voxel", "mm"]
Kind = Literal["displacement", "velocity"]
AFFINE_TOLERANCE = 1e-3
"""Largest cosine between two axes that still count as perpendicular."""


@dataclass(frozen=True)
class Grid:
    r"""Where the voxels of an image lie: voxel n at ``origin`` + ``direction`` (``spacing`` n).

    Attributes:
        shape: Number of voxels along each axis, (D, H, W) or (H, W).
        spacing: Distance of neighbours along each axis in mm; 1 if left out.
        origin: Place of voxel 0 in mm, as in NIfTI to the right, to the front and upwards (RAS); 0 if left out.
        direction: Rows of a matrix whose column a is the unit vector of axis a in that space; axes if left out.

    Raises:
        ValueError: If the numbers do not fit each other, or the axes are not perpendicular unit vectors.

    Example:
        >>> grid = Grid((10, 12, 8), spacing=(1.0, 1.0, 2.5))
        >>> grid.origin, grid.affine[2].tolist()
        ((0.0, 0.0, 0.0), [0.0, 0.0, 2.5, 0.0])
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...] = ()
    origin: tuple[float, ...] = ()
    direction: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        dims = len(self.shape)
        if dims not in (2, 3) or min(self.shape) < 1:
            raise ValueError(f"the grid has shape {tuple(self.shape)}, but must have 2 or 3 axes, each of 1 or more")
        filled = {
            "shape": tuple(int(size) for size in self.shape),
            "spacing": tuple(float(x) for x in self.spacing) or (1.0,) * dims,
            "origin": tuple(float(x) for x in self.origin) or (0.0,) * dims,
            "direction": tuple(tuple(float(x) for x in row) for row in self.direction)
            or tuple(tuple(float(a == b) for b in range(dims)) for a in range(dims)),
        }
        for name, value in filled.items():
            object.__setattr__(self, name, value)
        if len(self.spacing) != dims or not all(0 < length < math.inf for length in self.spacing):
            raise ValueError(f"spacing is {self.spacing}, but must be {dims} lengths in mm, greater than 0")
        if len(self.origin) != dims or not all(math.isfinite(x) for x in self.origin):
            raise ValueError(f"origin is {self.origin}, but must be {dims} finite numbers in mm")
        axes = np.array(self.direction)
        if axes.shape != (dims, dims) or not np.abs(axes.T @ axes - np.eye(dims)).max() < AFFINE_TOLERANCE:
            raise ValueError(
                f"direction is {self.direction}, but must be {dims} perpendicular unit vectors; "
                "resample an image whose axes are oblique to each other"
            )

    @classmethod
    def of(cls, shape: tuple[int, ...]) -> "Grid":
        """The grid of ``shape`` with unit spacing from the origin on."""
        return cls(tuple(shape))

    @classmethod
    def from_affine(cls, shape: tuple[int, ...], affine: Any) -> "Grid":
        """The grid of a NIfTI file: ``affine`` (d + 1, d + 1) takes voxel numbers to mm (RAS), as in nibabel."""
        matrix = np.asarray(affine, float)
        dims = len(shape)
        if matrix.shape != (dims + 1, dims + 1):
            raise ValueError(f"affine has shape {matrix.shape}, but must be {(dims + 1, dims + 1)} for {shape}")
        columns = matrix[:dims, :dims]
        spacing = np.sqrt((columns**2).sum(0))
        with np.errstate(invalid="ignore", divide="ignore"):
            direction = columns / spacing
        rows = tuple(tuple(row) for row in direction.tolist())
        return cls(tuple(shape), tuple(spacing.tolist()), tuple(matrix[:dims, dims].tolist()), rows)

    @property
    def affine(self) -> "np.ndarray[Any, np.dtype[np.float64]]":
        """Matrix (d + 1, d + 1) that takes voxel numbers to mm (RAS), as in nibabel."""
        dims = len(self.shape)
        matrix = np.eye(dims + 1)
        matrix[:dims, :dims] = np.array(self.direction) * self.spacing
        matrix[:dims, dims] = self.origin
        return matrix


@dataclass(frozen=True, eq=False)
class Field:
    r"""Vectors on the voxels of a grid: where to look in the moving image, :math:`\varphi(x) = x + u(x)`.

    Component a of a vector goes along axis a of the grid, in the order of the axes (D, H, W).

    Attributes:
        vectors: (B, d, *space) of d axes, 2 or 3; floating point.
        unit: ``normalised``: the first voxel of an axis is -1, the last is 1, as grid_sample has them with
            align_corners; ``voxel``; or ``mm``, along the grid's axes.
        kind: ``displacement`` u, or the stationary ``velocity`` v whose `exponential` is one.
        grid: Where the voxels lie; needed for millimetres alone.

    Raises:
        ValueError: If the vectors do not fit the space or the grid, or a word is unknown.

    Source:
        The unit and the order of WiNet (x-xc/WiNet), ``nn_util.py``.

    Example:
        >>> import torch
        >>> field = Field(torch.ones(1, 2, 5, 9), "normalised")
        >>> field.to_unit("voxel").vectors[0, :, 0, 0].tolist()
        [2.0, 4.0]
    """

    vectors: Float[Tensor, "batch dims *space"]
    unit: Unit
    kind: Kind = "displacement"
    grid: Grid | None = None

    def __post_init__(self) -> None:
        one_of("unit", self.unit, get_args(Unit))
        one_of("kind", self.kind, get_args(Kind))
        shape = tuple(self.vectors.shape)
        dims = len(shape) - 2
        if dims not in (2, 3) or shape[1] != dims or not self.vectors.is_floating_point():
            raise ValueError(
                f"the field's vectors have shape {shape} and dtype {self.vectors.dtype}, but must be floating point "
                "(B, 3, D, H, W) or (B, 2, H, W), one component for each axis"
            )
        if self.grid is not None and self.grid.shape != shape[2:]:
            raise ValueError(f"the field has {shape[2:]} voxels, but its grid {self.grid.shape}; give its own grid")
        if self.unit == "mm" and self.grid is None:
            raise ValueError("the field is in mm and has no grid, which says how many a voxel has; give grid=Grid(...)")

    @property
    def space(self) -> tuple[int, ...]:
        """Number of voxels along each axis."""
        return tuple(self.vectors.shape[2:])

    def to_unit(self, unit: Unit) -> "Field":
        r"""The same field in another unit.

        A length of :math:`u` voxels is :math:`u \cdot 2 / (N - 1)` normalised on an axis of N voxels (on one of a
        single voxel :math:`2u`), and :math:`u` times the spacing in mm.
        """
        one_of("unit", unit, get_args(Unit))
        if unit == self.unit:
            return self
        if unit == "mm" and self.grid is None:
            raise ValueError("the field has no grid, which says how many mm a voxel has; give grid=Grid(...)")
        factors = [a / b for a, b in zip(self._voxels(self.unit), self._voxels(unit), strict=True)]
        dtype = torch.promote_types(self.vectors.dtype, torch.float32)
        scale = torch.tensor(factors, dtype=dtype, device=self.vectors.device)
        return replace(self, vectors=self.vectors * scale.view(-1, *[1] * len(self.space)), unit=unit)

    def _voxels(self, unit: Unit) -> list[float]:
        """Voxels in one unit of length along each axis."""
        if unit == "normalised":
            return [max(size - 1, 1) / 2 for size in self.space]
        if unit == "mm" and self.grid is not None:
            return [1 / length for length in self.grid.spacing]
        return [1.0] * len(self.space)
