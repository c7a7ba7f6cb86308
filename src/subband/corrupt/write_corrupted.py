"""Writes corrupted copies of class folders in the published layout; can be stopped and run again."""

import io
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from subband._check import one_of, positive
from subband._files import read_json, write_bytes, write_json
from subband.corrupt.constants import SEVERITIES
from subband.corrupt.corrupted_folder import keyed_images
from subband.corrupt.corruption import ALL_CORRUPTIONS, CORRUPTIONS, corrupt

SETTINGS = "corrupted.json"
"""File in the target that says how the images were made."""


@dataclass(frozen=True)
class Preparation:
    """What is done to an image before it is corrupted, and how the result is stored.

    Attributes:
        resize: Length of the shorter side in pixels; None leaves it.
        crop: Side of the square cut from the middle, in pixels; None leaves the image.
        quality: None writes PNG, which keeps every pixel; a number writes JPEG of that quality.
    """

    resize: int | None = None
    crop: int | None = None
    quality: int | None = None

    @property
    def suffix(self) -> str:
        """Suffix of the files."""
        return ".png" if self.quality is None else ".jpg"


IMAGENET_C = Preparation(resize=256, crop=224, quality=85)
"""As the published ImageNet-C was written."""


def write_corrupted(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    names: Sequence[str] = CORRUPTIONS,
    severities: Sequence[int] = SEVERITIES,
    preparation: Preparation | None = None,
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write corrupted copies of class folders as ``target/corruption/severity/class/image``.

    A file is written whole or not at all, and one that is there is left, so the same call goes on where another
    stopped. The key of `corrupt` is ``class/name`` without the suffix, so that corrupting on the fly with this key
    gives the pixels of the PNG files.

    Args:
        source: Folder with one folder for each class.
        target: Folder to write to; it may not exist.
        names: Corruptions.
        severities: Severities, 1 to 5.
        preparation: Size and format; None leaves the size and writes PNG. `IMAGENET_C` is the published one.
        workers: Processes beside this one; 0 works in this one. The files are the same.
        progress: Called after each image with the number done and the number of all.

    Returns:
        Number of files written; 0 if all were there.

    Raises:
        ValueError: If a name or number is unknown, the source holds no image, one cannot be read or is too small, or
            the target was written from another preparation or by something else.

    Source:
        Hendrycks and Dietterich, 2019 (arXiv:1903.12261). Departure: PNG unless a JPEG quality is given.
    """
    for name in names:
        one_of("corruption", name, ALL_CORRUPTIONS)
    if any(severity not in SEVERITIES for severity in severities):
        raise ValueError(f"severities are {list(severities)}, but must be from 1 to 5")
    source, target, how = Path(source), Path(target), preparation or Preparation()
    images = list(keyed_images(source))
    if not images:
        raise ValueError(f"{source} holds no image in class folders; expected {source.name}/class/image")
    _claim(target, how)
    one = partial(_write_one, target=target, names=tuple(names), severities=tuple(severities), how=how)
    written = 0
    if workers == 0:
        for done, item in enumerate(images, start=1):
            written += one(item)
            if progress:
                progress(done, len(images))
        return written
    positive(workers=workers)
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for done, count in enumerate(pool.map(one, images, chunksize=4), start=1):
            written += count
            if progress:
                progress(done, len(images))
    return written


def _claim(target: Path, how: Preparation) -> None:
    """Note in the target how its images are made; refuse one that was made otherwise."""
    settings = {"resize": how.resize, "crop": how.crop, "quality": how.quality}
    path = target / SETTINGS
    if not path.exists():
        if target.exists() and any(target.iterdir()):
            raise ValueError(f"{target} is not empty and was not written by this command; choose another folder")
        write_json(path, settings)
    elif (found := read_json(path)) != settings:
        raise ValueError(f"{target} was written with {found}, not {settings}; choose another folder")


def _write_one(
    item: tuple[str, Path], *, target: Path, names: tuple[str, ...], severities: tuple[int, ...], how: Preparation
) -> int:
    """Write what is missing of one image, and say how many files that were."""
    key, path = item
    image: NDArray[Any] | None = None
    written = 0
    for name in names:
        for severity in severities:
            place = target / name / str(severity) / f"{key}{how.suffix}"
            if place.exists():
                continue
            if image is None:
                image = _read(path, how)
            write_bytes(place, _encoded(corrupt(image, name, severity, key=key), how))
            written += 1
    return written


def _read(path: Path, how: Preparation) -> NDArray[Any]:
    try:
        with Image.open(path) as stored:
            picture = stored.convert("L" if stored.mode in ("1", "L", "LA") else "RGB")
    except OSError as error:
        raise ValueError(f"{path} cannot be read as an image; it is damaged or of another kind ({error})") from error
    if how.resize is not None:
        short = min(picture.size)
        width, height = (how.resize if side == short else how.resize * side // short for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    if how.crop is not None:
        left, top = (round((side - how.crop) / 2) for side in picture.size)
        if min(left, top) < 0:
            raise ValueError(
                f"{path} has {picture.width} x {picture.height} pixels, fewer than the crop {how.crop}; resize"
            )
        picture = picture.crop((left, top, left + how.crop, top + how.crop))
    return np.array(picture)


def _encoded(image: NDArray[Any], how: Preparation) -> memoryview:
    file = io.BytesIO()
    picture = Image.fromarray(image)
    if how.quality is None:
        picture.save(file, "PNG")
    else:
        picture.save(file, "JPEG", quality=how.quality, optimize=True)
    return file.getbuffer()
