"""UniFace: one threshold for all identities, learnt as the bias of a binary cross-entropy of each class."""

import math
from typing import Literal

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from subband._check import between, not_negative, one_of, positive
from subband.losses.recognition._head import WeightHead
from subband.losses.recognition._negatives import own_and_softplus
from subband.losses.recognition.class_sampling import SampledRows, sample_classes
from subband.losses.recognition.shard import ClassShard


class UniFace(WeightHead):
    r"""Unified cross-entropy: each class against the rest, with one bias b that is a threshold for all.

    .. math:: \frac1B \sum_i \Big[ \log(1 + e^{-s (c_{iy} - m) + b})
              + \lambda \sum_{j \ne y} \log(1 + e^{s \, c_{ij} - b}) \Big], \quad t = \frac{b - \log(C - 1)}{s}

    Args:
        features: D, the length of an embedding.
        classes: C, or the part of them that this process holds.
        scale: s.
        margin: m, as a cosine, 0 or greater.
        bias: ``"unified"``: one b; ``"diverse"``: one of each class, :math:`b_j`, and no threshold.
        negative_weight: :math:`\lambda`.
        sample: r, the part of the classes that each batch uses (`sample_classes`), in (0, 1]. Give the optimiser to
            `only_sampled_rows` then.
        logit_clamp: Clip of the logits, less the bias; hard samples then have no gradient.

    Attributes:
        bias: b, which starts at log(10 C r). Keep it out of weight decay.
        generator: Of the random numbers of ``sample``; the global one if None.

    Raises:
        ValueError: If an option is out of range, shapes do not fit, a label is no class or an embedding is NaN.

    Source:
        Zhou et al., UniFace, 2023, equations 23, 31 and 32; CVI-SZU/UniFace, ``head.py``, which clips the logits to s.
        Its supplement takes m = 0.45, :math:`\lambda` = 0.6 or r = 0.5 for CASIA-WebFace. With m = 0 and weights and
        embeddings of length 1 it is `uniform_bce_loss` of s c.

    Example:
        >>> import torch
        >>> head = UniFace(4, 10)
        >>> head(torch.randn(3, 4), torch.tensor([0, 9, 9])).backward()
        >>> head.bias.grad.shape, round(head.threshold, 3)
        (torch.Size([1]), 0.038)
    """

    def __init__(
        self,
        features: int,
        classes: int | ClassShard,
        *,
        scale: float = 64.0,
        margin: float = 0.4,
        bias: Literal["unified", "diverse"] = "unified",
        negative_weight: float = 1.0,
        sample: float = 1.0,
        logit_clamp: float | None = None,
    ) -> None:
        super().__init__(features, classes, scale=scale)
        one_of("bias", bias, ("unified", "diverse"))
        positive(negative_weight=negative_weight, sample=sample, logit_clamp=1 if logit_clamp is None else logit_clamp)
        not_negative(margin=margin)
        between(0, 1, sample=sample)
        self.margin, self.kind, self.negative_weight = margin, bias, negative_weight
        self.sample, self.logit_clamp = sample, logit_clamp
        self.generator: torch.Generator | None = None
        count = 1 if bias == "unified" else len(self.shard)
        self.bias = nn.Parameter(torch.full((count,), math.log(10 * self.classes * sample)))
        self.register_buffer("used", torch.zeros(len(self.shard), dtype=torch.bool), persistent=False)

    used: Tensor

    @property
    def threshold(self) -> float:
        """The learnt cosine t; NaN for a bias of each class."""
        if self.kind == "diverse":
            return math.nan
        return (float(self.bias.detach()) - math.log(self.classes - 1)) / self.scale

    def forward(self, embeddings: Float[Tensor, "batch features"], labels: Int64[Tensor, "batch"]) -> Float[Tensor, ""]:
        """Return the loss, a mean over samples and a sum over classes."""
        x, index, here = self.batch(embeddings, labels)
        own, others = own_and_softplus(
            x,
            self.weight,
            index,
            here,
            scale=self.logit,
            bias=self.bias,
            clamp=self.logit_clamp,
            rows=self.rows(index[here]),
        )
        return self.joined(own, others, index, here)

    def joined(
        self,
        own: Float[Tensor, "batch"],
        others: Float[Tensor, "batch"],
        index: Int64[Tensor, "batch"],
        here: Tensor,
    ) -> Float[Tensor, ""]:
        """Loss of own cosines and sums of softplus of the others, of the classes that lie here."""
        bias = self.bias[index] if self.kind == "diverse" else self.bias
        logit = self.scale * (own - self.margin) - bias
        if self.logit_clamp is not None:
            logit = logit.clamp(-self.logit_clamp, self.logit_clamp)
        each = torch.where(here, -logsigmoid(logit), 0.0) + self.negative_weight * others
        return self.shard.sum(each).mean()

    def rows(self, own: Int64[Tensor, "mine"]) -> Int64[Tensor, "sampled"] | None:
        """Classes to use with a batch that has these classes; None for all."""
        if self.sample == 1 or not self.training:
            return None
        rows = sample_classes(own, len(self.shard), part=self.sample, generator=self.generator)
        self.used[rows] = True
        return rows

    def only_sampled_rows(self, optimizer: torch.optim.Optimizer) -> SampledRows:
        """Make an optimiser leave alone the classes that were not drawn, their momentum included; `SampledRows`."""
        return SampledRows(optimizer, self.weight, self.used)

    def extra_repr(self) -> str:
        """Options, for ``print``."""
        return f"{super().extra_repr()}, margin={self.margin:g}, bias={self.kind!r}, sample={self.sample:g}"
