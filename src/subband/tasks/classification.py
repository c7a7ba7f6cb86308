"""How a classification run goes: its data, network and loss, a training step, a validation."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from subband import catalog
from subband.config import Data, Model, Recipe
from subband.data import Split
from subband.data.class_sample import ClassSamples
from subband.models.classifiers import CONVERSION, classifier, without_bias
from subband.tasks.splitting import split_images

BATCH = 256
"""Images that are classified at a time in a test."""


class ClassificationTask:
    """A network, a loss and validation images; knows nothing of how it is run.

    Args:
        model: Network (B, C, H, W) of normalised images to logits (B, classes).
        loss: Loss of logits and classes. One that has a ``bias`` takes the place of the network's own.
        validation: Items with ``image`` (C, H, W) in [0, 1] and ``target``.
        classes: Number of classes.
        normal: Mean and deviation of the channels, with which validation images are normalised.
        divide: Divide the loss by the number of images in the batch.
        workers: Loader processes of the validation.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: nn.Module,
        validation: Dataset[Any] | Sequence[Any],
        *,
        classes: int,
        normal: tuple[Any, Any] = (0.0, 1.0),
        divide: bool = False,
        workers: int = 0,
    ) -> None:
        self.model = without_bias(model, classes) if learnt_bias(loss) is not None else model
        self.loss, self.validation, self.divide, self.workers = loss, validation, divide, workers
        self.mean, self.std = (torch.as_tensor(each, dtype=torch.float32).reshape(-1, 1, 1) for each in normal)

    def step(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Loss of a batch with ``image`` and ``target``."""
        value = self.loss(self.model(batch["image"]), batch["target"])
        return {"loss": value / len(batch["target"]) if self.divide else value}

    def at_step(self, step: int, epoch: int) -> None:
        """Nothing depends on the step."""

    def validate(self) -> dict[str, float]:
        """Share of the validation images that get their class; empty where there are none."""
        right, count = 0, 0
        bias = learnt_bias(self.loss)
        for batch in batches(self.validation, workers=self.workers):
            logits = logits_of(self.model, (batch["image"] - self.mean) / self.std)
            logits = logits if bias is None else logits - bias.detach().cpu()
            right += int((logits.argmax(1) == batch["target"]).sum())
            count += len(logits)
        return {"accuracy": right / count} if count else {}


def learnt_bias(loss: nn.Module) -> Tensor | None:
    """Bias that a loss learns, one number or one for each class; None if it has none."""
    bias = getattr(loss, "bias", None)
    return bias if isinstance(bias, nn.Parameter) else None


def batches(items: Dataset[Any] | Sequence[Any], *, size: int = BATCH, workers: int = 0) -> Iterator[dict[str, Any]]:
    """Items in order, ``size`` at a time; leaves the global random numbers alone."""
    if len(items):  # type: ignore[arg-type]
        generator = torch.Generator()
        yield from DataLoader(items, batch_size=size, num_workers=workers, generator=generator)  # type: ignore[arg-type]


def logits_of(model: nn.Module, images: Tensor) -> Tensor:
    """Logits (B, classes) of a batch on the CPU, in evaluation mode and float32."""
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    with torch.inference_mode():
        found: Tensor = model(images.to(device)).float().cpu()
    model.train(was_training)
    return found


def read_samples(data: Data) -> ClassSamples:
    """Images of a recipe's reader.

    Raises:
        ValueError: If there is no such reader for classes, or it needs a folder that the recipe does not name.
    """
    entry = catalog.find("class-dataset", data.reader)
    if data.reader == "synthetic-classes":
        reader = entry.load()(size=data.size, count=data.count, seed=data.fold_seed)
    elif data.root is None:
        raise ValueError(f"the reader {data.reader!r} needs the folder of the data: --data.root FOLDER")
    else:
        reader = entry.load()(data.root)
    found: ClassSamples = reader
    return found


def split_samples(samples: ClassSamples, data: Data) -> list[Split]:
    """Folds of the recipe, one hold-out split, or the set's own, whose training images validate where none do.

    Raises:
        ValueError: If ``data.validation`` is out of range.
    """
    return split_images(samples, samples.labels, data)


def network_options(model: Model) -> dict[str, Any]:
    """Options of a network; the width goes to the one of ours."""
    if model.name != "cifar-resnet":
        return model.options
    if "width" in model.options:
        raise ValueError("options of the network 'cifar-resnet' hold 'width'; give it as model.width")
    return {"width": model.width, **model.options}


def options_of(network: str) -> list[str]:
    """Names of the keys and options of a network."""
    return ["width", "blocks", *CONVERSION] if network == "cifar-resnet" else list(CONVERSION)


def build_model(model: Model, *, channels: int, classes: int, seed: int) -> nn.Module:
    """Classifier of a recipe with seeded weights.

    Raises:
        ValueError: If the name or an option is unknown.
    """
    torch.manual_seed(seed)
    return classifier(model.name, channels=channels, classes=classes, options=network_options(model))


def build_loss(recipe: Recipe, name: str, *, classes: int = 2) -> nn.Module:
    """Loss of the catalogue with the recipe's options.

    Raises:
        ValueError: If the name or an option is unknown.
    """
    entry = catalog.find("class-loss", name)
    options = {**entry.options, **recipe.loss_options.get(name, {})}
    made = entry.load()
    needs = {"classes": classes} if "classes" in inspect.signature(made).parameters else {}
    try:
        built: nn.Module = made(**needs, **options)
    except TypeError as error:
        raise ValueError(f"loss_options of {name}: {error}") from error
    return built
