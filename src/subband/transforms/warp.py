"""Images and label maps moved by a displacement field."""

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer, Shaped
from torch import Tensor

from subband._check import one_of
from subband.transforms._corners import heaviest_label, nearest_label, voxel_places
from subband.transforms.field import Field

Order = Literal["linear", "nearest"]
Padding = Literal["zeros", "border"]
_MODES = {"linear": "bilinear", "nearest": "nearest"}
PLANES = 16
"""Planes of a label map that are warped at once."""


def identity_grid(
    space: tuple[int, ...], *, dtype: torch.dtype = torch.float32, device: torch.device | str | None = None
) -> Float[Tensor, "dims *space"]:
    """Normalised place of every voxel, -1 for the first and 1 for the last of an axis; components as the axes.

    Args:
        space: Number of voxels along each axis.
        dtype: A floating-point type.
        device: Where to put it.

    Returns:
        (d, *space), in [-1, 1].

    Example:
        >>> identity_grid((3, 2))[0].tolist()
        [[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0]]
    """
    axes = [torch.linspace(-1, 1, size, dtype=dtype, device=device) for size in space]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


def warp(
    image: Shaped[Tensor, "batch channels *space"],
    field: Field,
    *,
    order: Order = "linear",
    padding: Padding = "zeros",
) -> Float[Tensor, "batch channels *space"]:
    r"""Look up an image where a displacement field points.

    .. math:: y(x) = m(x + u(x))

    so that u is defined on the fixed image's voxels and points to the moving image m.

    Args:
        image: Moving images (B, C, D, H, W) or (B, C, H, W), of the field's size.
        field: Displacements of any unit, for as many images or for one that all have in common.
        order: ``linear`` between the 2^d voxels around, or the ``nearest`` one.
        padding: What lies outside: ``zeros``, or the ``border`` voxels carried on.

    Returns:
        The warped images, float32, or float64 if the image or the field is.

    Raises:
        ValueError: If the field is a velocity or of another size, or an option is unknown.

    Source:
        ``SpatialTransform`` of x-xc/WiNet, ``nn_util.py``; MONAI's ``Warp`` of the displacements in voxels with the
        same padding. Departure: values are computed in float32 at least.

    Example:
        >>> import torch
        >>> step = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1).expand(1, 2, 2, 3)
        >>> warp(torch.arange(6.0).view(1, 1, 2, 3), Field(step, "voxel"))[0, 0].tolist()
        [[1.0, 2.0, 0.0], [4.0, 5.0, 0.0]]
    """
    one_of("order", order, get_args(Order))
    one_of("padding", padding, get_args(Padding))
    check_fits("image", image, field, lead=2)
    vectors = field.to_unit("normalised").vectors
    dtype = working_dtype(image, vectors)
    vectors = vectors.to(dtype).expand(len(image), *vectors.shape[1:])
    return sample(image.to(dtype), vectors, mode=_MODES[order], padding=padding)


def warp_labels(
    labels: Integer[Tensor, "batch *space"],
    field: Field,
    *,
    method: Order = "nearest",
) -> Integer[Tensor, "batch *space"]:
    r"""Look up a label map where a displacement field points.

    .. math:: y(x) = \arg\max_l \sum_k w_k(x) \, [m(x_k) = l]

    over the :math:`2^d` voxels :math:`x_k` around :math:`x + u(x)` with their linear weights (``linear``), or the label
    of the nearest voxel. Between labels of one weight the smallest wins; outside the image the label is 0.

    Args:
        labels: Moving label maps (B, D, H, W) or (B, H, W), any integers.
        field: As in `warp`.
        method: ``nearest``, or ``linear``: the label that would win if each were warped as an image of its own, without
            making these images. It is some tenths of a Dice point better, as boundaries are not rounded to voxels.

    Returns:
        The warped label maps, of the dtype of ``labels``.

    Raises:
        ValueError: If the field is a velocity or of another size, or the method is unknown.

    Source:
        ``infer_bilinear_WiNet.py`` of x-xc/WiNet, which warps 46 channels.

    Example:
        >>> import torch
        >>> step = torch.tensor([0.0, 0.75]).view(1, 2, 1, 1).expand(1, 2, 1, 3)
        >>> warp_labels(torch.tensor([[[4, 7, 7]]]), Field(step, "voxel"), method="linear").tolist()
        [[[7, 7, 7]]]
    """
    one_of("method", method, get_args(Order))
    if labels.is_floating_point():
        raise ValueError(f"labels are of dtype {labels.dtype}, but must be integers; warp an image with warp()")
    check_fits("labels", labels, field, lead=1)
    vectors = field.to_unit("voxel").vectors.detach()
    vectors = vectors.to(working_dtype(vectors, vectors)).expand(len(labels), *vectors.shape[1:])
    return torch.stack([_warp_labels(one, shift, method) for one, shift in zip(labels, vectors, strict=True)])


def _warp_labels(labels: Tensor, shift: Tensor, method: Order) -> Tensor:
    """One label map, some planes at a time, as the labels around each point take much more memory than one."""
    choose = nearest_label if method == "nearest" else heaviest_label
    starts = range(0, len(labels), PLANES)
    warped = [choose(labels, voxel_places(shift[:, first : first + PLANES], first=first)) for first in starts]
    return torch.cat(warped)


def sample(
    image: Tensor, vectors: Float[Tensor, "batch dims *space"], *, mode: str = "bilinear", padding: Padding
) -> Tensor:
    """`grid_sample` of an image at normalised displacements of its dtype."""
    place = identity_grid(tuple(vectors.shape[2:]), dtype=vectors.dtype, device=vectors.device) + vectors
    coordinates = place.movedim(1, -1).flip(-1)
    return F.grid_sample(image, coordinates, mode=mode, padding_mode=padding, align_corners=True)


def working_dtype(first: Tensor, second: Tensor) -> torch.dtype:
    """Float32, or float64 if one of the tensors is."""
    return torch.promote_types(torch.promote_types(first.dtype, second.dtype), torch.float32)


def check_fits(name: str, x: Tensor, field: Field, *, lead: int) -> None:
    """Raise ``ValueError`` unless the displacements are those of tensor ``x``, with ``lead`` axes before its space."""
    if field.kind != "displacement":
        raise ValueError("the field is a velocity, but must be a displacement; pass exponential(field)")
    space, count = tuple(x.shape[lead:]), len(field.vectors)
    if space != field.space or count not in (1, len(x)):
        raise ValueError(
            f"{name} is a batch of {len(x)} of {space} voxels, but the field is a batch of {count} of {field.space}; "
            "give one field for each, or one for all, of the same size"
        )
