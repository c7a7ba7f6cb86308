"""UNPG: pairs of different identities within the batch, as further negatives of a softmax head."""

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import normalize

from subband._check import positive
from subband.losses.recognition._around import AroundSoftmax
from subband.losses.recognition._negatives import EPS, own_and_logsumexp
from subband.losses.recognition.normface import NormFace


class UNPG(AroundSoftmax):
    r"""Unified negative pair generation: each sample has to beat the pairs of the batch too.

    .. math:: \frac1B \sum_i \log \Big( 1 + e^{-s \phi(c_{iy})}
              \Big[ \sum_{j \ne y} e^{s \, c_{ij}} + \sum_{p \in P} e^{s \, p} \Big] \Big)

    with P the cosines of all pairs of samples of different classes, outliers left out.

    Args:
        head: A softmax head, such as `CosFace` or `ArcFace`.
        whisker: w of `pairs_within_whiskers`.

    Raises:
        ValueError: As the head, or if w is not positive.

    Source:
        Jung et al., Unified Negative Pair Generation, 2022 (arXiv:2203.11593); Jung-Jun-Uk/UNPG, whose w is 1.5 and
        whose margin is 0.5 with CosFace.

    Example:
        >>> import torch
        >>> from subband.losses.recognition import CosFace
        >>> head = UNPG(CosFace(4, 10, scale=2.0, margin=0.5))
        >>> x, labels = torch.eye(4), torch.tensor([0, 9, 9, 3])
        >>> bool(head(x, labels) > head.head(x, labels))
        True
    """

    def __init__(self, head: NormFace, *, whisker: float = 1.5) -> None:
        super().__init__(head)
        positive(whisker=whisker)
        self.whisker = whisker

    def forward(self, embeddings: Float[Tensor, "batch features"], labels: Int64[Tensor, "batch"]) -> Float[Tensor, ""]:
        """Return the loss, a mean over samples."""
        x, index, here = self.head.batch(embeddings, labels)
        own, others = own_and_logsumexp(x, self.head.weight, index, here, scale=self.head.logit)
        if self.shard.rank == 0:  # once in the sum over processes
            pairs = pairs_within_whiskers(x, labels, whisker=self.whisker)
            if len(pairs):
                others = torch.logaddexp(others, (self.head.scale * pairs).logsumexp(0))
        return self.head.joined(own, others)

    def extra_repr(self) -> str:
        """Options, for ``print``."""
        return f"whisker={self.whisker:g}"


def pairs_within_whiskers(
    embeddings: Float[Tensor, "batch features"], labels: Int64[Tensor, "batch"], *, whisker: float = 1.5
) -> Float[Tensor, "pairs"]:
    r"""Cosines of all pairs of samples of different classes, less the outliers of a box plot.

    .. math:: Q_1 - w (Q_3 - Q_1) \le c \le Q_3 + w (Q_3 - Q_1)

    Args:
        embeddings: Of any length (B, D).
        labels: Classes (B,).
        whisker: w; infinity keeps all.

    Returns:
        Cosines in rising order, differentiable; none if all samples are of one class.

    Example:
        >>> import torch
        >>> pairs_within_whiskers(torch.eye(3), torch.tensor([0, 1, 1]))
        tensor([0., 0.])
    """
    with torch.autocast(embeddings.device.type, enabled=False):
        unit = normalize(embeddings, eps=EPS)
        different = (labels[:, None] != labels[None, :]).triu(1)
        cosines = (unit @ unit.T)[different].sort().values
    if not len(cosines) or whisker == math.inf:
        return cosines
    low, high = (cosines.detach()[int(part * len(cosines))] for part in (0.25, 0.75))
    reach = whisker * (high - low)
    return cosines[(cosines >= low - reach) & (cosines <= high + reach)]
