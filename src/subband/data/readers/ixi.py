"""IXI brains with FreeSurfer labels, as TransMorph and WiNet use them: conversion of the pickles, and a reader."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from subband._check import one_of
from subband.data.freesurfer import freesurfer_classes, freesurfer_structures
from subband.data.images import require_file
from subband.data.nifti import as_labels, read_volume, stem, unit_range, write_nifti
from subband.data.registration_pairs import atlas_to_subject
from subband.data.registration_sample import Volume, VolumeReader
from subband.data.safe_pickle import read_pickled_arrays
from subband.data.sample import by
from subband.data.splits import Split
from subband.transforms.field import Grid

PAGE = "https://github.com/junyuchen245/TransMorph_Transformer_for_Medical_Image_Registration (IXI)"
PARTS = ("Train", "Val", "Test")


def convert_ixi(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    unknown: Literal["background", "error"] = "error",
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write each published pickle as ``<name>.nii.gz`` and ``<name>_seg.nii.gz`` in the same folders below ``target``.

    Images stay as they are, float32 in [0, 1]; labels become classes 0 to 45. The pickles do not say where the voxels
    lie; the files say 1 mm and the axes of the array.

    Args:
        source: Folder of the download, with ``atlas.pkl`` and ``Train``, ``Val`` and ``Test``.
        target: Folder to write.
        unknown: What a FreeSurfer id becomes that is none of the 46; see `freesurfer_classes`.
        overwrite: Convert again what is there; otherwise it is left, so that a conversion that was stopped goes on.
        progress: Called with the number of files done and of all.

    Returns:
        Number of pickles that were converted now.

    Raises:
        ValueError: If ``source`` holds no pickle, or one is damaged, holds something else, or names code to run.
        OSError: If a file cannot be written; no file is left half-written.
        ImportError: If nibabel is not installed.

    Source:
        ``TransMorph_on_IXI.md``: a pickle is a tuple of image and labels; CC BY-SA 3.0.
    """
    source, target = Path(source), Path(target)
    one_of("unknown", unknown, ("background", "error"))
    files = sorted(path for path in source.rglob("*.pkl") if path.is_file())
    if not files:
        raise ValueError(f"{source} holds no .pkl file; get the set from {PAGE}")
    made = 0
    for done, path in enumerate(files, 1):
        base = target / path.relative_to(source).with_suffix("")
        # The image is written last, so that it is there only if both are.
        image, labels = base.with_name(f"{base.name}.nii.gz"), base.with_name(f"{base.name}_seg.nii.gz")
        if overwrite or not image.is_file():
            volume = read_ixi_pickle(path, unknown=unknown)
            if volume.labels is not None:
                write_nifti(labels, volume.labels, volume.grid)
            write_nifti(image, volume.image, volume.grid)
            made += 1
        if progress is not None:
            progress(done, len(files))
    return made


def read_ixi_pickle(path: str | os.PathLike[str], *, unknown: Literal["background", "error"] = "error") -> Volume:
    """Image and classes of a published pickle; nothing that it names is run.

    Raises:
        ValueError: If the file is damaged, is no image with labels, or names code to run.
    """
    arrays = read_pickled_arrays(path)
    if len(arrays) != 2 or arrays[0].ndim != 3 or arrays[0].shape != arrays[1].shape:
        shapes = ", ".join(by(array.shape) for array in arrays)
        raise ValueError(f"{path} holds arrays of {shapes}; expected an image and a label map of one size")
    image = np.asarray(arrays[0], np.float32)
    if not (image.min() >= 0 and image.max() <= 1):
        image = unit_range(image, (0, 100), str(path))
    labels = freesurfer_classes(as_labels(arrays[1], str(path)), unknown=unknown)
    return Volume(Path(path).stem, image, labels, Grid.of(image.shape))


class Ixi(VolumeReader):
    """IXI in the layout of the download, converted: the atlas, and subjects that train, validate and test.

    Volume 0 is the atlas, which moves onto every subject; `pairs` are those of all parts, and `split` holds the
    subjects' indices. Structures are the 30 that count; other classes become background.

    Args:
        root: Folder that `convert_ixi` wrote: ``atlas.nii.gz`` and ``Train``, ``Val`` and ``Test``.

    Raises:
        ValueError: If the atlas, all subjects or a label map is missing.

    Source:
        403 subjects train, 58 validate, 115 test; 160 x 192 x 224 voxels. Departure: the authors' maps hold all 46
        classes, of which 30 are scored.

    Example:
        >>> Ixi("IXI_data")
        Traceback (most recent call last):
        ValueError: there is no atlas.nii.gz in IXI_data (there is no such folder); get it from ...
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        root = Path(root)
        atlas = require_file(root / "atlas.nii.gz", f"{PAGE} and convert it with `subband prepare ixi`")
        self.files, parts = [atlas], []
        for part in PARTS:
            found = sorted(path for path in root.glob(f"{part}/*.nii.gz") if not path.name.endswith("_seg.nii.gz"))
            parts.append(list(range(len(self.files), len(self.files) + len(found))))
            self.files += found
        if len(self.files) == 1:
            raise ValueError(f"{root} has an atlas and no subject; expected volumes in {', '.join(PARTS)}")
        for path in self.files:
            require_file(_labels(path), PAGE)
        names = ["atlas", *(f"{path.parent.name}/{stem(path)}" for path in self.files[1:])]
        pairs = atlas_to_subject(0, range(len(names)))
        super().__init__(names, structures=freesurfer_structures("30"), pairs=pairs, split=Split(*parts))

    def read(self, index: int) -> Volume:
        """Read one brain."""
        found = read_volume(self.files[index], _labels(self.files[index]), percentiles=(0, 100))
        labels = np.zeros(found.image.shape, np.int16) if found.labels is None else found.labels
        kept = np.where(np.isin(labels, list(self.structures)), labels, 0).astype(np.int16)
        return Volume(self.names[index], found.image, kept, found.grid)


def _labels(path: Path) -> Path:
    return path.with_name(f"{stem(path)}_seg.nii.gz")
