"""Softmax cross-entropy of cosines, in which other heads then change the cosine of the own class."""

import math

from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import logsigmoid

from subband._check import between
from subband.losses.recognition._head import WeightHead
from subband.losses.recognition._logit import Logit
from subband.losses.recognition._negatives import own_and_logsumexp
from subband.losses.recognition.shard import ClassShard


class NormFace(WeightHead):
    r"""Normalised softmax: cross-entropy of the cosines of an embedding with the class weights.

    .. math:: -\frac1B \sum_i \log
              \frac{e^{s \, \phi(c_{i y})}}{e^{s \, \phi(c_{i y})} + \sum_{j \ne y} e^{s \, c_{ij}}},
              \quad c_{ij} = \cos(x_i, w_j), \quad \phi(c) = c

    Subclasses differ in :math:`\phi`, their `target`. The loss is :math:`\log(1 + e^{l - s \phi})` of the log-sum-exp l
    over the other classes, which neither overflows nor forms a one-hot matrix.

    Args:
        features: D, the length of an embedding.
        classes: C, or the part of them that this process holds.
        scale: s; see `recommended_scale` for few classes.
        drop_above: Cosines of other classes above this count as 0, against wrong labels; none if not given.

    Raises:
        ValueError: If an option is out of range, shapes do not fit, a label is no class or an embedding is NaN.

    Source:
        Wang et al., NormFace, 2017 (arXiv:1704.06369). Vectors are divided by max(norm, 1e-5), as in CVI-SZU/UniFace,
        ``head.py``; insightface and pytorch-metric-learning take 1e-12. ``drop_above`` is insightface's interclass
        filtering, ``recognition/arcface_torch/losses.py``.

    Example:
        >>> import torch
        >>> head = NormFace(4, 10)
        >>> head(torch.randn(3, 4), torch.tensor([0, 9, 9])).shape
        torch.Size([])
    """

    def __init__(
        self,
        features: int,
        classes: int | ClassShard,
        *,
        scale: float = 64.0,
        drop_above: float | None = None,
    ) -> None:
        super().__init__(features, classes, scale=scale)
        self.logit = Logit(scale, drop_above=drop_above)

    def target(self, cosine: Float[Tensor, "batch"]) -> Float[Tensor, "batch"]:
        r"""Cosine with the own class, changed: :math:`\phi(c)`."""
        return cosine

    def forward(self, embeddings: Float[Tensor, "batch features"], labels: Int64[Tensor, "batch"]) -> Float[Tensor, ""]:
        """Return the loss, a mean over samples."""
        x, index, here = self.batch(embeddings, labels)
        return self.joined(*own_and_logsumexp(x, self.weight, index, here, scale=self.logit))

    def joined(self, own: Float[Tensor, "batch"], others: Float[Tensor, "batch"]) -> Float[Tensor, ""]:
        """Loss of own cosines and log-sum-exp of the others, of the classes that lie here."""
        own, others = self.shard.sum(own), self.shard.logsumexp(others)
        return -logsigmoid(self.scale * self.target(own) - others).mean()


def recommended_scale(classes: int, *, probability: float = 0.9999) -> float:
    r"""Smallest scale at which a sample on its class centre can reach a probability.

    .. math:: s = \frac{C - 1}{C} \log \frac{(C - 1) \, p}{1 - p}

    The default of the heads, 64, was found with 10 000 classes and more. With few it makes the loss zero, and the
    gradient too, as soon as samples are on the right side.

    Args:
        classes: C.
        probability: p, in (0, 1).

    Returns:
        s, such as 12 for 30 classes and 18 for 10 000.

    Raises:
        ValueError: If there are fewer than two classes or p is not a probability.

    Source:
        Wang et al., CosFace, 2018 (arXiv:1801.09414), equation 6; p is our choice.

    Example:
        >>> round(recommended_scale(30), 1)
        12.2
    """
    between(2, math.inf, classes=classes)
    if not 0 < probability < 1:
        raise ValueError(f"probability is {probability}, but must be greater than 0 and less than 1")
    return (classes - 1) / classes * math.log((classes - 1) * probability / (1 - probability))
