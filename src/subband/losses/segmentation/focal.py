"""Focal loss."""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from subband.losses.segmentation._base import SegmentationLoss
from subband.losses.segmentation._inputs import ClassWeight, Inputs, from_probability, read_weight_map


def focal_loss(
    probability: Float[Tensor, "batch classes *space"],
    target: Shaped[Tensor, "batch classes *space"],
    *,
    weight_map: Shaped[Tensor, "batch *map"] | None = None,
    class_weight: ClassWeight = None,
    gamma: float = 2.0,
    eps: float = 1e-7,
) -> Float[Tensor, ""]:
    r"""Cross-entropy that counts less where the prediction is right already, the mean over the pixels.

    .. math:: -\frac{1}{n} \sum_x w(x) \sum_c w_c t_c(x) (1 - p_c(x))^\gamma \log(p_c(x) + \epsilon)

    Args:
        probability: Class probabilities (B, C, *space) in [0, 1]; C = 1 is the foreground of two classes.
        target: One-hot or soft target of the same shape.
        weight_map: Weight w of each pixel, (B, *space) or (B, 1, *space).
        class_weight: Class weights w_c, see `SegmentationLoss`.
        gamma: Focus :math:`\gamma \ge 0`; 0 is the cross-entropy.
        eps: Added inside the logarithm; the module takes the logarithm from the logits, without it.

    Returns:
        A scalar >= 0, in nats per pixel.

    Raises:
        ValueError: If shapes differ or ``gamma`` is negative.

    Source:
        Lin et al., Focal loss, 2017 (arXiv:1708.02002), equation 5, whose :math:`\alpha` is ``class_weight``, over all
        classes. lurenhaothu/CWMI ``model/loss.py`` runs it with ``class_weight="balanced-batch"``; which of 1.5, 2, 2.5
        and 3 its tables used is not known.

    Example:
        >>> import torch
        >>> half = torch.full((1, 1, 2, 2), 0.5)
        >>> round(float(focal_loss(half, torch.ones(1, 1, 2, 2))), 4)
        0.1733
    """
    _check(gamma)
    inputs = from_probability(probability, target, class_weight=class_weight, eps=eps)
    return _focal(inputs, read_weight_map(weight_map, inputs.target, 1), gamma)


class FocalLoss(SegmentationLoss):
    """Module form of `focal_loss` on logits."""

    def __init__(
        self, *, gamma: float = 2.0, ignore_index: int | None = None, class_weight: ClassWeight = None
    ) -> None:
        _check(gamma)
        super().__init__(ignore_index=ignore_index, class_weight=class_weight)
        self.gamma = gamma

    def compute(self, inputs: Inputs, weight_map: Tensor | None) -> Tensor:
        """Return `focal_loss` of prepared inputs."""
        return _focal(inputs, weight_map, self.gamma)


def _check(gamma: float) -> None:
    if not gamma >= 0:
        raise ValueError(f"gamma is {gamma}, but must be at least 0")


def _focal(inputs: Inputs, weight_map: Tensor | None, gamma: float) -> Tensor:
    # not 0, where the slope of a power below 1 is infinite
    miss = (1 - inputs.probability).clamp_min(torch.finfo(inputs.probability.dtype).tiny)
    value = -(inputs.weighted_target() * miss.pow(gamma) * inputs.log_probability).sum(1, keepdim=True)
    return inputs.mean(value if weight_map is None else weight_map * value)
