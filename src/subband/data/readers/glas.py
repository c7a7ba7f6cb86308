"""GlaS: glands in colon histology."""

import os
from pathlib import Path

import numpy as np

from subband.data._pages import Pages
from subband.data.images import as_image, held, require_file
from subband.data.sample import Reader, Sample

PAGE = "https://warwick.ac.uk/fac/cross_fac/tia/data/glascontest/"


class Glas(Reader):
    """GlaS (Warwick-QU), 165 colour images: ``NAME.bmp`` with ``NAME_anno.bmp``; class 1 is what is not gland.

    Args:
        root: The folder ``Warwick_QU_Dataset``, or the one that holds it.

    Raises:
        ValueError: If a file is missing or damaged.

    Source:
        Sirinukunwattana et al., 2017, https://warwick.ac.uk/fac/cross_fac/tia/data/glascontest/. Classes as in
        lurenhaothu/CWMI; the order is by name, where the authors' is the file system's.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        folder = Path(root)
        inner = folder / "Warwick_QU_Dataset"
        folder = inner if inner.is_dir() else folder
        images = sorted(path for path in folder.glob("*.bmp") if not path.stem.endswith("_anno"))
        if not images:
            raise ValueError(f"there is no .bmp image in {folder} ({held(folder)}); get Warwick-QU from {PAGE}")
        self._files = [(path, require_file(path.with_name(f"{path.stem}_anno.bmp"), PAGE)) for path in images]
        super().__init__([path.stem for path in images])

    def read(self, index: int) -> Sample:
        """Read one image and its annotation."""
        image, mask = self._files[index]
        labels = Pages(mask, palette="index")[0]
        return Sample(self.names[index], as_image(Pages(image)[0], str(image)), (labels == 0).astype(np.uint8))
