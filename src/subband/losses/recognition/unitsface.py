"""UniTSFace: a loss against classes and a loss against samples, together."""

import math

from jaxtyping import Float, Int64
from torch import Tensor, nn

from subband._check import not_negative, positive
from subband.losses.recognition._around import AroundSoftmax
from subband.losses.recognition._head import Head
from subband.losses.recognition._memory_head import MemoryHead
from subband.losses.recognition.epl import EPL


class UniTSFace(nn.Module):
    r"""Sum of a sample-to-class and a sample-to-sample loss: ``head(embeddings, labels)``.

    .. math:: L = L_{s2c} + w L_{s2s}

    Before epoch ``start_epoch`` it is the first alone, while the memory of the second fills. Set ``head.epoch`` at the
    beginning of every epoch, which are counted from 0.

    Args:
        s2c: Any head with class weights; `CosFace` in the paper.
        s2s: Head with a memory; `USS` in the paper.
        weight: w.
        combine: Whether the first goes on after the start, or the second is then alone.
        start_epoch: First epoch of the second.

    Raises:
        ValueError: If the two heads were made for other sizes or an option is out of range.

    Source:
        Li et al., UniTSFace, 2023 (arXiv:2311.02523), equation 25 and table 3; CVI-SZU/UniTSFace, ``backbone.py``. The
        sum is their code's; the paper's text says average, half of it.

    Example:
        >>> import torch
        >>> from subband.losses.recognition import CosFace, USS
        >>> head = UniTSFace(CosFace(2, 3), USS(2, 3))
        >>> head(torch.eye(3, 2), torch.arange(3)).equal(head.s2c(torch.eye(3, 2), torch.arange(3)))
        True
        >>> head.epoch = 1
        >>> head(torch.eye(3, 2), torch.arange(3)) > head.s2c(torch.eye(3, 2), torch.arange(3))
        tensor(True)
    """

    def __init__(
        self,
        s2c: Head | AroundSoftmax | EPL,
        s2s: MemoryHead,
        *,
        weight: float = 1.0,
        combine: bool = True,
        start_epoch: int = 1,
    ) -> None:
        super().__init__()
        positive(weight=weight)
        not_negative(start_epoch=start_epoch)
        for name in ("features", "shard"):
            if getattr(s2c, name) != getattr(s2s, name):
                raise ValueError(
                    f"{name} of s2c is {getattr(s2c, name)}, but of s2s {getattr(s2s, name)}; make both heads alike"
                )
        self.s2c, self.s2s = s2c, s2s
        self.sample_weight, self.combine, self.start_epoch = weight, combine, start_epoch
        self.features, self.classes, self.shard = s2c.features, s2c.classes, s2c.shard
        self.epoch = 0

    @property
    def threshold(self) -> float:
        """That of the sample-to-sample head, or else of the other."""
        return self.s2c.threshold if math.isnan(self.s2s.threshold) else self.s2s.threshold

    def forward(self, embeddings: Float[Tensor, "batch features"], labels: Int64[Tensor, "batch"]) -> Float[Tensor, ""]:
        """Loss of this epoch; while training, the memory then takes the embeddings."""
        self.s2c.epoch = self.s2s.epoch = self.epoch
        if self.epoch < self.start_epoch:
            if self.training:
                self.s2s.remember(embeddings, labels)
            return self._of_classes(embeddings, labels)
        between: Tensor = self.sample_weight * self.s2s(embeddings, labels)
        return self._of_classes(embeddings, labels) + between if self.combine else between

    def _of_classes(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Loss of the sample-to-class head."""
        loss: Tensor = self.s2c(embeddings, labels)
        return loss

    def cosines(self, embeddings: Float[Tensor, "batch features"]) -> Float[Tensor, "batch here"]:
        """As the sample-to-class head's."""
        return self.s2c.cosines(embeddings)

    def extra_repr(self) -> str:
        """Options, for ``print``."""
        return f"weight={self.sample_weight:g}, combine={self.combine}, start_epoch={self.start_epoch}"
