"""How a recognition run goes: its identities, network and head, a training step, embeddings."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from subband import catalog
from subband.config import Data, Model, Recipe
from subband.data import Split
from subband.data.class_sample import ClassSample, ClassSamples
from subband.data.pairs import identity_split
from subband.models.classifiers import CONVERSION
from subband.models.embedder import embedder
from subband.models.iresnet import IResNet, restrict_weights
from subband.models.iresnet_checkpoint import load_iresnet
from subband.tasks.classification import BATCH, batches
from subband.tasks.classification import options_of as known_options
from subband.tasks.methods import network
from subband.tasks.weights import Matched, load_classifier, read_state

FEATURES = 512
"""Length of an embedding unless the options of the network say otherwise."""
Validation = Callable[[nn.Module], dict[str, float]]


class RecognitionTask:
    """A network of embeddings and a head that learns the identities; knows nothing of how it is run.

    Args:
        model: Network (B, C, H, W) of normalised images to embeddings (B, D).
        loss: Head of embeddings and identities; the ``epoch`` of its parts is set before each step.
        validation: What the network reaches; None where nothing validates.
    """

    def __init__(self, model: nn.Module, loss: nn.Module, validation: Validation | None = None) -> None:
        self.model, self.loss, self.validation = model, loss, validation

    def at_step(self, step: int, epoch: int) -> None:
        """Tell the head its epoch, and keep the slopes of an IResNet positive, as its authors do after each step."""
        set_epoch(self.loss, epoch)
        restrict(self.model)

    def step(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Loss of a batch with ``image`` and ``target``."""
        return {"loss": self.loss(self.model(batch["image"]), batch["target"])}

    def validate(self) -> dict[str, float]:
        """Metrics of the validation; empty where there is none."""
        restrict(self.model)
        return {} if self.validation is None else self.validation(self.model)


def set_epoch(head: nn.Module, epoch: int) -> None:
    """Set ``epoch`` of a head and of the heads within it."""
    for module in head.modules():
        if hasattr(module, "epoch"):
            module.epoch = epoch  # type: ignore[assignment]


def restrict(model: nn.Module) -> None:
    """Keep the slopes of an IResNet at 0.01 or above; another network is left alone."""
    if isinstance(model, IResNet):
        restrict_weights(model)


class OpenSet:
    """Images whose training identities are numbered from 0, and those of the others after them.

    Args:
        samples: Images and identities.
        split: Which images train, validate and test; identities are apart.

    Raises:
        ValueError: If the training images are of fewer than two identities.

    Attributes:
        classes: Number of training identities, whose names are ``class_names``.
    """

    def __init__(self, samples: ClassSamples, split: Split) -> None:
        order = sorted({samples.labels[index] for index in split.train})
        if len(order) < 2:
            raise ValueError(
                f"the {len(split.train)} training images are of {len(order)} identity, but a recognition learns from 2 "
                "or more"
            )
        rest = sorted(set(samples.labels) - set(order))
        number = {label: new for new, label in enumerate([*order, *rest])}
        self.samples, self.split = samples, split
        self.names, self.labels = samples.names, [number[label] for label in samples.labels]
        self.class_names, self.channels = [samples.class_names[label] for label in order], samples.channels

    @property
    def classes(self) -> int:
        """Number of identities that train."""
        return len(self.class_names)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int, /) -> ClassSample:
        found = self.samples[index]
        return ClassSample(found.name, found.pixels, self.labels[index])


def read_samples(data: Data) -> OpenSet:
    """Images of a recipe's reader, with identities apart.

    Raises:
        ValueError: If there is no such reader for identities, it needs a file that the recipe does not name, or too
            few identities are left for a part.
    """
    entry = catalog.find("face-dataset", data.reader)
    samples: ClassSamples
    if data.reader == "synthetic-faces":
        identities = data.count // data.per_identity
        samples = entry.load()(identities=identities, images=data.per_identity, size=data.size, seed=data.fold_seed)
    elif data.root is None:
        raise ValueError(f"the reader {data.reader!r} needs the file or folder of the data: --data.root PATH")
    else:
        samples = entry.load()(data.root)
    return OpenSet(samples, identities_apart(samples, data))


def identities_apart(samples: ClassSamples, data: Data) -> Split:
    """Which images train, validate and test, no identity in two parts.

    Raises:
        ValueError: If fewer than two identities are left for a part.
    """
    people = len(set(samples.labels))
    if data.split == "holdout":
        if not 2 <= data.identities <= people - 2:
            raise ValueError(
                f"data.identities is {data.identities} of {people} identities; test on 2 or more, and leave 2 or more "
                "to train"
            )
        part = data.identities / people
        return identity_split(samples.labels, test=part, validation=data.validation, seed=data.fold_seed)
    train = list(range(len(samples))) if samples.split is None else samples.split.train
    if not data.validation:
        return Split(train, [], [])
    found = identity_split([samples.labels[i] for i in train], test=data.validation, seed=data.fold_seed)
    return Split([train[i] for i in found.train], [train[i] for i in found.test], [])


