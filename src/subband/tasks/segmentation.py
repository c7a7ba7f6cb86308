"""How a segmentation run goes: its data, network and loss, a training step, an evaluation."""

import inspect
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from subband import catalog
from subband._check import closest
from subband.config import Data, Model, Recipe
from subband.data import VOID, Samples, Split, folds, given_split, holdout
from subband.losses.segmentation import SegmentationLoss
from subband.metrics import ConfusionMatrix, confusion_matrix, pixel_accuracy, segmentation_metrics
from subband.tasks.splitting import same

LOGGED = {"cross_entropy": "ce_term", "subband": "mi_term"}
"""Terms of a loss, and their columns in the log."""


class Items(Protocol):
    """Validation images, read when they are asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Mapping[str, Any]: ...


class SegmentationTask:
    """A network, a loss and validation images; knows nothing of how it is run.

    Args:
        model: Network (B, C, *space) to logits.
        loss: Loss of logits and target.
        validation: Items with ``image`` (C, *space) and ``target`` (*space).
        warmup_steps: Steps in which CWMI and RMI are their cross-entropy alone, over what they ask for themselves.
        divide: Divide the loss by the number of images in the batch.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: SegmentationLoss,
        validation: Items,
        *,
        warmup_steps: int = 0,
        divide: bool = False,
    ) -> None:
        self.model, self.loss, self.warmup_steps, self.divide = model, loss, warmup_steps, divide
        self.validation = validation

    def step(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Loss of a batch with ``image``, ``target``, and where present ``weight_map`` and ``class_weight``."""
        terms = self.loss.terms(
            self.model(batch["image"]),
            batch["target"],
            weight_map=batch.get("weight_map"),
            class_weight=batch.get("class_weight"),
        )
        found = {LOGGED.get(name, name): value for name, value in terms.items()}
        return {**found, "loss": found["loss"] / len(batch["target"])} if self.divide else found

    def at_step(self, step: int, epoch: int) -> None:
        """Pass the epoch on to the loss, and keep a loss that is blind to an inverted mask in its warm-up."""
        if self.loss.warmup is not None:
            self.loss.warmup = False
        self.loss.at_epoch(epoch)
        if self.loss.warmup is not None and step < self.warmup_steps:
            self.loss.warmup = True

    def validate(self) -> dict[str, float]:
        """Mean metrics over the validation images; with more than two classes, those of all their pixels together."""
        scores: list[dict[str, float]] = []
        matrix: ConfusionMatrix | None = None
        for index in range(len(self.validation)):
            item = self.validation[index]
            probability = predict(self.model, item["image"])
            if len(probability) == 1:
                scores.append(image_metrics(probability, item["target"], quick=True))
            else:
                matrix = matrix or ConfusionMatrix(len(probability), ignore_index=VOID)
                matrix.update(labels(probability), np.asarray(item["target"]))
        if matrix is not None:
            return matrix.metrics()
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
    return image_metrics(probability, item["target"], quick=quick), probability


def image_metrics(probability: np.ndarray[Any, Any], target: Tensor, *, quick: bool = False) -> dict[str, float]:
    """Metrics of one image; with more than two classes void does not count, and the accuracy stands beside them."""
    found, truth, classes = labels(probability), np.asarray(target), max(2, len(probability))
    names = ("mIoU", "mDice", "VI", "ARI") if quick else None
    if classes == 2:
        return segmentation_metrics(found, truth, classes=classes, names=names)
    scores = segmentation_metrics(found, truth, classes=classes, ignore_index=VOID, names=names)
    matrix = confusion_matrix(found, truth, classes=classes, ignore_index=VOID)
    return {"mIoU": scores.pop("mIoU"), "accuracy": pixel_accuracy(matrix), **scores}


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
    """Folds of the recipe, one hold-out split, the set's own split, or all images for everything."""
    if data.split == "given":
        return [given_split(samples)]
    if data.split == "holdout":
        return [holdout(len(samples), test_every=3)]
    if data.split == "same":
        return [same(len(samples))]
    return folds(len(samples), folds=data.folds, seed=data.fold_seed)


def network_options(network: Any) -> list[str]:
    """Names of the keyword arguments of a network."""
    return list(inspect.signature(network).parameters)[2:]


def build_model(model: Model, *, channels: int, classes: int, seed: int) -> nn.Module:
    """Network of a recipe with seeded weights; it gets those of width, depth and norm that it has.

    Raises:
        ValueError: If the name or an option is unknown.
    """
    outputs = 1 if classes == 2 and model.outputs == "sigmoid" else classes
    entry = catalog.find("model", model.name)
    network = entry.load()
    known = network_options(network)
    keys = {key: value for key, value in vars(model).items() if key in ("width", "depth", "norm")}
    options = {**entry.options, **model.options}
    for name in options:
        if name in keys:
            raise ValueError(f"options of the network {model.name!r} hold {name!r}; give it as model.{name}")
        if name not in known:
            free = [each for each in known if each not in keys]
            raise ValueError(
                f"the network {model.name!r} has no option {name!r}{closest(name, free)} (known: {', '.join(free)})"
            )
    torch.manual_seed(seed)
    built: nn.Module = network(
        channels, outputs, **{key: value for key, value in keys.items() if key in known}, **options
    )
    return built


def build_loss(recipe: Recipe, name: str, *, classes: int = 2) -> SegmentationLoss:
    """Loss of the catalogue with the recipe's options; with more than two classes, void pixels are ignored.

    Raises:
        ValueError: If the name or an option is unknown.
    """
    entry = catalog.find("loss", name)
    void = {"ignore_index": VOID} if classes > 2 else {}
    options = {**void, **entry.options, **recipe.loss_options.get(name, {})}
    if isinstance(options.get("class_weight"), list):
        options["class_weight"] = torch.tensor(options["class_weight"], dtype=torch.float32)
    try:
        built: SegmentationLoss = entry.load()(**options)
    except TypeError as error:
        raise ValueError(f"loss_options of {name}: {error}") from error
    return built
