"""How a registration run goes: its volumes and pairs, its network, a training step."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from subband import catalog
from subband._check import closest
from subband.config import Data, Model, Recipe
from subband.data.common_grid import OnGrid
from subband.data.registration_pairs import Pairs, atlas_to_subject, subject_to_subject
from subband.data.registration_sample import Volume, Volumes
from subband.data.splits import Split, folds, given_split, holdout
from subband.models.winet_checkpoint import load_authors_winet
from subband.tasks.registration_baselines import Baseline
from subband.tasks.registration_loss import RegistrationLoss
from subband.tasks.weights import read_state
from subband.transforms.field import Field, Grid

Validation = Callable[[nn.Module], dict[str, float]]
BEGINNING = "layer1.conv1.conv.weight"
"""End of a name in the weights of the WiNet authors, of which ours have none."""


class RegistrationTask:
    """A network of fields and a loss; knows nothing of how it is run.

    Args:
        model: Network ``model(moving, fixed) -> Field``.
        loss: What is minimised.
        grid: Where the voxels of all volumes lie.
        validation: What the network reaches; None where nothing validates.
    """

    def __init__(
        self, model: nn.Module, loss: RegistrationLoss, grid: Grid, validation: Validation | None = None
    ) -> None:
        self.model, self.loss, self.grid, self.validation = model, loss, grid, validation

    def at_step(self, step: int, epoch: int) -> None:
        """Nothing changes in the course of a training."""

    def step(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Loss of a batch with ``moving``, ``fixed``, and ``moving_labels`` and ``fixed_labels`` if there are any."""
        moving, fixed = batch["moving"], batch["fixed"]
        labels = (batch["moving_labels"], batch["fixed_labels"]) if "moving_labels" in batch else None
        field = replace(self.model(moving, fixed), grid=self.grid)
        return {"loss": self.loss(field, moving, fixed, labels=labels)}

    def validate(self) -> dict[str, float]:
        """Metrics of the validation; empty where there is none."""
        return {} if self.validation is None else self.validation(self.model)


class PairedVolumes:
    """Volumes on one grid, and what a split is of: the set's pairs, or subjects of which any two are a pair.

    Args:
        volumes: The set.
        data: The atlas, and the shape and the spacing that volumes are brought to.

    Raises:
        ValueError: If volumes cannot be brought to one grid, or there is no such atlas.

    Attributes:
        names: Name of each pair, or of each subject.
        structures: Names by label.
    """

    channels = 1

    def __init__(self, volumes: Volumes, data: Data) -> None:
        self.volumes: Volumes = OnGrid(volumes, shape=tuple(data.crop) or None, spacing=tuple(data.spacing) or None)
        self.structures, self.pairs = dict(volumes.structures), volumes.pairs
        if data.atlas is not None:
            if data.atlas not in volumes.names:
                shown = f"{closest(data.atlas, volumes.names)} (there are {', '.join(volumes.names[:3])}, ...)"
                raise ValueError(f"data.atlas is {data.atlas!r}, but no volume has that name{shown}")
            self.pairs = atlas_to_subject(volumes.names.index(data.atlas), range(len(volumes)))
        self.names = list(volumes.names)
        if self.pairs is not None:
            self.names = [f"{volumes.names[a]} to {volumes.names[b]}" for a, b in self.pairs]

    @property
    def classes(self) -> int:
        """Number of labels, background included."""
        return max(self.structures, default=0) + 1

    @property
    def class_names(self) -> list[str]:
        """Name of each label."""
        return ["background", *(self.structures.get(label, "-") for label in range(1, self.classes))]

    @cached_property
    def grid(self) -> Grid:
        """Shape and spacing that all volumes have, from the origin on."""
        own = self.volumes[0].grid
        return Grid(own.shape, spacing=own.spacing)

    @property
    def split(self) -> Split | None:
        """The set's own split, of pairs where there are pairs: a pair is in the part of its fixed volume."""
        own = self.volumes.split
        if own is None or self.pairs is None:
            return own
        parts = [set(part) for part in (own.train, own.validation, own.test)]
        return Split(*([i for i, (_, fixed) in enumerate(self.pairs) if fixed in part] for part in parts))

    def __len__(self) -> int:
        return len(self.names)

    def chosen(self, indices: Sequence[int], *, count: int = 0, seed: int = 0) -> Pairs:
        """Pairs of a part: those of these numbers, or of these subjects, at most ``count`` unless that is 0.

        Raises:
            ValueError: If there is no pair.
        """
        if self.pairs is not None:
            listed = list(indices)[: count or None]
            return Pairs([self.pairs[i][0] for i in listed], [self.pairs[i][1] for i in listed])
        most = len(indices) * (len(indices) - 1)
        return subject_to_subject(indices, count=min(count, most) if count else None, seed=seed)

    def pair(self, moving: int, fixed: int) -> tuple[Volume, Volume]:
        """Two volumes, on one shape."""
        return self.volumes[moving], self.volumes[fixed]

    def truth(self, moving: int, fixed: int) -> Field | None:
        """The true displacement between two volumes; None where the set does not know it."""
        own = list(self.volumes.pairs or [])
        return self.volumes.truth(own.index((moving, fixed))) if (moving, fixed) in own else None


