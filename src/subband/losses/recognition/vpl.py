"""VPL: class weights mixed with the last embedding of the class."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import normalize

from subband._check import between, not_negative, positive
from subband.losses.recognition._around import AroundSoftmax
from subband.losses.recognition._memory import newest
from subband.losses.recognition._negatives import EPS, own_and_logsumexp
from subband.losses.recognition.normface import NormFace


class VPL(AroundSoftmax):
    r"""Variational prototypes: a softmax head whose class weights are drawn towards embeddings seen lately.

    .. math:: \tilde w_j = (1 - \lambda_j) \frac{w_j}{|w_j|} + \lambda_j q_j

    with q the last embedding of class j, of length 1, and :math:`\lambda_j = \lambda` if it was seen in the last
    ``recent`` batches, else 0. The memory q is written after the loss, while training.

    Args:
        head: A softmax head, such as `CosFace` or `ArcFace`.
        share: :math:`\lambda`, in (0, 1).
        recent: Number of batches for which an embedding counts.
        start: Number of batches before the first that mixes.

    Raises:
        ValueError: As the head, or if an option is out of range.

    Source:
        Deng et al., Variational Prototype Learning for Deep Face Recognition, 2021; insightface, ``recognition/vpl``,
        whose options these are. Departures: the memory starts empty, not random; the last of several embeddings of one
        class in a batch counts, on any device.

    Example:
        >>> import torch
        >>> from subband.losses.recognition import CosFace
        >>> head = VPL(CosFace(4, 10), start=0)
        >>> head(torch.randn(3, 4), torch.tensor([0, 9, 9])).shape, head.seen.nonzero().flatten().tolist()
        (torch.Size([]), [0, 9])
    """

    memory: Tensor
    seen: Tensor
    batches: Tensor

    def __init__(self, head: NormFace, *, share: float = 0.15, recent: int = 200, start: int = 8000) -> None:
        super().__init__(head)
        positive(share=share, recent=recent)
        between(0, 1, share=share)
        not_negative(start=start)
        self.share, self.recent, self.start = share, recent, start
        self.register_buffer("memory", torch.zeros(len(self.shard), self.features))
        self.register_buffer("seen", torch.zeros(len(self.shard), dtype=torch.int64))  # batch, from 1; 0: never
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    def forward(self, embeddings: Float[Tensor, "batch features"], labels: Int64[Tensor, "batch"]) -> Float[Tensor, ""]:
        """Return the loss; then, while training, the memory takes the embeddings."""
        x, index, here = self.head.batch(embeddings, labels)
        if self.training:
            self.batches += 1
        loss = self.head.joined(*own_and_logsumexp(x, self.mixed(), index, here, scale=self.head.logit))
        if self.training:
            last = newest(index[here])
            rows = index[here][last]
            self.memory[rows] = normalize(x.detach()[here][last], eps=EPS).to(self.memory.dtype)
            self.seen[rows] = self.batches
        return loss

    def mixed(self) -> Float[Tensor, "here features"]:
        """Class weights as the loss sees them, of any length."""
        share = self.shares()
        if not share.any():
            return self.head.weight
        return (1 - share[:, None]) * normalize(self.head.weight, eps=EPS) + share[:, None] * self.memory

    def shares(self) -> Float[Tensor, "here"]:
        r""":math:`\lambda_j` of this batch."""
        fresh = (self.seen > 0) & (self.batches - self.seen <= self.recent) & (self.batches > self.start)
        return fresh.to(self.head.weight.dtype) * self.share

    def extra_repr(self) -> str:
        """Options, for ``print``."""
        return f"share={self.share:g}, recent={self.recent}, start={self.start}"
