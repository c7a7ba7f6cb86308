"""Displacement fields as NIfTI files, which SimpleITK, ITK and ANTs read as such."""

import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from subband._files import write_bytes
from subband._optional import require
from subband.data.sample import by
from subband.transforms.field import Field, Grid

VECTOR, DISPLACEMENT = 1007, 1006
"""Intents of NIfTI: ``VECTOR`` has LPS components, as ITK and ANTs write them, ``DISPLACEMENT`` RAS."""
SUFFIXES = (".nii", ".nii.gz")
APART = 1e-3
"""Largest difference of two affines of one grid, in mm."""


def write_field(path: str | os.PathLike[str], field: Field) -> None:
    """Write a field as a NIfTI file of vectors: five axes (X, Y, Z, 1, d), in mm, components to the left, back and up.

    That is ITK's space of coordinates (LPS), while the header's affine is NIfTI's (RAS), as ITK writes it.
    ``sitk.DisplacementFieldTransform(sitk.ReadImage(path, sitk.sitkVectorFloat64))`` maps points of the fixed image to
    the moving one.

    Args:
        path: Name that ends with ``.nii`` or ``.nii.gz``; its folder is made. What is there is overwritten.
        field: One field of any unit, with its grid; values are stored as float32, the kind as the intent's name.

    Raises:
        ValueError: If there is no grid, more than one field or a NaN, or the name has another suffix.
        OSError: If it cannot be written.
        ImportError: If nibabel is not installed.

    Source:
        The NIfTI-1 standard, intent 1007; ITK's ``NiftiImageIO``.

    Example:
        >>> write_field("field.nii.gz", Field(torch.zeros(1, 3, 4, 4, 4), "voxel"))
        Traceback (most recent call last):
        ValueError: the field has no grid, which says where its voxels lie; give that of the fixed image, grid=Grid(...)
    """
    nibabel, path, grid = require("nibabel", extra="registration"), Path(path), field.grid
    if grid is None:
        raise ValueError(
            "the field has no grid, which says where its voxels lie; give that of the fixed image, grid=Grid(...)"
        )
    if len(field.vectors) != 1 or not path.name.lower().endswith(SUFFIXES):
        raise ValueError(
            f"cannot write {len(field.vectors)} fields as {path.name}; give one field and a name that ends with "
            f"{' or '.join(SUFFIXES)}"
        )
    along = field.to_unit("mm").vectors[0].detach().cpu().double().numpy()
    if not np.isfinite(along).all():
        raise ValueError(f"the field holds NaN or infinite values; {path.name} is not written")
    world = np.moveaxis(_lps(np.tensordot(np.array(grid.direction), along, axes=1)), 0, -1)
    flat = [*range(len(grid.shape)), 3]
    affine = np.eye(4)
    affine[np.ix_(flat, flat)] = grid.affine
    sizes = (*grid.shape, *[1] * (4 - len(grid.shape)), len(grid.shape))
    image = nibabel.Nifti1Image(world.reshape(sizes).astype(np.float32), affine)
    image.header.set_intent(VECTOR, name=field.kind)
    image.header.set_xyzt_units("mm")
    content = image.to_bytes()
    write_bytes(path, gzip.compress(content, 6, mtime=0) if path.name.lower().endswith(".gz") else content)


def read_field(path: str | os.PathLike[str], *, grid: Grid | None = None) -> Field:
    """Read a field that `write_field`, SimpleITK, ITK or ANTs wrote.

    Args:
        path: NIfTI file of five axes with the intent of vectors (1007, components LPS) or of displacements (1006,
            components RAS), in mm.
        grid: Grid of the fixed image, on which the field must lie; None takes the file's.

    Returns:
        One field in mm along the grid's axes, float32, its axes brought to the right, to the front and upwards as
        `read_volume` brings those of images. It is a velocity if the intent's name says so.

    Raises:
        ValueError: If the file is missing or damaged, is no field of vectors in mm, holds a NaN, or lies elsewhere.
        ImportError: If nibabel is not installed.

    Source:
        As `write_field`.

    Example:
        >>> read_field("field.nii.gz")
        Traceback (most recent call last):
        ValueError: there is no file field.nii.gz
    """
    path = Path(path)
    image = _load(path)
    code, shape = int(image.header["intent_code"]), image.shape
    dims = shape[4] if len(shape) == 5 else 0
    if dims not in (2, 3) or shape[3] != 1 or (dims == 2 and shape[2] != 1) or code not in (VECTOR, DISPLACEMENT):
        raise ValueError(
            f"{path} has {by(shape)} values and intent {code}, but a field has X x Y x Z x 1 x 3 and the intent of "
            f"vectors, {VECTOR} or {DISPLACEMENT}; save it as ITK does, in mm"
        )
    if (unit := image.header.get_xyzt_units()[0]) not in ("mm", "unknown"):
        raise ValueError(f"{path} is in {unit}, but a field must be in mm; convert its vectors and its header")
    flat = [*range(dims), 3]
    own = Grid.from_affine(shape[:dims], image.affine[np.ix_(flat, flat)])
    if grid is not None and (own.shape != grid.shape or np.abs(own.affine - grid.affine).max() > APART):
        raise ValueError(
            f"{path} lies on a grid of {by(own.shape)} voxels from {own.origin} on, but the fixed image on one of "
            f"{by(grid.shape)} from {grid.origin} on; give the field of this image"
        )
    world = np.moveaxis(image.get_fdata().reshape(*own.shape, dims), -1, 0)
    if not np.isfinite(world).all():
        raise ValueError(f"{path} holds NaN or infinite values, but every vector must be finite")
    along = np.tensordot(np.array(own.direction).T, _lps(world) if code == VECTOR else world, axes=1)
    velocity = image.header.get_intent()[2].strip().lower() == "velocity"
    vectors = torch.from_numpy(along[None].astype(np.float32))
    return Field(vectors, "mm", kind="velocity" if velocity else "displacement", grid=own)


def _lps(vectors: Any) -> Any:
    """Vectors (d, *space) from RAS to LPS or back: the first two components change sign."""
    return vectors * np.array([-1, -1, 1][: len(vectors)]).reshape(-1, *[1] * (vectors.ndim - 1))


def _load(path: Path) -> Any:
    """The image with its axes in RAS order."""
    nibabel = require("nibabel", extra="registration")
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    try:
        image = nibabel.as_closest_canonical(nibabel.load(path))
        image.get_fdata()
    except Exception as error:
        raise ValueError(f"{path} cannot be read as NIfTI ({str(error) or type(error).__name__})") from error
    return image
