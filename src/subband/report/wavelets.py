"""The wavelet demo: one page that shows a decomposition, a pyramid, and what a max-pool loses against a wavelet."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from subband._files import write_bytes
from subband.data.sample import FloatImage
from subband.report._canvas import Drawing
from subband.report._halving import SIGMA, Back, Moved, Noisy, halvers, noisy, shifted, ways_back
from subband.report._wavelet_figures import (
    back_figure,
    decibels,
    decomposition,
    energies,
    noise_figure,
    pyramid_bands,
    shift_figure,
    signed,
)
from subband.report.page import render
from subband.report.pictures import window
from subband.transforms import Coefficients, filter_bank, steerable_pyramid, wavedec

LEVELS, ORIENTATIONS = 3, 4
LEAST, MOST = 32, 512
"""Shortest and longest side of the image that is shown, in pixels."""
SHOWN = 48
"""Side of the part of the half that is shown, in pixels: where max-pooling errs most."""
PAGE = "wavelets.html"
PICTURES = ("dwt.png", "pyramid.png", "shift.png", "noise.png", "back.png")
HALVING = ("shift error, %", "noise kept, %", "brighter by")
WAYS = ("kept of the numbers", "PSNR", "largest error")


@dataclass(frozen=True)
class Findings:
    """What the page shows of one image.

    Attributes:
        image: Grey, in [0, 1], (H, W) with sizes divisible by 8.
        wavelet: Name.
        coefficients: Its wavelet bands over three levels.
        shift: A shift by one pixel, by the way of halving.
        noise: Noise, by the way of halving.
        back: Ways back from the half.
    """

    image: Tensor
    wavelet: str
    coefficients: Coefficients
    shift: dict[str, Moved]
    noise: dict[str, Noisy]
    back: dict[str, Back]


def write_wavelets(
    folder: Path, image: FloatImage, *, wavelet: str = "db2", name: str = "image"
) -> tuple[Findings, Path]:
    """Write ``wavelets.html`` and its figures as PNG files into a folder; the page refers to nothing outside itself.

    Args:
        folder: Folder to write.
        image: Picture (C, H, W) in [0, 1]; colours are weighed to grey, a longer side than 512 pixels is reduced.
        wavelet: Name, see `subband.transforms.filter_bank`.
        name: What the page calls the image.

    Returns:
        What was found, and the path of the page.

    Raises:
        ValueError: If the image has fewer than 32 pixels along an axis, or the wavelet is unknown.
    """
    filter_bank(wavelet)
    found = findings(readied(image), wavelet)
    drawings = figures(found)
    for key, drawing in drawings.items():
        write_bytes(folder / f"{key}.png", drawing.png)
    path = folder / PAGE
    write_bytes(path, render("wavelets.html", content(found, drawings, name)).encode())
    return found, path


def readied(image: FloatImage) -> Tensor:
    """Grey image (H, W), float64, of at most 512 pixels a side, cut to multiples of 8.

    Raises:
        ValueError: If it has fewer than 32 pixels along an axis.
    """
    picture = torch.from_numpy(np.ascontiguousarray(image, np.float64))
    if picture.ndim != 3 or min(picture.shape[1:]) < LEAST:
        raise ValueError(
            f"the image has shape {tuple(picture.shape)}, but must be (channels, height, width) with at least {LEAST} "
            "pixels in height and width"
        )
    weights = [0.299, 0.587, 0.114] if len(picture) == 3 else [1 / len(picture)] * len(picture)
    plane = torch.einsum("c,chw->hw", torch.tensor(weights, dtype=torch.float64), picture)
    if max(plane.shape) > MOST:
        ratio = MOST / max(plane.shape)
        size = [max(LEAST, round(ratio * side)) for side in plane.shape]
        plane = F.interpolate(plane[None, None], size, mode="bilinear", antialias=True)[0, 0]
    return plane[tuple(slice(side - side % 2**LEVELS) for side in plane.shape)].contiguous()


def findings(image: Tensor, wavelet: str) -> Findings:
    """Decompose an image, and measure what halving it loses."""
    ways = halvers(wavelet)
    return Findings(
        image,
        wavelet,
        wavedec(image, wavelet, level=LEVELS),
        {name: shifted(halve, image) for name, halve in ways.items()},
        {name: noisy(halve, image) for name, halve in ways.items()},
        ways_back(image, wavelet),
    )


def figures(found: Findings) -> dict[str, Drawing]:
    """The five figures by the names of their files."""
    image = found.image.numpy()
    half = window(found.shift["max-pool"].error.abs().numpy(), side=SHOWN)
    whole = (slice(2 * half[0].start, 2 * half[0].stop), slice(2 * half[1].start, 2 * half[1].stop))
    pyramid = steerable_pyramid(found.image[None, None], levels=LEVELS, orientations=ORIENTATIONS, kind="complex")
    return {
        "dwt": decomposition(image, found.coefficients, title=f"{found.wavelet}, {LEVELS} levels"),
        "pyramid": pyramid_bands(pyramid),
        "shift": shift_figure(found.shift, half),
        "noise": noise_figure(found.noise, half),
        "back": back_figure(image, found.back, whole),
    }


def content(found: Findings, drawings: dict[str, Drawing], name: str) -> dict[str, Any]:
    """What the page's template needs."""
    return {
        "name": name,
        "wavelet": found.wavelet,
        "size": " x ".join(map(str, found.image.shape)),
        "levels": LEVELS,
        "sigma": SIGMA,
        "svg": {key: drawing.svg for key, drawing in drawings.items()},
        "energies": {
            "header": ["energy of the details, %", "ad", "da", "dd"],
            "rows": [[level, *(f"{share:.1f}" for share in shares)] for level, shares in energies(found.coefficients)],
        },
        "halving": {"header": ["way to halve", *HALVING], "rows": halving_rows(found)},
        "ways": {"header": ["way back", *WAYS], "rows": way_rows(found)},
    }


def halving_rows(found: Findings) -> list[list[str]]:
    """Way of halving and the numbers of `HALVING`."""
    return [
        [way, f"{moved.percent:.1f}", f"{found.noise[way].percent:.0f}", signed(found.noise[way].brighter)]
        for way, moved in found.shift.items()
    ]


def way_rows(found: Findings) -> list[list[str]]:
    """Way back and the numbers of `WAYS`."""
    return [
        [way, back.kept, decibels(back.psnr), f"{back.error.abs().max().item():.2g}"]
        for way, back in found.back.items()
    ]
