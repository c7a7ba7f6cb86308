"""IJB-B and IJB-C: images by template and medium, pairs of templates, galleries and probes."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband._check import one_of
from subband.data.class_sample import ClassReader, Pixels
from subband.data.face_alignment import align_face
from subband.data.images import require_file
from subband.data.readers.class_folder import read_pixels

PAGE = "https://nigos.nist.gov/datasets/ijbc"
GALLERIES = {"ijbb": ("S1", "S2"), "ijbc": ("G1", "G2")}
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TemplatePairs:
    """Pairs of templates to compare.

    Args:
        first: Template of each pair (N,).
        second: The other one (N,).
        same: Whether the two are one person (N,).
    """

    first: Integers
    second: Integers
    same: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Enrolled:
    """Templates with their persons: a gallery, or probes.

    Args:
        templates: (N,).
        subjects: (N,).
    """

    templates: Integers
    subjects: Integers


class Ijb(ClassReader):
    """Images of IJB-B or IJB-C, each aligned by its five points; the class of an image is its template.

    Args:
        root: Folder with ``meta`` and ``loose_crop``.
        name: ``ijbb`` or ``ijbc``.
        size: Side of the aligned images, in pixels.

    Attributes:
        templates: Template of each image (N,).
        media: Medium of each image (N,), a photo or a video.
        landmarks: Five points of each image (N, 5, 2), in pixels of the crop.
        scores: The face detector's score of each image (N,).

    Raises:
        ValueError: If a file is missing or not of its form, or the two lists of images are of different length or
            order; from reading, if an image is missing or damaged.

    Source:
        Maze et al., IJB-C, 2018; the lists as deepinsight/insightface gives them, ``eval_ijbc.py``.
    """

    def __init__(self, root: str | os.PathLike[str], *, name: str = "ijbc", size: int = 112) -> None:
        one_of("name", name, GALLERIES)
        self.root, self.name, self.size = Path(root), name, size
        media = self._table(f"{name}_face_tid_mid.txt", 3)
        points = self._table(f"{name}_name_5pts_score.txt", 12)
        files, listed = (table[0].astype(str).tolist() for table in (media, points))
        if files != listed:
            place = next(
                (i for i, pair in enumerate(zip(files, listed, strict=False)) if pair[0] != pair[1]), len(files)
            )
            raise ValueError(
                f"{self.root}/meta: {name}_face_tid_mid.txt has {len(files)} images and {name}_name_5pts_score.txt "
                f"{len(listed)}, and they differ from line {place + 1} on; both must list the same images"
            )
        self.templates, self.media = (self._integers(media[column]) for column in (1, 2))
        numbers = points.iloc[:, 1:].to_numpy(np.float64)
        self.landmarks, self.scores = numbers[:, :10].reshape(-1, 5, 2), numbers[:, 10]
        found, labels = np.unique(self.templates, return_inverse=True)
        super().__init__(files, labels.tolist(), class_names=[str(template) for template in found.tolist()])

    def read(self, index: int) -> Pixels:
        """Read and align one image (3, size, size), 8 bits."""
        picture = read_pixels(self.root / "loose_crop" / self.names[index], 3)
        return align_face(picture, self.landmarks[index], size=self.size)

    def pairs(self) -> TemplatePairs:
        """The pairs of the 1:1 protocol.

        Raises:
            ValueError: If the list is missing or wrong, or names a template without images.
        """
        name = f"{self.name}_template_pair_label.txt"
        table = self._table(name, 3)
        first, second, same = (self._integers(table[column]) for column in range(3))
        self._known(np.concatenate([first, second]), name)
        if not np.isin(same, (0, 1)).all():
            raise ValueError(f"{self.root}/meta/{name} has labels beside 0 and 1")
        return TemplatePairs(first, second, same == 1)

    def galleries(self) -> tuple[Enrolled, Enrolled]:
        """The two galleries of the 1:N protocol, whose people differ.

        Raises:
            ValueError: If a list is missing or wrong, or names a template without images.
        """
        one, two = (self._enrolled(f"{self.name}_1N_gallery_{part}.csv") for part in GALLERIES[self.name])
        return one, two

    def probes(self) -> Enrolled:
        """The probes of the 1:N protocol.

        Raises:
            ValueError: If the list is missing or wrong, or names a template without images.
        """
        return self._enrolled(f"{self.name}_1N_probe_mixed.csv")

    def _enrolled(self, name: str) -> Enrolled:
        table = self._table(name, None)
        templates, subjects = (self._integers(table[column]) for column in range(2))
        self._known(templates, name)
        return Enrolled(templates, subjects)

    def _known(self, templates: Integers, name: str) -> None:
        strange = ~np.isin(templates, self.templates)
        if strange.any():
            raise ValueError(f"{self.root}/meta/{name} names the template {templates[strange][0]}, which has no image")

    def _table(self, name: str, columns: int | None) -> Any:
        """A list apart by blanks with so many columns, or, for None, by commas with a row of headings."""
        import pandas as pd

        path = require_file(self.root / "meta" / name, PAGE)
        try:
            table = pd.read_csv(path, sep=r"\s+" if columns else ",", header=None, skiprows=0 if columns else 1)
        except ValueError as error:
            raise ValueError(f"{path} cannot be read as a table ({error})") from error
        if len(table.columns) < 2 or (columns and len(table.columns) != columns) or table.isna().any(axis=None):
            raise ValueError(
                f"{path} has rows of {len(table.columns)} fields or gaps; expected {columns or '2 or more'}"
            )
        return table

    def _integers(self, column: Any) -> Integers:
        if column.dtype.kind != "i":
            raise ValueError(f"{self.root}/meta: {column.iloc[0]!r} stands where a whole number is expected")
        return np.asarray(column, np.int64)
