"""Labels of the voxels around a place, and the one that weighs most."""

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor


def voxel_places(shift: Tensor, *, first: int) -> Tensor:
    """Place x + shift for the planes of a volume from plane ``first`` on; both (d, *space) in voxels."""
    places = shift.clone()
    for axis, size in enumerate(shift.shape[1:]):
        numbers = torch.arange(size, dtype=shift.dtype, device=shift.device) + (first if axis == 0 else 0)
        places[axis] += numbers.view([-1 if a == axis else 1 for a in range(len(shift))])
    return places


def nearest_label(labels: Tensor, places: Tensor) -> Tensor:
    """Label of the voxel nearest to each place (d, *points); 0 outside the map (*space)."""
    return _look_up(labels, _kept(places, labels).round().long())[0]


def heaviest_label(labels: Tensor, places: Tensor) -> Tensor:
    """Label with the largest sum of linear weights at each place, the smallest of several; 0 outside the map.

    Weights are computed and compared between different labels alone, for some per cent of a volume.
    """
    places = _kept(places, labels)
    corners = list(product((0, 1), repeat=labels.ndim))
    lower = places.floor().long()
    result = _look_up(labels, lower)[0]
    mixed = torch.zeros_like(result, dtype=torch.bool)
    for corner in corners[1:]:
        mixed |= _look_up(labels, lower, corner)[0] != result
    places, lower = places[:, mixed], lower[:, mixed]
    upper = places - lower
    found, weights = [], []
    for corner in corners:
        label, inside = _look_up(labels, lower, corner)
        weight = torch.ones_like(upper[0])
        for part, side in zip(upper.flip(0), reversed(corner), strict=True):
            weight = weight * (part if side else 1 - part)
        found.append(label)
        weights.append(torch.where(inside, weight, 0.0))
    result[mixed] = _heaviest(found, weights)
    return result


def _heaviest(labels: Sequence[Tensor], weights: Sequence[Tensor]) -> Tensor:
    best, most = torch.zeros_like(labels[0]), torch.zeros_like(weights[0])
    for label in labels:
        total = torch.zeros_like(most)
        for other, weight in zip(labels, weights, strict=True):
            total = total + weight * (other == label)
        better = (total > most) | ((total == most) & (total > 0) & (label < best))
        best, most = torch.where(better, label, best), torch.where(better, total, most)
    return best


def _kept(places: Tensor, labels: Tensor) -> Tensor:
    """Places at most two voxels outside the map, where nothing changes any more; not a number counts as outside."""
    kept = [
        place.nan_to_num(nan=-2.0).clamp(-2.0, size + 1.0) for place, size in zip(places, labels.shape, strict=True)
    ]
    return torch.stack(kept)


def _look_up(labels: Tensor, index: Tensor, corner: Sequence[int] | None = None) -> tuple[Tensor, Tensor]:
    """Label at index (d, *points) + corner, 0 outside the map, and whether it is inside."""
    flat = torch.zeros_like(index[0])
    inside = torch.ones_like(flat, dtype=torch.bool)
    for number, (one, size) in enumerate(zip(index, labels.shape, strict=True)):
        at = one + (corner[number] if corner else 0)
        inside &= (at >= 0) & (at < size)
        flat = flat * size + at.clamp(0, size - 1)
    return torch.where(inside, labels.flatten()[flat], 0), inside
