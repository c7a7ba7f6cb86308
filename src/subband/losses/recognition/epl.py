"""EPL: a head that also compares with prototypes made of samples, under a margin that each sample sets itself."""

from functools import partial

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, normalize

from subband._check import not_negative
from subband.losses.recognition._epl_policies import Margin, Update, UpdateName, proportional, update_policy
from subband.losses.recognition._logit import Logit
from subband.losses.recognition._memory import newest, usable, with_gradient_now
from subband.losses.recognition._negatives import own_and_logsumexp, own_and_softplus
from subband.losses.recognition._positives import own_softplus
from subband.losses.recognition._reduction import EPS
from subband.losses.recognition.cosface import CosFace
from subband.losses.recognition.normface import NormFace
from subband.losses.recognition.uniface import UniFace


class EPL(nn.Module):
    r"""Empirical prototypes beside a head: ``head(embeddings, labels)``.

    .. math:: P_y \leftarrow \frac{a P_y + (1 - a) \hat x}{|a P_y + (1 - a) \hat x|},
              \quad a = \sigma(P_y \cdot \hat x), \quad \hat x = \frac{x}{|x|},
              \qquad L = \frac12 \big( L_{head}(w) + L_{head}(P) \big)

    L(P) is the loss of the head with the prototypes in place of its weights, and with :math:`v_y - k v_y` in place of
    the cosine :math:`v_y` of the own class; the margin k v has no gradient. The margins of ArcFace and UniFace stay,
    that of CosFace does not. Before epoch ``start_epoch`` the loss is the head's alone, while the prototypes already
    move. Set ``head.epoch`` at the beginning of every epoch; they are counted from 0.

    Prototypes move before the loss, in training only. Classes not seen yet take no part.

    Args:
        head: `NormFace`, `CosFace`, `ArcFace` or `UniFace`.
        update: :math:`\sigma`, the share of the prototype that stays: ``"softsign"``, u / (1 + |u|); ``"sigmoid"``,
            1 / (1 + exp(1 - u)); ``"direct"``, 0; or a function of the similarities (k,).
        strength: k; or a function from the own cosines (B,) to the margins (B,).
        start_epoch: First epoch of L(P).

    Attributes:
        memory: P, one prototype of each class that lies here, of length 1; 0 before the first sample.
        filled: Whether a class has been seen.

    Raises:
        ValueError: If the head is another, an option is out of range, or as the head.

    Source:
        Li et al., EPL, 2024 (arXiv:2405.12447); the authors' ``head_EPL.py``, whose k, normalisation and softsign a
        summary of the paper does not have. Their angular margin is ``ArcFace(..., margin=0.4, gradient="detached",
        cosine_limit=1 - 1e-7)``. Departures: the criterion is a softplus of a log-sum-exp, for theirs overflows in
        float32; prototypes start empty, not random. Functions as policies leave room for AEPL (2026), of which we have
        seen the abstract only.

    Example:
        >>> import torch
        >>> from subband.losses.recognition import CosFace
        >>> head = EPL(CosFace(2, 3), start_epoch=0)
        >>> loss = head(2 * torch.eye(3, 2)[:2], torch.tensor([0, 2]))
        >>> head.memory
        tensor([[1., 0.],
                [0., 0.],
                [0., 1.]])
    """

    memory: Tensor
    filled: Tensor

    def __init__(
        self,
        head: NormFace | UniFace,
        *,
        update: UpdateName | Update = "softsign",
        strength: float | Margin = 0.7,
        start_epoch: int = 3,
    ) -> None:
        super().__init__()
        if not isinstance(head, NormFace | UniFace):
            raise ValueError(f"head is a {type(head).__name__}, but must be a NormFace, CosFace, ArcFace or UniFace")
        not_negative(start_epoch=start_epoch, strength=0 if callable(strength) else strength)
        self.head: NormFace | UniFace = head
        self.start_epoch, self.update = start_epoch, update_policy(update)
        self.margin: Margin = strength if callable(strength) else partial(proportional, strength=strength)
        self.features, self.classes, self.shard = head.features, head.classes, head.shard
        self.epoch = 0
        self.register_buffer("memory", torch.zeros(len(self.shard), self.features))
        self.register_buffer("filled", torch.zeros(len(self.shard), dtype=torch.bool))

    @property
    def threshold(self) -> float:
        """As the head's."""
        return self.head.threshold

    def cosines(self, embeddings: Float[Tensor, "batch features"]) -> Float[Tensor, "batch here"]:
        """As the head's."""
        return self.head.cosines(embeddings)

    def forward(self, embeddings: Float[Tensor, "batch features"], labels: Int64[Tensor, "batch"]) -> Float[Tensor, ""]:
        """Return the loss of this epoch, a mean over samples; while training, the prototypes move first."""
        x, index, here = self.head.batch(embeddings, labels)
        self.head.epoch = self.epoch
        if self.training:
            self._move(x, index, here)
        if self.epoch < self.start_epoch:
            return self._alone(embeddings, labels)
        with torch.autocast(x.device.type, enabled=False):
            if isinstance(self.head, UniFace):
                near = with_gradient_now(partial(self._binary, index, here, head=self.head), x, self.head.bias)
            else:
                near = with_gradient_now(partial(self._softmax, index, here, head=self.head), x)
        return (self._alone(embeddings, labels) + near) / 2

    def _alone(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Loss of the head."""
        loss: Tensor = self.head(embeddings, labels)
        return loss

    @torch.no_grad()
    def _move(self, x: Tensor, index: Tensor, here: Tensor) -> None:
        """Draw the prototype of each class of the batch towards its last sample."""
        mine = here.nonzero()[:, 0]
        mine = mine[newest(index[mine])]
        rows, unit = index[mine], normalize(x[mine], eps=EPS).to(self.memory.dtype)
        old = self.memory[rows]
        share = self.update((old * unit).sum(1))[:, None]
        self.memory[rows] = normalize(share * old + (1 - share) * unit, eps=EPS)
        self.filled[rows] = True

    def _softmax(self, index: Tensor, here: Tensor, x: Tensor, *, head: NormFace) -> Tensor:
        """L(P) of a softmax head."""
        seen = here & self.filled[index]
        logit = Logit(head.scale, keep_bytes=head.keep_bytes)
        own, others = own_and_logsumexp(x, self.memory, index, here, scale=logit, mask=usable(self.filled))
        own, others = self.shard.sum(self._nearer(own, seen)), self.shard.logsumexp(others)
        target = own if isinstance(head, CosFace) else head.target(own)
        losses = -logsigmoid(head.scale * target - others)
        return torch.where(self.shard.sum(seen.to(x.dtype)) > 0, losses, 0.0).mean()

    def _binary(self, index: Tensor, here: Tensor, x: Tensor, bias: Tensor, *, head: UniFace) -> Tensor:
        """L(P) of UniFace."""
        scale, clamp, seen = head.scale, head.logit_clamp, here & self.filled[index]
        own, others = own_and_softplus(
            x, self.memory, index, here, scale=head.logit, bias=bias, clamp=clamp, mask=usable(self.filled)
        )
        own = self._nearer(own, seen)
        positives = own_softplus(own, index, seen, scale=scale, margin=head.margin, bias=bias, clamp=clamp)
        return self.shard.sum((positives + head.negative_weight * others).sum()) / len(x)

    def _nearer(self, own: Tensor, seen: Tensor) -> Tensor:
        """Own cosines less their margin."""
        return torch.where(seen, own - self.margin(own.detach()), 0.0)

    def extra_repr(self) -> str:
        """Options, for ``print``."""
        name = getattr(self.update, "__name__", "a function")
        return f"update={name}, start_epoch={self.start_epoch}"
