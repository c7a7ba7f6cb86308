"""Registration of one pair by optimisation on it alone: of WiNet's weights, of the field, or of its coefficients."""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from subband._check import one_of, positive
from subband._files import write_bytes
from subband.models.winet import WiNet
from subband.tasks.plan import Progress
from subband.tasks.registration_loss import RegistrationLoss
from subband.transforms.exponential import exponential
from subband.transforms.field import Field, Grid, Kind
from subband.transforms.wavedec import Coefficients, wavedec, waverec

Unknown = Literal["winet", "field", "coefficients"]
RATES = {"winet": 1e-3, "field": 1e-2, "coefficients": 1e-2}
"""Adam's learning rates; those of a field and of its coefficients are in normalised units."""


class FreeField(nn.Module):
    """A field whose every vector is learnt; it begins with the identity.

    Args:
        space: Number of voxels along each axis.
        diffeomorphic: The field is a velocity.
    """

    def __init__(self, space: tuple[int, ...], *, diffeomorphic: bool = False) -> None:
        super().__init__()
        self.kind: Kind = "velocity" if diffeomorphic else "displacement"
        self.vectors = nn.Parameter(torch.zeros(1, len(space), *space))

    def forward(self, moving: Tensor, fixed: Tensor) -> Field:
        """Return the field; the images are not looked at."""
        return Field(self.vectors, "normalised", self.kind)


class FreeCoefficients(nn.Module):
    """A field whose every wavelet coefficient is learnt; it begins with the identity.

    Args:
        space: Number of voxels along each axis.
        wavelet: See `subband.transforms.dwt`.
        level: Number of levels.
        diffeomorphic: The field is a velocity.
    """

    def __init__(
        self, space: tuple[int, ...], *, wavelet: str = "haar", level: int = 3, diffeomorphic: bool = False
    ) -> None:
        super().__init__()
        self.kind: Kind = "velocity" if diffeomorphic else "displacement"
        self.zero = wavedec(torch.zeros(1, len(space), *space), wavelet, dims=len(space), level=level)
        self.approx = nn.Parameter(self.zero.approx.clone())
        self._bands = [
            nn.ParameterDict({name: nn.Parameter(band.clone()) for name, band in bands.items()})
            for bands in self.zero.details
        ]
        self.details = nn.ModuleList(self._bands)

    def coefficients(self) -> Coefficients:
        """Return what is learnt."""
        details = tuple({name: bands[name] for name in bands} for bands in self._bands)
        return replace(self.zero, approx=self.approx, details=details)

    def forward(self, moving: Tensor, fixed: Tensor) -> Field:
        """Return the field; the images are not looked at."""
        return Field(waverec(self.coefficients()), "normalised", self.kind)


@dataclass(frozen=True)
class OneShot:
    """How one pair is optimised.

    Args:
        unknown: What Adam moves: the weights of a fresh ``winet``, the vectors of the ``field``, or its
            ``coefficients``.
        steps: Steps of Adam.
        lr: Learning rate; 0 takes 1e-3 for the weights of a network, 1e-2 for a field and its coefficients.
        diffeomorphic: The field is a velocity, whose exponential warps.
        seed: Seed of the weights.
        options: Further options of `subband.models.WiNet` or of `FreeCoefficients`.

    Raises:
        ValueError: If an option is unknown or out of range.
    """

    unknown: Unknown = "winet"
    steps: int = 100
    lr: float = 0.0
    diffeomorphic: bool = False
    seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        one_of("unknown", self.unknown, get_args(Unknown))
        positive(steps=self.steps)

    def build(self, fixed: Float[Tensor, "1 channels *space"]) -> nn.Module:
        """What is optimised for images like ``fixed``; on its device, the same for one seed.

        Raises:
            ValueError: If an option is unknown.
        """
        space = tuple(fixed.shape[2:])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            try:
                if self.unknown == "winet":
                    own: dict[str, Any] = {"channels": fixed.shape[1], "dims": len(space), "width": 4, **self.options}
                    made: nn.Module = WiNet(diffeomorphic=self.diffeomorphic, **own)
                elif self.unknown == "field":
                    made = FreeField(space, diffeomorphic=self.diffeomorphic, **self.options)
                else:
                    made = FreeCoefficients(space, diffeomorphic=self.diffeomorphic, **self.options)
            except TypeError as error:
                raise ValueError(f"options of a one-shot {self.unknown}: {error}") from error
        return made.to(fixed.device)


