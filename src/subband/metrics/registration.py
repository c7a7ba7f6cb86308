"""How good a registration is: overlap and distance of structures, error at landmarks; folds are in `jacobian`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from subband.metrics._labels import Labels, read_pair
from subband.metrics._surfels import Directed, surfel_distances
from subband.metrics.jacobian import folding_percentage, jacobian_determinant, sd_log_jacobian
from subband.metrics.surface import read_spacing
from subband.transforms.field import Field

__all__ = [
    "SurfaceDistance",
    "dice_per_structure",
    "folding_percentage",
    "jacobian_determinant",
    "sd_log_jacobian",
    "surface_distances",
    "target_registration_error",
]


@dataclass(frozen=True)
class SurfaceDistance:
    """How far two surfaces are apart.

    Attributes:
        hd95: 95th percentile of the distances, the larger of the two directions.
        asd: Mean of the distances in both directions.
    """

    hd95: float
    asd: float


def dice_per_structure(warped: Any, fixed: Any, structures: Mapping[int, str] | None = None) -> dict[str, float]:
    r"""Dice coefficient of each structure.

    .. math:: \frac{2 |W_l \cap F_l|}{|W_l| + |F_l|}

    Args:
        warped: Label map (*space), integers; an array or a tensor.
        fixed: Label map of the same shape.
        structures: Names by label; None takes all labels that occur but the background 0, named by their numbers.

    Returns:
        A number in [0, 1] by name; NaN for a structure that is in neither map (the authors' code gives 0).

    Raises:
        ValueError: If shapes differ, values are no labels, or two structures have one name.

    Source:
        Dice, 1945; MONAI's ``compute_dice`` without the background.

    Example:
        >>> import numpy as np
        >>> dice_per_structure(np.array([[0, 1, 1, 2]]), np.array([[0, 1, 2, 2]]), {1: "left", 2: "right", 3: "none"})
        {'left': 0.6666666666666666, 'right': 0.6666666666666666, 'none': nan}
    """
    w, f, names = _read(warped, fixed, structures)
    found = {}
    for label, name in names.items():
        in_w, in_f = w == label, f == label
        whole = int(in_w.sum() + in_f.sum())
        found[name] = 2 * int((in_w & in_f).sum()) / whole if whole else float("nan")
    return found


def surface_distances(
    warped: Any,
    fixed: Any,
    structures: Mapping[int, str] | None = None,
    *,
    spacing: Sequence[float] | None = None,
) -> dict[str, SurfaceDistance]:
    r"""95th percentile and mean of the distances between the surfaces of each structure, by Learn2Reg's convention.

    A surface has a piece at each corner where pixels in and outside the mask meet, with the area that marching cubes
    gives it. Distances are from corner to corner, and each piece counts by its area. `hausdorff_distance` counts
    boundary pixels instead, as MONAI does, and gives other numbers.

    Args:
        warped: Label map (H, W) or (D, H, W), integers; an array or a tensor.
        fixed: Label map of the same shape.
        structures: As for `dice_per_structure`.
        spacing: Size of a voxel along each axis in mm; 1 if None, as Learn2Reg takes it.

    Returns:
        Distances by name, in the unit of ``spacing``. NaN for a structure that is in neither map; the diagonal of the
        image, the largest distance there is, for one that is in one of them alone.

    Raises:
        ValueError: If shapes differ, values are no labels, two structures have one name, or the spacing does not fit.

    Source:
        Nikolov et al., 2018 (arXiv:1809.04430) and its surface-distance code, which Learn2Reg uses. Departures: the
        mean is over the pieces of both surfaces; a missing structure has the diagonal (theirs: infinity).

    Example:
        >>> import numpy as np
        >>> first, second = np.zeros((2, 6, 6), int)
        >>> first[1:3, 1:3] = second[1:3, 2:4] = 1
        >>> surface_distances(first, second)["1"].hd95
        1.0
    """
    w, f, names = _read(warped, fixed, structures)
    if w.ndim not in (2, 3):
        raise ValueError(f"the label maps have shape {w.shape}, but must be (H, W) or (D, H, W)")
    size = read_spacing(spacing, w.ndim)
    return {name: _surface_distance(w == label, f == label, size) for label, name in names.items()}


def target_registration_error(
    field: Field,
    fixed_points: Float[Tensor, "batch points dims"],
    moving_points: Float[Tensor, "batch points dims"],
) -> Float[Tensor, "batch points"]:
    r"""Distance between landmarks of the moving image and where the field takes those of the fixed one.

    .. math:: \lVert S (x_f + u(x_f) - x_m) \rVert

    Args:
        field: Displacements u, interpolated linearly; beyond the image they are those of its border.
        fixed_points: Places :math:`x_f` in voxels, components in the order of the axes.
        moving_points: Places :math:`x_m` in voxels, in the same order.

    Returns:
        (B, N) in mm with the spacing S of the field's grid; in voxels if it has none. Differentiable.

    Raises:
        ValueError: If the field is a velocity, or the points do not fit it or each other.

    Source:
        Fitzpatrick and West, The distribution of target registration error, IEEE TMI 2001.

    Example:
        >>> import torch
        >>> from subband.transforms.field import Field
        >>> still = Field(torch.zeros(1, 3, 5, 5, 5), "voxel")
        >>> target_registration_error(still, torch.zeros(1, 1, 3), torch.tensor([[[0.0, 3.0, 4.0]]])).tolist()
        [[5.0]]
    """
    if field.kind != "displacement":
        raise ValueError("the field is a velocity, but must be a displacement; pass exponential(field)")
    dims, count = len(field.space), len(field.vectors)
    if fixed_points.shape != moving_points.shape or fixed_points.ndim != 3 or fixed_points.shape[::2] != (count, dims):
        raise ValueError(
            f"the points have shapes {tuple(fixed_points.shape)} and {tuple(moving_points.shape)}, but must both be "
            f"({count}, N, {dims}) for this field, in voxels"
        )
    u = field.to_unit("voxel").vectors
    u = u.to(torch.promote_types(u.dtype, torch.float32))
    half = torch.tensor([max(size - 1, 1) / 2 for size in field.space], dtype=u.dtype, device=u.device)
    at = (fixed_points.to(u) / half - 1).flip(-1).view(count, -1, *[1] * (dims - 1), dims)
    moved = F.grid_sample(u, at, padding_mode="border", align_corners=True).view(count, dims, -1).mT
    spacing = torch.tensor(field.grid.spacing if field.grid else (1.0,) * dims, dtype=u.dtype, device=u.device)
    error: Tensor = torch.linalg.vector_norm((fixed_points.to(u) + moved - moving_points.to(u)) * spacing, dim=-1)
    return error


def _read(warped: Any, fixed: Any, structures: Mapping[int, str] | None) -> tuple[Labels, Labels, dict[int, str]]:
    """Both label maps and the names of the structures, checked."""
    w, f = read_pair(warped, fixed)
    if structures is None:
        return w, f, {int(label): str(label) for label in np.union1d(w, f) if label != 0}
    names = {int(label): str(name) for label, name in structures.items()}
    if len(set(names.values())) < len(names):
        double = next(name for name in names.values() if list(names.values()).count(name) > 1)
        raise ValueError(f"two structures have the name {double!r}, but each must have its own")
    return w, f, names


def _surface_distance(w: Any, f: Any, spacing: tuple[float, ...]) -> SurfaceDistance:
    if not w.any() or not f.any():
        missing = float("nan") if w.any() == f.any() else float(np.linalg.norm(np.multiply(w.shape, spacing)))
        return SurfaceDistance(missing, missing)
    there, back = surfel_distances(w, f, spacing)
    total = sum(float((distances * areas).sum()) for distances, areas in (there, back))
    area = sum(float(areas.sum()) for _, areas in (there, back))
    return SurfaceDistance(max(_percentile_95(there), _percentile_95(back)), total / area)


def _percentile_95(directed: Directed) -> float:
    """The distance up to which 95 per cent of the area is."""
    distances, areas = directed
    reached = np.cumsum(areas) / areas.sum()
    return float(distances[min(int(np.searchsorted(reached, 0.95)), len(distances) - 1)])
