"""What a kind of run gives to the comparison, and which module gives it."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from torch import nn
from torch.utils.data import Dataset

from subband._check import one_of
from subband.config import Data, Model, Recipe
from subband.data import Split
from subband.tasks.plan import Task

if TYPE_CHECKING:
    from subband.tasks.cell import Cell, Material

MODULES = {
    "segmentation": "subband.tasks.segmentation_cell",
    "classification": "subband.tasks.classification_cell",
    "detection": "subband.tasks.detection_cell",
    "recognition": "subband.tasks.recognition_cell",
    "registration": "subband.tasks.registration_cell",
    "neurons": "subband.tasks.neurons_cell",
}


class Kind(Protocol):
    """Functions of a kind's module. The samples are whatever its reader gives; only the module itself looks inside."""

    SCORE: str
    """Validation metric that chooses the best weights; higher is better."""

    def check_recipe(self, recipe: Recipe) -> None:
        """Say what of a recipe does not go with the task, before anything is read."""

    def read_samples(self, data: Data) -> Any:
        """Images of a recipe's reader, with ``names``, ``classes`` and ``channels``."""

    def check_samples(self, samples: Any) -> list[str]:
        """What is odd about them, one sentence each."""

    def announce(self, recipe: Recipe, samples: Any) -> list[str]:
        """What is worth knowing before the first run, such as the memory that it takes, one sentence each."""

    def split_samples(self, samples: Any, data: Data) -> list[Split]:
        """Which images train, validate and test."""

    def build_model(self, model: Model, *, channels: int, classes: int, seed: int) -> nn.Module:
        """A network with seeded weights."""

    def options_of(self, network: str) -> list[str]:
        """Names of the options of a network."""

    def load_weights(self, model: nn.Module, path: Path) -> object:
        """Fill a network from a checkpoint; what is returned says in words what was filled."""

    def build_loss(self, recipe: Recipe, name: str, *, classes: int = 2) -> nn.Module:
        """A loss with the recipe's options."""

    def training_stream(self, material: "Material", cell: "Cell", *, steps: int) -> Dataset[dict[str, Any]]:
        """Training items of a cell."""

    def training_task(self, material: "Material", cell: "Cell", model: nn.Module, loss: nn.Module) -> Task:
        """A network and a loss with what validates them."""

    def test(
        self, material: "Material", cell: "Cell", task: Task, stream: Dataset[dict[str, Any]], folder: Path
    ) -> dict[str, Any]:
        """Test a trained cell: what ``result.json`` holds beside who and how long."""

    def more(self, material: "Material", cell: "Cell", folder: Path) -> dict[str, Any] | None:
        """What a finished run's result lacks of what the recipe asks for now, worked out; None if nothing."""

    def write_pictures(self, folder: Path, material: "Material", planned: Sequence["Cell"]) -> list[str]:
        """Write the images that the report shows; returns the names of the tested ones."""


def kind_of(task: str) -> Kind:
    """The module of a task.

    Raises:
        ValueError: If there is no such task.
    """
    one_of("task", task, MODULES)
    return cast(Kind, importlib.import_module(MODULES[task]))
