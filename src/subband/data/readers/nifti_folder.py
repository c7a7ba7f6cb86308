"""Folders of NIfTI volumes and of their label maps, as the Medical Segmentation Decathlon and Learn2Reg have them."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from subband.data.images import held
from subband.data.nifti import list_nifti, read_labels, read_volume, stem
from subband.data.registration_pairs import Pairs, read_pairs
from subband.data.registration_sample import Volume, VolumeReader, label_ids

LAYOUTS = (("imagesTr", "labelsTr"), ("images", "labels"), ("images", "segmentations"))
"""Names of the two folders that are looked for."""


class NiftiFolder(VolumeReader):
    """Volumes with labels paired by file name; all are brought to one orientation (RAS), see `read_volume`.

    Volumes keep their own sizes; `subband.data.common_grid.OnGrid` brings them to one.

    Args:
        root: Folder with ``imagesTr`` and ``labelsTr`` inside (or ``images`` and ``labels``), or with volumes alone.
        images: Folder of volumes inside ``root``, if it has another name.
        labels: Folder of label maps inside ``root``, if it has another name; an image without a label map is refused.
        structures: Name of each structure by its label; None reads all label maps and takes the labels that occur.
        pairs: CSV file with the columns ``moving`` and ``fixed``; None leaves the choice to a rule.
        percentiles: As in `subband.data.nifti.read_volume`.

    Raises:
        ValueError: If a folder or a label map is missing, or a name in ``pairs`` is unknown.

    Source:
        http://medicaldecathlon.com, https://learn2reg.grand-challenge.org.

    Example:
        >>> NiftiFolder("Task04_Hippocampus")
        Traceback (most recent call last):
        ValueError: there is no folder Task04_Hippocampus
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        images: str | None = None,
        labels: str | None = None,
        structures: Mapping[int, str] | None = None,
        pairs: str | os.PathLike[str] | None = None,
        percentiles: tuple[float, float] = (0.5, 99.5),
    ) -> None:
        folder = Path(root)
        if not folder.is_dir():
            raise ValueError(f"there is no folder {folder}")
        inside, beside = _folders(folder, images, labels)
        self.files = list_nifti(inside)
        self.label_files = None if beside is None else [matching(beside, path) for path in self.files]
        self._percentiles = percentiles
        names = [stem(path) for path in self.files]
        named = found_structures(self.label_files or ()) if structures is None else structures
        super().__init__(names, structures=named, pairs=None if pairs is None else read_pairs(pairs, names))

    def read(self, index: int) -> Volume:
        """Read one volume and its label map."""
        labels = None if self.label_files is None else self.label_files[index]
        return read_volume(self.files[index], labels, percentiles=self._percentiles)


class NiftiPairs(VolumeReader):
    """Two folders of volumes in which equal file names are a pair, such as ultrasound and MR of one patient.

    The names are ``moving/case`` and ``fixed/case``; the two volumes of a pair may differ in size.

    Args:
        root: Folder of the other folders.
        moving: Folder of the moving volumes inside ``root``.
        fixed: Folder of the fixed ones.
        moving_labels: Folder of the label maps of the moving volumes; None if there are none.
        fixed_labels: Folder of those of the fixed ones.
        structures: As in `NiftiFolder`.
        percentiles: As in `subband.data.nifti.read_volume`.

    Raises:
        ValueError: If a folder or a file is missing, or labels are given for one side alone.

    Source:
        The layout of learn2reg/tutorials2019, ``weakly/data`` (``mr_images``, ``us_images``, ...).

    Example:
        >>> NiftiPairs("prostate", moving="us_images", fixed="mr_images")
        Traceback (most recent call last):
        ValueError: prostate/us_images holds no NIfTI file (there is no such folder); expected .nii or .nii.gz
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        moving: str,
        fixed: str,
        moving_labels: str | None = None,
        fixed_labels: str | None = None,
        structures: Mapping[int, str] | None = None,
        percentiles: tuple[float, float] = (0.5, 99.5),
    ) -> None:
        folder = Path(root)
        if (moving_labels is None) != (fixed_labels is None):
            raise ValueError("labels are given for one side only; give both moving_labels and fixed_labels, or neither")
        first = list_nifti(folder / moving)
        second = [matching(folder / fixed, path) for path in first]
        self.files = [*first, *second]
        self.label_files: list[Path] | None = None
        if moving_labels is not None and fixed_labels is not None:
            beside = [matching(folder / moving_labels, path) for path in first]
            self.label_files = beside + [matching(folder / fixed_labels, path) for path in second]
        self._percentiles = percentiles
        names = [f"{side}/{stem(path)}" for side in ("moving", "fixed") for path in first]
        named = found_structures(self.label_files or ()) if structures is None else structures
        count = len(first)
        super().__init__(names, structures=named, pairs=Pairs(list(range(count)), list(range(count, 2 * count))))

    def read(self, index: int) -> Volume:
        """Read one volume and its label map."""
        labels = None if self.label_files is None else self.label_files[index]
        found = read_volume(self.files[index], labels, percentiles=self._percentiles)
        return Volume(self.names[index], found.image, found.labels, found.grid)


def matching(folder: Path, path: Path) -> Path:
    """File of the same name in a folder, ``.nii`` or ``.nii.gz``, without nnU-Net's ``_0000`` of a first channel.

    Raises:
        ValueError: If there is none.
    """
    name = stem(path)
    for each in (name, name.removesuffix("_0000")):
        for suffix in (".nii.gz", ".nii"):
            if (folder / (each + suffix)).is_file():
                return folder / (each + suffix)
    raise ValueError(f"{path.name} has no file of its name in {folder} ({held(folder)}); add it, or take the file away")


def found_structures(files: Sequence[Path]) -> dict[int, str]:
    """Labels that occur in label maps, named by their numbers."""
    found: set[int] = set()
    for path in files:
        found.update(label_ids(read_labels(path)))
    return {label: f"label {label}" for label in sorted(found)}


def _folders(root: Path, images: str | None, labels: str | None) -> tuple[Path, Path | None]:
    """Folder of volumes and folder of label maps, if there is one."""
    for pictures, maps in LAYOUTS:
        inside, beside = root / (images or pictures), root / (labels or maps)
        if inside.is_dir() and (beside.is_dir() or labels is not None):
            return inside, beside
    inside = root if images is None else root / images
    return inside, None if labels is None else root / labels