def fit_pair(
    model: nn.Module,
    moving: Float[Tensor, "1 channels *space"],
    fixed: Float[Tensor, "1 channels *space"],
    loss: RegistrationLoss,
    *,
    steps: int = 100,
    lr: float = 1e-3,
    grid: Grid | None = None,
    state: Path | None = None,
    listen: Callable[[Progress], None] = lambda progress: None,
) -> Field:
    """Optimise a model on one pair, and return the displacement that it then gives; no label is looked at.

    Args:
        model: Module ``model(moving, fixed) -> Field``: a `subband.models.WiNet`, `FreeField` or `FreeCoefficients`.
            It is changed.
        moving: Image that is warped.
        fixed: Image that it is warped onto.
        loss: What is minimised.
        steps: Steps of Adam.
        lr: Its learning rate.
        grid: Where the voxels lie, for smoothness in mm; None for voxels of 1 mm.
        state: File that the state is written to ten times, and that an optimisation goes on from; None keeps nothing.
        listen: Hears every step.

    Returns:
        The displacement, without a gradient, normalised, on ``grid``.

    Raises:
        FloatingPointError: If the loss stops being finite.

    Source:
        Direct optimisation is that of Siebert et al., Learn2Reg 2021; that of the weights of an untrained network is in
        the spirit of the deep image prior, Ulyanov et al., 2018.

    Example:
        >>> from subband.losses.registration import DiffusionLoss, MSELoss
        >>> moving, fixed = torch.zeros(2, 1, 1, 16, 16)
        >>> moving[..., 5:9, 5:9] = fixed[..., 6:10, 5:9] = 1
        >>> loss = RegistrationLoss(MSELoss(), DiffusionLoss(), weight=0.01)
        >>> field = fit_pair(FreeField((16, 16)), moving, fixed, loss, steps=30, lr=1e-2)
        >>> field.vectors.shape, field.kind
        (torch.Size([1, 2, 16, 16]), 'displacement')
    """
    positive(steps=steps, lr=lr)
    optimizer = torch.optim.Adam(model.parameters(), lr)
    for step in range(1 + _resumed(state, model, optimizer), steps + 1):
        optimizer.zero_grad()
        value = loss(replace(model(moving, fixed), grid=grid), moving, fixed)
        if not math.isfinite(number := value.item()):
            raise FloatingPointError(f"the loss became {number} at step {step}; take a lower learning rate")
        value.backward()
        optimizer.step()
        if state is not None and step % max(1, steps // 10) == 0:
            _keep(state, step, model, optimizer)
        listen(Progress(step, steps, number, {}))
    return displacement_of(model, moving, fixed, grid=grid)


def _keep(path: Path, step: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    content = io.BytesIO()
    torch.save({"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict()}, content)
    write_bytes(path, content.getvalue())


def _resumed(path: Path | None, model: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """Steps that are done already; fills the model and the optimiser from the file if there is one."""
    if path is None or not path.exists():
        return 0
    kept = torch.load(path, weights_only=True, map_location=next(model.parameters()).device)
    model.load_state_dict(kept["model"])
    optimizer.load_state_dict(kept["optimizer"])
    return int(kept["step"])


@torch.no_grad()
def displacement_of(model: nn.Module, moving: Tensor, fixed: Tensor, *, grid: Grid | None = None) -> Field:
    """The displacement that a model gives, the exponential where its field is a velocity; float32 on ``grid``."""
    found = replace(model(moving, fixed), grid=grid)
    found = replace(found, vectors=found.vectors.detach().float())
    return exponential(found) if found.kind == "velocity" else found
