"""Image and mask files: reading with plain messages, and writing that leaves nothing half-written."""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from subband._files import write_bytes
from subband.data._pages import SUFFIXES, Pages
from subband.data.sample import VOID, FloatImage, Mask

LARGEST_CLASS = 63
"""Grey values up to this are class numbers; a single larger one beside 0 is the foreground."""


def list_images(folder: str | os.PathLike[str]) -> list[Path]:
    """Image files in a folder, sorted by name; hidden files are left out.

    Raises:
        ValueError: If the folder is missing or holds no image.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    found = [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".") and p.is_file()]
    if not found:
        raise ValueError(f"{folder} holds no image ({held(folder)}); expected {', '.join(SUFFIXES)}")
    return sorted(found)


def held(folder: Path, *, most: int = 5) -> str:
    """What a folder holds, in words, for a message."""
    if not folder.is_dir():
        return "there is no such folder"
    names = sorted(path.name + "/" * path.is_dir() for path in folder.iterdir())
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"it holds {', '.join(names[:most])}{more}" if names else "it is empty"


def require_file(path: Path, page: str) -> Path:
    """Return ``path``, or say that it is missing, what is there, and where it is to be had.

    Raises:
        ValueError: If there is no such file or folder.
    """
    if not path.exists():
        raise ValueError(f"there is no {path.name} in {path.parent} ({held(path.parent)}); get it from {page}")
    return path


class ImagePages(Sequence[FloatImage]):
    """Pages of an image file as (C, H, W), float32 in [0, 1], read when asked for."""

    def __init__(self, path: Path) -> None:
        self._pages = Pages(path)

    def __len__(self) -> int:
        return len(self._pages)

    @overload
    def __getitem__(self, page: int) -> FloatImage: ...
    @overload
    def __getitem__(self, page: slice) -> "list[FloatImage]": ...
    def __getitem__(self, page: int | slice) -> "FloatImage | list[FloatImage]":
        if isinstance(page, slice):
            return [self[i] for i in range(*page.indices(len(self)))]
        return as_image(self._pages[page], str(self._pages.path))


def image_pages(path: str | os.PathLike[str]) -> ImagePages:
    """Pages of an image file, each (C, H, W), float32 in [0, 1].

    Raises:
        ValueError: If the file is missing or damaged.
    """
    return ImagePages(Path(path))


def read_image(path: str | os.PathLike[str], *, page: int = 0) -> FloatImage:
    """Read an image as (C, H, W), float32 in [0, 1].

    8-bit values are divided by 255 and 16-bit ones by 65535; an alpha channel is left out.

    Args:
        path: PNG, TIFF, BMP, JPEG or GIF.
        page: Page of a TIFF.

    Raises:
        ValueError: If the file is missing or damaged, or a floating-point image leaves [0, 1].
    """
    return image_pages(path)[page]


def read_mask(path: str | os.PathLike[str], *, page: int = 0) -> Mask:
    """Read a mask as (H, W), uint8 class of each pixel.

    Understood are 0 / 1, 0 / 255 (or another single value above 63), class numbers 0 to 63, palette images (the index,
    or the value of a grey palette), and colour images of two colours (the darker one is 0). JPEG is cut at 127.
    Beside class numbers of which one is above 1, 255 is void.

    Args:
        path: Mask file.
        page: Page of a TIFF.

    Raises:
        ValueError: If the file is missing or damaged, or its values are none of these.
    """
    path = Path(path)
    return as_mask(Pages(path, palette="index")[page], str(path), lossy=path.suffix.lower() in (".jpg", ".jpeg"))


def as_image(array: NDArray[Any], name: str) -> FloatImage:
    """Bring stored pixels (H, W) or (H, W, C) to (C, H, W), float32 in [0, 1].

    Raises:
        ValueError: If a value is out of range.
    """
    if array.ndim not in (2, 3):
        raise ValueError(f"{name} has {array.ndim} dimensions; expected a grey or colour image for each page")
    planes = array[None] if array.ndim == 2 else np.moveaxis(array, -1, 0)
    if planes.dtype == np.uint8:
        return np.ascontiguousarray(planes, np.float32) / np.float32(255)
    if planes.dtype == bool:
        return np.ascontiguousarray(planes, np.float32)
    low, high = float(planes.min()), float(planes.max())
    top = 1.0 if planes.dtype.kind == "f" else 65535.0
    if not (low >= 0 and high <= top):
        raise ValueError(
            f"{name} holds {planes.dtype} values from {low:.4g} to {high:.4g}, but must be within [0, {top:g}]; "
            "rescale it, or save it with 8 or 16 bits"
        )
    return np.ascontiguousarray(planes, np.float32) / np.float32(top)


def as_mask(array: NDArray[Any], name: str, *, lossy: bool = False, several: bool = False) -> Mask:
    """Bring stored pixels (H, W) or (H, W, C) to classes (H, W), uint8; see `read_mask`.

    Args:
        array: Pixels of a mask file.
        name: What messages call it.
        lossy: Cut at 127.
        several: The set is known to have more than two classes: 255 is void in every mask, also beside 0 alone.

    Raises:
        ValueError: If the values are no classes.
    """
    if array.ndim == 3:
        grey = (array == array[..., :1]).all()
        if not grey and not lossy:
            return _two_colours(array, name)
        array = array[..., 0] if grey else array.mean(-1)
    if lossy:
        return np.asarray(array > 127, np.uint8)
    if array.dtype == bool:
        return array.astype(np.uint8)
    values = np.flatnonzero(np.bincount(array.ravel())) if array.dtype == np.uint8 else np.unique(array)
    if array.dtype.kind == "f" and not (values == np.rint(values)).all():
        raise ValueError(
            f"{name} holds fractions such as {values[values != np.rint(values)][0]:.4g}; a mask holds classes"
        )
    numbers = values[values != VOID]
    certain = several or len(numbers) == len(values) or numbers.max(initial=0) > 1
    if certain and (numbers.size == 0 or (numbers[0] >= 0 and numbers[-1] <= LARGEST_CLASS)):
        return array.astype(np.uint8)
    if len(values[values != 0]) == 1 and values[0] >= 0 and not several:
        return np.asarray(array != 0, np.uint8)
    shown = ", ".join(f"{value:g}" for value in values[:6]) + (", ..." if len(values) > 6 else "")
    raise ValueError(
        f"{name} holds {len(values)} values ({shown}); a mask holds 0 and 1, 0 and 255, or class numbers up to "
        f"{LARGEST_CLASS}, with {VOID} for void if there are more than two classes. Turn instance numbers into classes "
        "first"
    )


def _two_colours(array: NDArray[Any], name: str) -> Mask:
    flat = array.reshape(-1, array.shape[-1])
    colours = np.unique(flat, axis=0)
    if len(colours) > 2:
        shown = ", ".join(str(tuple(int(v) for v in colour)) for colour in colours[:3])
        raise ValueError(
            f"{name} is a mask of {len(colours)} colours ({shown}, ...); a colour mask must have two. "
            "Save it with class numbers 0, 1, 2, ... instead"
        )
    background = colours[np.argmin(colours.sum(1, dtype=np.int64))]
    if len(colours) == 1:
        return np.ones(array.shape[:-1], np.uint8)
    return np.asarray((array != background).any(-1), np.uint8)


def write_png(path: str | os.PathLike[str], array: NDArray[Any]) -> None:
    """Write a PNG: (H, W) or (H, W, 3), uint8, uint16 (grey) or bool.

    Raises:
        OSError: If it cannot be written; a file that was there is then as it was.
    """
    buffer = io.BytesIO()
    pixels = array.astype(np.uint8) * 255 if array.dtype == bool else array
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, format="PNG")
    write_bytes(path, buffer.getbuffer())


def write_tiff(path: str | os.PathLike[str], array: NDArray[Any]) -> None:
    """Write a TIFF, (H, W) or one page for each (H, W) of (n, H, W), compressed without loss.

    Raises:
        OSError: If it cannot be written; a file that was there is then as it was.
    """
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, photometric="minisblack", compression="zlib", metadata=None)
    write_bytes(path, buffer.getbuffer())