def split_samples(samples: OpenSet, data: Data) -> list[Split]:
    """The one split of the images."""
    return [samples.split]


def build_model(model: Model, *, channels: int, classes: int, seed: int) -> nn.Module:
    """Network of embeddings with seeded weights; ``features`` and ``size`` are among its options.

    Raises:
        ValueError: If the name or an option is unknown.
    """
    torch.manual_seed(seed)
    options = dict(model.options)
    own = {key: options.pop(key) for key in ("features", "size") if key in options}
    if model.name == "cifar-resnet":
        options = {"width": model.width, **options}
    return embedder(model.name, channels=channels, **own, options=options)


def options_of(name: str) -> list[str]:
    """Names of the keys and options of a network; IResNet's width and depth are no keys of ``model``."""
    if name.startswith("iresnet"):
        own = [key for key in inspect.signature(IResNet).parameters if key not in ("width", "depth")]
        return [*own, *CONVERSION]
    return ["features", *known_options(name)]


def load_weights(model: nn.Module, path: Path) -> Matched:
    """Fill a network from a checkpoint file, an IResNet also from insightface's or its authors'.

    Raises:
        ValueError: If there is no such file, it holds more than tensors, or nothing fits.
    """
    if not isinstance(model, IResNet):
        return load_classifier(model, path)
    load_iresnet(model, read_state(path))
    return Matched(list(model.state_dict()), [], [], "network")


def features_of(recipe: Recipe) -> int:
    """Length of the embeddings, which is that of all networks.

    Raises:
        ValueError: If two networks have another one.
    """
    options = {label: network(recipe, label).options for label in list(recipe.networks) or [""]}
    found = {label: int(each.get("features", FEATURES)) for label, each in options.items()}
    if len(set(found.values())) > 1:
        words = ", ".join(f"{label} {number}" for label, number in found.items())
        raise ValueError(f"the networks have embeddings of other lengths ({words}); give all of them the same features")
    return next(iter(found.values()))


def build_head(recipe: Recipe, name: str, *, classes: int = 2) -> nn.Module:
    """Head of the catalogue with the recipe's options.

    Raises:
        ValueError: If the name or an option is unknown.
    """
    entry = catalog.find("head", name)
    options = {**entry.options, **recipe.loss_options.get(name, {})}
    try:
        built: nn.Module = entry.load()(features_of(recipe), classes, **options)
    except TypeError as error:
        raise ValueError(f"loss_options of {name}: {error}") from error
    return built


def embed(
    model: nn.Module, images: Tensor | Dataset[Any] | Sequence[Any], *, flip: bool = False, batch: int = BATCH
) -> NDArray[np.float32]:
    r"""Embeddings of images, in evaluation mode; not normalised.

    .. math:: f(x) \quad\text{or}\quad f(x) + f(\text{mirrored } x)

    Args:
        model: Network of images (B, C, H, W) to embeddings (B, D); its own normalisation inside.
        images: (N, C, H, W), or items with ``image`` (C, H, W), and ``name`` for the message.
        flip: Add the embedding of the mirrored image, as the authors do.
        batch: Images at a time.

    Returns:
        (N, D), float32.

    Raises:
        ValueError: If there is no image, or an embedding is not finite.

    Source:
        CVI-SZU/UniTSFace, ``backbone.py``, which adds the two when it evaluates.

    Example:
        >>> from torch import nn
        >>> embed(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.zeros(2, 1, 2, 2)).shape
        (2, 3)
    """
    items = [{"image": image} for image in images] if isinstance(images, Tensor) else images
    found: list[Tensor] = []
    for part in batches(items, size=batch):
        embeddings = _embed(model, part["image"])
        embeddings = embeddings + _embed(model, part["image"].flip(-1)) if flip else embeddings
        bad = ~embeddings.isfinite().all(1)
        if bad.any():
            first = int(bad.nonzero()[0])
            name = part["name"][first] if "name" in part else sum(map(len, found)) + first
            raise ValueError(
                f"the embedding of image {name} is not finite, and {int(bad.sum()) - 1} more of its batch; look at the "
                "image, or train again with a lower learning rate"
            )
        found.append(embeddings)
    if not found:
        raise ValueError("there is no image to embed; give at least one")
    return torch.cat(found).numpy()


def _embed(model: nn.Module, images: Tensor) -> Tensor:
    """Embeddings of a batch on the CPU, in evaluation mode and float32."""
    was_training = model.training
    model.eval()
    device = next((parameter.device for parameter in model.parameters()), images.device)
    with torch.inference_mode():
        found: Tensor = model(images.to(device)).float().cpu()
    model.train(was_training)
    return found
