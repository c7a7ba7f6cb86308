"""The authors' preparation of the published sets, as PNG files that `Folder` reads."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from subband._check import one_of
from subband._files import write_json
from subband.data.images import write_png
from subband.data.readers import Drive, EmStack, Glas, Roads, Snemi3d
from subband.data.sample import Reader, Sample, eight_bit, pooled

SETS = ("snemi3d", "glas", "drive", "roads", "isbi2012")
STEP = 32
"""Padded sizes are multiples of this."""


@dataclass(frozen=True)
class Padding:
    """How images and masks are brought to multiples of `STEP`: ``edge`` repeats the border, ``constant`` fills in."""

    mode: Literal["edge", "constant"]
    image: int = 0
    mask: int = 0


PADDING: Mapping[str, Padding] = {
    "drive": Padding("edge"),
    "glas": Padding("constant", image=255, mask=1),
    "roads": Padding("edge"),
}
"""Sets that are padded; in GlaS, class 1 is what is not gland."""


def prepare(
    set_name: str,
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    seed: int = 0,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Write ``images/NNN.png``, ``masks/NNN.png`` (0 and 255) and ``dataset.json`` below ``target``.

    Sizes are padded to multiples of 32, half of it before: DRIVE and the roads by repeating the border, GlaS with white
    and with "not gland". SNEMI3D and ISBI 2012 are not padded. Files of the same name are not written over, so a
    preparation that was stopped is begun again with ``overwrite``.

    Args:
        set_name: ``snemi3d``, ``glas``, ``drive``, ``roads`` or ``isbi2012``.
        source: Folder of the raw download.
        target: Folder to write.
        seed: Seed of the choice of road images.
        overwrite: Write over files that are there.
        progress: Called with the number of images done and of all.

    Returns:
        What ``dataset.json`` holds: ``set``, ``n``, ``classes``, ``mean`` and ``std`` (of each channel, of all padded
        images in [0, 1]), ``names`` (of the raw images), ``sizes`` (before padding), ``seed``.

    Raises:
        ValueError: If the set is unknown, or a raw file is missing or damaged.
        FileExistsError: If ``target`` holds images or masks and ``overwrite`` is not given.
        OSError: If a file cannot be written; no file is left half-written.

    Source:
        lurenhaothu/CWMI, ``data/dataprepare.py``; mean and deviation as in `subband.data.statistics`. GlaS is sorted by
        name, where theirs has the file system's order, and the choice of roads is seeded.
    """
    one_of("set_name", set_name, SETS)
    folder = Path(target)
    if not overwrite and any(
        (folder / kind).is_dir() and any((folder / kind).iterdir()) for kind in ("images", "masks")
    ):
        raise FileExistsError(f"{folder} holds images or masks already; choose another target, or overwrite")
    samples = _reader(set_name, source, seed)
    means, deviations, sizes = [], [], []
    for index in range(len(samples)):
        sample = samples.read(index)
        sizes.append(list(sample.mask.shape))
        image, mask = padded(sample, PADDING.get(set_name))
        write_png(folder / "images" / f"{index:03d}.png", image)
        write_png(folder / "masks" / f"{index:03d}.png", mask * 255)
        planes = image if image.ndim == 3 else image[..., None]
        means.append(np.mean(planes / 255, axis=(0, 1)))
        deviations.append(np.std(planes / 255, axis=(0, 1)))
        if progress is not None:
            progress(index + 1, len(samples))
    mean, std = pooled(np.stack(means), np.stack(deviations))
    made = {
        "set": set_name,
        "n": len(samples),
        "classes": 2,
        "mean": mean.tolist(),
        "std": std.tolist(),
        "names": samples.names,
        "sizes": sizes,
        "seed": seed,
    }
    write_json(folder / "dataset.json", made)
    return made


def padded(sample: Sample, padding: Padding | None) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """8-bit image (H, W) or (H, W, 3) and mask (H, W) of a sample, padded.

    Raises:
        ValueError: If the image has more than 8 bits.
    """
    pixels = eight_bit(sample.image)
    if pixels is None:
        raise ValueError(
            f"{sample.name} has more than 8 bits, but the published sets have 8; is this the original file?"
        )
    image = pixels[0] if len(pixels) == 1 else np.ascontiguousarray(np.moveaxis(pixels, 0, -1))
    if padding is None:
        return image, sample.mask
    missing = [-size % STEP for size in sample.mask.shape]
    widths = [(gap // 2, gap - gap // 2) for gap in missing]
    return _pad(image, widths, padding.mode, padding.image), _pad(sample.mask, widths, padding.mode, padding.mask)


def _pad(array: NDArray[np.uint8], widths: list[tuple[int, int]], mode: str, value: int) -> NDArray[np.uint8]:
    full = widths + [(0, 0)] * (array.ndim - len(widths))
    return np.pad(array, full, mode="edge") if mode == "edge" else np.pad(array, full, constant_values=value)


def _reader(set_name: str, source: str | os.PathLike[str], seed: int) -> Reader:
    if set_name == "roads":
        return Roads(source, seed=seed)
    readers: dict[str, Callable[[str | os.PathLike[str]], Reader]] = {
        "snemi3d": Snemi3d,
        "glas": Glas,
        "drive": Drive,
        "isbi2012": EmStack,
    }
    return readers[set_name](source)
