"""Skea-topo: skeleton-aware weights and critical pixels."""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from subband._check import one_of
from subband.losses.segmentation._base import SegmentationLoss
from subband.losses.segmentation._critical_pixels import pixel_kinds
from subband.losses.segmentation._foreground import (
    is_foreground,
    own_map,
    pixel_class_weight,
    structure,
    two_sided_cross_entropy,
)
from subband.losses.segmentation._inputs import ClassWeight, Inputs, from_probability, read_weight_map
from subband.transforms.morphology import soft_dilate

Pixels = Literal["all", "weighted", "no-other", "no-true"]
MAP_WEIGHT = 10.0
"""Factor of the object and border weights, w0 of the U-Net."""


def skea_topo_loss(
    probability: Float[Tensor, "batch classes *space"],
    target: Shaped[Tensor, "batch classes *space"],
    *,
    weight_map: Shaped[Tensor, "batch *map"] | None = None,
    class_weight: ClassWeight = "balanced",
    topology: bool = False,
    dilate: bool = True,
    pixels: Pixels = "all",
    eps: float = 1e-12,
) -> Float[Tensor, ""]:
    r"""Cross-entropy with weights from skeletons, plus the errors that change the topology.

    With the maps :math:`W_0` (object), :math:`W_1` (border), the structure y (1 where the class is not background) and
    its dilation :math:`\delta` by two pixels,

    .. math::
        b = 10 W_0 + c_0 (1 - y), \quad o = (10 (1 - W_0) + c_1 y)\, \delta, \quad
        v_1 = 10 W_1 + c_1 y + [o > b]\, o\, (1 - y), \quad v_0 = [o \le b]\, b

        L = -\frac{\sum v_1 \log p_1 + v_0 \log p_0}{\sum v_1 + v_0}

    So pixels just outside the structure are trained towards the foreground. The second phase (``topology``) sorts the
    pixels of the thresholded prediction into six kinds and adds the mean over all of them of :math:`1 - p_1` for true
    positives, critical false negatives and other false positives, and :math:`p_1` for the other three: an error is
    critical where it breaks or joins objects, and other errors are trained away from their label.

    Args:
        probability: Class probabilities (B, C, *space) in [0, 1]; C = 1 is the foreground of two classes.
        target: One-hot target of the same shape; a soft one is read as its largest class.
        weight_map: Maps of object, border, dilated background skeleton and foreground skeleton, (B, 4, *space); if
            None, `subband.maps.skea_topo_maps` of the union of the foreground classes, which takes much longer than
            the loss.
        class_weight: Class weights c, see `SegmentationLoss`; None is 1.
        topology: Add the second phase. It thins every prediction on the CPU.
        dilate: Let o be; without it the weights are those of the skeletons alone.
        pixels: ``"weighted"`` gives critical errors the weight :math:`c_1`, ``"no-other"`` leaves out the errors that
            are not critical, ``"no-true"`` the pixels that are right.
        eps: Added inside the logarithm; the module takes the logarithm from the logits, without it.

    Returns:
        A scalar >= 0: nats, plus a mean error in [0, 1].

    Raises:
        ValueError: If shapes differ or ``pixels`` is unknown.

    Source:
        Liu et al., Skea-topo, 2024 (arXiv:2404.18539); lurenhaothu/CWMI ``model/skea_topo``, whose ``method`` names
        these options: ``skeaw`` (no dilation), ``skeaw_dilate`` (no topology), ``..._fnw_fpw``, ``..._noff``,
        ``..._nott``. Departures: ``eps`` is inside the logarithm (theirs gives NaN for a saturated prediction); with
        several foreground classes, towards the foreground means towards the pixel's own class where it has one.

    Example:
        >>> import torch
        >>> mask = torch.zeros(1, 1, 9, 9)
        >>> mask[..., 4, :] = 1
        >>> gap = mask.clone()
        >>> gap[..., 4] = 0
        >>> good, broken = 0.8 * mask + 0.1, 0.8 * gap + 0.1
        >>> skea_topo_loss(good, mask, topology=True) < skea_topo_loss(broken, mask, topology=True)
        tensor(True)
    """
    _check(pixels)
    inputs = from_probability(probability, target, class_weight=class_weight, eps=eps)
    return _skea_topo(inputs, read_weight_map(weight_map, inputs.target, 4), topology, dilate, pixels)


