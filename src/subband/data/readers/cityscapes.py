"""Cityscapes: street scenes of 50 cities."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from subband.data.images import held, require_file
from subband.data.readers._scenes import Pair, Scenes, held_out, looked_up
from subband.data.sample import VOID, Mask
from subband.data.splits import Split

PAGE = "https://www.cityscapes-dataset.com/downloads/"
IMAGE, LABEL_IDS, TRAIN_IDS = "_leftImg8bit.png", "_gtFine_labelIds.png", "_gtFine_labelTrainIds.png"
CLASSES = (
    ("road", (128, 64, 128)),
    ("sidewalk", (244, 35, 232)),
    ("building", (70, 70, 70)),
    ("wall", (102, 102, 156)),
    ("fence", (190, 153, 153)),
    ("pole", (153, 153, 153)),
    ("traffic light", (250, 170, 30)),
    ("traffic sign", (220, 220, 0)),
    ("vegetation", (107, 142, 35)),
    ("terrain", (152, 251, 152)),
    ("sky", (70, 130, 180)),
    ("person", (220, 20, 60)),
    ("rider", (255, 0, 0)),
    ("car", (0, 0, 142)),
    ("truck", (0, 0, 70)),
    ("bus", (0, 60, 100)),
    ("train", (0, 80, 100)),
    ("motorcycle", (0, 0, 230)),
    ("bicycle", (119, 11, 32)),
)
"""Names and colours of the 19 classes of the benchmark, by their train id."""
LABEL_IDS_OF_CLASSES = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
"""The id that ``labelIds`` files hold for each train id; the other ids up to 33 are void."""


class Cityscapes(Scenes):
    """Cityscapes with fine labels, colour images of 2048 x 1024 with the 19 classes of the benchmark.

    Read are ``leftImg8bit/PART/CITY/NAME_leftImg8bit.png`` and ``gtFine/PART/CITY/NAME_gtFine_labelIds.png``, of which
    every id but the 19 becomes void, or ``NAME_gtFine_labelTrainIds.png`` where there are no ``labelIds``.

    The labels of the official test are not public, so `split` tests on the part ``val`` (500 images), and a seeded part
    of ``train`` (2975) validates.

    Args:
        root: Folder with ``leftImg8bit`` and ``gtFine`` inside.
        validation: Part of the training images that validates, in (0, 1).
        seed: Seed of that part.

    Raises:
        ValueError: If a file is missing or damaged.

    Source:
        Cordts et al., 2016 (arXiv:1604.01685), https://www.cityscapes-dataset.com/; ids, names and colours as in
        mcordts/cityscapesScripts, ``helpers/labels.py``. The part that validates is ours.
    """

    def __init__(self, root: str | os.PathLike[str], *, validation: float = 0.1, seed: int = 0) -> None:
        train, test = (_pairs(Path(root), part) for part in ("train", "val"))
        split = Split(*held_out(len(train), validation, seed), list(range(len(train), len(train) + len(test))))
        super().__init__([*train, *test], split, classes=CLASSES, page=PAGE)

    def to_mask(self, labels: NDArray[np.uint8], path: Path) -> Mask:
        """Train ids of the official table."""
        if path.name.endswith(TRAIN_IDS):
            return looked_up({**{number: number for number in range(len(CLASSES))}, VOID: VOID}, labels, path)
        official = {label: number for number, label in enumerate(LABEL_IDS_OF_CLASSES)}
        return looked_up({**dict.fromkeys((*range(34), VOID), VOID), **official}, labels, path)


def _pairs(root: Path, part: str) -> list[Pair]:
    folder = require_file(root / "leftImg8bit", PAGE) / part
    images = sorted(require_file(folder, PAGE).glob(f"*/*{IMAGE}"))
    if not images:
        raise ValueError(f"there is no CITY/*{IMAGE} in {folder} ({held(folder)}); get leftImg8bit from {PAGE}")
    fine = require_file(root / "gtFine", PAGE) / part
    pairs = []
    for image in images:
        name = image.name.removesuffix(IMAGE)
        city = fine / image.parent.name
        trained = city / f"{name}{TRAIN_IDS}"
        labels = city / f"{name}{LABEL_IDS}"
        pairs.append(Pair(name, image, trained if trained.is_file() and not labels.is_file() else labels))
        require_file(pairs[-1].labels, PAGE)
    return pairs
