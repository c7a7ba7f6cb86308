"""What is said about volumes and about pairs of them before they are registered."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband._optional import require
from subband.data.nifti import existing, stem, whole
from subband.data.registration_pairs import Pairs
from subband.data.registration_sample import Volume, Volumes, label_ids
from subband.data.sample import by
from subband.transforms.field import Grid

FAR = 0.1
"""Centres of mass further apart than this part of the fixed volume's width call for an affine step before."""
OTHER_WIDTH = 1.25
"""So do widths that differ by more than this factor."""


@dataclass(frozen=True)
class FileFacts:
    """What the header and the values of a NIfTI file say.

    Attributes:
        name: File name without its suffix.
        shape: Size along each axis as stored, a series of volumes with its fourth.
        spacing: Distance of neighbours along the axes of space, in mm.
        orientation: Where each axis points: R or L, A or P, S or I; empty if the file does not say.
        dtype: Type of the stored numbers.
        low: Smallest value.
        high: Largest value.
    """

    name: str
    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    orientation: str
    dtype: str
    low: float
    high: float


def file_facts(path: str | os.PathLike[str]) -> FileFacts:
    """What a NIfTI file says of itself, before it is brought to anything.

    Raises:
        ValueError: If the file is missing or damaged.
        ImportError: If nibabel is not installed.
    """
    path = existing(path)
    nibabel = require("nibabel", extra="registration")
    with whole(path):
        image = nibabel.load(path)
        values = np.asanyarray(image.dataobj)
    placed = int(image.header["qform_code"]) > 0 or int(image.header["sform_code"]) > 0
    return FileFacts(
        stem(path),
        tuple(image.shape),
        tuple(float(length) for length in image.header.get_zooms()[:3]),
        "".join(nibabel.aff2axcodes(image.affine)) if placed else "",
        str(image.get_data_dtype()),
        float(values.min()),
        float(values.max()),
    )


def check_volumes(volumes: Volumes) -> list[str]:
    """Read every volume and say what is odd, one sentence each.

    Odd volumes (a constant image, no labels where others have them, a pair without a common label, a pair that asks for
    an affine step first) can be registered.

    Raises:
        ValueError: If volumes cannot be read, hold NaN or foreign labels, or differ in the number of axes, with a
            sentence for each of the first five.
    """
    broken: list[str] = []
    odd: list[str] = []
    seen: dict[int, _Seen] = {}
    for index in range(len(volumes)):
        try:
            volume = volumes[index]
        except (ValueError, OSError) as error:
            broken.append(str(error))
            continue
        if not np.isfinite(volume.image).all():
            broken.append(f"{volume.name}: the image holds NaN or infinite voxels; replace them")
            continue
        seen[index] = _Seen(volume)
        axes = len(volume.grid.shape)
        if axes != (first := next(iter(seen.values()))).axes:
            broken.append(f"{volume.name} has {axes} axes, but {first.name} has {first.axes}; leave one kind out")
        if volume.image.min() == volume.image.max():
            odd.append(f"{volume.name}: every voxel of the image is {volume.image.min():.3g}")
    if broken:
        more = [f"and {len(broken) - 5} more"] if len(broken) > 5 else []
        raise ValueError("; ".join(broken[:5] + more))
    if any(each.labels for each in seen.values()):
        odd += [f"{each.name} has no labels, but others have" for each in seen.values() if not each.labels]
    return odd + _odd_pairs(volumes.pairs, seen)


