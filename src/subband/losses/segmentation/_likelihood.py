"""The weighted negative log-likelihood in closed form, which the cross-entropies end in."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from subband.losses.segmentation._inputs import Inputs

_LINEAR_ABOVE = 50.0
"""Argument from which softplus is the identity in float64 too."""


def likelihood_loss(inputs: Inputs, weight: Tensor | None = None, weight_map: Tensor | None = None) -> Tensor:
    r"""Return :math:`-\frac{1}{n} \sum_x m \sum_c w_c t_c \log p_c` over the n counted pixels.

    Args:
        inputs: Prediction and target.
        weight: Weight w of the classes, (B, C, *space) or (B, C, 1, ...), C >= 2; 1 if None.
        weight_map: Weight m of the pixels, (B, 1, *space); 1 if None.
    """
    if inputs.eps is None and inputs.scores.shape[1] == 1:
        return _binary(inputs, weight, weight_map) / inputs.count
    value = _of_probabilities(inputs, weight) if inputs.scores.shape[1] == 1 else _of_classes(inputs, weight)
    value = value if weight_map is None else value * weight_map
    return (0 - value.sum()) / inputs.count  # not -0.0 where nothing weighs


def _of_classes(inputs: Inputs, weight: Tensor | None) -> Tensor:
    value = inputs.target * inputs.log_probability
    return value if weight is None else value * weight


def _of_probabilities(inputs: Inputs, weight: Tensor | None) -> Tensor:
    """What `_of_classes` gives for one channel, added up: in one piece, which a compiler makes one pass."""
    p, t, eps = inputs.scores, inputs.own, inputs.eps or 0
    rest = (1 if inputs.valid is None else inputs.valid) - t
    if weight is not None:
        background, foreground = weight.chunk(2, 1)
        t, rest = foreground * t, background * rest
    return t * (p + eps).log() + rest * (1 - p + eps).log()


def _binary(inputs: Inputs, weight: Tensor | None, weight_map: Tensor | None) -> Tensor:
    """The sum from the logits z of the foreground t, with one softplus for each pixel instead of two logarithms.

    With the weights a = w_1 t and b = w_0 (1 - t) of its classes, a pixel adds (a + b) softplus(z) - a z.
    """
    a, both, valid = inputs.own, inputs.valid, inputs.valid
    if weight is not None:
        background, foreground = weight.chunk(2, 1)
        both = torch.addcmul(background, foreground - background, a)
        both = both if valid is None else both * valid
        a = foreground * a
    if weight_map is not None:
        a = a * weight_map
        both = weight_map if both is None else both * weight_map
    return _softplus_sum(inputs.scores, both, a)


def _softplus_sum(z: Tensor, weight: Tensor | None, slope: Tensor) -> Tensor:
    total: Tensor = _SoftplusSum.apply(z, weight if weight is None else weight.expand_as(z), slope)
    return total


class _SoftplusSum(torch.autograd.Function):
    """The sum of w softplus(z) - a z; fast because its gradient, w sigmoid(z) - a, is one pass over its inputs."""

    @staticmethod
    def forward(z: Tensor, weight: Tensor | None, slope: Tensor) -> Tensor:
        value = F.softplus(z, threshold=_LINEAR_ABOVE)
        value = value if weight is None else value.mul_(weight)
        return value.addcmul_(slope, z, value=-1).sum().clamp_min(0)  # below it only by rounding

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor | None, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        z, weight, slope = ctx.saved_tensors
        of_z = of_weight = of_slope = None
        if ctx.needs_input_grad[0]:
            rate = torch.sigmoid(z)
            gap = slope - rate if weight is None else torch.addcmul(slope, rate, weight, value=-1)
            of_z = gap.mul_(-grad)
        if ctx.needs_input_grad[1]:
            of_weight = F.softplus(z, threshold=_LINEAR_ABOVE) * grad
        if ctx.needs_input_grad[2]:
            of_slope = -z * grad
        return of_z, of_weight, of_slope