class SkeaTopoLoss(SegmentationLoss):
    """Module form of `skea_topo_loss` on logits.

    Args:
        start_topology: `at_epoch` begins the second phase after this epoch.
        dilate: See `skea_topo_loss`, as ``pixels``.
        pixels: See `skea_topo_loss`.
        ignore_index: See `SegmentationLoss`. Ignored pixels are background to the skeletons and of no kind.
        class_weight: See `SegmentationLoss`.

    Attributes:
        topology: Whether the second phase is on; off until `at_epoch` or you set it.
    """

    map_kind = "skea_topo"
    map_channels = 4

    def __init__(
        self,
        *,
        start_topology: int = 20,
        dilate: bool = True,
        pixels: Pixels = "all",
        ignore_index: int | None = None,
        class_weight: ClassWeight = "balanced",
    ) -> None:
        _check(pixels)
        super().__init__(ignore_index=ignore_index, class_weight=class_weight)
        self.start_topology, self.dilate, self.pixels = start_topology, dilate, pixels
        self.topology = False

    def at_epoch(self, epoch: int) -> None:
        """Turn the second phase on after epoch ``start_topology``, else off."""
        self.topology = epoch > self.start_topology

    def compute(self, inputs: Inputs, weight_map: Tensor | None) -> Tensor:
        """Return `skea_topo_loss` of prepared inputs."""
        return _skea_topo(inputs, weight_map, self.topology, self.dilate, self.pixels)


def _check(pixels: Pixels) -> None:
    one_of("pixels", pixels, ("all", "weighted", "no-other", "no-true"))


def _skea_topo(inputs: Inputs, weight_map: Tensor | None, topology: bool, dilate: bool, pixels: Pixels) -> Tensor:
    if weight_map is None:
        from subband.maps import skea_topo_maps

        weight_map = own_map(inputs, skea_topo_maps)
    loss = two_sided_cross_entropy(inputs, *_weights(inputs, weight_map, dilate))
    return loss + _topology(inputs, weight_map, pixels) if topology else loss


def _weights(inputs: Inputs, weight_map: Tensor, dilate: bool) -> tuple[Tensor, Tensor]:
    """Weights of the background and of the foreground, (B, 1, *space)."""
    y, own = structure(inputs), pixel_class_weight(inputs)
    background = MAP_WEIGHT * weight_map[:, :1] + own * (1 - y)
    foreground = MAP_WEIGHT * weight_map[:, 1:2] + own * y
    if dilate:
        around = (MAP_WEIGHT * (1 - weight_map[:, :1]) + own * y) * soft_dilate(soft_dilate(y))
        won = around > background
        foreground = foreground + torch.where(won, around, torch.zeros_like(around)) * (1 - y)
        background = torch.where(won, torch.zeros_like(background), background)
    if inputs.valid is None:
        return background, foreground
    return background * inputs.valid, foreground * inputs.valid


def _topology(inputs: Inputs, weight_map: Tensor, pixels: Pixels) -> Tensor:
    """Mean over the pixels of the error of each kind."""
    kind = _sort(inputs, weight_map)
    weight = inputs.probability.new_ones(len(kind), 1)
    if pixels == "weighted" and inputs.class_weight is not None:
        weight = inputs.class_weight[:, 1:].mean(1, keepdim=True)
    one = torch.ones_like(weight)
    true, other = one * (pixels != "no-true"), one * (pixels != "no-other")
    weights = torch.cat([true, true, weight, other, weight, other], 1).gather(1, kind.flatten(1)).reshape(kind.shape)
    if inputs.valid is not None:
        weights = weights * inputs.valid
    background = inputs.probability[:, :1]
    up = (kind == 0) | (kind == 2) | (kind == 5)
    return (weights * torch.where(up, background, 1 - background)).sum() / weights.sum().clamp_min(1)


def _sort(inputs: Inputs, weight_map: Tensor) -> Tensor:
    """The kind of each pixel, (B, 1, *space), as its place in `PixelKinds`."""
    predicted = is_foreground(inputs.probability)[:, 0]
    if inputs.valid is not None:
        predicted = predicted & (inputs.valid[:, 0] > 0)
    masks = torch.stack([predicted, is_foreground(inputs.target)[:, 0], weight_map[:, 2] > 0, weight_map[:, 3] > 0], 1)
    kinds = [pixel_kinds(*image) for image in masks.cpu().numpy()]
    places = np.stack([sum(place * kind for place, kind in enumerate(image)) for image in kinds])
    return torch.from_numpy(places).to(predicted.device).unsqueeze(1)
