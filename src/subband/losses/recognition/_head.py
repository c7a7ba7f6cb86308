"""What all recognition heads have in common: a part of the classes, one vector for each, and checks of the batch."""

import math
from dataclasses import replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import normalize

from subband._check import not_negative, positive
from subband.losses.recognition._logit import Logit
from subband.losses.recognition._negatives import EPS
from subband.losses.recognition.shard import ClassShard


class Head(nn.Module):
    """A head: ``head(embeddings, labels)`` is its loss, a scalar, computed in float32 at least.

    Embeddings and labels are those of all processes (`ClassShard.gather`); all of them then have the same loss.

    Attributes:
        features: D, the length of an embedding.
        classes: C, the number of all classes.
        shard: Those that lie here.
        scale: s, the factor of the cosines.
        logit: How a logit is made of a cosine.
        epoch: Number of the epoch, from 0, which the training sets; some heads change with it.
    """

    def __init__(self, features: int, classes: int | ClassShard, *, scale: float) -> None:
        super().__init__()
        positive(features=features, scale=scale)
        self.shard = classes if isinstance(classes, ClassShard) else ClassShard(classes)
        if self.shard.classes < 2:
            raise ValueError(f"classes is {self.shard.classes}, but a head needs at least 2 identities to tell apart")
        self.features, self.classes, self.scale = features, self.shard.classes, scale
        self.logit = Logit(scale)
        self.epoch = 0

    @property
    def keep_bytes(self) -> int | None:
        """Bytes of cosines (B, classes here) that may stay from forward to backward; None, as at first, is 1 GiB.

        A head that would need more keeps none and computes them again in backward, block by block: four matrix
        products for three, and the same gradients. 0 is the least memory. `head_memory` follows it.

        Example:
            >>> from subband.losses.recognition import CosFace, head_memory
            >>> head = CosFace(64, 100_000)
            >>> kept = head_memory(head, batch=512).logits
            >>> head.keep_bytes = 0
            >>> kept, head_memory(head, batch=512).logits
            (204800000, 8388608)
        """
        return self.logit.keep_bytes

    @keep_bytes.setter
    def keep_bytes(self, most: int | None) -> None:
        not_negative(keep_bytes=0 if most is None else most)
        self.logit = replace(self.logit, keep_bytes=most)

    @property
    def threshold(self) -> float:
        """Cosine from which on two images show one identity, as the head learnt it; NaN if it learns none."""
        return math.nan

    def vectors(self) -> Float[Tensor, "here features"]:
        """One vector of each class that lies here, of any length."""
        raise NotImplementedError

    def batch(
        self, embeddings: Float[Tensor, "batch features"], labels: Int64[Tensor, "batch"]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Check, and return the embeddings in float32 at least, the row of each class here, and whether it lies here.

        Raises:
            ValueError: If shapes do not fit, a label is no class or an embedding is NaN.
        """
        _check(embeddings, labels, self.features, self.classes)
        x = embeddings if embeddings.dtype == torch.float64 else embeddings.float()
        return x, *self.shard.local(labels)

    def cosines(self, embeddings: Float[Tensor, "batch features"]) -> Float[Tensor, "batch here"]:
        """Cosines with the classes that lie here, for evaluation."""
        with torch.autocast(embeddings.device.type, enabled=False):
            vectors = self.vectors()
            x = embeddings.to(torch.promote_types(vectors.dtype, torch.float32))
            return normalize(x, eps=EPS) @ normalize(vectors.to(x.dtype), eps=EPS).T

    def extra_repr(self) -> str:
        """Options, for ``print``."""
        return f"{self.features}, {self.classes}, scale={self.scale:g}"


class WeightHead(Head):
    """A head whose class vectors are learnt: ``weight`` (classes here, D), drawn from a normal distribution of 0.01."""

    def __init__(self, features: int, classes: int | ClassShard, *, scale: float) -> None:
        super().__init__(features, classes, scale=scale)
        self.weight = nn.Parameter(torch.empty(len(self.shard), features).normal_(std=0.01))

    def vectors(self) -> Float[Tensor, "here features"]:
        """The weight."""
        return self.weight


def _check(embeddings: Tensor, labels: Tensor, features: int, classes: int) -> None:
    if embeddings.ndim != 2 or embeddings.shape[1] != features or not embeddings.is_floating_point():
        raise ValueError(
            f"embeddings have shape {tuple(embeddings.shape)} and dtype {embeddings.dtype}, but must be floating point "
            f"(B, {features})"
        )
    if labels.shape != embeddings.shape[:1] or labels.dtype != torch.int64 or len(labels) == 0:
        raise ValueError(
            f"labels have shape {tuple(labels.shape)} and dtype {labels.dtype}, but must be int64 "
            f"({len(embeddings)},), one of each embedding and at least one"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise ValueError(
            f"labels go from {low} to {high}, but the head was made for {classes} classes, 0 to {classes - 1}"
        )
    bad = embeddings.isnan().any(1)
    if bad.any():
        rows = bad.nonzero()[:, 0].tolist()
        names = ", ".join(map(str, rows[:5])) + (f" and {len(rows) - 5} more" if len(rows) > 5 else "")
        raise ValueError(f"embeddings are NaN in rows {names}; lower the learning rate or look at those images")
