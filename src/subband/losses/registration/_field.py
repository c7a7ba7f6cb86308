"""Fields and their grids in the unit in which a smoothness is measured."""

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from subband.transforms.field import Field, Grid

SmoothnessUnit = Literal["mm", "voxel", "normalised", "authors"]
"""In which both the vectors and the distances are measured; ``authors``: normalised, with steps of 2 / N."""
Differences = Literal["compact", "central"]
"""Between neighbours, or over two voxels, as in MONAI and the authors' ``DisplacementRegularizer``."""


def vectors_and_steps(field: Field, unit: SmoothnessUnit, need: int) -> tuple[Tensor, list[float]]:
    """Vectors of a field, float32 at least, and the distance of neighbours along each axis, both in ``unit``.

    Raises:
        ValueError: If an axis has fewer voxels than ``need``.
    """
    if min(field.space) < need:
        raise ValueError(f"the field has {field.space} voxels, but its differences need {need} along each axis")
    field = replace(field, vectors=field.vectors.to(torch.promote_types(field.vectors.dtype, torch.float32)))
    if unit == "voxel":
        return field.to_unit("voxel").vectors, [1.0] * len(field.space)
    if unit == "mm":
        grid = field.grid or Grid.of(field.space)
        return replace(field, grid=grid).to_unit("mm").vectors, list(grid.spacing)
    vectors = field.to_unit("normalised").vectors
    return vectors, [2 / (size if unit == "authors" else size - 1) for size in field.space]


def moved(x: Tensor, margin: int, offsets: dict[int, int]) -> Tensor:
    """The part of x (B, d, *space) ``margin`` voxels from each edge, or ``offsets[axis]`` voxels further on."""
    for axis in range(x.ndim - 2):
        x = x.narrow(axis + 2, margin + offsets.get(axis, 0), x.shape[axis + 2] - 2 * margin)
    return x
