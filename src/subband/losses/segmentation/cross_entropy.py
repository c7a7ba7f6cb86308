"""Cross-entropy, plain and class-balanced."""

from jaxtyping import Float, Shaped
from torch import Tensor

from subband.losses.segmentation._base import SegmentationLoss
from subband.losses.segmentation._inputs import ClassWeight, Inputs, from_probability, read_weight_map
from subband.losses.segmentation._likelihood import likelihood_loss


def cross_entropy_loss(
    probability: Float[Tensor, "batch classes *space"],
    target: Shaped[Tensor, "batch classes *space"],
    *,
    weight_map: Shaped[Tensor, "batch *map"] | None = None,
    class_weight: ClassWeight = None,
    eps: float = 1e-7,
) -> Float[Tensor, ""]:
    r"""Cross-entropy, the mean over the pixels.

    .. math:: -\frac{1}{n} \sum_x w(x) \sum_c w_c t_c(x) \log(p_c(x) + \epsilon)

    The mean is over the counted pixels, not over the sum of the weights. The module takes the logarithm from the
    logits, without ``eps``.

    Args:
        probability: Class probabilities (B, C, *space) in [0, 1]; C = 1 is the foreground of two classes.
        target: One-hot or soft target of the same shape.
        weight_map: Weight w of each pixel, (B, *space) or (B, 1, *space).
        class_weight: Class weights w_c, see `SegmentationLoss`; ``"balanced"`` makes it the balanced cross-entropy.
        eps: Added inside the logarithm.

    Returns:
        A scalar >= 0, in nats per pixel.

    Raises:
        ValueError: If shapes differ.

    Source:
        lurenhaothu/CWMI ``model/loss.py``, ``BCELoss`` and ``BCE_withClassBalance``. Departure: weights are those of
        each image; the authors' batch mean is ``class_weight="balanced-batch"``.

    Example:
        >>> import torch
        >>> half = torch.full((1, 1, 2, 2), 0.5)
        >>> round(float(cross_entropy_loss(half, torch.ones(1, 1, 2, 2))), 4)
        0.6931
    """
    inputs = from_probability(probability, target, class_weight=class_weight, eps=eps)
    return cross_entropy(inputs, read_weight_map(weight_map, inputs.target, 1))


def balanced_cross_entropy_loss(
    probability: Float[Tensor, "batch classes *space"],
    target: Shaped[Tensor, "batch classes *space"],
    *,
    weight_map: Shaped[Tensor, "batch *map"] | None = None,
    eps: float = 1e-7,
) -> Float[Tensor, ""]:
    """`cross_entropy_loss` with ``class_weight="balanced"``: each image's rarer classes weigh more."""
    return cross_entropy_loss(probability, target, weight_map=weight_map, class_weight="balanced", eps=eps)


class CrossEntropyLoss(SegmentationLoss):
    """Module form of `cross_entropy_loss` on logits."""

    def compute(self, inputs: Inputs, weight_map: Tensor | None) -> Tensor:
        """Return `cross_entropy_loss` of prepared inputs."""
        return cross_entropy(inputs, weight_map)


class BalancedCrossEntropyLoss(CrossEntropyLoss):
    """`CrossEntropyLoss` whose class weights are ``"balanced"`` unless told otherwise."""

    def __init__(self, *, ignore_index: int | None = None, class_weight: ClassWeight = "balanced") -> None:
        super().__init__(ignore_index=ignore_index, class_weight=class_weight)


def cross_entropy(inputs: Inputs, weight_map: Tensor | None = None) -> Tensor:
    """Cross-entropy of prepared inputs; the term that CWMI and others build on."""
    weight = None if inputs.class_weight is None else inputs.per_pixel(inputs.class_weight)
    return likelihood_loss(inputs, weight, weight_map)
