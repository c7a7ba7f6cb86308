"""A pair registered and scored: its displacement, what it costs, and what it reaches."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from subband.data.registration_sample import Volume
from subband.metrics.jacobian import jacobian_determinant
from subband.metrics.registration_table import registration_metrics
from subband.report.registration_views import Registered
from subband.tasks._memory import grown_memory
from subband.tasks.one_shot import displacement_of
from subband.tasks.plan import Progress
from subband.tasks.registration_baselines import Baseline
from subband.tasks.registration_loss import RegistrationLoss
from subband.transforms.field import Field
from subband.transforms.warp import warp, warp_labels


@dataclass(frozen=True, eq=False)
class Scored:
    """What a registration of one pair gave.

    Attributes:
        field: Displacement on the fixed grid, on the CPU.
        metrics: Values of `subband.metrics.registration_table.REGISTRATION_METRICS`.
        dice: Dice coefficient of each structure; empty without labels.
        labels: Warped labels (*space); None without labels.
    """

    field: Field
    metrics: dict[str, float]
    dice: dict[str, float]
    labels: Tensor | None


def score_pair(
    model: nn.Module,
    loss: RegistrationLoss,
    moving: Volume,
    fixed: Volume,
    structures: Mapping[int, str],
    *,
    labels: Literal["linear", "nearest"] = "linear",
    truth: Field | None = None,
    listen: Callable[[Progress], None] = lambda progress: None,
) -> Scored:
    """Register two volumes of one shape and spacing, and measure time, memory and metrics.

    Args:
        model: A network of fields, or a `Baseline`.
        loss: What a baseline that optimises minimises.
        moving: Volume that is warped; its labels are not shown to the registration.
        fixed: Volume that it is warped onto.
        structures: Names by label.
        labels: How labels are warped.
        truth: The true displacement, if it is known.
        listen: Hears the steps of a baseline that optimises.

    Raises:
        ValueError: If the displacement is not finite.
    """
    device = next((each.device for each in model.parameters()), torch.device("cpu"))
    source, target = (torch.from_numpy(volume.image)[None, None].to(device) for volume in (moving, fixed))
    start = time.perf_counter()
    with grown_memory() as memory:
        if isinstance(model, Baseline):
            found = model.register(source, target, loss, fixed.grid, listen)
        else:
            found = displacement_of(model, source, target, grid=fixed.grid)
    seconds = time.perf_counter() - start
    field = on_cpu(found)
    if not field.vectors.isfinite().all():
        raise ValueError(f"the displacement of {moving.name} onto {fixed.name} is not finite; train with a lower rate")
    costs = {"seconds": seconds, "MB": memory.mb}
    return scored(field, moving, fixed, structures, labels=labels, truth=truth, costs=costs)


def scored(
    field: Field,
    moving: Volume,
    fixed: Volume,
    structures: Mapping[int, str],
    *,
    labels: Literal["linear", "nearest"] = "linear",
    truth: Field | None = None,
    costs: Mapping[str, float] | None = None,
) -> Scored:
    """Metrics of a displacement that is there."""
    warped: Tensor | None = None
    if moving.labels is not None and fixed.labels is not None:
        warped = warp_labels(torch.from_numpy(moving.labels)[None], field, method=labels)[0]
    metrics, dice = registration_metrics(warped, fixed.labels, structures, field, truth=truth)
    return Scored(field, {**metrics, **(costs or {})}, dice, warped)


def on_cpu(field: Field) -> Field:
    """The field on the CPU, in voxels."""
    here = Field(field.vectors.detach().cpu(), field.unit, field.kind, field.grid)
    return here.to_unit("voxel")


def warped_image(moving: Volume, field: Field) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """The moving image, warped (*space)."""
    found: np.ndarray[Any, np.dtype[np.float32]] = warp(torch.from_numpy(moving.image)[None, None], field)[0, 0].numpy()
    return found


def registered(moving: Volume, fixed: Volume, field: Field) -> Registered:
    """What a page shows of a pair."""
    determinant = jacobian_determinant(field)[0].numpy()
    shift = field.to_unit("voxel").vectors[0].numpy()
    spacing = fixed.grid.spacing
    return Registered(fixed.image, moving.image, warped_image(moving, field), shift, determinant, spacing)


def middle_of(volume: Volume, axis: int) -> int:
    """The plane through the middle of the structures along an axis, or of the image without labels."""
    if volume.labels is None or not (volume.labels > 0).any():
        return int(volume.image.shape[axis] // 2)
    return round(float(np.argwhere(volume.labels > 0)[:, axis].mean()))
