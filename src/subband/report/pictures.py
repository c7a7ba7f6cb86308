"""Pictures of single images: truth, prediction, errors, and where the skeleton breaks."""

import base64
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from subband.report.comparison import Array, Comparison, Run
from subband.report.statistics import higher_is_better
from subband.report.tables import Summary, decimals, heading, number

WINDOW = 192
"""Largest side of a picture, in pixels."""
SHOWN = 4
"""Most methods whose predictions are shown."""
WHITE, RED, BLUE, GREY = (255, 255, 255), (214, 48, 49), (64, 140, 255), (96, 96, 96)


@dataclass(frozen=True)
class Circle:
    """A place where the skeleton of the truth leaves the prediction, in pixels of the picture."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Overlay:
    """Prediction of one method on one image."""

    method: str
    scores: str
    prediction: str
    errors: str
    breaks: str
    circles: list[Circle]


@dataclass(frozen=True)
class Example:
    """One image with the predictions of several methods; pictures are data URIs.

    Attributes:
        rank: ``best``, ``median`` or ``worst``.
        name: File name without its end.
        note: Which part of the image is shown.
        width: Of the pictures, in pixels.
        height: Of the pictures, in pixels.
    """

    rank: str
    name: str
    note: str
    width: int
    height: int
    image: str
    truth: str
    overlays: list[Overlay]


def png_uri(picture: Array) -> str:
    """Data URI of a grey (H, W) or colour (H, W, 3) picture of 8 bits."""
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture, np.uint8)).save(content, "PNG")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"


def read_picture(path: Path) -> Array | None:
    """Grey (H, W) or colour (H, W, 3) picture of 8 bits, or none where there is no such file."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            picture: Array = np.asarray(image)
    except OSError:
        return None
    return picture[..., :3] if picture.ndim == 3 else picture


def error_picture(truth: Array, prediction: Array) -> Array:
    """White where both have the same class, red where the prediction adds, blue where it misses (H, W, 3).

    Background that both agree on is black; of two different objects' classes, red.
    """
    picture = np.zeros((*truth.shape, 3), np.uint8)
    picture[(truth == prediction) & (truth > 0)] = WHITE
    picture[(truth != prediction) & (prediction > 0)] = RED
    picture[(truth > 0) & (prediction == 0)] = BLUE
    return picture


def skeleton_breaks(truth: Array, prediction: Array) -> Array:
    """Pixels of the truth's skeleton that the prediction misses (H, W), as clDice's sensitivity counts them."""
    from skimage.morphology import skeletonize

    missed: Array = skeletonize(truth > 0) & (prediction == 0)  # type: ignore[no-untyped-call]
    return missed


def circles(missed: Array, *, least: float = 5.0) -> list[Circle]:
    """A circle around each connected group of pixels."""
    from skimage.measure import label, regionprops

    found = []
    for region in regionprops(label(missed, connectivity=2)):  # type: ignore[no-untyped-call]
        top, left, bottom, right = region.bbox
        radius = max(least, math.hypot(bottom - top, right - left) / 2 + 2)
        found.append(Circle((left + right) / 2, (top + bottom) / 2, radius))
    return found


def class_labels(picture: Array, classes: int) -> Array:
    """Class of each pixel of a stored mask or prediction: above one half of 255, or the stored index."""
    return (picture > 127).astype(np.uint8) if classes <= 2 else picture.astype(np.uint8)


def examples(summary: Summary, *, metric: str = "VI", shown: Sequence[str] = ()) -> list[Example]:
    """Best, median and worst test image by the mean of ``metric`` over the shown methods, all on the same images."""
    methods = list(shown) or shown_methods(summary)
    found = (
        _example(summary.comparison, methods, name, rank, metric)
        for rank, name in chosen_images(summary.comparison, methods, metric)
    )
    return [example for example in found if example is not None]


