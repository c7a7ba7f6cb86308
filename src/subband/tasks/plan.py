"""What the engine is given and what it tells: a task, a plan, progress, an outcome."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from torch import Tensor, nn

from subband.config import Optim


class Task(Protocol):
    """What a task gives: a model, a loss, a training step and a validation."""

    @property
    def model(self) -> nn.Module:
        """The network whose parameters are trained."""

    @property
    def loss(self) -> nn.Module:
        """The loss; it moves to the device with the network."""

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return ``loss`` and any further terms to log."""

    def validate(self) -> dict[str, float]:
        """Return the validation metrics of the model as it is."""

    def at_step(self, step: int, epoch: int) -> None:
        """Hear that step ``step`` = 0, 1, ... of epoch ``epoch`` begins."""


@dataclass(frozen=True)
class Plan:
    """Length, seed and folder of a run.

    Args:
        folder: Run folder; ``checkpoints`` and ``metrics.csv`` go there.
        steps: Training steps.
        batch: Items in a step, over all processes.
        epoch_items: Items in an epoch.
        validate_every: Steps between validations.
        score: Validation metric that chooses the best weights; higher is better.
        workers: Loader processes.
        tensorboard: Write TensorBoard events beside the CSV.
    """

    folder: Path
    steps: int
    batch: int
    epoch_items: int
    validate_every: int
    optim: Optim = field(default_factory=Optim)
    score: str = "mIoU"
    workers: int = 0
    tensorboard: bool = False

    @property
    def last(self) -> Path:
        """Checkpoint that a run resumes from."""
        return self.folder / "checkpoints" / "last.ckpt"

    @property
    def best(self) -> Path:
        """Weights of the best validation."""
        return self.folder / "checkpoints" / "best.pt"


@dataclass
class Progress:
    """What a listener hears at every step."""

    step: int
    steps: int
    loss: float
    validation: dict[str, float]


@dataclass
class Fitted:
    """What training gave."""

    best_step: int
    best_score: float
    seconds: float
    ms_per_step: float
