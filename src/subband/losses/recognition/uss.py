"""Unified threshold loss between samples: one cosine above which two images show one person."""

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from subband._check import positive
from subband.losses.recognition._memory import usable
from subband.losses.recognition._memory_head import MemoryHead
from subband.losses.recognition._negatives import negatives_logsumexp, own_and_softplus
from subband.losses.recognition._positives import own_softplus
from subband.losses.recognition.shard import ClassShard


class USS(MemoryHead):
    r"""Sample-to-sample loss with one bias: ``head(embeddings, labels)``, where b / s is the threshold learnt.

    .. math:: \frac1B \sum_i \Big[ \log \big( 1 + e^{-(s (g_{iy} - m) - b)} \big)
              + \sum_{j \ne y} \log \big( 1 + e^{s g_{ij} - b} \big) \Big], \quad g_{ij} = \cos(x_i, M_j)

    M_j is the embedding of the last sample of class j; the memory is written after the loss, in training only. Classes
    not seen yet take no part; used alone, let the head `remember` an epoch first. Unless ``initial_bias`` is given, b
    starts at the first step that has negatives, at the batch mean of :math:`\log \sum_{j \ne y} e^{s g_{ij}}`.

    Args:
        features: D.
        classes: C, or the part of them that this process holds.
        scale: s.
        margin: m, taken from the cosine of the own class.
        initial_bias: What b starts from; found at the first step if not given.
        logit_clamp: Clip of the logits, to [-s, s] in the authors' code; hard samples then have no gradient.

    Raises:
        ValueError: If an option is out of range, shapes do not fit, a label is no class or an embedding is NaN.

    Source:
        Li et al., UniTSFace, 2023 (arXiv:2311.02523), equations 11 and 24; CVI-SZU/UniTSFace, ``head.py``.
        Departures: the authors start the bias again whenever it is 0 or less (call `start_bias` for that); their
        memory begins with what lies in the computer's; the clip is off. Take the bias out of weight decay; theirs
        decays.

    Example:
        >>> import torch
        >>> head = USS(2, 3, initial_bias=32.0)
        >>> head.remember(torch.eye(3, 2), torch.arange(3))
        >>> head(torch.tensor([[1.0, 0.0]]), torch.tensor([0])).item() < 1e-9, head.threshold
        (True, 0.5)
    """

    bias: nn.Parameter
    started: Tensor

    def __init__(
        self,
        features: int,
        classes: int | ClassShard,
        *,
        scale: float = 64.0,
        margin: float = 0.1,
        initial_bias: float | None = None,
        logit_clamp: float | None = None,
    ) -> None:
        super().__init__(features, classes, scale=scale, margin=margin)
        positive(logit_clamp=1 if logit_clamp is None else logit_clamp)
        self.logit_clamp = logit_clamp
        self.bias = nn.Parameter(torch.full((self._biases(),), 0.0 if initial_bias is None else initial_bias))
        self.register_buffer("started", torch.tensor(initial_bias is not None))

    @property
    def threshold(self) -> float:
        """Cosine above which two images show one person, b / s."""
        return float(self.bias.detach()) / self.scale if bool(self.started) else math.nan

    def replicated(self) -> list[nn.Parameter]:
        """The bias."""
        return [self.bias]

    def start_bias(self, embeddings: Float[Tensor, "batch features"], labels: Int64[Tensor, "batch"]) -> None:
        """Set the bias to the batch mean of the log-sum-exp over the negatives; leave it where there are none."""
        self._start_bias(*self.batch(embeddings, labels))

    def start(self, x: Tensor, index: Tensor, here: Tensor) -> None:
        """Start the bias if it has not."""
        if not bool(self.started):
            self._start_bias(x, index, here)

    def against(self, index: Tensor, here: Tensor, *given: Tensor) -> Tensor:
        """Loss of the embeddings and the bias."""
        x, bias = given
        clamp, mask = self.logit_clamp, usable(self.filled)
        own, others = own_and_softplus(x, self.memory, index, here, scale=self.logit, bias=bias, clamp=clamp, mask=mask)
        seen = here & self.filled[index]
        positives = own_softplus(own, index, seen, scale=self.scale, margin=self.margin, bias=bias, clamp=clamp)
        return self.shard.sum((positives + others).sum()) / len(x)

    @torch.no_grad()
    def _start_bias(self, x: Tensor, index: Tensor, here: Tensor) -> None:
        found = negatives_logsumexp(x, self.memory, index, here, scale=self.logit, mask=usable(self.filled))
        found = self.shard.logsumexp(found)
        found = found[found != -math.inf]
        if len(found):
            self.bias.fill_(found.mean())
            self.started.fill_(True)

    def _biases(self) -> int:
        """How many biases lie here."""
        return 1