def check_pair(moving: Volume, fixed: Volume) -> None:
    """Raise ``ValueError`` unless a network can move the one onto the other: same size, orientation and spacing."""
    if moving.image.shape != fixed.image.shape:
        raise ValueError(
            f"{moving.name} is {by(moving.image.shape)} voxels and {fixed.name} {by(fixed.image.shape)}; bring the "
            "moving one to the fixed one's size with fit, or onto its grid with onto"
        )
    turned = np.abs(np.array(moving.grid.direction) - np.array(fixed.grid.direction)).max()
    if turned > 0.5:
        raise ValueError(
            f"{moving.name} and {fixed.name} are oriented in different ways; read both with read_volume, which turns "
            "them to one, or bring the moving one onto the fixed one's grid with onto"
        )
    if not np.allclose(moving.grid.spacing, fixed.grid.spacing, rtol=0.01):
        spacing = [", ".join(f"{length:.3g}" for length in each.grid.spacing) for each in (moving, fixed)]
        raise ValueError(
            f"{moving.name} has a spacing of {spacing[0]} mm and {fixed.name} of {spacing[1]} mm; bring the moving one "
            "to the fixed one's with fit, or onto its grid with onto"
        )
    for volume in (moving, fixed):
        if not np.isfinite(volume.image).all():
            raise ValueError(f"{volume.name}: the image holds NaN or infinite voxels; replace them")
    if moving.labels is not None and fixed.labels is not None:
        ids = [label_ids(labels) for labels in (moving.labels, fixed.labels)]
        if not set(ids[0]) & set(ids[1]):
            raise ValueError(
                f"{moving.name} holds the labels {ids[0][:6]} and {fixed.name} {ids[1][:6]}, none of which is in both; "
                "give the same structure the same label"
            )


def affine_needed(moving: Volume, fixed: Volume) -> str | None:
    """Why a pair asks for an affine step first, in one sentence, or None.

    Compared are the centre of mass and the width (deviation about it along each axis) of what has a label, or of the
    grey values where a volume has no label, from the middle of each volume, as a network sees them.
    """
    return _apart(_Seen(moving), _Seen(fixed))


class _Seen:
    """What is remembered of a volume: no voxel."""

    def __init__(self, volume: Volume) -> None:
        self.name, self.axes = volume.name, len(volume.grid.shape)
        self.labels = set() if volume.labels is None else set(label_ids(volume.labels))
        self.grey = _mass(volume.image, volume.grid)
        self.labelled = _mass((volume.labels > 0), volume.grid) if volume.labels is not None and self.labels else None


def _mass(weight: NDArray[Any], grid: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre of mass from the middle of the volume, and deviation about it, in mm along each axis."""
    total = max(float(weight.sum(dtype=np.float64)), 1e-12)
    centre, width = [], []
    for axis, (size, spacing) in enumerate(zip(grid.shape, grid.spacing, strict=True)):
        along = weight.sum(tuple(b for b in range(weight.ndim) if b != axis), dtype=np.float64) / total
        place = (np.arange(size) - (size - 1) / 2) * spacing
        centre.append(along @ place)
        width.append(np.sqrt(along @ (place - centre[-1]) ** 2))
    return np.array(centre), np.array(width)


def _apart(moving: _Seen, fixed: _Seen) -> str | None:
    names = f"{moving.name} and {fixed.name}"
    first, second = moving.labelled, fixed.labelled
    if first is None or second is None:
        first, second = moving.grey, fixed.grey
    away = float(np.sqrt(((first[0] - second[0]) ** 2).sum()))
    wide = 4 * float(np.sqrt((second[1] ** 2).mean()))
    if away > FAR * wide:
        return f"{names}: the centres of mass are {away:.3g} mm apart; an affine step before may help"
    ratio = np.maximum(first[1], 1e-9) / np.maximum(second[1], 1e-9)
    if max(ratio.max(), 1 / ratio.min()) > OTHER_WIDTH:
        factor = max(ratio.max(), 1 / ratio.min())
        return f"{names}: one is {factor:.2g} times as wide as the other along an axis; an affine step before may help"
    return None


def _odd_pairs(pairs: Pairs | None, seen: dict[int, _Seen]) -> list[str]:
    notes = []
    for a, b in pairs or ():
        moving, fixed = seen[a], seen[b]
        if moving.labels and fixed.labels and not moving.labels & fixed.labels:
            notes.append(f"{moving.name} and {fixed.name} have no label in common")
        if (why := _apart(moving, fixed)) is not None:
            notes.append(why)
    return notes
