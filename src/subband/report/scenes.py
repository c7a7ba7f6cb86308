"""Pictures and numbers of sets with several classes: each class with its colour, its pixels and its overlap."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from subband.data import VOID
from subband.data._colours import readable_palette
from subband.report.comparison import Array, Comparison, Run
from subband.report.pictures import chosen_images, png_uri, predictions, read_picture, shown_methods
from subband.report.published import published_classes
from subband.report.statistics import best, spread
from subband.report.tables import Summary, number

VOID_GREY = (200, 200, 200)
"""Lighter than any grey that the palettes of CamVid, VOC and Cityscapes give to a class."""
SIDE = 320
"""Longest side of a picture, in pixels; larger ones are made smaller, classes by taking pixels out."""
WRONG, RIGHT = (214, 48, 49), (40, 42, 48)


@dataclass(frozen=True)
class ClassCell:
    """Intersection over union of a class under one method; texts, and the published number where there is one."""

    mean: str
    sd: str
    best: bool
    published: str


@dataclass(frozen=True)
class ClassRow:
    """One class: name, colour, part of the test pixels, and a cell for each method."""

    name: str
    colour: str
    share: str
    cells: list[ClassCell]


@dataclass(frozen=True)
class SceneOverlay:
    """Prediction of one method on one image; pictures are data URIs."""

    method: str
    scores: str
    prediction: str
    errors: str


@dataclass(frozen=True)
class SceneExample:
    """One image with its truth and several predictions; pictures are data URIs."""

    rank: str
    name: str
    image: str
    truth: str
    overlays: list[SceneOverlay]


def names_and_colours(comparison: Comparison) -> tuple[list[str], Array]:
    """Name and colour (classes, 3) of each class, as the comparison stored them; numbers and hues where it did not."""
    dataset = comparison.about.get("dataset", {})
    names = dataset.get("class_names") or [str(number) for number in range(comparison.classes)]
    colours = dataset.get("palette")
    if colours is None:
        colours = readable_palette(len(names))
    return list(names), np.asarray(colours, np.uint8)


def swatches(comparison: Comparison) -> list[dict[str, str]]:
    """Legend of the classes, void last."""
    if not comparison.scenes:
        return []
    names, colours = names_and_colours(comparison)
    pairs = [*zip(names, colours.tolist(), strict=True), ("void", VOID_GREY)]
    return [{"name": name, "colour": css(colour)} for name, colour in pairs]


def css(colour: Any) -> str:
    """A colour as a style sheet writes it.

    Example:
        >>> css((255, 0, 16))
        '#ff0010'
    """
    return "#" + "".join(f"{int(part):02x}" for part in colour)


def class_rows(summary: Summary) -> list[ClassRow]:
    """Intersection over union of each class, the mean over the runs; the best of each class is marked."""
    comparison = summary.comparison
    if not comparison.scenes:
        return []
    names, colours = names_and_colours(comparison)
    first = next(iter(comparison.compared()), "")
    pixels = np.sum([run.pixels for run in comparison.of(first) if run.pixels], axis=0)
    published = {method: _published(summary, method, len(names)) for method in comparison.compared()}
    rows = []
    for place, name in enumerate(names):
        spreads = {
            method: spread([run.class_iou.get(name, math.nan) for run in comparison.of(method)])
            for method in comparison.compared()
        }
        ranked = {method: spreads[method].mean for method in comparison.comparable()}
        winner = best(ranked, "mIoU") if len(set(ranked.values())) > 1 else None
        cells = [
            ClassCell(
                number(found.mean),
                "" if math.isnan(found.sd) else number(found.sd),
                method == winner,
                number(published[method][place]) if published[method] else "",
            )
            for method, found in spreads.items()
        ]
        share = f"{100 * pixels[place] / max(1, pixels.sum()):.1f} %" if np.size(pixels) == len(names) else "–"
        rows.append(ClassRow(name, css(colours[place]), share, cells))
    return rows


def _published(summary: Summary, method: str, classes: int) -> list[float]:
    if not summary.shows_published:
        return []
    comparison = summary.comparison
    dataset = str(comparison.about["dataset"]["published"])
    found = published_classes(dataset, comparison.network(method), comparison.loss(method)) or []
    return found if len(found) == classes else []


def scene_examples(summary: Summary) -> list[SceneExample]:
    """Best, median and worst test image by the mean mIoU over the shown methods, all on the same images."""
    comparison = summary.comparison
    if not comparison.scenes:
        return []
    methods = shown_methods(summary)
    chosen = chosen_images(comparison, methods, comparison.judged[0])
    found = (_example(comparison, methods, rank, name) for rank, name in chosen)
    return [example for example in found if example is not None]


def _example(comparison: Comparison, methods: list[str], rank: str, name: str) -> SceneExample | None:
    image = read_picture(comparison.folder / "images" / f"{name}.png")
    truth = read_picture(comparison.folder / "truth" / f"{name}.png")
    if image is None or truth is None or truth.ndim != 2 or image.shape[:2] != truth.shape:
        return None
    _, colours = names_and_colours(comparison)
    overlays = [
        SceneOverlay(
            comparison.label(run.method),
            _scores(run, name),
            png_uri(coloured(thinned(picture), colours)),
            png_uri(wrong_picture(thinned(truth), thinned(picture))),
        )
        for run, picture in predictions(comparison, methods, name)
        if picture.shape == truth.shape
    ]
    return SceneExample(rank, name, png_uri(smaller(image)), png_uri(coloured(thinned(truth), colours)), overlays)


def coloured(labels: Array, colours: Array) -> Array:
    """Colours (H, W, 3) of classes; grey where there is none.

    Example:
        >>> import numpy as np
        >>> coloured(np.array([[0, 255]]), np.array([[1, 2, 3]])).tolist()
        [[[1, 2, 3], [200, 200, 200]]]
    """
    table = np.full((256, 3), VOID_GREY, np.uint8)
    table[: len(colours)] = colours
    picture: Array = table[labels]
    return picture


def wrong_picture(truth: Array, prediction: Array) -> Array:
    """Red where the class is wrong, dark where it is right, grey where it does not count (H, W, 3)."""
    picture = np.full((*truth.shape, 3), RIGHT, np.uint8)
    picture[truth != prediction] = WRONG
    picture[truth == VOID] = VOID_GREY
    return picture


def thinned(labels: Array) -> Array:
    """Every n-th pixel, so that the longest side is at most `SIDE`."""
    step = -(-max(labels.shape[:2]) // SIDE)
    return labels[step // 2 :: step, step // 2 :: step]


def smaller(image: Array) -> Array:
    """The image with the size that `thinned` gives its classes."""
    height, width = thinned(image).shape[:2]
    if (height, width) == image.shape[:2]:
        return image
    from PIL import Image

    resized: Array = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BOX))
    return resized


def _scores(run: Run, name: str) -> str:
    row: Mapping[str, Any] = next((image for image in run.images if image["name"] == name), {})
    return ", ".join(f"{key} {number(float(row[key]))}" for key in ("mIoU", "accuracy") if key in row)
