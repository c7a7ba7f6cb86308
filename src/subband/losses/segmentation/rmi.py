"""Region mutual information loss."""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from subband._check import one_of, positive
from subband.losses.segmentation._base import SegmentationLoss
from subband.losses.segmentation._inputs import ClassWeight, Inputs, from_probability, read_weight_map
from subband.losses.segmentation._regions import region_entropy
from subband.transforms import morphology
from subband.transforms.morphology import Pool

_EPS = 1e-12


def rmi_loss(
    probability: Float[Tensor, "batch classes *space"],
    target: Shaped[Tensor, "batch classes *space"],
    *,
    weight_map: Shaped[Tensor, "batch *map"] | None = None,
    class_weight: ClassWeight = None,
    radius: int = 3,
    stride: int = 3,
    pool: Pool = "max",
    rmi_weight: float = 0.5,
    bce_weight: float = 0.5,
) -> Float[Tensor, ""]:
    r"""Binary cross-entropies plus minus the mutual information of the neighbourhoods in target and prediction.

    .. math:: \lambda_b \frac{\sum_c \sum_x \mathrm{BCE}(p_c, t_c)}{n + 1}
              + \lambda_r \sum_c \frac{1}{B} \sum_b \frac{1}{2d} \log\det(M_{bc} + \alpha I), \quad
              M = \Sigma_{tt} - \Sigma_{tp} (\Sigma_{pp} + \alpha I)^{-1} \Sigma_{tp}^T

    :math:`\Sigma` are the (unnormalised) covariances of the windows of ``radius`` pixels along each axis, as vectors of
    :math:`d` numbers (9 in 2-D, 27 in 3-D), after pooling by ``stride``; :math:`\alpha` = 5e-4. Where the image is
    smaller than a window, the window is as small as the image.

    Args:
        probability: Class probabilities (B, C, *space) in [0, 1]; C = 1 is the foreground of two classes.
        target: One-hot or soft target of the same shape.
        weight_map: Weight w of each pixel, (B, *space) or (B, 1, *space): of the cross-entropy, and of the error in the
            region term, whose prediction is :math:`t + w' (p - t)` with w' = w over its mean in the image.
        class_weight: See `SegmentationLoss`; of each pixel's own class in the cross-entropy, and of the classes' shares
            in the region term (their batch mean, of mean 1).
        radius: Pixels along each axis of a window.
        stride: Pixels along each axis that are pooled into one; 1 does not pool.
        pool: How they are pooled, ``"max"`` or ``"avg"``.
        rmi_weight: :math:`\lambda_r`.
        bce_weight: :math:`\lambda_b`.

    Returns:
        A scalar, in nats; it may be negative, as a log-determinant may.

    Raises:
        ValueError: If shapes differ or an option is out of range.

    Source:
        Zhao et al., Region mutual information loss, 2019 (arXiv:1910.12037), equations 11 to 15; constants and weights
        as in lurenhaothu/CWMI ``model/rmi``. Departures: a matrix that is not positive definite gets a jitter instead
        of an error. With more than two classes probabilities are those of a softmax, not of one sigmoid each.

    Example:
        >>> import torch
        >>> mask = torch.zeros(1, 1, 32, 32)
        >>> mask[..., 8:20, 10:14] = 1
        >>> rmi_loss(0.9 * mask + 0.05, mask) < rmi_loss(torch.full_like(mask, 0.5), mask)
        tensor(True)
    """
    _check(radius, stride, pool)
    inputs = from_probability(probability, target, class_weight=class_weight, eps=_EPS)
    weight_map = read_weight_map(weight_map, inputs.target, 1)
    return bce_weight * _binary_entropy(inputs, weight_map) + rmi_weight * _region(
        inputs, weight_map, radius, stride, pool
    )


class RMILoss(SegmentationLoss):
    """Module form of `rmi_loss` on logits.

    Ignored pixels count as predicted right in the region term, and are left out of the cross-entropy.

    Attributes:
        warmup: While true the loss is the binary cross-entropies alone: the region term takes an inverted mask for a
            right one, and a network that starts inverted may stay so. The authors have no warm-up.
    """

    def __init__(
        self,
        *,
        radius: int = 3,
        stride: int = 3,
        pool: Pool = "max",
        rmi_weight: float = 0.5,
        bce_weight: float = 0.5,
        ignore_index: int | None = None,
        class_weight: ClassWeight = None,
    ) -> None:
        _check(radius, stride, pool)
        super().__init__(ignore_index=ignore_index, class_weight=class_weight)
        self.radius, self.stride, self.pool = radius, stride, pool
        self.rmi_weight, self.bce_weight = rmi_weight, bce_weight
        self.warmup = False

    def compute(self, inputs: Inputs, weight_map: Tensor | None) -> Tensor:
        """Return `rmi_loss` of prepared inputs; in the warm-up the binary cross-entropies alone, unweighted."""
        if self.warmup:
            return _binary_entropy(inputs, weight_map)
        region = _region(inputs, weight_map, self.radius, self.stride, self.pool)
        return self.bce_weight * _binary_entropy(inputs, weight_map) + self.rmi_weight * region


def _check(radius: int, stride: int, pool: Pool) -> None:
    positive(radius=radius, stride=stride)
    one_of("pool", pool, ("max", "avg"))


def _binary_entropy(inputs: Inputs, weight_map: Tensor | None) -> Tensor:
    """Binary cross-entropies of all classes, summed over the pixels, over one more than their number."""
    t, log_p = inputs.target, inputs.log_probability
    if t.shape[1] == 2:  # log(1 - p) of one class is log(p) of the other: both give the same
        value, factor = inputs.weighted_target() * log_p, -2
    else:
        factor = -1
        rest = (1 - inputs.probability).clamp_min(torch.finfo(t.dtype).tiny).log()
        value = inputs.weighted_target().sum(1, keepdim=True) * (t * log_p + (1 - t) * rest)
    if weight_map is not None:
        value = weight_map * value
    count = value[:, 0].numel() if inputs.valid is None else inputs.valid.sum()
    return factor * value.sum() / (count + 1)


def _region(inputs: Inputs, weight_map: Tensor | None, radius: int, stride: int, pool: Pool) -> Tensor:
    """Sum over the classes of the mean over the images of the conditional entropy of a window's pixel."""
    p, t = inputs.counted, inputs.target
    if weight_map is not None:
        p = t + inputs.mean_one(weight_map) * (p - t)
    if stride > 1:
        window = stride + 1 - stride % 2
        p, t = (morphology.pool(x, window, stride=stride, kind=pool) for x in (p, t))
    value = region_entropy(p, t, radius).mean(0)
    return inputs.class_mean(value.to(p.dtype)) * value.numel()
