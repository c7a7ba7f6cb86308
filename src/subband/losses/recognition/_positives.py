"""Binary cross-entropy of the own class, where a bias is shared or of each class."""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def own_softplus(
    cosine: Tensor,
    index: Tensor,
    here: Tensor,
    *,
    scale: float,
    margin: float,
    bias: Tensor,
    clamp: float | None,
) -> Tensor:
    r""":math:`\log(1 + e^{-z})` (B,) of :math:`z = s (c - m) - b` clipped to ``clamp``; 0 where not ``here``.

    Args:
        cosine: c, the cosine with the own class (B,).
        index: Row of the own class (B,).
        here: Whether it counts (B,).
        scale: s.
        margin: m.
        bias: b: one number, or one of each row.
        clamp: Clip of z to [-clamp, clamp], none if not given.

    Example:
        >>> one = torch.ones(1)
        >>> own_softplus(one, 0 * one.long(), one > 0, scale=1, margin=0.4, bias=0.6 * one, clamp=None)
        tensor([0.6931])
    """
    z = scale * (cosine - margin) - (bias if len(bias) == 1 else bias[index])
    if clamp is not None:
        z = z.clamp(-clamp, clamp)
    return torch.where(here, -logsigmoid(z), 0.0)
