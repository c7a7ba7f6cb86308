"""NIfTI files of one volume or one label map, brought to one orientation; what is odd in a file said plainly."""

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband._files import write_bytes
from subband._optional import require
from subband.data._pages import Pages
from subband.data.images import held, read_image
from subband.data.registration_sample import Labels, Volume
from subband.data.sample import FloatImage, by
from subband.transforms.field import Grid

SUFFIXES = (".nii", ".nii.gz")
PICTURES = (".png", ".tif", ".tiff", ".bmp")
"""Files of a single grey image (H, W) that stand for a volume of two axes."""


def stem(path: str | os.PathLike[str]) -> str:
    """File name without ``.nii.gz``, ``.nii`` or another suffix."""
    name = Path(path).name
    return name[: -len(".nii.gz")] if name.lower().endswith(".nii.gz") else Path(name).stem


def list_nifti(folder: str | os.PathLike[str]) -> list[Path]:
    """NIfTI files in a folder, sorted by name; hidden files are left out.

    Raises:
        ValueError: If the folder is missing or holds no NIfTI file.
    """
    folder = Path(folder)
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    files = [path for path in found if path.name.lower().endswith(SUFFIXES) and not path.name.startswith(".")]
    if not files:
        raise ValueError(f"{folder} holds no NIfTI file ({held(folder)}); expected {' or '.join(SUFFIXES)}")
    return files


def read_volume(
    image: str | os.PathLike[str],
    labels: str | os.PathLike[str] | None = None,
    *,
    percentiles: tuple[float, float] = (0.5, 99.5),
) -> Volume:
    """Read a volume, with its labels, as a `Volume` whose axes point to the right, to the front and upwards (RAS).

    Axes are turned round and exchanged without interpolation; what is oblique stays so, in ``grid.direction``. Values
    are scaled so that the two percentiles become 0 and 1, and cut there. A label file with a fourth axis holds a mask
    of 0 and 1 for each structure: label k is mask k, and later masks lie over earlier ones.

    Args:
        image: NIfTI file of one volume; or a picture (PNG, TIFF, BMP), read as one grey image (H, W).
        labels: NIfTI file of the same voxels (beside a picture a picture of label numbers); None if there is none.
        percentiles: Percentiles that become 0 and 1; (0, 100) keeps values that run from 0 to 1.

    Returns:
        The volume; (H, W) for a single slice.

    Raises:
        ValueError: If a file is missing or damaged, holds a series of volumes, NaN or fractions of labels, or the
            labels have another size or place than the image.
        ImportError: If nibabel is not installed.

    Example:
        >>> read_volume("brain.nii.gz")
        Traceback (most recent call last):
        ValueError: there is no file brain.nii.gz
    """
    path = existing(image)
    if path.suffix.lower() in PICTURES:
        pixels = read_image(path).mean(0, dtype=np.float32)
        mask = None if labels is None else _picture_labels(existing(labels))
        return Volume(stem(path), unit_range(pixels, percentiles, str(path)), mask, Grid.of(pixels.shape))
    values, grid = _read(path)
    if values.ndim > len(grid.shape):
        raise ValueError(
            f"{path} has {by(values.shape)} voxels, a series of {values.shape[-1]} volumes; "
            "save the volume that is meant as a file of its own"
        )
    scaled = unit_range(values.astype(np.float32), percentiles, str(path))
    return Volume(stem(path), scaled, None if labels is None else read_labels(labels, grid), grid)


def read_labels(path: str | os.PathLike[str], grid: Grid | None = None) -> Labels:
    """Read a label map as `read_volume` does, int16, or int32 if it has to be.

    Args:
        path: NIfTI file.
        grid: Grid of the image that the labels belong to; None takes them as they are.

    Raises:
        ValueError: If the file is missing or damaged, holds fractions or negative labels, or lies elsewhere.
    """
    path = existing(path)
    values, own = _read(path)
    if values.ndim > len(own.shape):
        if not ((values == 0) | (values == 1)).all():
            raise ValueError(f"{path} has {by(values.shape)} voxels, but not of 0 and 1; save one label map")
        layers, values = values, np.zeros(values.shape[:-1], np.int16)
        for number in range(layers.shape[-1]):
            values[layers[..., number] == 1] = number + 1
    if grid is not None and own.shape == grid.shape and (off := _apart(own, grid)) > 0.5:
        raise ValueError(
            f"{path} lies {off:.3g} voxels away from its image by their headers; "
            "save both with one orientation and origin"
        )
    return as_labels(values, str(path))


def as_labels(values: NDArray[Any], name: str) -> Labels:
    """Bring stored numbers to labels, int16 or int32.

    Raises:
        ValueError: If they are no whole numbers from 0 on.
    """
    whole = np.isfinite(values).all() and (values.dtype.kind in "iu" or bool((values == np.rint(values)).all()))
    if not whole or values.min(initial=0) < 0 or values.max(initial=0) > np.iinfo(np.int32).max:
        raise ValueError(f"{name} holds values that are no labels; a label map holds whole numbers from 0 on, no NaN")
    small = values.max(initial=0) <= np.iinfo(np.int16).max
    return values.astype(np.int16) if small else values.astype(np.int32)


