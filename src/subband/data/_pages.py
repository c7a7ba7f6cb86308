"""Pages of an image file as they are stored. The only file that knows image libraries."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

TIFF = (".tif", ".tiff")
SUFFIXES = (*TIFF, ".png", ".bmp", ".jpg", ".jpeg", ".gif", ".ppm", ".pgm", ".webp")
"""Files that are taken for images, in lower case."""


Colouring = Literal["colours", "index", "stored"]
"""What a palette image gives: its colours, the index of each pixel or a grey palette's value, or the index always."""


class Pages:
    """Pages of an image file, read when asked for: (H, W) or (H, W, C), as stored. All but TIFF have one page.

    The file is open only while a page is read, so that loader processes and folders of any size are safe.

    Args:
        path: Image file.
        palette: What a palette image gives: its ``colours``, the ``index`` of each pixel (if the colours that occur
            are all grey, these two give the grey value), or the index as it is ``stored``, whatever the colours.

    Raises:
        ValueError: If the file is missing, damaged, or no image.
    """

    def __init__(self, path: Path, *, palette: Colouring = "colours") -> None:
        self.path, self.palette = Path(path), palette
        if not self.path.is_file():
            raise ValueError(f"there is no file {self.path}")
        self._count = 1
        if self.path.suffix.lower() in TIFF:
            try:
                with tifffile.TiffFile(self.path) as file:
                    self._count = len(file.pages)
                    if self._count == 0:
                        raise ValueError("it has no page")
            except Exception as error:
                raise damaged(self.path, error) from error

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[page] for page in range(len(self)))

    def __getitem__(self, page: int) -> NDArray[Any]:
        if not 0 <= page < self._count:
            raise IndexError(f"{self.path} has no page {page}; it has {self._count}")
        if self.path.suffix.lower() in TIFF:
            return self._tiff_page(page)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            try:
                with Image.open(self.path) as picture:
                    return pixels(picture, self.palette)
            except Exception as error:
                raise damaged(self.path, error) from error

    def _tiff_page(self, number: int) -> NDArray[Any]:
        try:
            with tifffile.TiffFile(self.path) as file:
                page = file.pages[number]
                array: NDArray[Any] = page.asarray()
        except Exception as error:
            if "imagecodecs" in str(error):
                return self._pillow_page(number)
            raise damaged(self.path, error) from error
        if array.ndim == 3 and page.axes.startswith("S"):
            array = np.moveaxis(array, 0, -1)
        if array.ndim == 3 and set(getattr(page, "extrasamples", ())) & {1, 2}:
            array = array[..., :-1]
        return array

    def _pillow_page(self, number: int) -> NDArray[Any]:
        """A page in a compression that tifffile alone does not know (LZW, JPEG)."""
        try:
            with Image.open(self.path) as picture:
                picture.seek(number)
                return pixels(picture, self.palette)
        except Exception as error:
            raise damaged(self.path, error) from error


def pixels(picture: Image.Image, palette: Colouring) -> NDArray[Any]:
    """Pixels of a Pillow image, without its alpha channel: (H, W) or (H, W, 3)."""
    if picture.mode in ("P", "PA"):
        index = np.asarray(picture.getchannel(0))
        if palette == "stored":
            return index
        colours = np.asarray(picture.convert("RGB"))
        if (colours == colours[..., :1]).all():
            return colours[..., 0].copy()
        return index if palette == "index" else colours
    if picture.mode in ("LA", "La"):
        return np.asarray(picture.getchannel(0))
    if picture.mode in ("RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"):
        picture = picture.convert("RGB")
    return np.asarray(picture)


def damaged(path: Path, error: Exception) -> ValueError:
    """The error that says a file cannot be read."""
    if isinstance(error, PermissionError):
        return ValueError(f"{path} cannot be read: no permission")
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return ValueError(f"{path} cannot be read as an image; it is damaged or of another kind ({reason})")
