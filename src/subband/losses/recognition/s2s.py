"""The two rivals of the unified threshold loss: softmax between samples, and one bias of each class."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from subband.losses.recognition._memory import usable
from subband.losses.recognition._memory_head import MemoryHead
from subband.losses.recognition._negatives import own_and_logsumexp
from subband.losses.recognition.shard import ClassShard
from subband.losses.recognition.uss import USS


class S2SSoftmax(MemoryHead):
    r"""Softmax over the last embedding of each class: ``head(embeddings, labels)``; it learns no threshold.

    .. math:: \frac1B \sum_i -\log \frac{e^{s (g_{iy} - m)}}{e^{s (g_{iy} - m)} + \sum_{j \ne y} e^{s g_{ij}}},
              \quad g_{ij} = \cos(x_i, M_j)

    M_j is the embedding of the last sample of class j; the memory is written after the loss. Classes not seen yet take
    no part, and a sample of such a class has a loss of 0.

    Args:
        features: D.
        classes: C, or the part of them that this process holds.
        scale: s.
        margin: m, taken from the cosine of the own class.

    Raises:
        ValueError: If an option is out of range, shapes do not fit, a label is no class or an embedding is NaN.

    Source:
        Li et al., UniTSFace, 2023 (arXiv:2311.02523), equation 17, which is the (N + 1)-tuplet loss; CVI-SZU/UniTSFace,
        ``head.py``. Departure: their memory begins with what lies in the computer's.

    Example:
        >>> import torch
        >>> head = S2SSoftmax(2, 3)
        >>> head.remember(torch.eye(3, 2), torch.arange(3))
        >>> head(torch.tensor([[1.0, 0.0]]), torch.tensor([0])).item() < 1e-9
        True
    """

    def __init__(self, features: int, classes: int | ClassShard, *, scale: float = 64.0, margin: float = 0.1) -> None:
        super().__init__(features, classes, scale=scale, margin=margin)

    def against(self, index: Tensor, here: Tensor, *given: Tensor) -> Tensor:
        """Loss of the embeddings."""
        (x,) = given
        own, others = own_and_logsumexp(x, self.memory, index, here, scale=self.logit, mask=usable(self.filled))
        own, others = self.shard.sum(own), self.shard.logsumexp(others)
        known = self.shard.sum((here & self.filled[index]).to(x.dtype)) > 0
        losses = -logsigmoid(self.scale * (own - self.margin) - others)
        return torch.where(known, losses, 0.0).mean()


class S2SBCE(USS):
    r"""As `USS`, with a bias of each class: ``head(embeddings, labels)``; b_j is the bias of class j, and there is no
    one threshold.

    .. math:: \frac1B \sum_i \Big[ \log \big( 1 + e^{-(s (g_{iy} - m) - b_y)} \big)
              + \sum_{j \ne y} \log \big( 1 + e^{s g_{ij} - b_j} \big) \Big], \quad g_{ij} = \cos(x_i, M_j)

    Args:
        features: D.
        classes: C, or the part of them that this process holds, of whose classes it has the biases.
        scale: s.
        margin: m, taken from the cosine of the own class.
        initial_bias: What every b starts from; one number found as in `USS` if not given.
        logit_clamp: Clip of the logits.

    Raises:
        ValueError: If an option is out of range, shapes do not fit, a label is no class or an embedding is NaN.

    Source:
        Li et al., UniTSFace, 2023 (arXiv:2311.02523), equation 22; CVI-SZU/UniTSFace, ``head.py``. Departures as of
        `USS`; theirs starts again, by an addition, whenever the mean bias is 0 or less.

    Example:
        >>> S2SBCE(2, 3).bias.shape
        torch.Size([3])
    """

    @property
    def threshold(self) -> float:
        """NaN: every class has its own."""
        return math.nan

    def replicated(self) -> list[nn.Parameter]:
        """None: each process has the biases of its classes."""
        return []

    def _biases(self) -> int:
        return len(self.shard)
