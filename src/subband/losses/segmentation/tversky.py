"""Tversky loss."""

from jaxtyping import Float, Shaped
from torch import Tensor

from subband._check import positive
from subband.losses.segmentation._base import SegmentationLoss
from subband.losses.segmentation._inputs import ClassWeight, Inputs, from_probability, read_weight_map


def tversky_loss(
    probability: Float[Tensor, "batch classes *space"],
    target: Shaped[Tensor, "batch classes *space"],
    *,
    weight_map: Shaped[Tensor, "batch *map"] | None = None,
    class_weight: ClassWeight = None,
    alpha: float = 0.3,
    beta: float = 0.7,
    eps: float = 1e-7,
) -> Float[Tensor, ""]:
    r"""Soft Dice with two error weights, the mean over the classes, background included.

    .. math:: 1 - \frac{1}{C} \sum_c \frac{\sum w p_c t_c}
              {\sum w (p_c t_c + \alpha p_c (1 - t_c) + \beta (1 - p_c) t_c) + \epsilon}

    Sums run over the whole batch. With class weights the mean over the classes is weighted by their batch mean.

    Args:
        probability: Class probabilities (B, C, *space) in [0, 1]; C = 1 is the foreground of two classes.
        target: One-hot or soft target of the same shape.
        weight_map: Weight w of each pixel, (B, *space) or (B, 1, *space).
        class_weight: See `SegmentationLoss`.
        alpha: Weight of the false positives of each class.
        beta: Weight of the false negatives of each class.
        eps: Added to the denominators, in pixels.

    Returns:
        A scalar in [0, 1], without unit; 0 for a perfect mask.

    Raises:
        ValueError: If shapes differ, ``alpha`` or ``beta`` is negative, or ``eps`` is not positive.

    Source:
        Salehi et al., Tversky loss, 2017 (arXiv:1706.05721). Averaging over the two classes is the CWMI benchmark's
        choice (lurenhaothu/CWMI, ``model/loss.py``); which of its five pairs (0.5, 0.5) to (0.1, 0.9) its tables used
        is not known. Class and pixel weights are ours.

    Example:
        >>> import torch
        >>> half = torch.full((1, 1, 2, 2), 0.5)
        >>> round(float(tversky_loss(half, torch.ones(1, 1, 2, 2))), 4)
        0.7059
    """
    _check(alpha, beta, eps)
    inputs = from_probability(probability, target, class_weight=class_weight)
    return _tversky(inputs, read_weight_map(weight_map, inputs.target, 1), alpha, beta, eps)


class TverskyLoss(SegmentationLoss):
    """Module form of `tversky_loss` on logits."""

    def __init__(
        self,
        *,
        alpha: float = 0.3,
        beta: float = 0.7,
        eps: float = 1e-7,
        ignore_index: int | None = None,
        class_weight: ClassWeight = None,
    ) -> None:
        _check(alpha, beta, eps)
        super().__init__(ignore_index=ignore_index, class_weight=class_weight)
        self.alpha, self.beta, self.eps = alpha, beta, eps

    def compute(self, inputs: Inputs, weight_map: Tensor | None) -> Tensor:
        """Return `tversky_loss` of prepared inputs."""
        return _tversky(inputs, weight_map, self.alpha, self.beta, self.eps)


def _check(alpha: float, beta: float, eps: float) -> None:
    if not (alpha >= 0 and beta >= 0):
        raise ValueError(f"alpha is {alpha} and beta {beta}, but both must be at least 0")
    positive(eps=eps)


def _tversky(inputs: Inputs, weight_map: Tensor | None, alpha: float, beta: float, eps: float) -> Tensor:
    p, t = inputs.counted, inputs.target
    axes = (0, *range(2, p.ndim))
    w = 1 if weight_map is None else weight_map
    both = (w * p * t).sum(axes)
    false_positive, false_negative = (w * p).sum(axes) - both, (w * t).sum(axes) - both
    return 1 - inputs.class_mean(both / (both + alpha * false_positive + beta * false_negative + eps))
