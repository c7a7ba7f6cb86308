"""clDice: Dice of centre lines."""

from typing import Literal

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from subband._check import one_of, positive
from subband.losses.segmentation._base import SegmentationLoss
from subband.losses.segmentation._inputs import ClassWeight, Inputs, from_probability, read_weight_map
from subband.transforms.morphology import soft_skeleton

Over = Literal["batch", "image"]


def cldice_loss(
    probability: Float[Tensor, "batch classes *space"],
    target: Shaped[Tensor, "batch classes *space"],
    *,
    weight_map: Shaped[Tensor, "batch *map"] | None = None,
    class_weight: ClassWeight = None,
    alpha: float = 0.5,
    iterations: int = 10,
    smooth: float = 1.0,
    reduction_over: Over = "batch",
) -> Float[Tensor, ""]:
    r"""Soft Dice of the foreground and of its centre lines, the mean over the foreground classes.

    .. math:: (1 - \alpha) \left(1 - \frac{2 \sum p t + s}{\sum p + \sum t + s}\right)
              + \alpha \left(1 - \frac{2 P S}{P + S}\right), \quad
              P = \frac{\sum \mathrm{sk}(p) t + s}{\sum \mathrm{sk}(p) + s}, \quad
              S = \frac{\sum \mathrm{sk}(t) p + s}{\sum \mathrm{sk}(t) + s}

    with the soft skeleton sk, see `subband.transforms.morphology.soft_skeleton`. Give it probabilities: a thresholded
    prediction has no gradient.

    Args:
        probability: Class probabilities (B, C, *space) in [0, 1]; C = 1 is the foreground of two classes.
        target: One-hot or soft target of the same shape.
        weight_map: Weight of each pixel in all sums, (B, *space) or (B, 1, *space).
        class_weight: See `SegmentationLoss`; the mean over the foreground classes is weighted by it (so that it changes
            nothing where there is one).
        alpha: Share of the centre lines, in [0, 1].
        iterations: Erosions, at least half the width in pixels of the widest structure.
        smooth: s, added to numerators and denominators, in pixels.
        reduction_over: What the sums run over, ``"batch"`` or each ``"image"`` alone.

    Returns:
        A scalar in [0, 1], without unit.

    Raises:
        ValueError: If shapes differ or an option is out of range.

    Source:
        Shit et al., clDice, 2021 (arXiv:2003.07311), equations 1 to 4; 10 iterations, as the authors' and the CWMI
        benchmark's code have them whatever they are asked for. ``reduction_over="image"`` is what MONAI does.

    Example:
        >>> import torch
        >>> mask = torch.zeros(1, 1, 8, 9)
        >>> mask[..., 3:6, 2:7] = 1
        >>> cldice_loss(mask, mask) < 1e-6
        tensor(True)
    """
    _check(alpha, iterations, smooth, reduction_over)
    inputs = from_probability(probability, target, class_weight=class_weight)
    return _cldice(inputs, read_weight_map(weight_map, inputs.target, 1), alpha, iterations, smooth, reduction_over)


class ClDiceLoss(SegmentationLoss):
    """Module form of `cldice_loss` on logits."""

    def __init__(
        self,
        *,
        alpha: float = 0.5,
        iterations: int = 10,
        smooth: float = 1.0,
        reduction_over: Over = "batch",
        ignore_index: int | None = None,
        class_weight: ClassWeight = None,
    ) -> None:
        _check(alpha, iterations, smooth, reduction_over)
        super().__init__(ignore_index=ignore_index, class_weight=class_weight)
        self.alpha, self.iterations, self.smooth, self.reduction_over = alpha, iterations, smooth, reduction_over

    def compute(self, inputs: Inputs, weight_map: Tensor | None) -> Tensor:
        """Return `cldice_loss` of prepared inputs."""
        return _cldice(inputs, weight_map, self.alpha, self.iterations, self.smooth, self.reduction_over)


def _check(alpha: float, iterations: int, smooth: float, reduction_over: Over) -> None:
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha is {alpha}, but must be between 0 (Dice alone) and 1 (centre lines alone)")
    if iterations < 0:
        raise ValueError(f"iterations is {iterations}, but must be at least 0")
    positive(smooth=smooth)
    one_of("reduction_over", reduction_over, ("batch", "image"))


def _cldice(
    inputs: Inputs, weight_map: Tensor | None, alpha: float, iterations: int, smooth: float, reduction_over: Over
) -> Tensor:
    p, t = inputs.counted[:, 1:], inputs.target[:, 1:]
    axes = tuple(axis for axis in range(p.ndim) if axis != 1 and (axis > 0 or reduction_over == "batch"))

    def total(value: Tensor) -> Tensor:
        return (value if weight_map is None else weight_map * value).sum(axes)

    loss = p.new_zeros(())
    if alpha < 1:
        loss = (1 - alpha) * (1 - (2 * total(p * t) + smooth) / (total(p) + total(t) + smooth))
    if alpha > 0:
        with torch.no_grad():
            line_t = soft_skeleton(t, iterations=iterations)
        line_p = soft_skeleton(p, iterations=iterations)
        precision = (total(line_p * t) + smooth) / (total(line_p) + smooth)
        recall = (total(line_t * p) + smooth) / (total(line_t) + smooth)
        loss = loss + alpha * (1 - 2 * precision * recall / (precision + recall))
    loss = loss.reshape(-1, p.shape[1]).mean(0)
    if inputs.class_weight is None:
        return loss.mean()
    weight = inputs.class_weight.mean(0)[1:]
    return (weight * loss).sum() / weight.sum()
