"""Reduction over the classes of a head, block by block, whose gradient needs no normalised copy of the weights."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import softplus

from subband.losses.recognition._logit import Logit

EPS = 1e-5  # smallest norm, as the authors of UniFace, UniTSFace and EPL normalise
_BLOCK = 1 << 20  # cosines of one block on a CPU
_DEVICE_BLOCK = 1 << 26  # and on any other device
_LINEAR = 40.0  # softplus is its argument above this, to the last digit of float64
_KEEP = 1 << 30  # bytes of cosines that forward keeps for backward; above, backward computes them again


@dataclass(frozen=True)
class Plan:
    """What forward and backward share.

    Attributes:
        own: Place of the own class among the rows (B,), -1 where it is not there.
        count: Number of rows.
        rows: Which rows of w they are (count,), None for all.
        mask: Which of them may be used (count,), None for all.
        logit: Logit of a cosine.
        clamp: Clip of a logit less its bias.
    """

    own: Tensor
    count: int
    rows: Tensor | None
    mask: Tensor | None
    logit: Logit
    clamp: float = math.inf

    def parts(self, x: Tensor) -> list[slice]:
        """Ranges of rows that are worked on at once."""
        size = max((_BLOCK if x.device.type == "cpu" else _DEVICE_BLOCK) // max(len(x), 1), 64)
        return [slice(start, min(start + size, self.count)) for start in range(0, self.count, size)]

    def keeps(self, x: Tensor) -> bool:
        """Whether the cosines of all parts may stay from forward to backward."""
        budget = _KEEP if self.logit.keep_bytes is None else self.logit.keep_bytes
        return len(x) * self.count * x.element_size() <= budget

    def blocks(self, x: Tensor, *, apart: bool) -> list[Tensor]:
        """A block (B, n) for each part; all of them in one place, unless they are to stay apart.

        One place, because a new block of this size costs the computer more than the arithmetic within it.
        """
        sizes = [len(x) * (part.stop - part.start) for part in self.parts(x)]
        room = x.new_empty(sum(sizes) if apart else max(sizes, default=0))
        pieces = torch.split(room, sizes) if apart else [room[:size] for size in sizes]
        return [piece.view(len(x), -1) for piece in pieces]

    def rows_of(self, w: Tensor, part: slice) -> Tensor:
        """Rows of w in this part."""
        return w[part] if self.rows is None else w[self.rows[part]]

    def owners(self, part: slice) -> tuple[Tensor, Tensor]:
        """Samples whose own class is in this part, and its column."""
        samples = ((self.own >= part.start) & (self.own < part.stop)).nonzero()[:, 0]
        return samples, self.own[samples] - part.start

    def exclude(self, logits: Tensor, part: slice, owners: tuple[Tensor, Tensor]) -> Tensor:
        """Put minus infinity at the own class and at rows that may not be used."""
        logits[owners] = -math.inf
        return logits if self.mask is None else logits.masked_fill_(~self.mask[part], -math.inf)


def reduce(x: Tensor, w: Tensor, bias: Tensor | None, plan: Plan) -> tuple[Tensor, Tensor]:
    """Own cosine (B,), 0 where it is not there, and the reduction of the others (B,).

    Without a bias that is the log-sum-exp of the logits; with one the sum of softplus of the logits less the bias.

    Args:
        x: Unit embeddings (B, D).
        w: Rows (n, D) as they are stored, of the same dtype.
        bias: One number, or one of each row in the plan.
        plan: How.
    """
    own, others = _Negatives.apply(x, w, bias, plan)
    return own, others


class _Negatives(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, bias: Tensor | None, plan: Plan) -> tuple[Tensor, Tensor]:
        """Walk over the parts once; keep their cosines if there is room."""
        keep = any(ctx.needs_input_grad) and plan.keeps(x)
        own, total, norms = x.new_zeros(len(x)), x.new_zeros(len(x)), x.new_empty(plan.count)
        blocks = plan.blocks(x, apart=keep)
        spare = plan.blocks(x, apart=False) if keep else blocks
        top = torch.full_like(total, torch.finfo(x.dtype).min)
        for part, cosines, block in zip(plan.parts(x), blocks, spare, strict=True):
            rows = plan.rows_of(w, part)
            torch.linalg.vector_norm(rows, dim=1, out=norms[part]).clamp_min_(EPS)
            torch.mm(x, rows.T, out=cosines).div_(norms[part])
            owners = plan.owners(part)
            own[owners[0]] = cosines[owners]
            if bias is None:
                logits = plan.logit.value(cosines, out=block)
                before, top = top, torch.maximum(top, plan.exclude(logits, part, owners).amax(1))
                total *= (before - top).exp_()
                total += logits.sub_(top[:, None]).exp_().sum(1)
            else:
                logits = plan.logit.value(cosines, _at(bias, part), out=block)
                if plan.clamp != math.inf:
                    logits.clamp_(-plan.clamp, plan.clamp)
                total += softplus(plan.exclude(logits, part, owners), threshold=_LINEAR).sum(1)
        others = top + total.log() if bias is None else total
        ctx.plan = plan
        ctx.save_for_backward(x, w, bias, others, norms, *(blocks if keep else ()))
        return own, others

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, own_gradient: Tensor, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Walk over the parts again, whatever autocast is on."""
        with torch.autocast(gradient.device.type, enabled=False):
            return *_gradients(ctx, own_gradient, gradient), None


