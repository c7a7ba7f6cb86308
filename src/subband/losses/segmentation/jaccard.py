"""Soft Jaccard loss."""

from jaxtyping import Float, Shaped
from torch import Tensor

from subband._check import positive
from subband.losses.segmentation._base import SegmentationLoss
from subband.losses.segmentation._inputs import ClassWeight, Inputs, from_probability, read_weight_map


def jaccard_loss(
    probability: Float[Tensor, "batch classes *space"],
    target: Shaped[Tensor, "batch classes *space"],
    *,
    weight_map: Shaped[Tensor, "batch *map"] | None = None,
    class_weight: ClassWeight = None,
    eps: float = 1e-7,
) -> Float[Tensor, ""]:
    r"""One minus the soft intersection over union, the mean over the classes, background included.

    .. math:: 1 - \frac{1}{C} \sum_c \frac{\sum w p_c t_c}{\sum w (p_c + t_c - p_c t_c) + \epsilon}

    Sums run over the whole batch, so one empty image does not dominate. With class weights the mean over the classes
    is weighted by their batch mean.

    Args:
        probability: Class probabilities (B, C, *space) in [0, 1]; C = 1 is the foreground of two classes.
        target: One-hot or soft target of the same shape.
        weight_map: Weight w of each pixel, (B, *space) or (B, 1, *space).
        class_weight: See `SegmentationLoss`.
        eps: Added to the denominators, in pixels.

    Returns:
        A scalar in [0, 1], without unit; 0 for a perfect mask.

    Raises:
        ValueError: If shapes differ or ``eps`` is not positive.

    Source:
        Rahman and Wang, Optimizing intersection-over-union in deep neural networks, 2016. Averaging over the two
        classes is the CWMI benchmark's choice (lurenhaothu/CWMI, ``model/loss.py``). Class and pixel weights are ours.

    Example:
        >>> import torch
        >>> half = torch.full((1, 1, 2, 2), 0.5)
        >>> jaccard_loss(half, torch.ones(1, 1, 2, 2))
        tensor(0.7500)
    """
    positive(eps=eps)
    inputs = from_probability(probability, target, class_weight=class_weight)
    return _jaccard(inputs, read_weight_map(weight_map, inputs.target, 1), eps)


class JaccardLoss(SegmentationLoss):
    """Module form of `jaccard_loss` on logits."""

    def __init__(self, *, eps: float = 1e-7, ignore_index: int | None = None, class_weight: ClassWeight = None) -> None:
        positive(eps=eps)
        super().__init__(ignore_index=ignore_index, class_weight=class_weight)
        self.eps = eps

    def compute(self, inputs: Inputs, weight_map: Tensor | None) -> Tensor:
        """Return `jaccard_loss` of prepared inputs."""
        return _jaccard(inputs, weight_map, self.eps)


def _jaccard(inputs: Inputs, weight_map: Tensor | None, eps: float) -> Tensor:
    p, t = inputs.counted, inputs.target
    axes = (0, *range(2, p.ndim))
    both, either = p * t, p + t
    if weight_map is not None:
        both, either = weight_map * both, weight_map * either
    overlap = both.sum(axes)
    return 1 - inputs.class_mean(overlap / (either.sum(axes) - overlap + eps))