class PairStream(Dataset[dict[str, Tensor]]):
    """Training pairs as tensors; item i depends on the seed and on i alone.

    Args:
        samples: Volumes and their pairs.
        indices: Pairs, or subjects, that train.
        seed: Seed of the choice.
        length: Number of items.
        labels: Give the labels too.
    """

    def __init__(
        self, samples: PairedVolumes, *, indices: Sequence[int], seed: int, length: int, labels: bool = False
    ) -> None:
        if len(indices) < (1 if samples.pairs else 2):
            raise ValueError(f"{len(indices)} volume(s) train, but a registration learns from 2 or more")
        self.samples, self.indices, self.seed = samples, list(indices), seed
        self.length, self.labels = length, labels

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, item: int) -> dict[str, Tensor]:
        generator = np.random.default_rng((self.seed, item))
        if self.samples.pairs is None:
            moving, fixed = generator.choice(self.indices, 2, replace=False).tolist()
        else:
            moving, fixed = self.samples.pairs[self.indices[int(generator.integers(len(self.indices)))]]
        return tensors(*self.samples.pair(moving, fixed), labels=self.labels)


def tensors(moving: Volume, fixed: Volume, *, labels: bool) -> dict[str, Tensor]:
    """A pair as tensors: images (1, *space), labels (*space).

    Raises:
        ValueError: If labels are wanted and a volume has none.
    """
    found = {}
    for name, volume in (("moving", moving), ("fixed", fixed)):
        found[name] = torch.from_numpy(volume.image)[None]
        if labels:
            if volume.labels is None:
                raise ValueError(f"registration.dice trains with labels, but {volume.name} has none; set it to 0")
            found[f"{name}_labels"] = torch.from_numpy(volume.labels).long()
    return found


def read_volumes(data: Data) -> Volumes:
    """Volumes of a recipe's reader.

    Raises:
        ValueError: If there is no such reader, or it needs a folder that the recipe does not name.
    """
    entry = catalog.find("volume-dataset", data.reader)
    options = {**entry.options, **data.options}
    found: Volumes
    try:
        if data.reader.startswith("synthetic"):
            found = entry.load()(count=data.count, size=tuple(data.crop), seed=data.fold_seed, **options)
        elif data.root is None:
            raise ValueError(f"the reader {data.reader!r} needs the folder of the data: --data.root PATH")
        else:
            found = entry.load()(data.root, **options)
    except TypeError as error:
        raise ValueError(f"data.options of {data.reader}: {error}") from error
    return found


def split_samples(samples: PairedVolumes, data: Data) -> list[Split]:
    """Which pairs, or subjects, train, validate and test.

    Raises:
        ValueError: If there are too few.
    """
    if data.split == "given":
        return [given_split(samples)]
    if data.split == "holdout":
        return [holdout(len(samples))]
    return folds(len(samples), folds=data.folds, seed=data.fold_seed, validation=data.validation)


def build_model(model: Model, *, channels: int, classes: int, seed: int) -> nn.Module:
    """Network or baseline with seeded weights.

    Raises:
        ValueError: If the name or an option is unknown.
    """
    entry = catalog.find("registration", model.name)
    torch.manual_seed(seed)
    options = {**entry.options, **model.options}
    if model.name == "winet":
        options = {"channels": channels, "width": model.width, **options}
    if "seed" in inspect.signature(entry.load()).parameters:
        options = {"seed": seed, **options}
    try:
        built: nn.Module = entry.load()(**options)
    except TypeError as error:
        raise ValueError(f"options of {model.name}: {error}") from error
    return built


def options_of(name: str) -> list[str]:
    """Names of the options of a network."""
    return list(inspect.signature(catalog.find("registration", name).load()).parameters)


def load_weights(model: nn.Module, path: Path) -> str:
    """Fill a network from a checkpoint, also of the WiNet authors.

    Raises:
        ValueError: If there is no such file, it holds more than tensors, or it does not fit.
    """
    if isinstance(model, Baseline):
        raise ValueError(f"{type(model).__name__} learns nothing, so it takes no weights; leave {path} out")
    state = read_state(path)
    if any(name.endswith(BEGINNING) for name in state):
        load_authors_winet(model, state)  # type: ignore[arg-type]
        return "the authors' weights"
    model.load_state_dict(state)
    return "all weights"


def read_samples(data: Data) -> PairedVolumes:
    """Volumes of a recipe's reader on one grid, with their pairs.

    Raises:
        ValueError: If they cannot be read or brought to one grid.
    """
    return PairedVolumes(read_volumes(data), data)


def check_dims(recipe: Recipe, samples: PairedVolumes) -> None:
    """Raise ``ValueError`` if a WiNet is for images of another number of axes than the data have."""
    dims = len(samples.grid.shape)
    for label in list(recipe.networks) or [""]:
        keys = {**vars(recipe.model), **recipe.networks.get(label, {})}
        if keys["name"] == "winet" and keys["options"].get("dims", 3) != dims:
            raise ValueError(
                f"the images have {dims} axes; give the network {label or 'winet'} the options {{dims: {dims}}}"
            )
