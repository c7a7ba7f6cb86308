"""Soft Dice loss."""

from jaxtyping import Float, Shaped
from torch import Tensor

from subband._check import positive
from subband.losses.segmentation._base import SegmentationLoss
from subband.losses.segmentation._inputs import ClassWeight, Inputs, from_probability, read_weight_map


def dice_loss(
    probability: Float[Tensor, "batch classes *space"],
    target: Shaped[Tensor, "batch classes *space"],
    *,
    weight_map: Shaped[Tensor, "batch *map"] | None = None,
    class_weight: ClassWeight = None,
    eps: float = 1e-7,
) -> Float[Tensor, ""]:
    r"""Soft Dice loss, the mean over the classes, background included.

    .. math:: 1 - \frac{1}{C} \sum_c \frac{2 \sum w p_c t_c}{\sum w p_c^2 + \sum w t_c^2 + \epsilon}

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
        Milletari et al., V-Net, 2016 (arXiv:1606.04797), section 3. Averaging over the two classes is the CWMI
        benchmark's choice (lurenhaothu/CWMI, ``model/loss.py``). Class and pixel weights are ours.

    Example:
        >>> import torch
        >>> mask = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]])
        >>> dice_loss(mask, mask) < 1e-6
        tensor(True)
    """
    positive(eps=eps)
    inputs = from_probability(probability, target, class_weight=class_weight)
    return dice(inputs, read_weight_map(weight_map, inputs.target, 1), eps)


class DiceLoss(SegmentationLoss):
    """Module form of `dice_loss` on logits."""

    def __init__(self, *, eps: float = 1e-7, ignore_index: int | None = None, class_weight: ClassWeight = None) -> None:
        positive(eps=eps)
        super().__init__(ignore_index=ignore_index, class_weight=class_weight)
        self.eps = eps

    def compute(self, inputs: Inputs, weight_map: Tensor | None) -> Tensor:
        """Return `dice_loss` of prepared inputs."""
        return dice(inputs, weight_map, self.eps)


def dice(inputs: Inputs, weight_map: Tensor | None, eps: float) -> Tensor:
    """Dice loss of prepared inputs; the base that SPW may build on."""
    p, t = inputs.counted, inputs.target
    w = 1 if weight_map is None else weight_map
    axes = (0, *range(2, p.ndim))
    overlap = 2 * (w * p * t).sum(axes) / ((w * p.square()).sum(axes) + (w * t.square()).sum(axes) + eps)
    return 1 - inputs.class_mean(overlap)
