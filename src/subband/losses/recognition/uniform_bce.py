"""Binary cross-entropy of every class: softmax's rival, whose bias is a threshold for all samples."""

import math
from typing import Literal

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from subband._check import one_of, positive

Bias = Literal["unified", "diverse", "none"]


def uniform_bce_loss(
    scores: Float[Tensor, "batch classes"],
    labels: Int64[Tensor, "batch"],
    bias: Float[Tensor, "..."] | float = 0.0,
    *,
    negative_weight: float = 1.0,
    logit_clamp: float | None = None,
) -> Float[Tensor, ""]:
    r"""Binary cross-entropy of each class against the rest, summed over the classes.

    .. math:: \frac1N \sum_n \Big[ \log \big( 1 + e^{-(z_{n y} - b_y)} \big)
              + \lambda \sum_{j \ne y} \log \big( 1 + e^{z_{nj} - b_j} \big) \Big]

    Args:
        scores: Scores z (N, C) without the bias, such as :math:`w_j \cdot x`; computed in float32 at least.
        labels: True classes (N,).
        bias: b: one number for all classes (unified), or one of each class, (C,) or (1, C) (diverse).
        negative_weight: :math:`\lambda`, the weight of the other classes.
        logit_clamp: Clip z - b to this size, as the face recognition code does (to its scale, 64); hard samples then
            have no gradient.

    Returns:
        A scalar, 0 or greater, without unit; a mean over samples and a sum over classes.

    Raises:
        ValueError: If shapes do not fit, there are fewer than two classes or an option is not positive.

    Source:
        Li et al., Rediscovering BCE loss for uniform classification, 2024 (arXiv:2403.07289); with normalised scores it
        is UniFace's, 2023, equations 23 and 31. CVI-SZU/UniFace, ``head.py``, always clips; Xiao-hb/BCE-vs.-CE
        exponentiates in float32 and overflows below -88.7, which this does not.

    Example:
        >>> import torch
        >>> loss = uniform_bce_loss(torch.zeros(1, 3), torch.tensor([1]))
        >>> torch.allclose(loss, 3 * torch.tensor(2.0).log())
        True
    """
    _check(scores, labels, bias)
    positive(negative_weight=negative_weight)
    with torch.autocast(scores.device.type, enabled=False):
        z = scores if scores.dtype == torch.float64 else scores.float()
        z = z - bias
        if logit_clamp is not None:
            positive(logit_clamp=logit_clamp)
            z = z.clamp(-logit_clamp, logit_clamp)
        own = z.gather(1, labels[:, None])[:, 0]
        others = -logsigmoid(-z).scatter(1, labels[:, None], 0.0)
        return (negative_weight * others.sum(1) - logsigmoid(own)).mean()


class UniformBCE(nn.Module):
    """Module form of `uniform_bce_loss`, which learns the bias: ``loss(scores, labels)``.

    The last layer of the network ought to have no bias of its own, or the best threshold (`subband.metrics`) and the
    learned bias are not to be compared.

    Args:
        classes: C.
        bias: ``"unified"``: one number; ``"diverse"``: one of each class; ``"none"``: 0.
        initial: What the bias starts from; log(C - 1), where scores of 0 pull no way in sum, if not given.
        negative_weight: Weight of the other classes.
        logit_clamp: Clip of the logits.

    Raises:
        ValueError: As `uniform_bce_loss`, or if the kind of bias is unknown.

    Source:
        As `uniform_bce_loss`. Departures: the start, which Xiao-hb/BCE-vs.-CE draws from U(-1/sqrt(D), 1/sqrt(D)), and
        whose unified bias does not run. Take the bias out of weight decay; theirs decays.

    Example:
        >>> import torch
        >>> loss = UniformBCE(10, bias="unified")
        >>> loss(torch.zeros(2, 10), torch.tensor([3, 0])).backward()
        >>> loss.threshold == loss.bias.item(), abs(loss.bias.grad.item()) < 1e-6
        (True, True)
    """

    def __init__(
        self,
        classes: int,
        *,
        bias: Bias = "unified",
        initial: float | None = None,
        negative_weight: float = 1.0,
        logit_clamp: float | None = None,
    ) -> None:
        super().__init__()
        one_of("bias", bias, ("unified", "diverse", "none"))
        if classes < 2:
            raise ValueError(f"classes is {classes}, but must be at least 2")
        positive(negative_weight=negative_weight, logit_clamp=1 if logit_clamp is None else logit_clamp)
        self.classes, self.kind = classes, bias
        self.negative_weight, self.logit_clamp = negative_weight, logit_clamp
        start = math.log(classes - 1) if initial is None else initial
        self.bias = None if bias == "none" else nn.Parameter(torch.full((1 if bias == "unified" else classes,), start))

    def forward(self, scores: Float[Tensor, "batch classes"], labels: Int64[Tensor, "batch"]) -> Float[Tensor, ""]:
        """Return `uniform_bce_loss` with the learned bias."""
        if scores.ndim == 2 and scores.shape[1] != self.classes:
            raise ValueError(f"scores are of {scores.shape[1]} classes, but the loss was made for {self.classes}")
        bias = 0.0 if self.bias is None else self.bias
        return uniform_bce_loss(
            scores, labels, bias, negative_weight=self.negative_weight, logit_clamp=self.logit_clamp
        )

    @property
    def threshold(self) -> float:
        """What the best threshold of `threshold_scores` is to be compared with: the unified bias, else 0."""
        return float(self.bias.detach()) if self.kind == "unified" and self.bias is not None else 0.0

    def threshold_scores(self, scores: Float[Tensor, "batch classes"]) -> Float[Tensor, "batch classes"]:
        """Scores to find the best threshold of: less the bias of each class if it is diverse, else as they are."""
        return scores - self.bias.detach() if self.kind == "diverse" and self.bias is not None else scores

    def extra_repr(self) -> str:
        """Options, for ``print``."""
        return f"{self.classes}, bias={self.kind!r}"


def _check(scores: Tensor, labels: Tensor, bias: Tensor | float) -> None:
    if scores.ndim != 2 or scores.shape[1] < 2 or not scores.is_floating_point():
        raise ValueError(
            f"scores have shape {tuple(scores.shape)} and dtype {scores.dtype}, but must be floating point (N, C) with "
            "two classes or more"
        )
    if labels.shape != scores.shape[:1] or labels.dtype != torch.int64:
        raise ValueError(
            f"labels have shape {tuple(labels.shape)} and dtype {labels.dtype}, but must be int64 ({len(scores)},)"
        )
    if isinstance(bias, Tensor) and bias.numel() not in (1, scores.shape[1]):
        raise ValueError(f"bias has {bias.numel()} numbers, but must have 1, or {scores.shape[1]}, one of each class")