def _gradients(ctx: Any, own_gradient: Tensor, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Cosines of each part, the gradient with respect to them, then to x, w and the bias.

    The gradient of a row is that of its product with x, less what of it lies along the row, over the norm: so nothing
    as large as w is normalised, neither forward nor backward.
    """
    x, w, bias, others, norms, *kept = ctx.saved_tensors
    plan, needs = ctx.plan, ctx.needs_input_grad
    dx = torch.zeros_like(x) if needs[0] else None
    dw = (torch.empty_like if plan.rows is None else torch.zeros_like)(w) if needs[1] else None
    db = torch.zeros_like(bias) if needs[2] else None
    blocks, spare = kept or plan.blocks(x, apart=False), plan.blocks(x, apart=False)
    product = w.new_empty(spare[0].shape[1] if needs[1] else 0, w.shape[1])
    for part, cosines, block in zip(plan.parts(x), blocks, spare, strict=True):
        rows, norm = plan.rows_of(w, part), norms[part]
        if not kept:
            torch.mm(x, rows.T, out=cosines).div_(norm)
        owners = plan.owners(part)
        found = _slopes(cosines, bias, others, plan, part, block).mul_(plan.logit.scale * gradient[:, None])
        if db is not None:
            _at(db, part).sub_(found.sum(0) if len(db) > 1 else found.sum(), alpha=1 / plan.logit.scale)
        found = plan.logit.times_slope(found, cosines)
        found[owners] = own_gradient[owners[0]]
        found /= norm
        if dx is not None:
            dx.addmm_(found, rows)
        if dw is not None:
            into = torch.mm(found.T, x, out=dw[part] if plan.rows is None else torch.empty_like(rows))
            along = torch.mul(into, rows, out=product[: len(rows)]).sum(1) / norm.square()
            along = torch.where(norm > EPS, along, 0.0)
            into.addcmul_(rows, along[:, None], value=-1)
            if plan.rows is not None:
                dw[plan.rows[part]] = into
    return dx, dw, db


def _slopes(cosines: Tensor, bias: Tensor | None, others: Tensor, plan: Plan, part: slice, out: Tensor) -> Tensor:
    """Derivative of the reduction with respect to the logits of a part, in ``out``."""
    owners = plan.owners(part)
    if bias is None:
        shift = others.masked_fill(others == -math.inf, math.inf)
        return plan.exclude(plan.logit.value(cosines, shift[:, None], out=out), part, owners).exp_()
    logits = plan.logit.value(cosines, _at(bias, part), out=out)
    outside = None if plan.clamp == math.inf else logits.abs() > plan.clamp
    slopes = plan.exclude(logits, part, owners).sigmoid_()
    return slopes if outside is None else slopes.masked_fill_(outside, 0.0)


def _at(bias: Tensor, part: slice) -> Tensor:
    return bias if len(bias) == 1 else bias[part]
