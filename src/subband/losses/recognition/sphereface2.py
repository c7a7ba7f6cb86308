"""SphereFace2: a two-class problem for each identity, on a stretched cosine."""

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from subband._check import between, not_negative, positive
from subband.losses.recognition._head import WeightHead
from subband.losses.recognition._logit import Logit
from subband.losses.recognition._negatives import own_and_softplus
from subband.losses.recognition.shard import ClassShard


class SphereFace2(WeightHead):
    r"""Binary cross-entropy of each class, with one bias for all and the margin on both sides (SphereFace2-C).

    .. math:: \frac{w}{r B} \sum_i \Big[ \alpha \log(1 + e^{-r (g(c_{iy}) - m) - b})
              + (1 - \alpha) \sum_{j \ne y} \log(1 + e^{r (g(c_{ij}) + m) + b}) \Big], \quad
              g(c) = 2 \Big( \frac{c + 1}{2} \Big)^t - 1

    The gradient is that of c in the place of g(c).

    Args:
        features: D, the length of an embedding.
        classes: C, or the part of them that this process holds.
        scale: r.
        margin: m, as a stretched cosine.
        power: t.
        balance: :math:`\alpha`, the weight of the own class, in (0, 1).
        loss_weight: w.

    Attributes:
        bias: b, which starts where the loss of embeddings that are orthogonal to all classes has no gradient.

    Raises:
        ValueError: If an option is out of range, shapes do not fit, a label is no class or an embedding is NaN.

    Source:
        Wen et al., SphereFace2, 2022 (arXiv:2108.01513); opensphere, ``model/head/sphereface2.py``, whose start,
        options and detached gradient these are. Departure: it normalises the stored weights at every step.

    Example:
        >>> import torch
        >>> head = SphereFace2(4, 10)
        >>> head(torch.randn(3, 4), torch.tensor([0, 9, 9])).shape
        torch.Size([])
    """

    def __init__(
        self,
        features: int,
        classes: int | ClassShard,
        *,
        scale: float = 40.0,
        margin: float = 0.4,
        power: float = 3.0,
        balance: float = 0.7,
        loss_weight: float = 50.0,
    ) -> None:
        super().__init__(features, classes, scale=scale)
        positive(power=power, balance=balance, loss_weight=loss_weight)
        between(0, 1, balance=balance)
        not_negative(margin=margin)
        self.margin, self.balance, self.loss_weight = margin, balance, loss_weight
        self.logit = Logit(scale, power=power, detached=True)
        self.bias = nn.Parameter(torch.tensor([self._start()]))

    @property
    def threshold(self) -> float:
        """Cosine whose logit without the margin is 0; NaN if there is none."""
        stretched = -float(self.bias.detach()) / self.scale
        if not -1 <= stretched <= 1:
            return math.nan
        return 2.0 * math.pow((1 + stretched) / 2, 1 / self.logit.power) - 1

    def forward(self, embeddings: Float[Tensor, "batch features"], labels: Int64[Tensor, "batch"]) -> Float[Tensor, ""]:
        """Return the loss, a mean over samples and a sum over classes."""
        x, index, here = self.batch(embeddings, labels)
        less = -(self.bias + self.scale * self.margin)
        own, others = own_and_softplus(x, self.weight, index, here, scale=self.logit, bias=less)
        logit = self.scale * (own + (self.logit.bent(own) - own).detach() - self.margin) + self.bias
        mine = torch.where(here, -logsigmoid(logit), 0.0)
        each = self.balance * mine + (1 - self.balance) * others
        return self.loss_weight / self.scale * self.shard.sum(each).mean()

    def extra_repr(self) -> str:
        """Options, for ``print``."""
        return f"{super().extra_repr()}, margin={self.margin:g}, power={self.logit.power:g}, balance={self.balance:g}"

    def _start(self) -> float:
        """Bias at which the gradients of the own class and of all others are equal where c = 0."""
        odds = self.balance / ((1 - self.balance) * (self.classes - 1))
        centre = 2 * math.pow(0.5, self.logit.power) - 1
        own, other = self.scale * (centre - self.margin), self.scale * (centre + self.margin)
        root = math.sqrt((1 - odds) ** 2 + 4 * odds * math.exp(own - other))
        return math.log(2 * odds) - other - math.log(1 - odds + root)
