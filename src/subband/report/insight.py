"""What the losses see of an image: a weight map of SPW, and steerable subbands."""

from dataclasses import dataclass

import numpy as np
import torch

from subband.report.comparison import Array, Comparison
from subband.report.pictures import Example, class_labels, png_uri, predictions, read_picture, window

LEVELS, ORIENTATIONS = 3, 4
SIDE = 128


@dataclass(frozen=True)
class Insight:
    """Pictures of one crop, as data URIs.

    Attributes:
        name: Image.
        method: Method whose prediction is taken.
        image: The crop.
        truth: Its mask.
        prediction: The predicted probability.
        weights: SPW's weight map of truth and prediction.
        largest: Largest weight.
        subbands: Amplitude of the mask's subbands, by level and orientation.
    """

    name: str
    method: str
    image: str
    truth: str
    prediction: str
    weights: str
    largest: str
    subbands: list[list[str]]


def insight(comparison: Comparison, examples: list[Example], methods: list[str]) -> Insight | None:
    """Weight map and subbands of one crop of the median example.

    None without pictures, with several classes, or where networks are compared under one loss.
    """
    if not examples or comparison.classes > 2 or (comparison.noun == "method" and len(comparison.losses) == 1):
        return None
    name = examples[len(examples) // 2].name
    image = read_picture(comparison.folder / "images" / f"{name}.png")
    stored = read_picture(comparison.folder / "truth" / f"{name}.png")
    found = next(predictions(comparison, methods, name), None)
    if image is None or stored is None or found is None or found[1].shape != stored.shape:
        return None
    run, picture = found
    truth = class_labels(stored, comparison.classes)
    cut = window(truth, side=SIDE)
    weights = weight_map(truth, picture / 255.0)[cut]
    return Insight(
        name,
        comparison.label(run.method),
        png_uri(image[cut]),
        png_uri(truth[cut] * 255),
        png_uri(picture[cut]),
        png_uri(heat(weights)),
        f"{weights.max():.1f}",
        [[png_uri(heat(band)) for band in level] for level in amplitudes(truth[cut])],
    )


def weight_map(truth: Array, probability: Array) -> Array:
    """SPW's weight map (H, W) of a mask and a prediction, with its published options."""
    from subband.losses.segmentation.spw import spw_weight_map

    pair = (torch.from_numpy(np.asarray(part, np.float32))[None, None] for part in (probability, truth))
    found: Array = spw_weight_map(*pair).squeeze().numpy()
    return found


def amplitudes(mask: Array, *, levels: int = LEVELS, orientations: int = ORIENTATIONS) -> list[list[Array]]:
    """Modulus of the complex subbands of a mask, by level and orientation."""
    from subband.transforms import steerable_pyramid

    x = torch.from_numpy(np.asarray(mask, np.float32))[None, None]
    pyramid = steerable_pyramid(x, levels=levels, orientations=orientations, kind="complex")
    return [[band.abs().numpy() for band in level[0, 0]] for level in pyramid.bands]


def heat(values: Array) -> Array:
    """Colours (H, W, 3) of values between 0 and their maximum."""
    import matplotlib as mpl

    scaled = values / max(float(values.max()), 1e-12)
    colours: Array = np.rint(255 * mpl.colormaps["magma"](scaled)[..., :3]).astype(np.uint8)
    return colours
