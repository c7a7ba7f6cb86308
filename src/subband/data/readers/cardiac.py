"""Heart volumes at the end of diastole and of systole, one folder for each patient."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from subband.data.images import held
from subband.data.nifti import SUFFIXES, read_volume, stem
from subband.data.readers.nifti_folder import found_structures
from subband.data.registration_pairs import Pairs
from subband.data.registration_sample import Volume, VolumeReader

PAGE = "https://www.creatis.insa-lyon.fr/Challenge/acdc"
LABEL_WORDS = ("gt", "seg", "label", "labels", "mask")
"""Words, set off by ``_``, ``-`` or ``.``, that mark a label map among the files of a patient."""


class CardiacFrames(VolumeReader):
    """Frame-to-frame pairs: each patient's end-diastolic volume moves onto the end-systolic one.

    A patient's folder holds the two frames, named by the words ``ED`` and ``ES`` (``lvsa_ED.nii.gz``), or by numbers
    that its ``Info.cfg`` gives (ACDC: ``patient001_frame01.nii.gz``), and the label maps of both, with a further word
    such as ``gt`` or ``seg``. Series of all frames (``4d``) are passed over. The volumes are named ``patient/ED`` and
    ``patient/ES``.

    Args:
        root: Folder of the patients' folders.
        moving: ``ED`` or ``ES``, the frame that moves onto the other.
        structures: As in `NiftiFolder`; 1 to 3 of ACDC are right ventricle, myocardium and left ventricle.
        percentiles: As in `subband.data.nifti.read_volume`.

    Raises:
        ValueError: If a patient's frame or a label map is missing or there are several.

    Source:
        Bernard et al., ACDC, 2018; the setting of WiNet's 3D-CMR experiments, whose data are not public.

    Example:
        >>> CardiacFrames("training")
        Traceback (most recent call last):
        ValueError: training holds no patients' folders (there is no such folder); see https://www.creatis.insa-lyon.fr/Challenge/acdc
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        moving: str = "ED",
        structures: Mapping[int, str] | None = None,
        percentiles: tuple[float, float] = (0.5, 99.5),
    ) -> None:
        if moving not in ("ED", "ES"):
            raise ValueError(f"moving is {moving!r}, but must be ED or ES")
        root = Path(root)
        patients = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
        if not patients:
            raise ValueError(f"{root} holds no patients' folders ({held(root)}); see {PAGE}")
        found = {f"{folder.name}/{phase}": _frame(folder, phase) for folder in patients for phase in ("ED", "ES")}
        self.files = [image for image, _ in found.values()]
        labels = [path for _, path in found.values() if path is not None]
        if labels and len(labels) < len(found):
            lonely = next(name for name, (_, path) in found.items() if path is None)
            raise ValueError(f"{lonely} has no label map, but others have; add it, or take all away")
        self.label_files = labels or None
        self._percentiles = percentiles
        first, second = list(range(0, len(found), 2)), list(range(1, len(found), 2))
        super().__init__(
            list(found),
            structures=found_structures(labels) if structures is None else structures,
            pairs=Pairs(first, second) if moving == "ED" else Pairs(second, first),
        )

    def read(self, index: int) -> Volume:
        """Read one frame and its label map."""
        labels = None if self.label_files is None else self.label_files[index]
        found = read_volume(self.files[index], labels, percentiles=self._percentiles)
        return Volume(self.names[index], found.image, found.labels, found.grid)


def _frame(folder: Path, phase: str) -> tuple[Path, Path | None]:
    """Volume and label map of one phase of a patient."""
    words = {phase.casefold()} | _numbered(folder, phase)
    found = {
        path: _words(path)
        for path in sorted(folder.iterdir())
        if path.name.lower().endswith(SUFFIXES) and words & _words(path)
    }
    images = [path for path, said in found.items() if not said & set(LABEL_WORDS)]
    labels = [path for path, said in found.items() if said & set(LABEL_WORDS)]
    if len(images) != 1 or len(labels) > 1:
        listed = ", ".join(path.name for path in found) or held(folder)
        raise ValueError(
            f"{folder} must hold one volume of the phase {phase} and at most one label map of it, but has: {listed}; "
            f"name them {phase}.nii.gz and {phase}_seg.nii.gz"
        )
    return images[0], labels[0] if labels else None


def _numbered(folder: Path, phase: str) -> set[str]:
    """The word for a phase's frame by ACDC's ``Info.cfg``, if there is one."""
    info = folder / "Info.cfg"
    said = re.search(rf"^{phase}\s*:\s*(\d+)", info.read_text("utf-8"), re.MULTILINE) if info.is_file() else None
    return {f"frame{int(said[1]):02d}"} if said else set()


def _words(path: Path) -> set[str]:
    return set(re.split(r"[_.\-]", stem(path).casefold()))
