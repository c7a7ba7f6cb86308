"""Softmax with a margin of the cosine."""

from jaxtyping import Float
from torch import Tensor

from subband._check import not_negative
from subband.losses.recognition.normface import NormFace
from subband.losses.recognition.shard import ClassShard


class CosFace(NormFace):
    r"""`NormFace` whose own cosine has to win by a margin: :math:`\phi(c) = c - m`.

    Args:
        features: D, the length of an embedding.
        classes: C, or the part of them that this process holds.
        scale: s.
        margin: m, as a cosine, 0 or greater.
        drop_above: As in `NormFace`.

    Raises:
        ValueError: As `NormFace`, or if the margin is negative.

    Source:
        Wang et al., CosFace, 2018 (arXiv:1801.09414), with the 0.4 of CVI-SZU/UniTSFace, ``head.py``. Equal to
        pytorch-metric-learning's ``CosFaceLoss`` and insightface's ``CombinedMarginLoss(64, 1, 0, m)``.

    Example:
        >>> import torch
        >>> head = CosFace(2, 2, scale=2.0, margin=0.5)
        >>> head.weight.data = torch.eye(2)
        >>> loss = head(torch.tensor([[7.0, 0.0]]), torch.tensor([0]))
        >>> torch.allclose(loss, torch.tensor(-1.0).exp().log1p())
        True
    """

    def __init__(
        self,
        features: int,
        classes: int | ClassShard,
        *,
        scale: float = 64.0,
        margin: float = 0.4,
        drop_above: float | None = None,
    ) -> None:
        super().__init__(features, classes, scale=scale, drop_above=drop_above)
        not_negative(margin=margin)
        self.margin = margin

    def target(self, cosine: Float[Tensor, "batch"]) -> Float[Tensor, "batch"]:
        """Return the cosine less the margin."""
        return cosine - self.margin

    def extra_repr(self) -> str:
        """Options, for ``print``."""
        return f"{super().extra_repr()}, margin={self.margin:g}"