def unit_range(image: FloatImage, percentiles: tuple[float, float], name: str) -> FloatImage:
    """Scale an image so that two percentiles of its values become 0 and 1, and cut it there; a constant becomes 0.

    Raises:
        ValueError: If a value is not finite, or the percentiles are not in order.
    """
    low, high = percentiles
    if not 0 <= low < high <= 100:
        raise ValueError(f"percentiles are {percentiles}, but must be two numbers in order within [0, 100]")
    broken = image.size - np.count_nonzero(np.isfinite(image))
    if broken:
        raise ValueError(
            f"{name}: {broken} of {image.size} voxels are NaN or infinite; "
            "replace them, by the background's value for one"
        )
    bottom, top = (np.float32(value) for value in np.percentile(image, (low, high)))
    if not top > bottom:
        bottom, top = image.min(), image.max()
    scale = top - bottom if top > bottom else np.float32(1)
    return np.asarray(np.clip((image - bottom) / scale, 0, 1), np.float32)


def write_nifti(path: str | os.PathLike[str], values: NDArray[Any], grid: Grid) -> None:
    """Write an image or a label map (*space) with the place of its voxels, whole or not at all.

    Raises:
        ValueError: If the sizes differ or the file is not called ``.nii`` or ``.nii.gz``.
        OSError: If it cannot be written.
        ImportError: If nibabel is not installed.
    """
    nibabel, path = require("nibabel", extra="registration"), Path(path)
    if tuple(values.shape) != grid.shape or not path.name.lower().endswith(SUFFIXES):
        raise ValueError(
            f"cannot write {by(values.shape)} voxels on a grid of {by(grid.shape)} as {path.name}; "
            f"give the image's own grid and a name that ends with {' or '.join(SUFFIXES)}"
        )
    affine, flat = np.eye(4), [*range(len(grid.shape)), 3]
    affine[np.ix_(flat, flat)] = grid.affine
    image = nibabel.Nifti1Image(values if values.ndim == 3 else values[..., None], affine)
    image.header.set_xyzt_units("mm")
    write_bytes(path, _packed(image.to_bytes()) if path.name.lower().endswith(".gz") else image.to_bytes())


def existing(path: str | os.PathLike[str]) -> Path:
    """The path of a file that is there, or ``ValueError``."""
    if not Path(path).is_file():
        raise ValueError(f"there is no file {path}")
    return Path(path)


@contextmanager
def whole(path: Path) -> Iterator[None]:
    """Turn what a damaged file raises into one sentence."""
    try:
        yield
    except (OSError, EOFError, zlib.error, TypeError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as NIfTI ({str(error) or type(error).__name__})") from error
    except Exception as error:  # nibabel's own ImageFileError and HeaderDataError derive from Exception alone
        if type(error).__module__.partition(".")[0] != "nibabel":
            raise
        raise ValueError(f"{path} cannot be read as NIfTI ({error})") from error


def _read(path: Path) -> tuple[NDArray[Any], Grid]:
    """Stored values (*space) or (*space, n) in RAS order, scaled as the file says, and their grid."""
    nibabel = require("nibabel", extra="registration")
    with whole(path):
        image = nibabel.as_closest_canonical(nibabel.load(path))
        values = np.asanyarray(image.dataobj)
    while values.ndim > 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim not in (2, 3, 4) or values.dtype.kind not in "iufb" or 0 in values.shape:
        raise ValueError(f"{path} holds {by(values.shape)} values of {values.dtype}; expected a volume of real numbers")
    affine = image.affine
    if values.ndim == 2 or (values.ndim == 3 and values.shape[2] == 1):
        values, affine = values.reshape(values.shape[:2]), affine[np.ix_([0, 1, 3], [0, 1, 3])]
    with whole(path):
        return values, Grid.from_affine(values.shape[:3], affine)


def _apart(first: Grid, second: Grid) -> float:
    """Largest distance of the same corner of two grids of one shape, in voxels of the second."""
    corners = np.stack(np.meshgrid(*[[0, size - 1] for size in first.shape], indexing="ij"), -1)
    flat = np.concatenate([corners.reshape(-1, len(first.shape)), np.ones((corners.size // len(first.shape), 1))], 1)
    off = flat @ (np.linalg.inv(second.affine) @ first.affine).T - flat
    return float(np.sqrt((off**2).sum(1)).max())


def _picture_labels(path: Path) -> Labels:
    """Label numbers of a picture, as they are stored."""
    stored = Pages(path, palette="stored")[0]
    if stored.ndim != 2:
        raise ValueError(f"{path} is a colour image; a label map holds one number for each pixel")
    return as_labels(stored, str(path))


def _packed(content: bytes) -> bytes:
    """Content in gzip's format, the same bytes every time."""
    return gzip.compress(content, 6, mtime=0)
