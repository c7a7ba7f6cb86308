"""Two volume files as a pair on the fixed one's grid, and results brought back to the files."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from subband._optional import require
from subband.data.affine import affine_register
from subband.data.check_volumes import check_pair
from subband.data.common_grid import onto
from subband.data.field_file import write_field
from subband.data.images import write_tiff
from subband.data.nifti import PICTURES, read_volume, write_nifti
from subband.data.registration_sample import Volume
from subband.transforms.field import Field

Matrix = NDArray[np.float64]
FileName = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class FilePair:
    """A pair of files.

    Attributes:
        source: The moving volume as it is stored, its image in [0, 1].
        values: The moving file's own numbers, in the order of ``source``.
        moving: The moving volume on the fixed one's grid.
        fixed: The fixed volume.
        matrix: Takes places of the fixed volume to places of the moving one, in mm (RAS), before any deformation.
    """

    source: Volume
    values: NDArray[Any]
    moving: Volume
    fixed: Volume
    matrix: Matrix


def read_pair(
    moving: FileName,
    fixed: FileName,
    *,
    moving_labels: FileName | None = None,
    fixed_labels: FileName | None = None,
    start: str = "header",
) -> FilePair:
    """Read two volumes and lay the moving one onto the grid of the fixed one.

    Args:
        moving: NIfTI file, or a picture of one grey image.
        fixed: Likewise, of as many axes.
        moving_labels: Label map of the moving file.
        fixed_labels: Label map of the fixed file.
        start: See `subband.config.Fit`.

    Raises:
        ValueError: If a file cannot be read, the two do not overlap, or no label is in both.
    """
    source, target = read_volume(moving, moving_labels), read_volume(fixed, fixed_labels)
    if len(source.image.shape) != len(target.image.shape):
        raise ValueError(
            f"{moving} has {source.image.ndim} axes and {fixed} {target.image.ndim}; give two volumes, or two images"
        )
    matrix = np.eye(source.image.ndim + 1)
    if start == "centre":
        matrix[:-1, -1] = _centre(source) - _centre(target)
    elif start != "header":
        matrix = affine_register(source, target, motion=start)  # type: ignore[arg-type]
    laid = onto(source, target.grid, matrix=matrix)
    check_pair(laid, target)
    return FilePair(source, stored_values(Path(moving), source), laid, target, matrix)


def stored_values(path: Path, volume: Volume) -> NDArray[Any]:
    """Numbers of a file as they are stored, float32, in the order of the volume that was read from it."""
    if path.suffix.lower() in PICTURES:
        return volume.image
    nibabel = require("nibabel", extra="registration")
    image = nibabel.as_closest_canonical(nibabel.load(path))
    return np.asarray(image.dataobj, np.float32).reshape(volume.image.shape)


def whole_displacement(field: Field, pair: FilePair) -> Field:
    """The displacement in mm on the fixed grid that leads straight to the moving file, start included."""
    grid = pair.fixed.grid
    voxels = field.to_unit("voxel").vectors[0].double().numpy()
    dims = len(grid.shape)
    first = np.indices(grid.shape)
    step = np.linalg.inv(grid.affine) @ pair.matrix @ grid.affine
    at = np.tensordot(step[:-1, :-1], first + voxels, axes=1) + step[:-1, -1].reshape(-1, *[1] * dims)
    return Field(torch.from_numpy((at - first)[None].astype(np.float32)), "voxel", grid=grid).to_unit("mm")


def warped_files(folder: Path, field: Field, pair: FilePair) -> list[Path]:
    """Write the warped image, the field, and the warped labels if there are any; returns the files.

    The image has the moving file's own numbers, interpolated once, 0 outside; labels are those of the nearest voxel.
    """
    from scipy import ndimage

    whole, grid = whole_displacement(field, pair), pair.fixed.grid
    step = np.linalg.inv(pair.source.grid.affine) @ grid.affine
    start = step[:-1, -1].reshape(-1, *[1] * len(grid.shape))
    places = np.indices(grid.shape) + whole.to_unit("voxel").vectors[0].double().numpy()
    at = np.tensordot(step[:-1, :-1], places, axes=1) + start
    image = ndimage.map_coordinates(pair.values.astype(np.float64), at, order=1, mode="grid-constant")
    files = [_write(folder / "warped", image.astype(np.float32), pair)]
    write_field(folder / "field.nii.gz", replace(whole, kind="displacement"))
    files.append(folder / "field.nii.gz")
    if pair.source.labels is not None:
        labels = ndimage.map_coordinates(pair.source.labels, at, order=0, mode="grid-constant")
        files.append(_write(folder / "warped_labels", labels, pair))
    return files


def _write(path: Path, values: NDArray[Any], pair: FilePair) -> Path:
    """NIfTI for volumes; TIFF for images."""
    if values.ndim == 2:
        write_tiff(path.with_suffix(".tif"), values.astype(np.float32))
        return path.with_suffix(".tif")
    target = path.with_name(f"{path.name}.nii.gz")
    write_nifti(target, values, pair.fixed.grid)
    return target


def _centre(volume: Volume) -> NDArray[np.float64]:
    """Middle of a volume in mm (RAS)."""
    middle = [(size - 1) / 2 for size in volume.grid.shape]
    return np.asarray((volume.grid.affine @ [*middle, 1.0])[:-1])
