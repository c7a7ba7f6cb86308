"""Pascal VOC 2012: objects of 20 kinds."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from subband.data.images import require_file
from subband.data.readers._scenes import Pair, Scenes, held_out, inside, list_of, looked_up
from subband.data.sample import VOID, Mask
from subband.data.splits import Split

PAGE = "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/"
SBD_PAGE = "http://home.bharathh.info/pubs/codes/SBD/download.html"
NAMES = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
"""Names of the 21 classes, in their order."""


class Voc(Scenes):
    """Pascal VOC 2012 segmentation, colour images of up to 500 x 500 with 21 classes; the stored label 255 is void.

    The labels of the official test are not public, so `split` tests on the list ``val`` (1449 images), and a seeded
    part of the list ``train`` (1464) validates. Choosing by the test images, as is often done, is thereby avoided.

    Args:
        root: The folder ``VOC2012``, or one that holds it or ``VOCdevkit/VOC2012``.
        aug: Train on ``ImageSets/Segmentation/trainaug.txt`` with the labels in ``SegmentationClassAug``: the images of
            the Semantic Boundaries Dataset, 10582 together; images of the list ``val`` are left out. They are files of
            others and not in the official download.
        validation: Part of the training images that validates, in (0, 1).
        seed: Seed of that part.

    Raises:
        ValueError: If a list or a file is missing or damaged.

    Source:
        Everingham et al., 2012, http://host.robots.ox.ac.uk/pascal/VOC/voc2012/; ``aug``: Hariharan et al., 2011,
        http://home.bharathh.info/pubs/codes/SBD/download.html. The part that validates is ours.
    """

    def __init__(
        self, root: str | os.PathLike[str], *, aug: bool = False, validation: float = 0.1, seed: int = 0
    ) -> None:
        folder = inside(Path(root), "VOCdevkit/VOC2012", "VOC2012")
        lists = folder / "ImageSets" / "Segmentation"
        tested = list_of(require_file(lists / "val.txt", PAGE))
        listed, labels, page = ("trainaug", "SegmentationClassAug", SBD_PAGE) if aug else ("train", None, PAGE)
        names = list_of(require_file(lists / f"{listed}.txt", page))
        trained = [name for name in names if name not in set(tested)]
        pairs = [
            *(_pair(folder, name, labels or "SegmentationClass", page) for name in trained),
            *(_pair(folder, name, "SegmentationClass", PAGE) for name in tested),
        ]
        split = Split(*held_out(len(trained), validation, seed), list(range(len(trained), len(pairs))))
        super().__init__(pairs, split, classes=tuple(zip(NAMES, colours(), strict=True)), page=page)

    def to_mask(self, labels: NDArray[np.uint8], path: Path) -> Mask:
        """255 is void."""
        return looked_up({**{number: number for number in range(len(NAMES))}, VOID: VOID}, labels, path)


def _pair(folder: Path, name: str, labels: str, page: str) -> Pair:
    image = require_file(folder / "JPEGImages" / f"{name}.jpg", PAGE)
    return Pair(name, image, require_file(folder / labels / f"{name}.png", page))


def colours() -> list[tuple[int, int, int]]:
    r"""VOC's colour of each class: red, green, blue from the bits of its number.

    .. math:: c_k = \sum_{j=0}^{7} \operatorname{bit}_{3 j + k}(n) \, 2^{7 - j}, \qquad k = 0, 1, 2

    Source:
        ``VOCcode/VOClabelcolormap.m`` of the development kit: the first bit of each three is the highest of a colour.

    Example:
        >>> colours()[15]
        (192, 128, 128)
    """
    red, green, blue = (
        [sum((number >> (3 * j + bit) & 1) << (7 - j) for j in range(8)) for number in range(len(NAMES))]
        for bit in range(3)
    )
    return list(zip(red, green, blue, strict=True))
