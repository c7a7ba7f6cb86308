"""DRIVE: vessels of the retina."""

import os
from pathlib import Path

import numpy as np

from subband.data._pages import Pages
from subband.data.images import as_image, held, list_images
from subband.data.sample import Reader, Sample

PAGE = "https://drive.grand-challenge.org/"


class Drive(Reader):
    """DRIVE, colour fundus images of 584 x 565 with the first observer's vessels; class 1 is the vessel.

    Files are paired by the number in their first two characters: ``training/images/21_training.tif`` with
    ``training/1st_manual/21_manual1.gif``, and the same below ``test``. A half without ``1st_manual`` is left out: the
    official download has no test labels any more, which leaves 20 of the authors' 40 images.

    Args:
        root: Folder with ``training`` and ``test`` inside.

    Raises:
        ValueError: If a file is missing or damaged.

    Source:
        Staal et al., 2004, https://drive.grand-challenge.org/
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        folder = Path(root)
        found: dict[str, tuple[Path, Path]] = {}
        for half in ("training", "test"):
            if (folder / half / "1st_manual").is_dir():
                found |= _numbered(folder / half)
        if not found:
            raise ValueError(
                f"there is no training/1st_manual or test/1st_manual in {folder} ({held(folder)}); "
                f"get DRIVE from {PAGE}"
            )
        self._files = [found[number] for number in sorted(found)]
        super().__init__(sorted(found))

    def read(self, index: int) -> Sample:
        """Read one image and its vessels."""
        image, mask = self._files[index]
        vessels = Pages(mask)[0]
        vessels = vessels if vessels.ndim == 2 else vessels.max(-1)
        return Sample(self.names[index], as_image(Pages(image)[0], str(image)), (vessels > 0).astype(np.uint8))


def _numbered(half: Path) -> dict[str, tuple[Path, Path]]:
    """Image and mask of each number in one half."""
    masks = {path.name[:2]: path for path in list_images(half / "1st_manual")}
    pairs = {}
    for image in list_images(half / "images"):
        number = image.name[:2]
        if number not in masks:
            folder = half / "1st_manual"
            raise ValueError(f"{image} has no mask {number}_* in {folder} ({held(folder)}); get DRIVE from {PAGE}")
        pairs[number] = (image, masks[number])
    return pairs
