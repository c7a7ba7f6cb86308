"""One run of a detection: its data, network and training images, its test, and its pictures."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from subband import catalog
from subband._check import closest, one_of
from subband._files import read_json, write_json, write_text
from subband.config import Data, Model, Recipe, Robustness
from subband.data import Split
from subband.data.box_set import BoxSet
from subband.data.box_stream import BoxStream
from subband.data.images import write_png
from subband.layers.conversion_report import attached
from subband.metrics.detection import DETECTION_METRICS, Boxes, average_precision, coco_scores
from subband.models.detector import BackboneNorm, DetectorSize, detector, small_detector
from subband.models.frozen_report import frozen_report
from subband.tasks.cell import Cell, Material, load_best
from subband.tasks.detection import SCORE, DetectionTask, found_boxes, image_precision, scores_under_corruption
from subband.tasks.methods import network
from subband.tasks.robustness import check_asked, corruption_names, drawn
from subband.tasks.splitting import split_images
from subband.tasks.weights import load_detector as load_weights

__all__ = [
    "SCORE",
    "announce",
    "build_loss",
    "build_model",
    "check_recipe",
    "check_samples",
    "load_weights",
    "more",
    "options_of",
    "read_samples",
    "split_samples",
    "test",
    "training_stream",
    "training_task",
    "write_pictures",
]
SHOWN = 4
"""Test images that the report shows."""
LOOKED_AT = 32
"""Images that are read before training begins, evenly spaced."""
MOST = 1000
"""Boxes that a training image may have."""
SMALL = 320
"""Longest side with the sizes of `small_detector`; above it they are torchvision's."""
SIZES = ("anchor", "hidden", "regions", "sampled")
OPTIONS = ("backbone", "wavelet", "placement", "gain", "trainable_layers", *SIZES)


def check_recipe(recipe: Recipe) -> None:
    """Say what does not go with a detection.

    Raises:
        ValueError: If the change of images, their normalisation, or what is asked of robustness is wrong.
    """
    one_of("data.augment of a detection", recipe.data.augment, ("none", "mirror"))
    one_of("data.normalise of a detection, which is inside the detector,", recipe.data.normalise, ("imagenet",))
    asked, nothing = recipe.robustness, Robustness()
    for key in ("shift", "attacks", "masking", "spectra"):
        if getattr(asked, key) != getattr(nothing, key):
            raise ValueError(f"robustness.{key} is for classifications; a detection takes corruptions alone")
    check_asked(asked)


