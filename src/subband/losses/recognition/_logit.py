"""How a head makes a logit of the cosine between a sample and a class that is not its own."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Logit:
    r"""Logit of a negative: :math:`s \, c`, with the variations that authors' heads have.

    Attributes:
        scale: s.
        power: t of SphereFace2, which stretches the cosine: :math:`2 ((c + 1) / 2)^t - 1`.
        limit: Clip of the cosine to [-limit, limit].
        drop_above: Cosines above this count as 0 and have no gradient.
        detached: Whether the slope is s all the same, where the cosine is clipped or stretched.
        keep_bytes: Bytes of cosines that may stay from forward to backward, which computes them again where there are
            more; 1 GiB if None.
    """

    scale: float
    power: float = 1.0
    limit: float | None = None
    drop_above: float | None = None
    detached: bool = False
    keep_bytes: int | None = None

    def value(self, cosine: Tensor, less: Tensor | None = None, *, out: Tensor) -> Tensor:
        """Logits less something that broadcasts, in ``out``, which may be the cosines' own memory."""
        found = self.bent(cosine)
        if less is None:
            return torch.mul(found, self.scale, out=out)
        return torch.add(-less, found, alpha=self.scale, out=out)

    def bent(self, cosine: Tensor) -> Tensor:
        """Cosines after clip, stretch and drop; the same tensor where there is none."""
        found = cosine if self.limit is None else cosine.clamp(-self.limit, self.limit)
        if self.power != 1:
            found = 2 * ((found + 1) / 2).clamp_min(0) ** self.power - 1
        return found if self.drop_above is None else torch.where(found > self.drop_above, 0.0, found)

    def times_slope(self, gradient: Tensor, cosine: Tensor) -> Tensor:
        """Multiply a gradient in place by the slope of `bent`."""
        if not self.detached and self.power != 1:
            gradient *= ((cosine + 1) / 2).clamp_min_(0).pow_(self.power - 1).mul_(self.power)
        if not self.detached and self.limit is not None:
            gradient.masked_fill_(cosine.abs() > self.limit, 0.0)
        if self.drop_above is not None:
            gradient.masked_fill_(cosine > self.drop_above, 0.0)
        return gradient
