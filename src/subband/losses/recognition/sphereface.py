"""Softmax with a margin that multiplies the angle."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from subband._check import between
from subband.losses.recognition._logit import Logit
from subband.losses.recognition.normface import NormFace
from subband.losses.recognition.shard import ClassShard

_LIMIT = 1 - 1e-5


def sphereface_target(cosine: Float[Tensor, "batch"], *, margin: float = 1.7) -> Float[Tensor, "batch"]:
    r"""Cosine of the angle times a margin, continued so that it falls with the angle everywhere.

    .. math:: \phi(c) = (-1)^k \cos(m \theta) - 2 k, \quad k = \lfloor m \theta / \pi \rfloor, \quad
              \theta = \arccos c

    Args:
        cosine: c, in [-1, 1]; clipped to 1 - 1e-5.
        margin: m, 1 or greater.

    Returns:
        Values in [-2 m, 1], whose gradient is that of c, as if the margin were a constant.

    Raises:
        ValueError: If the margin is below 1.

    Source:
        Liu et al., SphereFace, 2017 (arXiv:1704.08063), equation 7. Clip and detached gradient are opensphere's,
        ``model/head/sphereface.py`` (SphereFace-R).

    Example:
        >>> import torch
        >>> sphereface_target(torch.tensor([0.0, -0.5]), margin=2.0)
        tensor([-1.0000, -1.5000])
    """
    between(1, math.inf, margin=margin)
    with torch.no_grad():
        angle = margin * cosine.clamp(-_LIMIT, _LIMIT).arccos()
        turns = (angle / math.pi).floor()
        found = (1 - 2 * torch.remainder(turns, 2)) * angle.cos() - 2 * turns
        change = found - cosine
    return cosine + change


class SphereFace(NormFace):
    r"""`NormFace` with a margin that multiplies the angle, `sphereface_target`: :math:`\phi(c) = \cos(m \arccos c)`.

    Args:
        features: D, the length of an embedding.
        classes: C, or the part of them that this process holds.
        scale: s.
        margin: m, 1 or greater.

    Raises:
        ValueError: As `NormFace`, or if the margin is below 1.

    Source:
        As `sphereface_target`; s and m are opensphere's. Departure: it normalises the stored weights at every step,
        and so gives their gradient a radial part.

    Example:
        >>> import torch
        >>> head = SphereFace(4, 10)
        >>> head(torch.randn(3, 4), torch.tensor([0, 9, 9])).shape
        torch.Size([])
    """

    def __init__(self, features: int, classes: int | ClassShard, *, scale: float = 30.0, margin: float = 1.7) -> None:
        super().__init__(features, classes, scale=scale)
        self.margin = margin
        self.logit = Logit(scale, limit=_LIMIT, detached=True)
        self.target(torch.zeros(1))  # refuses a wrong margin

    def target(self, cosine: Float[Tensor, "batch"]) -> Float[Tensor, "batch"]:
        """Return `sphereface_target`."""
        return sphereface_target(cosine, margin=self.margin)

    def extra_repr(self) -> str:
        """Options, for ``print``."""
        return f"{super().extra_repr()}, margin={self.margin:g}"
