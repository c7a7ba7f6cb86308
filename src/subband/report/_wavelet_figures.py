"""Figures of the wavelet demo."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from subband.report._canvas import WIDTH, Cell, Drawing, Theme, drawn, fitted, picture_grid, place
from subband.report._halving import Back, Moved, Noisy
from subband.report.comparison import Array
from subband.report.insight import heat
from subband.transforms import Coefficients, Pyramid

Cut = tuple[slice, slice]
GAP = 0.12
LABELLED = 0.33
"""Width from which on a band bears its name, in inches."""


def grey(values: Array) -> Array:
    """Values in [0, 1] as 8 bits, cut off beyond."""
    picture: Array = np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)
    return picture


def stretched(band: Array) -> Array:
    """A band with its zero in the middle grey; its 99.5th percentile of magnitudes is black and white."""
    limit = max(float(np.percentile(np.abs(band), 99.5)), 1e-12)
    return grey(0.5 + 0.5 * band / limit)


def mosaic(coefficients: Coefficients) -> tuple[Array, list[tuple[str, int, int]]]:
    """All bands in one picture, each in its quarter, and where each name stands (name, left, top)."""
    low = _plane(coefficients.approx)
    span = max(float(low.max() - low.min()), 1e-12)
    picture = grey((low - low.min()) / span)
    levels = len(coefficients.details)
    names = [(f"aa {levels}", 0, 0)]
    for level, bands in zip(range(levels, 0, -1), coefficients.details, strict=True):
        ad, da, dd = (stretched(_plane(bands[name])) for name in ("ad", "da", "dd"))
        height, width = picture.shape
        names += [(f"ad {level}", width, 0), (f"da {level}", 0, height), (f"dd {level}", width, height)]
        picture = np.block([[picture, ad], [da, dd]])
    return picture, names


def energies(coefficients: Coefficients) -> list[tuple[str, list[float]]]:
    """Energy of the bands ad, da, dd of each level, finest first, in per cent of that of all details."""
    shares = {
        f"level {level}": [float(bands[name].double().square().sum()) for name in ("ad", "da", "dd")]
        for level, bands in enumerate(reversed(coefficients.details), start=1)
    }
    total = max(sum(map(sum, shares.values())), 1e-30)
    return [(level, [100 * value / total for value in values]) for level, values in shares.items()]


def decomposition(image: Array, coefficients: Coefficients, *, title: str) -> Drawing:
    """The image beside all its bands."""
    picture, names = mosaic(coefficients)
    top = 0.26
    width, height = fitted(picture, (WIDTH - GAP) / 2, 8.0)
    total = height + top
    lines = [(len(picture) >> level, picture.shape[1] >> level) for level in range(1, len(coefficients.details) + 1)]

    def draw(figure: Any, theme: Theme) -> None:
        boxes = [(x / WIDTH, 0, width / WIDTH, height / total) for x in (0, width + GAP)]
        for box, head in zip(boxes, (f"image, {image.shape[0]} x {image.shape[1]}", title), strict=True):
            figure.text(box[0], (total - 0.6 * top) / total, head, va="center", weight="bold")
        place(figure, grey(image), boxes[0])
        axes = place(figure, picture, boxes[1])
        for row, column in lines:
            axes.plot([-0.5, 2 * column - 0.5], [row - 0.5] * 2, color="white", linewidth=0.8)
            axes.plot([column - 0.5] * 2, [-0.5, 2 * row - 0.5], color="white", linewidth=0.8)
        patch: Any = {"facecolor": "black", "edgecolor": "none", "alpha": 0.65, "pad": 1.5}
        step = picture.shape[1] / (72 * width)
        for name, left, upper in names:
            if width / 2 ** int(name[3:]) < LABELLED:
                continue
            axes.text(left + 3 * step, upper + 3 * step, name, color="white", va="top", fontsize=7, bbox=patch)

    return drawn(draw, height=total, key="decomposition")


def pyramid_bands(pyramid: Pyramid) -> Drawing:
    """Amplitudes of the oriented bands, levels down, orientations across."""
    count = pyramid.orientations
    rows = [[Cell(heat(band.abs().numpy())) for band in level[0, 0]] for level in pyramid.bands]
    sizes = [" x ".join(map(str, level.shape[-2:])) for level in pyramid.bands]
    labels = [f"level {number}\n{size}" for number, size in enumerate(sizes, start=1)]
    return picture_grid(rows, heads=[f"{180 * k / count:.0f}°" for k in range(count)], labels=labels, key="pyramid")


def shift_figure(found: Mapping[str, Moved], cut: Cut) -> Drawing:
    """Halves before and after the shift, and what the half-pixel shift does not explain."""
    limit = _largest([moved.error for moved in found.values()], cut)
    rows = [
        [Cell(grey(_cut(moved.still, cut))) for moved in found.values()],
        [Cell(grey(_cut(moved.moved, cut))) for moved in found.values()],
        [Cell(_error(moved.error, cut, limit), f"{moved.percent:.1f} %") for moved in found.values()],
    ]
    return picture_grid(rows, heads=list(found), labels=["half", "half of the\nmoved image", "difference"], key="shift")


def noise_figure(found: Mapping[str, Noisy], cut: Cut) -> Drawing:
    """Halves of the noisy image, and their noise."""
    limit = _largest([one.error for one in found.values()], cut)
    rows = [
        [Cell(grey(_cut(one.half, cut))) for one in found.values()],
        [
            Cell(_error(one.error, cut, limit), f"{one.percent:.0f} % of the noise, brighter by {signed(one.brighter)}")
            for one in found.values()
        ],
    ]
    return picture_grid(rows, heads=list(found), labels=["half of the\nnoisy image", "its noise"], key="noise")


def back_figure(image: Array, found: Mapping[str, Back], cut: Cut) -> Drawing:
    """The image, what comes back, and the error, all errors on one scale."""
    limit = 0.5
    rows = [
        [Cell(grey(image[cut]), "itself"), *(Cell(grey(_cut(b.image, cut)), decibels(b.psnr)) for b in found.values())],
        [Cell(_error(np.zeros_like(image), cut, limit)), *(Cell(_error(b.error, cut, limit)) for b in found.values())],
    ]
    return picture_grid(rows, heads=["image", *found], labels=["comes back", "error"], key="back")


def decibels(psnr: float) -> str:
    """A ratio in words."""
    return f"{psnr:.1f} dB" if np.isfinite(psnr) else "no error"


def signed(value: float) -> str:
    """A number with its sign, one decimal, and no sign for 0."""
    return f"{round(value, 1):+.1f}" if round(value, 1) else "0.0"


def _plane(band: Any) -> Array:
    found: Array = band.squeeze().double().numpy()
    return found


def _cut(values: Any, cut: Cut) -> Array:
    found: Array = np.asarray(values, np.float64)[cut]
    return found


def _largest(errors: Sequence[Any], cut: Cut) -> float:
    """Magnitude that only one in two hundred pixels of the worst error is above."""
    return max(1e-12, *(float(np.percentile(np.abs(_cut(error, cut)), 99.5)) for error in errors))


def _error(error: Any, cut: Cut, limit: float) -> Array:
    """Magnitude of an error in colours, black for 0 and light for ``limit``."""
    import matplotlib as mpl

    colours: Array = np.rint(255 * mpl.colormaps["magma"](np.abs(_cut(error, cut)) / limit)[..., :3]).astype(np.uint8)
    return colours
