"""How a segmentation run goes: its data, network and loss, a training step, an evaluation."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from subband import catalog
from subband.config import Data, Model, Recipe
from subband.data import Samples, Split, folds, holdout
from subband.losses.segmentation import SegmentationLoss
from subband.metrics import segmentation_metrics

LOGGED = {"cross_entropy": "ce_term", "subband": "mi_term"}
"""Terms of a loss, and their columns in the log."""


class SegmentationTask:
    """A network, a loss and validation images; knows nothing of how it is run.

    Args:
        model: Network (B, C, *space) to logits.
        loss: Loss of logits and target.
        validation: Items with ``image`` (C, *space) and ``target`` (*space).
        warmup_steps: Steps in which CWMI and RMI are their cross-entropy alone, over what they ask for themselves.
    """

    def __init__(
        self, model: nn.Module, loss: SegmentationLoss, validation: list[dict[str, Any]], *, warmup_steps: int = 0
    ) -> None:
        self.model, self.loss, self.validation, self.warmup_steps = model, loss, validation, warmup_steps

    def step(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Loss of a batch with ``image``, ``target``, and where present ``weight_map`` and ``class_weight``."""
        terms = self.loss.terms(
            self.model(batch["image"]),
            batch["target"],
            weight_map=batch.get("weight_map"),
            class_weight=batch.get("class_weight"),
        )
        return {LOGGED.get(name, name): value for name, value in terms.items()}

    def at_step(self, step: int, epoch: int) -> None:
        """Pass the epoch on to the loss, and keep a loss that is blind to an inverted mask in its warm-up."""
        if self.loss.warmup is not None:
            self.loss.warmup = False
        self.loss.at_epoch(epoch)
        if self.loss.warmup is not None and step < self.warmup_steps:
            self.loss.warmup = True

    def validate(self) -> dict[str, float]:
        """Mean metrics over the validation images."""
        scores = [evaluate(self.model, item, quick=True)[0] for item in self.validation]
        return {name: float(np.mean([score[name] for score in scores])) for name in scores[0]} if scores else {}


def foreground(logits: Tensor) -> Tensor:
    """Foreground probability (B, *space) of logits with one or two channels."""
    return logits[:, 0].sigmoid() if logits.shape[1] == 1 else logits.softmax(1)[:, 1]


def predict(model: nn.Module, image: Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Class probabilities (C, *space) of one image (channels, *space); one channel where there are two classes."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        logits = model(image[None].to(device)).float()
    model.train(was_training)
    probability = foreground(logits) if logits.shape[1] <= 2 else logits.softmax(1)[0]
    return probability.cpu().numpy().astype(np.float32)


def labels(probability: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Class of each pixel: above one half for (1, *space), the largest for (C, *space)."""
    found = probability[0] > 0.5 if len(probability) == 1 else probability.argmax(0)
    return np.asarray(found, np.uint8)


def evaluate(
    model: nn.Module, item: Mapping[str, Any], *, quick: bool = False
) -> tuple[dict[str, float], np.ndarray[Any, np.dtype[np.float32]]]:
    """Metrics and class probabilities of one image; ``quick`` leaves out the slow metrics."""
    probability = predict(model, item["image"])
    classes = max(2, len(probability))
    scores = segmentation_metrics(
        labels(probability),
        np.asarray(item["target"]),
        classes=classes,
        names=("mIoU", "mDice", "VI", "ARI") if quick else None,
    )
    return scores, probability


def read_samples(data: Data) -> Samples:
    """Images of a recipe's reader.

    Raises:
        ValueError: If the reader needs a folder that the recipe does not name.
    """
    entry = catalog.find("dataset", data.reader)
    if data.reader.startswith("synthetic"):
        reader = entry.load()(**entry.options, size=data.size, count=data.count, seed=data.fold_seed)
    elif data.reader == "folder":
        reader = entry.load()(data.root, images=data.images, masks=data.masks)
    elif data.root is None:
        raise ValueError(f"the reader {data.reader!r} needs the folder of the data: --data.root FOLDER")
    else:
        reader = entry.load()(data.root, **entry.options)
    found: Samples = reader
    return found


def split_samples(samples: Samples, data: Data) -> list[Split]:
    """Folds of the recipe, or one hold-out split."""
    if data.split == "holdout":
        return [holdout(len(samples), test_every=3)]
    return folds(len(samples), folds=data.folds, seed=data.fold_seed)


def build_model(model: Model, *, channels: int, classes: int, seed: int) -> nn.Module:
    """Network of a recipe with seeded weights."""
    torch.manual_seed(seed)
    outputs = 1 if classes == 2 and model.outputs == "sigmoid" else classes
    built: nn.Module = catalog.find("model", model.name).load()(
        channels, outputs, width=model.width, depth=model.depth, norm=model.norm
    )
    return built


def build_loss(recipe: Recipe, name: str) -> SegmentationLoss:
    """Loss of the catalogue with the recipe's options.

    Raises:
        ValueError: If the name or an option is unknown.
    """
    entry = catalog.find("loss", name)
    options = {**entry.options, **recipe.loss_options.get(name, {})}
    try:
        built: SegmentationLoss = entry.load()(**options)
    except TypeError as error:
        raise ValueError(f"loss_options of {name}: {error}") from error
    return built
