"""How a run on neurons goes: its volumes and splits, its networks, the cubes that train."""

import inspect
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from subband import catalog
from subband._check import closest
from subband.config import Data, Model
from subband.data.neuron_sample import NeuronSample, NeuronSamples
from subband.data.neuron_split import by_neuron
from subband.data.sample import Sample
from subband.data.splits import Split, folds, given_split, holdout
from subband.losses.segmentation import SegmentationLoss
from subband.tasks.neuron_threshold import GreyThreshold
from subband.tasks.segmentation import SegmentationTask
from subband.tasks.splitting import same
from subband.tasks.weights import read_state

Validation = Callable[[nn.Module], dict[str, float]]


class NeuronVolumes:
    """Neurons as a set of images with masks, as every segmentation has it; `neuron` gives the trees too.

    Args:
        volumes: The set.
    """

    classes = 2
    channels = 1
    class_names = ("background", "neuron")

    def __init__(self, volumes: NeuronSamples) -> None:
        self.volumes = volumes
        self.names, self.neurons = list(volumes.names), list(volumes.neurons)
        self.split: Split | None = getattr(volumes, "split", None)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int, /) -> Sample:
        found = self.volumes[index]
        return Sample(found.name, found.image[None], found.labels)

    def neuron(self, index: int) -> NeuronSample:
        """A volume with its tree."""
        return self.volumes[index]


class NeuronTask(SegmentationTask):
    """A network and a loss of cubes, validated on whole volumes.

    Args:
        model: Network (B, 1, Z, Y, X) to logits.
        loss: Loss of logits and target.
        check: What the network reaches on the volumes that validate.
        warmup_steps: Steps in which CWMI and RMI are their cross-entropy alone.
        divide: Divide the loss by the number of cubes in the batch.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: SegmentationLoss,
        check: Validation,
        *,
        warmup_steps: int = 0,
        divide: bool = False,
    ) -> None:
        super().__init__(model, loss, (), warmup_steps=warmup_steps, divide=divide)
        self.check = check

    def validate(self) -> dict[str, float]:
        """Metrics of the validation."""
        return self.check(self.model)


def read_samples(data: Data) -> NeuronVolumes:
    """Volumes of a recipe's reader.

    Raises:
        ValueError: If there is no such reader, or it needs a folder that the recipe does not name.
    """
    entry = catalog.find("neuron-dataset", data.reader)
    options = {**entry.options, **data.options}
    try:
        if data.reader.startswith("synthetic"):
            options = {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
            return NeuronVolumes(entry.load()(count=data.count, seed=data.fold_seed, **options))
        if data.root is None:
            raise ValueError(f"the reader {data.reader!r} needs the folder of the data: --data.root FOLDER")
        return NeuronVolumes(entry.load()(data.root, **options))
    except TypeError as error:
        raise ValueError(f"data.options of {data.reader}: {error}") from error


def split_samples(samples: NeuronVolumes, data: Data) -> list[Split]:
    """Which volumes train, validate and test; those of one neuron are always together.

    Raises:
        ValueError: If there are too few neurons.
    """
    if data.split == "same":
        return [same(len(samples))]
    if data.split == "given":
        return [given_split(samples)]
    count = len(set(samples.neurons))
    held = data.split == "holdout"
    found = (
        [holdout(count)] if held else folds(count, folds=data.folds, seed=data.fold_seed, validation=data.validation)
    )
    return [by_neuron(samples.neurons, split) for split in found]


def build_model(model: Model, *, channels: int, classes: int, seed: int) -> nn.Module:
    """Network with seeded weights, or a threshold.

    Raises:
        ValueError: If the name or an option is unknown.
    """
    entry = catalog.find("neuron-model", model.name)
    options = {**entry.options, **model.options}
    known = options_of(model.name)
    for name in options:
        if name not in known or name == "width":
            raise ValueError(
                f"the network {model.name!r} has no option {name!r}{closest(name, known)} (known: {', '.join(known)})"
            )
    kind = entry.load()
    if issubclass(kind, GreyThreshold):
        learns_nothing: nn.Module = kind(**options)
        return learns_nothing
    outputs = 1 if model.outputs == "sigmoid" else classes
    torch.manual_seed(seed)
    built: nn.Module = kind(channels, outputs, width=model.width, **options)
    return built


def options_of(name: str) -> list[str]:
    """Names of the options of a network."""
    parameters = inspect.signature(catalog.find("neuron-model", name).load()).parameters.values()
    return [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]


def load_weights(model: nn.Module, path: Path) -> str:
    """Fill a network from a checkpoint.

    Raises:
        ValueError: If there is no such file, it holds more than tensors, or it does not fit.
    """
    if isinstance(model, GreyThreshold):
        raise ValueError(f"a threshold learns nothing, so it takes no weights; leave {path} out")
    model.load_state_dict(read_state(path))
    return "all weights"
