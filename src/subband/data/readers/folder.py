"""A plain folder of images and masks."""

import contextlib
import os
from pathlib import Path

import numpy as np

from subband.data._pages import SUFFIXES, Pages
from subband.data.images import LARGEST_CLASS, as_image, as_mask, held, list_images
from subband.data.sample import VOID, Mask, Reader, Sample

MASK_SUFFIXES = ("_mask", "_masks", "_label", "_labels", "_anno", "_gt", "_seg")
"""What may follow an image's name in the name of its mask."""
LOSSY = (".jpg", ".jpeg")


class Folder(Reader):
    """Images and masks paired by file name: ``cell.png`` with ``cell.png``, ``cell.tif`` or ``cell_mask.png``.

    Images may have 8 or 16 bits, grey or colour. For what a mask may hold see `subband.data.images.read_mask`. Two
    multi-page TIFFs with the same number of pages give one sample for each page.

    In a set of more than two classes (some mask holds a class number from 2 to 63), 255 is void in every mask, and
    another number above 63 is refused; in any other set a mask of 0 and 255 holds background and foreground. Only a
    mask that could be either makes the reader look through the others, once.

    Args:
        root: Folder with ``images`` and ``masks`` inside, or with both kinds of files side by side.
        images: Folder of images, instead of ``root``.
        masks: Folder of masks, instead of ``root``.

    Raises:
        ValueError: If a folder is missing or empty, or an image has no mask or several.
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        *,
        images: str | os.PathLike[str] | None = None,
        masks: str | os.PathLike[str] | None = None,
    ) -> None:
        self.pairs = pair(*_folders(root, images, masks))
        self._pages: list[tuple[Pages, Pages, int, bool]] = []
        names = []
        for image, mask in self.pairs:
            left, right = Pages(image), Pages(mask, palette="index")
            if len(left) != len(right):
                raise ValueError(f"{image} has {len(left)} page(s), but its mask {mask} has {len(right)}")
            lossy = mask.suffix.lower() in LOSSY
            self._pages += [(left, right, page, lossy) for page in range(len(left))]
            names += [image.stem] if len(left) == 1 else [f"{image.stem}_{page:03d}" for page in range(len(left))]
        super().__init__(names)
        self._counted = 0
        self._several: bool | None = None

    @property
    def classes(self) -> int:
        """Number of classes, from all masks: the largest class plus one, at least 2; void is none of them."""
        if not self._counted:
            largest = [max(_numbers(self._mask(index)), default=0) for index in range(len(self))]
            self._counted = max(2, 1 + max(largest))
        return self._counted

    def read(self, index: int) -> Sample:
        """Read one image and its mask."""
        image, _, page, _ = self._pages[index]
        return Sample(self.names[index], as_image(image[page], str(image.path)), self._mask(index))

    def _mask(self, index: int) -> Mask:
        _, mask, page, lossy = self._pages[index]
        stored, several = mask[page], False
        if not lossy and stored.size and stored.max() > LARGEST_CLASS and self._has_several():
            stored, several = Pages(mask.path, palette="stored")[page], True
        return as_mask(stored, str(mask.path), lossy=lossy, several=several)

    def _has_several(self) -> bool:
        """Whether some mask holds a class number above 1; masks that cannot be read are passed over."""
        if self._several is None:
            self._several = any(self._holds_several(index) for index in range(len(self)))
        return self._several

    def _holds_several(self, index: int) -> bool:
        _, mask, page, lossy = self._pages[index]
        with contextlib.suppress(ValueError):
            return not lossy and max(_numbers(as_mask(mask[page], str(mask.path))), default=0) > 1
        return False


def _numbers(mask: Mask) -> list[int]:
    """Class numbers in a mask, without void."""
    return [number for number in np.flatnonzero(np.bincount(mask.ravel())).tolist() if number != VOID]


def _folders(
    root: str | os.PathLike[str] | None, images: str | os.PathLike[str] | None, masks: str | os.PathLike[str] | None
) -> tuple[Path, Path]:
    """The two folders that the arguments name."""
    if (images is None) != (masks is None):
        missing = "masks" if masks is None else "images"
        raise ValueError(f"the folder of {missing} is not given; name both images and masks, or one root")
    if images is not None and masks is not None:
        if root is not None:
            raise ValueError("root is given beside images and masks; name either root, or both folders")
        return Path(images), Path(masks)
    if root is None:
        raise ValueError("no folder is given: name root (with images and masks inside), or both images and masks")
    folder = Path(root)
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    if (folder / "images").is_dir() and (folder / "masks").is_dir():
        return folder / "images", folder / "masks"
    if any(path.suffix.lower() in SUFFIXES for path in folder.iterdir()):
        return folder, folder
    raise ValueError(f"{folder} needs a folder images and a folder masks inside ({held(folder)})")


def pair(images: Path, masks: Path) -> list[tuple[Path, Path]]:
    """Image and mask files that belong together, sorted by image.

    Raises:
        ValueError: If an image has no mask or several.
    """
    pictures, labels = list_images(images), list_images(masks)
    together = images.resolve() == masks.resolve()
    if together:
        stems = {path.stem for path in pictures}
        labels = [path for path in labels if any(_base(path.stem, suffix) in stems for suffix in MASK_SUFFIXES)]
        pictures = [path for path in pictures if path not in labels]
    by_stem: dict[str, list[Path]] = {}
    for path in labels:
        by_stem.setdefault(path.stem, []).append(path)
    pairs, lonely = [], []
    for picture in pictures:
        exact = by_stem.get(picture.stem, [])
        found = exact or [path for suffix in MASK_SUFFIXES for path in by_stem.get(picture.stem + suffix, [])]
        if len(found) > 1:
            listed = ", ".join(path.name for path in found)
            raise ValueError(f"{picture.name} has several masks in {masks}: {listed}; keep one")
        if found:
            pairs.append((picture, found[0]))
        else:
            lonely.append(picture)
    if lonely:
        more = f" (and {len(lonely) - 1} more)" if len(lonely) > 1 else ""
        raise ValueError(
            f"{lonely[0].name}{more} has no mask in {masks} ({held(masks)}); "
            f"expected {lonely[0].stem}.png or {lonely[0].stem}_mask.png there, or another kind of image file"
        )
    return pairs


def _base(stem: str, suffix: str) -> str | None:
    return stem.removesuffix(suffix) if stem.endswith(suffix) else None
