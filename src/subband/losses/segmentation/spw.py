"""Steerable pyramid weighted loss."""

from dataclasses import replace
from typing import Literal

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from subband._check import one_of
from subband.losses.segmentation._base import SegmentationLoss
from subband.losses.segmentation._inputs import ClassWeight, Inputs, from_probability
from subband.losses.segmentation._likelihood import likelihood_loss
from subband.losses.segmentation._subband_weights import SubbandWeights, Variant
from subband.losses.segmentation.cross_entropy import cross_entropy
from subband.losses.segmentation.dice import dice
from subband.transforms.filters import Grid

Base = Literal["ce", "dice"]
BASES: tuple[Base, ...] = ("ce", "dice")


def spw_loss(  # noqa: PLR0913  (the options of SPWLoss, one by one)
    probability: Float[Tensor, "batch classes *space"],
    target: Shaped[Tensor, "batch classes *space"],
    *,
    levels: int = 4,
    orientations: int = 4,
    beta: float = 0.9,
    weight: float = 10.0,
    variant: Variant = "head",
    base: Base = "ce",
    sigma: float = 0.2,
    grid: Grid = "exact",
    class_weight: ClassWeight = "balanced",
) -> Float[Tensor, ""]:
    r"""Cross-entropy with pixel weights from the amplitudes of steerable subbands of target and prediction.

    .. math:: -\frac{1}{n} \sum_x \sum_c (W(x) + w_c) \, t_c(x) \log p_c(x), \qquad
              W = w \sum_{n=1}^{N} \beta^{n-1} \, U^{n-1}[f_n]

    with :math:`f_n` as ``variant`` says, Y and P the complex subbands of target and prediction, and U the interpolation
    to full size. W is computed anew in each call and not differentiated, so the gradient is that of a weighted
    cross-entropy, and not that of the value as a function of p.

    Args:
        probability: Class probabilities (B, C, *space) in [0, 1]; C = 1 is the foreground of two classes.
        target: One-hot or soft target of the same shape.
        levels: Number N of levels, from the finest on; levels for which an image is too small weigh nothing.
        orientations: Number K of orientations; in 3-D 1 to 5, which are 1, 3, 6, 16 and 16 axes.
        beta: Factor from each level to the next coarser one.
        weight: Factor w of the map.
        variant: ``"head"`` :math:`\sum_k |Y_k| + \sum_k |P_k|`; ``"paper"`` :math:`|\sum_k Y_k| + |\sum_k P_k|`;
            ``"paper_mask_only"`` :math:`|\sum_k Y_k|`; ``"gauss"``
            :math:`1 - \exp(-(|\sum_k Y_k| - |\sum_k P_k|)^2 / 2 \sigma^2)`.
        base: ``"ce"``; or ``"dice"``, which is `dice_loss` plus the cross-entropy weighted with W alone.
        sigma: Of ``"gauss"``, in units of the amplitudes.
        grid: ``"exact"`` frequencies, or ``"authors"``: the published ones, whose sizes must be divisible.
        class_weight: Weights :math:`w_c` of the base ``"ce"``, see `SegmentationLoss`; 1 if None. Dice has none.

    Returns:
        A scalar >= 0, in nats per pixel.

    Raises:
        ValueError: If shapes or options do not fit.

    Source:
        lurenhaothu/SPW ``model/SPW_loss/SPW_loss.py``: ``"head"`` of May 2025, ``"paper"`` of March 2025, where
        ``pred_map=True`` is ``"paper_mask_only"``. ``grid="authors"`` with ``class_weight="balanced-batch"`` gives its
        values. Departures elsewhere: frequencies without the published offset of one bin; levels come to full size in
        one step with the bin n/2 shared evenly, and what that makes negative is 0; class weights are those of each
        image. As published, upsampling divides by the number of samples, which undoes the growth of the amplitudes, but
        makes coarse levels of ``"gauss"`` weigh less. Binary: the foreground only. More classes: the sum over them.

    Example:
        >>> import torch
        >>> mask = torch.zeros(1, 1, 32, 32)
        >>> mask[..., 8:20, 10:14] = 1
        >>> good, bad = 0.9 * mask + 0.05, torch.full_like(mask, 0.5)
        >>> spw_loss(good, mask) < spw_loss(bad, mask)
        tensor(True)
    """
    one_of("base", base, BASES)
    options = SubbandWeights(levels, orientations, beta, weight, variant, sigma, grid)
    with torch.autocast(probability.device.type, enabled=False):
        return _spw(from_probability(probability, target, class_weight=class_weight), None, options, base)


def spw_weight_map(
    probability: Tensor,
    target: Tensor,
    *,
    levels: int = 4,
    orientations: int = 4,
    beta: float = 0.9,
    weight: float = 10.0,
    variant: Variant = "head",
    sigma: float = 0.2,
    grid: Grid = "exact",
) -> Tensor:
    """The weight map W of `spw_loss`, (B, 1, *space), >= 0, without gradient; arguments and errors as there.

    Example:
        >>> import torch
        >>> mask = torch.zeros(1, 1, 32, 32)
        >>> mask[..., :16] = 1
        >>> weight = spw_weight_map(mask, mask, levels=1)
        >>> bool(weight[0, 0, 16, 16] > 5 * weight[0, 0, 16, 8])
        True
    """
    options = SubbandWeights(levels, orientations, beta, weight, variant, sigma, grid)
    with torch.autocast(probability.device.type, enabled=False):
        return _map(from_probability(probability.detach(), target.detach()), options)


class SPWLoss(SegmentationLoss):
    """Module form of `spw_loss` on logits.

    Ignored pixels count as the target where the map is made, so that neither it nor the value depends on them. A
    ``weight_map`` multiplies the weight of each pixel.
    """

    def __init__(  # noqa: PLR0913  (the names that recipes use)
        self,
        *,
        levels: int = 4,
        orientations: int = 4,
        beta: float = 0.9,
        weight: float = 10.0,
        variant: Variant = "head",
        base: Base = "ce",
        sigma: float = 0.2,
        grid: Grid = "exact",
        class_weight: ClassWeight = "balanced",
        ignore_index: int | None = None,
    ) -> None:
        one_of("base", base, BASES)
        super().__init__(ignore_index=ignore_index, class_weight=class_weight)
        self.weights = SubbandWeights(levels, orientations, beta, weight, variant, sigma, grid)
        self.base: Base = base

    def keep(self, target: Tensor) -> tuple[Tensor, ...]:
        """Return the amplitudes of the target."""
        return tuple(self.weights.of_target(target[:, 1:] if target.shape[1] == 2 else target))

    def keeps_by(self) -> SubbandWeights:
        """Return the options of the weights."""
        return self.weights

    def compute(self, inputs: Inputs, weight_map: Tensor | None) -> Tensor:
        """Return `spw_loss` of prepared inputs."""
        return _spw(inputs, weight_map, self.weights, self.base)


def _map(inputs: Inputs, options: SubbandWeights) -> Tensor:
    p, y = inputs.structures
    return options.of(p.detach(), y, inputs.kept)


def _spw(inputs: Inputs, weight_map: Tensor | None, options: SubbandWeights, base: Base) -> Tensor:
    weight = _map(inputs, options)
    if base == "dice":
        plain = replace(inputs, class_weight=None)
        weight = weight if weight_map is None else weight * weight_map
        return dice(plain, weight_map, 1e-7) + cross_entropy(plain, weight)
    weight = weight + (1 if inputs.class_weight is None else inputs.per_pixel(inputs.class_weight))
    return likelihood_loss(inputs, weight.expand(-1, inputs.classes, *weight.shape[2:]), weight_map)
