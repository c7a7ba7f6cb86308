"""Softmax with a margin of the angle."""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from subband._check import between, one_of
from subband.losses.recognition._logit import Logit
from subband.losses.recognition.normface import NormFace
from subband.losses.recognition.shard import ClassShard

Fallback = Literal["none", "easy", "cos - m", "cos - m sin m"]
Gradient = Literal["true", "detached"]


def arcface_target(
    cosine: Float[Tensor, "batch"],
    *,
    margin: float = 0.5,
    fallback: Fallback = "none",
    gradient: Gradient = "true",
) -> Float[Tensor, "batch"]:
    r"""Cosine of the angle plus a margin.

    .. math:: \phi(c) = \cos(\arccos c + m) = c \cos m - \sqrt{1 - c^2} \, \sin m

    which falls with the angle up to :math:`\pi - m` and rises again behind it, on the hardest samples.

    Args:
        cosine: c, in [-1, 1].
        margin: m, in radians, in [0, pi].
        fallback: What to take instead. ``"easy"``: c where c <= 0. ``"cos - m"``: c - m, and ``"cos - m sin m"``:
            c - m sin m, both where the angle is beyond pi - m. ``"none"``: nothing.
        gradient: ``"true"``, or ``"detached"``: that of c, as if the margin were a constant.

    Returns:
        Values of any sign; with ``"none"`` in [-1, 1].

    Raises:
        ValueError: If the margin is out of range or a word is unknown.

    Source:
        Deng et al., ArcFace, 2019 (arXiv:1801.07698). Fallbacks: ``"easy"`` and ``"cos - m"`` are those of
        the authors of EPL, ``head.py``; ``"cos - m sin m"`` is pytorch-metric-learning's; insightface has none. The
        detached gradient is insightface's, and "characteristic gradient detachment" of EPL. Where c is 1 or -1 the true
        derivative is infinite, and that of the sine is taken to be 0.

    Example:
        >>> import torch
        >>> arcface_target(torch.tensor([1.0, 0.0, -1.0]), margin=math.pi / 3, fallback="easy")
        tensor([ 0.5000,  0.0000, -1.0000])
    """
    one_of("fallback", fallback, ("none", "easy", "cos - m", "cos - m sin m"))
    one_of("gradient", gradient, ("true", "detached"))
    between(0, math.pi, margin=margin)
    square = 1 - cosine.square()
    inside = square > 0
    sine = torch.where(inside, torch.where(inside, square, 1.0).sqrt(), 0.0)
    found = cosine * math.cos(margin) - sine * math.sin(margin)
    if fallback == "easy":
        found = torch.where(cosine > 0, found, cosine)
    elif fallback != "none":
        less = margin if fallback == "cos - m" else margin * math.sin(margin)
        found = torch.where(cosine > math.cos(math.pi - margin), found, cosine - less)
    return found if gradient == "true" else cosine + (found - cosine).detach()


class ArcFace(NormFace):
    r"""`NormFace` with a margin of the angle, `arcface_target`: :math:`\phi(c) = \cos(\arccos c + m)`.

    Args:
        features: D, the length of an embedding.
        classes: C, or the part of them that this process holds.
        scale: s.
        margin: m, in radians.
        fallback: What to take beyond pi - m; as in `arcface_target`.
        gradient: As in `arcface_target`.
        cosine_limit: Clip of all cosines, whose gradient is then 0; 1 - 1e-7 in EPL's code, none if not given.
        drop_above: As in `NormFace`.

    Raises:
        ValueError: As `NormFace` and `arcface_target`.

    Source:
        As `arcface_target`. ``ArcFace(D, C, gradient="detached")`` is insightface's, ``fallback="cos - m sin m"``
        pytorch-metric-learning's (with m in degrees there).

    Example:
        >>> import torch
        >>> head = ArcFace(4, 10, fallback="cos - m")
        >>> head(torch.randn(3, 4), torch.tensor([0, 9, 9])).shape
        torch.Size([])
    """

    def __init__(
        self,
        features: int,
        classes: int | ClassShard,
        *,
        scale: float = 64.0,
        margin: float = 0.5,
        fallback: Fallback = "none",
        gradient: Gradient = "true",
        cosine_limit: float | None = None,
        drop_above: float | None = None,
    ) -> None:
        super().__init__(features, classes, scale=scale, drop_above=drop_above)
        self.margin, self.fallback, self.gradient = margin, fallback, gradient
        self.logit = Logit(scale, limit=cosine_limit, drop_above=drop_above)
        self.target(torch.zeros(1))  # refuses wrong options

    def target(self, cosine: Float[Tensor, "batch"]) -> Float[Tensor, "batch"]:
        """Return `arcface_target`."""
        limit = self.logit.limit
        return arcface_target(
            cosine if limit is None else cosine.clamp(-limit, limit),
            margin=self.margin,
            fallback=self.fallback,
            gradient=self.gradient,
        )

    def extra_repr(self) -> str:
        """Options, for ``print``."""
        return f"{super().extra_repr()}, margin={self.margin:g}, fallback={self.fallback!r}, gradient={self.gradient!r}"