def read_samples(data: Data) -> BoxSet:
    """Images of a recipe's reader; of synthetic ones there are an eighth as many to validate and a quarter to test.

    Raises:
        ValueError: If there is no such reader of boxes, or it needs a folder that the recipe does not name.
    """
    reader = catalog.find("box-dataset", data.reader).load()
    if data.reader == "synthetic-shapes":
        counts = {"train": data.count, "val": max(1, data.count // 8), "test": max(1, data.count // 4)}
        first, size = 3 * data.fold_seed, (data.size, data.size)
        return BoxSet({part: reader(count=n, size=size, seed=first + i) for i, (part, n) in enumerate(counts.items())})
    if data.root is None:
        raise ValueError(f"the reader {data.reader!r} needs the folder of the data: --data.root FOLDER")
    found: BoxSet = reader(data.root, labels=data.labels)
    return found


def check_samples(samples: BoxSet) -> list[str]:
    """Read some images before training begins; how many of them have no box.

    Raises:
        ValueError: If a file is missing or damaged, or none of the images has a box.
    """
    places = sorted({place * len(samples) // LOOKED_AT for place in range(LOOKED_AT)})
    empty = [samples.names[place] for place in places if not len(samples[place].labels)]
    if len(empty) == len(places):
        raise ValueError(f"none of {len(places)} images has a box, {empty[0]} for one; give images with boxes")
    return [f"{len(empty)} of {len(places)} images looked at have no box, {empty[0]} for one"] if empty else []


def split_samples(samples: BoxSet, data: Data) -> list[Split]:
    """Folds of the recipe, one hold-out split, or the set's own, whose training images validate where none do."""
    if data.split == "given" and samples.split is None:
        raise ValueError("the images are in one part, not in train and val; take --data.split holdout, or folds")
    return split_images(samples, [0] * len(samples), data)


def options_of(network: str) -> list[str]:
    """Names of the keys and options of a detector."""
    return ["side", "width", "norm", *OPTIONS]


def build_model(model: Model, *, channels: int, classes: int, seed: int) -> nn.Module:
    """Detector of a recipe with seeded weights; sizes that it does not name are usual ones for its side.

    Raises:
        ValueError: If the name, an option or a size is unknown or out of range.
    """
    entry = catalog.find("detector", model.name)
    for name in model.options:
        if name not in OPTIONS:
            raise ValueError(
                f"the detector {model.name!r} has no option {name!r}{closest(name, OPTIONS)} "
                f"(known: {', '.join(OPTIONS)}; and model.side, model.width, model.norm)"
            )
    if model.width % 64:
        raise ValueError(f"model.width is {model.width}, but the pyramid of a detector has a multiple of 64 channels")
    usual = small_detector(model.side) if model.side <= SMALL else DetectorSize(side=model.side)
    sizes = {name: value for name, value in model.options.items() if name in SIZES}
    options = {name: value for name, value in model.options.items() if name not in SIZES and value != "none"}
    torch.manual_seed(seed)
    built: nn.Module = detector(
        **{**entry.options, **options},
        classes=classes,
        norm=cast(BackboneNorm, model.norm),
        size=dataclasses.replace(usual, channels=model.width, **sizes),
    )
    return built


def build_loss(recipe: Recipe, name: str, *, classes: int = 2) -> nn.Module:
    """What makes one of a detector's losses, with the recipe's options.

    Raises:
        ValueError: If the name or an option is unknown.
    """
    entry = catalog.find("box-loss", name)
    try:
        built: nn.Module = entry.load()(**{**entry.options, **recipe.loss_options.get(name, {})})
    except TypeError as error:
        raise ValueError(f"loss_options of {name}: {error}") from error
    return built


def announce(recipe: Recipe, samples: BoxSet) -> list[str]:
    """Nothing beforehand."""
    return []


def training_stream(material: Material, cell: Cell, *, steps: int) -> BoxStream:
    """Training images of one cell."""
    data = material.recipe.data
    return BoxStream(
        material.samples,
        indices=material.splits[cell.fold].train,
        length=steps * data.batch,
        side=network(material.recipe, cell.method.network).side,
        mirror=data.augment == "mirror",
        most=MOST,
        seed=cell.seed,
    )


def training_task(material: Material, cell: Cell, model: nn.Module, loss: nn.Module) -> DetectionTask:
    """A network with the validation images."""
    recipe = material.recipe
    held = material.splits[cell.fold].validation[: recipe.validation_images or None]
    divide = recipe.optim.loss_over_batch
    return DetectionTask(model, material.samples, loss=loss, indices=held, divide=divide, seed=cell.seed)


def test(material: Material, cell: Cell, task: DetectionTask, stream: BoxStream, folder: Path) -> dict[str, Any]:
    """Metrics of all test images together and of each alone, what was converted and is frozen, and robustness."""
    model, samples, indices = task.model, material.samples, material.splits[cell.fold].test
    found = test_images(model, samples, indices, folder / "predictions" / "boxes.json")
    conversion = attached(model)
    about = {
        "class_names": samples.class_names,
        "conversion": "no low-pass filters: the backbone is plain" if conversion is None else str(conversion),
        "frozen": str(frozen_report(model)),
    }
    return {**found, **with_robustness(found, material.recipe.robustness, model, samples, indices), **about}


def test_images(model: nn.Module, samples: BoxSet, indices: Sequence[int], path: Path) -> dict[str, Any]:
    """Metrics of a test, AP50 of each class, AP50 and AP of each image; what was found is written to ``path``."""
    found, truth = found_boxes(model, samples, indices=indices)
    names = [samples.names[index] for index in indices]
    write_text(path, json.dumps({name: _plain(one) for name, one in zip(names, found, strict=True)}) + "\n")
    classes = average_precision(found, truth)
    return {
        "metrics": coco_scores(found, truth),
        "class_AP50": {samples.class_names[label - 1]: value for label, value in classes.items()},
        "images": [
            {"name": name, **image_precision(one, true)} for name, one, true in zip(names, found, truth, strict=True)
        ],
    }


def _plain(one: Boxes) -> dict[str, Any]:
    """Boxes as JSON has them, to a hundredth of a pixel."""
    boxes, scores = np.round(one.boxes.astype(float), 2), np.round(one.scores.astype(float), 4)
    return {"boxes": boxes.tolist(), "labels": one.labels.tolist(), "scores": scores.tolist()}


def with_robustness(
    result: Mapping[str, Any], asked: Robustness, model: nn.Module, samples: BoxSet, indices: Sequence[int]
) -> dict[str, Any]:
    """A result's ``metrics`` with mPC and rPC, and ``robustness``; empty if no corruption is asked for."""
    if not asked.corruptions:
        return {}
    chosen = [indices[place] for place in drawn(len(indices), asked.corrupted_images)]
    clean = coco_scores(*found_boxes(model, samples, indices=chosen))["AP"]
    names, severities = corruption_names(asked.corruptions), asked.severities
    scores = scores_under_corruption(
        model, samples, indices=chosen, clean=clean, corruptions=names, severities=severities
    )
    table = {name: dict(zip(map(str, severities), row, strict=True)) for name, row in scores["table"].items()}
    plain = {name: result["metrics"][name] for name in DETECTION_METRICS}
    content = {"images": len(chosen), "severities": list(severities), "clean_AP": clean, "AP": table}
    return {
        "metrics": {**plain, "mPC": scores["mPC"], "rPC": scores["rPC"]},
        "robustness": {"asked": dataclasses.asdict(asked), "corruptions": content},
    }


def more(material: Material, cell: Cell, folder: Path) -> dict[str, Any] | None:
    """Robustness, if the recipe asks for another one than the result holds."""
    result, asked = read_json(folder / "result.json"), material.recipe.robustness
    if not asked.corruptions or result.get("robustness", {}).get("asked") == dataclasses.asdict(asked):
        return None
    model = material.model(cell.method, cell.seed)
    load_best(folder / "checkpoints" / "best.pt", model, nn.Identity())
    return with_robustness(result, asked, model, material.samples, material.splits[cell.fold].test)


def write_pictures(folder: Path, material: Material, planned: Sequence[Cell]) -> list[str]:
    """Write some tested images as PNG, the same in every run, and their true boxes; returns their names."""
    tested = sorted({index for cell in planned for index in material.splits[cell.fold].test})
    shown = []
    for number, place in enumerate(drawn(len(tested), SHOWN)):
        sample = material.samples[tested[place]]
        path = folder / "images" / f"{number:02d}.png"
        if not path.exists():
            write_png(path, np.rint(np.moveaxis(sample.image, 0, -1) * 255).astype(np.uint8))
        truth = {"boxes": sample.boxes.tolist(), "labels": sample.labels.tolist(), "crowd": sample.crowd.tolist()}
        shown.append({"name": sample.name, **truth})
    write_json(folder / "images" / "names.json", shown)
    return [image["name"] for image in shown]
