"""Massachusetts Roads: aerial images."""

import os
from pathlib import Path

import numpy as np

from subband.data._pages import Pages
from subband.data.images import as_image, as_mask, require_file
from subband.data.sample import Mask, Reader, Sample

PAGE = "https://www.cs.toronto.edu/~vmnih/data/"


class Roads(Reader):
    """Massachusetts Roads, colour images of 1500 x 1500; class 1 is the road.

    Many of the images are half empty (pure white), so the images are ranked by the number of road pixels outside pure
    white, and ``count`` of the first ``top`` are drawn. Ranking reads every image once: prepare the set for training.

    Args:
        root: Folder with ``tiff/train`` and ``tiff/train_labels`` inside.
        seed: Seed of the drawing.
        top: Images of the highest rank that may be drawn.
        count: Images to draw; fewer if there are fewer.

    Raises:
        ValueError: If a file is missing or damaged.

    Source:
        Mnih, 2013, https://www.cs.toronto.edu/~vmnih/data/; rank and numbers as in lurenhaothu/CWMI, whose drawing is
        not seeded. Ours is by ``numpy.random.default_rng(seed)``, and the drawn images are sorted by name.
    """

    def __init__(self, root: str | os.PathLike[str], *, seed: int = 0, top: int = 300, count: int = 120) -> None:
        base = Path(root) / "tiff" if (Path(root) / "tiff").is_dir() else Path(root)
        masks = sorted(require_file(base / "train_labels", PAGE).glob("*.tif"))
        if not masks:
            raise ValueError(f"there is no .tif mask in {base / 'train_labels'}; get Massachusetts Roads from {PAGE}")
        files = [(require_file(base / "train" / f"{mask.stem}.tiff", PAGE), mask) for mask in masks]
        ranked = sorted(files, key=lambda pair: (road_pixels(*pair), pair[1].name), reverse=True)[:top]
        drawn = np.random.default_rng(seed).permutation(len(ranked))[:count]
        self._files = sorted(ranked[index] for index in drawn)
        super().__init__([mask.stem for _, mask in self._files])

    def read(self, index: int) -> Sample:
        """Read one image and its roads."""
        image, mask = self._files[index]
        return Sample(self.names[index], as_image(Pages(image)[0], str(image)), _roads(mask))


def road_pixels(image: Path, mask: Path) -> int:
    """Number of road pixels where the image is not pure white."""
    white = (Pages(image)[0] == 255).all(-1)
    return int(np.count_nonzero((_roads(mask) > 0) & ~white))


def _roads(path: Path) -> Mask:
    return as_mask(Pages(path, palette="index")[0], str(path))
