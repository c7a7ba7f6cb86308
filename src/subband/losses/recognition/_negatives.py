"""All that a recognition head asks of its classes: the cosine of the own one, and one reduction over the others."""

import math

import torch
from torch import Tensor
from torch.nn.functional import normalize

from subband.losses.recognition._logit import Logit
from subband.losses.recognition._reduction import EPS, Plan, reduce

__all__ = [
    "EPS",
    "negatives_logsumexp",
    "negatives_softplus",
    "own_and_logsumexp",
    "own_and_softplus",
    "own_cosine",
]


def own_cosine(x: Tensor, w: Tensor, index: Tensor, here: Tensor) -> Tensor:
    """Cosine (B,) of each embedding with the row of its own class; 0 where that row is not here.

    Args:
        x: Embeddings (B, D), as they come.
        w: Class rows (n, D), as they are stored.
        index: Row of each sample's own class (B,), any row where it is not here.
        here: Whether w has that row (B,).
    """
    x, w = _wide(x, w)
    rows = normalize(w[index], eps=EPS)
    return torch.where(here, (normalize(x, eps=EPS) * rows).sum(1), 0.0)


def negatives_logsumexp(
    x: Tensor,
    w: Tensor,
    index: Tensor,
    here: Tensor,
    *,
    scale: float | Logit,
    rows: Tensor | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    r"""Logarithm (B,) of :math:`\sum_{j \ne y} e^{s c_j}`; minus infinity where there is no other class.

    Args:
        x: As in `own_cosine`.
        w: As in `own_cosine`.
        index: As in `own_cosine`.
        here: As in `own_cosine`.
        scale: s, or all about the logits.
        rows: Different rows of w to reduce over (k,), all if not given.
        mask: Rows of w that may be used (n,), all if not given.
    """
    return own_and_logsumexp(x, w, index, here, scale=scale, rows=rows, mask=mask)[1]


def negatives_softplus(
    x: Tensor,
    w: Tensor,
    index: Tensor,
    here: Tensor,
    *,
    scale: float | Logit,
    bias: Tensor | float,
    clamp: float | None = None,
    rows: Tensor | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    r"""Sum (B,) of :math:`\log(1 + e^{z_j})` over the other classes, :math:`z_j = s c_j - b_j` clipped to ``clamp``.

    Args:
        x: As in `own_cosine`.
        w: As in `own_cosine`.
        index: As in `own_cosine`.
        here: As in `own_cosine`.
        scale: s, or all about the logits.
        bias: b: one number, or one of each row of w.
        clamp: Clip of z to [-clamp, clamp].
        rows: As in `negatives_logsumexp`.
        mask: As in `negatives_logsumexp`.
    """
    return own_and_softplus(x, w, index, here, scale=scale, bias=bias, clamp=clamp, rows=rows, mask=mask)[1]


def own_and_logsumexp(
    x: Tensor,
    w: Tensor,
    index: Tensor,
    here: Tensor,
    *,
    scale: float | Logit,
    rows: Tensor | None = None,
    mask: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """`own_cosine` and `negatives_logsumexp` in one pass; the own row too has to be among ``rows`` and ``mask``."""
    x, w = _wide(x, w)
    plan = _plan(w, index, here, scale, rows, mask)
    with torch.autocast(x.device.type, enabled=False):
        return reduce(normalize(x, eps=EPS), w, None, plan)


def own_and_softplus(
    x: Tensor,
    w: Tensor,
    index: Tensor,
    here: Tensor,
    *,
    scale: float | Logit,
    bias: Tensor | float,
    clamp: float | None = None,
    rows: Tensor | None = None,
    mask: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """`own_cosine` and `negatives_softplus` in one pass; the own row too has to be among ``rows`` and ``mask``."""
    x, w = _wide(x, w)
    plan = _plan(w, index, here, scale, rows, mask, math.inf if clamp is None else clamp)
    b = torch.as_tensor(bias, device=x.device).to(x.dtype).reshape(-1)
    if rows is not None and b.numel() > 1:
        b = b[rows]
    with torch.autocast(x.device.type, enabled=False):
        return reduce(normalize(x, eps=EPS), w, b, plan)


def _wide(x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """Both in the wider of their dtypes, float32 at least."""
    dtype = torch.promote_types(torch.promote_types(x.dtype, w.dtype), torch.float32)
    return x.to(dtype), w.to(dtype)


def _plan(
    w: Tensor,
    index: Tensor,
    here: Tensor,
    scale: float | Logit,
    rows: Tensor | None,
    mask: Tensor | None,
    clamp: float = math.inf,
) -> Plan:
    """Where each own class lies among the rows in use."""
    logit = scale if isinstance(scale, Logit) else Logit(scale)
    if rows is None:
        return Plan(torch.where(here, index, -1), len(w), None, mask, logit, clamp)
    place = index.new_full((len(w),), -1)
    place[rows] = torch.arange(len(rows), device=rows.device)
    own = torch.where(here, place[index], -1)
    return Plan(own, len(rows), rows, None if mask is None else mask[rows], logit, clamp)