def chosen_images(comparison: Comparison, methods: Sequence[str], metric: str) -> list[tuple[str, str]]:
    """Rank and name of the best, the median and the worst image, those of them that there are."""
    ranked = rank_images(comparison, methods, metric)
    if not ranked:
        return []
    places = {"best": 0, "median": len(ranked) // 2, "worst": len(ranked) - 1}
    chosen = {place: rank for rank, place in reversed(places.items())}
    return [(chosen[place], ranked[place]) for place in sorted(chosen)]


def shown_methods(summary: Summary) -> list[str]:
    """Baseline, the best by each of the first metrics, then the others by the first metric, at most `SHOWN`."""
    comparison = summary.comparison
    metric = comparison.judged[0]
    first = [comparison.baseline, *(summary.best(name) for name in (*comparison.judged, "clDice"))]
    sign = -1 if higher_is_better(metric) else 1
    spreads = summary.spreads.get(metric, {})
    means = {method: sign * found.mean for method, found in spreads.items() if math.isfinite(found.mean)}
    others = [*sorted(means, key=lambda method: means[method]), *comparison.methods]
    wanted = [method for method in dict.fromkeys([*first, *others]) if method in comparison.compared()]
    return [method for method in comparison.methods if method in wanted[:SHOWN]]


def rank_images(comparison: Comparison, methods: Sequence[str], metric: str) -> list[str]:
    """Names of the images, best first; undefined and infinite values last."""
    values: dict[str, list[float]] = {}
    for run, image in comparison.rows():
        if run.method in methods:
            values.setdefault(str(image["name"]), []).append(float(image.get(metric) or 0.0))
    sign = -1 if higher_is_better(metric) else 1
    means = {name: sign * float(np.mean(found)) for name, found in values.items()}
    return sorted(means, key=lambda name: (not math.isfinite(means[name]), means[name], name))


def predictions(comparison: Comparison, methods: Sequence[str], name: str) -> Iterator[tuple[Run, Array]]:
    """First stored prediction of each method for an image."""
    for method in methods:
        for run in comparison.of(method):
            picture = read_picture(run.prediction(name)) if _scores(run, name) else None
            if picture is not None:
                yield run, picture
                break


def window(weights: Array, *, side: int = WINDOW) -> tuple[slice, slice]:
    """The square of at most ``side`` pixels with the largest sum of weights."""
    height, width = (min(side, size) for size in weights.shape)
    total = np.pad(weights.astype(float), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    sums = total[height:, width:] - total[:-height, width:] - total[height:, :-width] + total[:-height, :-width]
    top, left = np.unravel_index(sums.argmax(), sums.shape)
    return slice(int(top), int(top) + height), slice(int(left), int(left) + width)


def _example(comparison: Comparison, methods: Sequence[str], name: str, rank: str, metric: str) -> Example | None:
    image = read_picture(comparison.folder / "images" / f"{name}.png")
    stored = read_picture(comparison.folder / "truth" / f"{name}.png")
    if image is None or stored is None or stored.ndim != 2 or image.shape[:2] != stored.shape:
        return None
    truth = class_labels(stored, comparison.classes)
    pairs = [(run, picture) for run, picture in predictions(comparison, methods, name) if picture.shape == truth.shape]
    missed = [skeleton_breaks(truth, class_labels(picture, comparison.classes)) for _, picture in pairs]
    cut = window(np.sum(missed, axis=0) if missed else np.zeros(truth.shape))
    rows, columns = cut
    note = ""
    if truth[cut].shape != truth.shape:
        note = f"rows {rows.start}–{rows.stop - 1}, columns {columns.start}–{columns.stop - 1}, where most breaks are"
    overlays = [
        _overlay(comparison, run, picture[cut], truth[cut], breaks[cut], (name, metric))
        for (run, picture), breaks in zip(pairs, missed, strict=True)
    ]
    height, width = truth[cut].shape
    return Example(
        rank, name, note, width, height, png_uri(image[cut]), _mask(truth[cut], comparison.classes), overlays
    )


def _overlay(
    comparison: Comparison, run: Run, picture: Array, truth: Array, missed: Array, about: tuple[str, str]
) -> Overlay:
    name, metric = about
    found = class_labels(picture, comparison.classes)
    rings = circles(missed)
    scores = _scores(run, name)
    words = [f"{key} {number(float(scores[key]), decimals(key))}" for key in (metric, "mIoU") if key in scores]
    shown = picture if comparison.classes <= 2 else _indexed(found, comparison.classes)
    return Overlay(
        comparison.label(run.method),
        ", ".join(words),
        png_uri(shown),
        png_uri(error_picture(truth, found)),
        png_uri(break_picture(truth, found, missed)),
        rings,
    )


def break_picture(truth: Array, prediction: Array, missed: Array) -> Array:
    """The prediction white, what it misses of the truth grey, and the missed skeleton blue (H, W, 3)."""
    picture = np.zeros((*truth.shape, 3), np.uint8)
    picture[truth > 0] = GREY
    picture[prediction > 0] = WHITE
    picture[missed] = BLUE
    return picture


def _scores(run: Run, name: str) -> dict[str, float]:
    return next(({k: v for k, v in image.items() if k != "name"} for image in run.images if image["name"] == name), {})


def _mask(labels: Array, classes: int) -> str:
    return png_uri(labels * 255 if classes <= 2 else _indexed(labels, classes))


def _indexed(labels: Array, classes: int) -> Array:
    """Colours of class numbers, background black."""
    import matplotlib as mpl

    colours = mpl.colormaps["turbo"](np.linspace(0.1, 0.95, max(1, classes - 1)))[:, :3]
    table = np.concatenate([np.zeros((1, 3)), colours])
    picture: Array = np.rint(255 * table[np.minimum(labels, classes - 1)]).astype(np.uint8)
    return picture


def outliers(summary: Summary, *, most: int = 20) -> list[dict[str, str]]:
    """Images outside 1.5 interquartile ranges of their method on the bad side of the first metric, or undefined."""
    comparison, found = summary.comparison, []
    metric = comparison.judged[0]
    sign = 1 if higher_is_better(metric) else -1
    for method in comparison.compared():
        own = [(run, image) for run, image in comparison.rows() if run.method == method]
        rows = [(run, image) for run, image in own if image.get(metric) is not None]
        finite = [sign * float(image[metric]) for _, image in rows if math.isfinite(image[metric])]
        low, high = np.percentile(finite, [25, 75]) if finite else (math.nan, math.nan)
        limit = low - 1.5 * (high - low)
        for run, image in rows:
            value = float(image[metric])
            if not math.isfinite(value) or (len(finite) >= 4 and sign * value < limit):
                badness = math.inf if not math.isfinite(value) else (low - sign * value)
                found.append((badness, run, image))
    found.sort(key=lambda item: -item[0])
    return [
        {
            "image": f"{image['name']}.png",
            "method": comparison.label(run.method),
            "run": run.folder.name,
            "value": f"{heading(metric)} {number(float(image[metric]), decimals(metric))}",
        }
        for _, run, image in found[:most]
    ]
