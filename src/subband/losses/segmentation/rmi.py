"""Region mutual information loss."""

import itertools
from typing import Any, no_type_check

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from subband._check import one_of, positive
from subband.losses.segmentation._base import SegmentationLoss
from subband.losses.segmentation._inputs import ClassWeight, Inputs, from_probability, read_weight_map
from subband.transforms import morphology
from subband.transforms.morphology import Pool

ALPHA = 5e-4
"""Added to the covariance of the prediction and to the conditional covariance."""
_EPS = 1e-12
_JITTERS = (0.0, 1e-10, 1e-8, 1e-6, 1e-4)


def rmi_loss(
    probability: Tensor,
    target: Tensor,
    *,
    weight_map: Tensor | None = None,
    class_weight: ClassWeight = None,
    radius: int = 3,
    stride: int = 3,
    pool: Pool = "max",
    rmi_weight: float = 0.5,
    bce_weight: float = 0.5,
) -> Tensor:
    r"""Binary cross-entropies plus minus the mutual information of the neighbourhoods in target and prediction.

    .. math:: \lambda_b \frac{\sum_c \sum_x \mathrm{BCE}(p_c, t_c)}{n + 1}
              + \lambda_r \sum_c \frac{1}{B} \sum_b \frac{1}{2d} \log\det(M_{bc} + \alpha I), \quad
              M = \Sigma_{tt} - \Sigma_{tp} (\Sigma_{pp} + \alpha I)^{-1} \Sigma_{tp}^T

    :math:`\Sigma` are the (unnormalised) covariances of the windows of ``radius`` pixels along each axis, as vectors of
    :math:`d` numbers (9 in 2-D, 27 in 3-D), after pooling by ``stride``; :math:`\alpha` is `ALPHA`. Where the image is
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
        as in lurenhaothu/CWMI ``model/rmi``. Departures: a matrix that is not positive definite gets a jitter instead of
        an error. With more than two classes probabilities are those of a softmax, not of one sigmoid each.

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

    def compute(self, inputs: Inputs, weight_map: Tensor | None) -> Tensor:
        """Return `rmi_loss` of prepared inputs."""
        region = _region(inputs, weight_map, self.radius, self.stride, self.pool)
        return self.bce_weight * _binary_entropy(inputs, weight_map) + self.rmi_weight * region


def _check(radius: int, stride: int, pool: Pool) -> None:
    positive(radius=radius, stride=stride)
    one_of("pool", pool, ("max", "avg"))


def _binary_entropy(inputs: Inputs, weight_map: Tensor | None) -> Tensor:
    """Binary cross-entropies of all classes, summed over the pixels, over one more than their number."""
    t, log_p = inputs.target, inputs.log_probability
    if t.shape[1] == 2:  # log(1 - p) of one class is log(p) of the other: both give the same
        value = 2 * inputs.weighted_target() * log_p
    else:
        rest = (1 - inputs.probability).clamp_min(torch.finfo(t.dtype).tiny).log()
        value = inputs.weighted_target().sum(1, keepdim=True) * (t * log_p + (1 - t) * rest)
    if weight_map is not None:
        value = weight_map * value
    count = value[:, 0].numel() if inputs.valid is None else inputs.valid.sum()
    return -value.sum() / (count + 1)


def _region(inputs: Inputs, weight_map: Tensor | None, radius: int, stride: int, pool: Pool) -> Tensor:
    """Sum over the classes of the mean over the images of the conditional entropy of a window's pixel."""
    p, t = inputs.counted, inputs.target
    if weight_map is not None:
        p = t + _mean_one(weight_map) * (p - t)
    if stride > 1:
        window = stride + 1 - stride % 2
        p, t = (morphology.pool(x, window, stride=stride, kind=pool) for x in (p, t))
    lengths = tuple(min(radius, size) for size in p.shape[2:])
    value = _conditional_entropy(_Moments.apply(p, t, lengths)).mean(0)  # type: ignore[no-untyped-call]
    return inputs.class_mean(value.to(p.dtype)) * value.numel()


def _mean_one(weight: Tensor) -> Tensor:
    mean = weight.flatten(1).mean(1).reshape(-1, *[1] * (weight.ndim - 1))
    return weight / torch.where(mean > 0, mean, torch.ones_like(mean))


@no_type_check
class _Moments(torch.autograd.Function):
    """Covariances (B, C, 2 d, 2 d), times the number of windows, of the windows of p and t, in float64."""

    @staticmethod
    def forward(ctx: Any, p: Tensor, t: Tensor, lengths: tuple[int, ...]) -> Tensor:
        boxes = _boxes(p, lengths)
        span = p[(..., *boxes[0])].shape
        p, t, dtype = p.double(), t.double(), p.dtype
        windows = p.new_empty((*p.shape[:2], 2 * len(boxes), *span[2:]))
        for index, box in enumerate(boxes):
            windows[:, :, index] = p[(..., *box)]
            windows[:, :, index + len(boxes)] = t[(..., *box)]
        vectors = windows.flatten(3)
        vectors -= vectors.mean(-1, keepdim=True)
        ctx.save_for_backward(vectors)
        ctx.boxes, ctx.span, ctx.shape, ctx.dtype = boxes, span, p.shape, dtype
        return vectors @ vectors.mT

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (vectors,) = ctx.saved_tensors
        both = (gradient + gradient.mT)[:, :, : len(ctx.boxes)]
        slopes = (both @ vectors).to(ctx.dtype).unflatten(-1, ctx.span[2:])
        found = slopes.new_zeros(ctx.shape)
        for index, box in enumerate(ctx.boxes):
            found[(..., *box)] += slopes[:, :, index]
        return found, None, None


def _boxes(x: Tensor, lengths: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """For each pixel of a window, the part of the image that it runs over."""
    spans = [size - length + 1 for size, length in zip(x.shape[2:], lengths, strict=True)]
    corners = itertools.product(*(range(length) for length in lengths))
    return [tuple(slice(at, at + span) for at, span in zip(corner, spans, strict=True)) for corner in corners]


def _conditional_entropy(moments: Tensor) -> Tensor:
    """Half the log-determinant per pixel of the covariance of t given p, (B, C)."""
    size = moments.shape[-1] // 2
    pp, tp, tt = moments[..., :size, :size], moments[..., size:, :size], moments[..., size:, size:]
    eye = torch.eye(size, dtype=moments.dtype, device=moments.device)
    matrix = tt - tp @ torch.cholesky_solve(tp.mT, _factor(pp + ALPHA * eye))
    diagonal = _factor((matrix + matrix.mT) / 2 + ALPHA * eye).diagonal(dim1=-2, dim2=-1)
    return (diagonal + 1e-8).log().sum(-1) / size


def _factor(matrix: Tensor) -> Tensor:
    """Cholesky factor of a matrix plus the least of a few jitters, relative to its size, that gives it one."""
    scale = matrix.detach().diagonal(dim1=-2, dim2=-1).abs().amax(-1)[..., None, None]
    eye = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    jitters = torch.tensor(_JITTERS, dtype=matrix.dtype, device=matrix.device).reshape(-1, *[1] * matrix.ndim) * scale
    failed = torch.linalg.cholesky_ex(matrix.detach() + jitters * eye).info != 0
    jitter = jitters.gather(0, failed.int().argmin(0)[None, ..., None, None])[0]
    return torch.linalg.cholesky_ex(matrix + jitter * eye).L
