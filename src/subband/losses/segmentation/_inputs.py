"""What every segmentation loss works on, made once from logits or from probabilities."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

ClassWeight = Literal["balanced", "balanced-batch"] | Tensor | None


@dataclass(frozen=True)
class Inputs:
    """Prediction and target in float32 or float64, outside autocast.

    What is a property is made anew each time it is read, so that a loss that needs little of it costs little.

    Attributes:
        scores: Logits, or probabilities where there is an ``eps``; one channel is the foreground of two classes.
        own: One-hot or soft target with the channels of ``scores``; all zero where a pixel is ignored.
        valid: 1 where a pixel counts and 0 where it is ignored, (B, 1, *space); None if all count.
        class_weight: Weight of each class in each image (B, C), background included, or None.
        eps: What is added to probabilities inside the logarithm; None for logits.
        kept: What the loss made of the target beforehand, see `SegmentationLoss.prepare`, or None.
    """

    scores: Tensor
    own: Tensor
    valid: Tensor | None = None
    class_weight: Tensor | None = None
    eps: float | None = None
    kept: Any = None

    @property
    def classes(self) -> int:
        """Number C of classes, at least 2."""
        return max(2, self.scores.shape[1])

    @property
    def probability(self) -> Tensor:
        """Class probabilities (B, C, *space), C >= 2; a binary prediction is [background, foreground]."""
        if self.scores.shape[1] > 1:
            return self.scores.softmax(1) if self.eps is None else self.scores
        return torch.cat([1 - self._foreground, self._foreground], 1)

    @property
    def log_probability(self) -> Tensor:
        """Logarithms of the probabilities, from the logits where there are logits."""
        if self.eps is not None:
            return (self.probability + self.eps).log()
        if self.scores.shape[1] > 1:
            return self.scores.log_softmax(1)
        return torch.cat([F.logsigmoid(-self.scores), F.logsigmoid(self.scores)], 1)

    @property
    def target(self) -> Tensor:
        """One-hot or soft target (B, C, *space), C >= 2; all zero where a pixel is ignored."""
        return _both_classes(self.own, self.valid)

    @property
    def _foreground(self) -> Tensor:
        return self.scores.sigmoid() if self.eps is None else self.scores

    @property
    def structures(self) -> tuple[Tensor, Tensor]:
        """Probabilities and target of what structure losses compare: the foreground of two classes, or all classes.

        Ignored pixels are zero in both.
        """
        if self.scores.shape[1] > 1:
            first = 1 if self.scores.shape[1] == 2 else 0
            return self.counted[:, first:], self.own[:, first:]
        return self._foreground if self.valid is None else self._foreground * self.valid, self.own

    @property
    def counted(self) -> Tensor:
        """Probabilities (B, C, *space), zero in every class where a pixel is ignored."""
        return self.probability if self.valid is None else self.probability * self.valid

    def per_pixel(self, weight: Tensor) -> Tensor:
        """Spread a weight of each image and class (B, C) over the pixels (B, 1, ...)."""
        return weight.reshape(*weight.shape, *([1] * (self.scores.ndim - 2)))

    def weighted_target(self) -> Tensor:
        """The target times its class weights, (B, C, *space)."""
        return self.target if self.class_weight is None else self.target * self.per_pixel(self.class_weight)

    def class_mean(self, value: Tensor) -> Tensor:
        """Mean over the classes of (C,) values, weighted by the batch mean of the class weights."""
        if self.class_weight is None:
            return value.mean()
        weight = self.class_weight.mean(0)
        return (weight * value).sum() / weight.sum()

    def mean(self, value: Tensor) -> Tensor:
        """Mean over the counted pixels of (B, 1, *space) values; 0 if none counts."""
        if self.valid is None:
            return value.mean()
        return (value * self.valid).sum() / self.count

    @property
    def count(self) -> int | Tensor:
        """Number of counted pixels, at least 1."""
        return self.scores[:, 0].numel() if self.valid is None else self.valid.sum().clamp_min(1)

    def mean_one(self, weight_map: Tensor) -> Tensor:
        """Pixel weights (B, 1, *space) over their mean on the counted pixels of each image."""
        counted = torch.ones_like(weight_map) if self.valid is None else self.valid
        axes = tuple(range(1, weight_map.ndim))
        mean = (weight_map * counted).sum(axes, keepdim=True) / counted.sum(axes, keepdim=True).clamp_min(1)
        return weight_map / torch.where(mean > 0, mean, torch.ones_like(mean))


def balanced_weight(target: Tensor) -> Tensor:
    """Class weights (B, C) of each image: the largest class count over each class's own count, counts at least 1.

    For two classes this is the authors' rule (majority 1, minority n_major / n_minor; lurenhaothu/CWMI ``dataset.py``),
    safe for a class that is absent.
    """
    return _balanced(target.flatten(2).sum(2))


def _balanced(count: Tensor) -> Tensor:
    count = count.clamp_min(1)
    return count.amax(1, keepdim=True) / count


def from_logits(
    logits: Tensor, target: Tensor, *, ignore_index: int | None = None, class_weight: ClassWeight = None
) -> Inputs:
    """Read logits (B, C, *space) and a target: integer (B, *space) or (B, 1, *space), or float of the logits' shape.

    Raises:
        ValueError: If shapes, dtypes or label values do not fit.
    """
    if logits.ndim not in (4, 5) or not logits.is_floating_point():
        raise ValueError(
            f"logits have shape {tuple(logits.shape)} and dtype {logits.dtype}, "
            "but must be floating point (B, C, H, W) or (B, C, D, H, W)"
        )
    logits = logits if logits.dtype == torch.float64 else logits.float()
    own, valid = _read_target(target, logits, ignore_index)
    return Inputs(logits, own, valid, read_class_weight(class_weight, own, valid))


def from_target(target: Tensor, *, classes: int, ignore_index: int | None = None) -> Tensor:
    """Read a target as `from_logits` does before there are logits: one-hot or soft (B, C, *space), zero where ignored.

    Raises:
        ValueError: If its shape or a label value does not fit.
    """
    soft = target.is_floating_point()
    if target.ndim not in ((4, 5) if soft else (3, 4, 5)):
        raise ValueError(
            f"target has shape {tuple(target.shape)} and dtype {target.dtype}, but must be integers (B, *space) or "
            "floating point (B, C, *space) in 2-D or 3-D"
        )
    channel = target.ndim == 5 or (target.ndim == 4 and target.shape[1] == 1)
    shape = target.shape if soft else (len(target), classes, *target.shape[2 if channel else 1 :])
    dtype = torch.float64 if target.dtype == torch.float64 else torch.float32
    logits = torch.zeros((), dtype=dtype, device=target.device).expand(shape)
    return _both_classes(*_read_target(target, logits, ignore_index))


def from_probability(
    probability: Tensor, target: Tensor, *, class_weight: ClassWeight = None, eps: float = 1e-7
) -> Inputs:
    """Read probabilities (B, C, *space) in [0, 1] and a target of the same shape; C = 1 is the foreground.

    ``eps`` is added inside the logarithm, as the authors' code does.

    Raises:
        ValueError: If the shapes differ.
    """
    if probability.ndim not in (4, 5) or probability.shape != target.shape:
        raise ValueError(
            f"probability has shape {tuple(probability.shape)} and target {tuple(target.shape)}, "
            "but both must be (B, C, H, W) or (B, C, D, H, W)"
        )
    probability = probability if probability.dtype == torch.float64 else probability.float()
    target = target.to(probability.dtype)
    return Inputs(probability, target, None, read_class_weight(class_weight, target, None), eps)


def read_weight_map(weight_map: Tensor | None, like: Tensor, channels: int) -> Tensor | None:
    """Bring a weight map (B, *space) or (B, channels, *space) to the latter form and the dtype of ``like``.

    Raises:
        ValueError: If its shape does not fit.
    """
    if weight_map is None:
        return None
    batch, space = like.shape[0], like.shape[2:]
    if channels == 1 and weight_map.shape == (batch, *space):
        weight_map = weight_map.unsqueeze(1)
    if weight_map.shape != (batch, channels, *space):
        raise ValueError(
            f"weight_map has shape {tuple(weight_map.shape)}, but this loss needs {(batch, channels, *space)}"
        )
    return weight_map.to(like.device, like.dtype)


def _both_classes(own: Tensor, valid: Tensor | None) -> Tensor:
    """A target with at least two channels: the background beside a foreground that is alone."""
    if own.shape[1] > 1:
        return own
    return torch.cat([(1 if valid is None else valid) - own, own], 1)


def _read_target(target: Tensor, logits: Tensor, ignore_index: int | None) -> tuple[Tensor, Tensor | None]:
    """One-hot or soft target of the logits' shape, zero where ignored, and the mask of counted pixels."""
    batch, space = logits.shape[0], logits.shape[2:]
    if target.is_floating_point():
        if target.shape != logits.shape:
            raise ValueError(
                f"target is floating point with shape {tuple(target.shape)}, but logits have {tuple(logits.shape)}; "
                "give class indices as integers (B, *space), or probabilities of the logits' shape"
            )
        return target.to(logits.dtype), None
    if target.shape == (batch, *space):
        target = target.unsqueeze(1)
    if target.shape != (batch, 1, *space):
        raise ValueError(
            f"target has shape {tuple(target.shape)}, but logits {tuple(logits.shape)} need {(batch, *space)}"
        )
    # bytes are read as they are, which takes a tenth of the time of long integers
    own_bytes = target.dtype == torch.uint8 and (ignore_index is None or 0 <= ignore_index < 256)
    index = target if own_bytes else target.long()
    valid = None if ignore_index is None else index != ignore_index
    index = index if valid is None else index * valid
    _check_labels(index, logits.shape[1])
    if logits.shape[1] > 1:
        named = torch.arange(logits.shape[1], dtype=index.dtype, device=index.device)
        index = index == named.reshape(-1, *[1] * len(space))
    own = index.to(logits.dtype)
    if valid is None:
        return own, None
    counted = valid.to(logits.dtype)
    return own if logits.shape[1] == 1 else own * counted, counted


def _check_labels(index: Tensor, channels: int) -> None:
    if not index.numel() or torch.compiler.is_compiling():
        return
    low, high = (int(extreme) for extreme in index.aminmax())
    if low < 0 or high >= max(2, channels):
        raise ValueError(
            f"target holds the label {low if low < 0 else high}, but logits with {channels} channel(s) mean "
            f"classes 0 to {max(2, channels) - 1}; divide a 0/255 mask by 255, or name the label as ignore_index"
        )


def read_class_weight(class_weight: ClassWeight, own: Tensor, valid: Tensor | None) -> Tensor | None:
    """Class weights as (B, C), C >= 2: from the target, or given as (C,) or (B, C).

    Raises:
        ValueError: If the word or the shape is wrong.
    """
    if class_weight is None:
        return None
    batch, classes = len(own), max(2, own.shape[1])
    if isinstance(class_weight, str):
        if class_weight not in ("balanced", "balanced-batch"):
            raise ValueError(
                f"class_weight is {class_weight!r}, but must be 'balanced', 'balanced-batch', None or a tensor"
            )
        count = own.flatten(2).sum(2)
        if own.shape[1] == 1:
            pixels = own[0].numel() if valid is None else valid.flatten(2).sum(2)
            count = torch.cat([pixels - count, count], 1)
        weight = _balanced(count)
        return weight if class_weight == "balanced" else weight.mean(0, keepdim=True).expand(batch, -1)
    if class_weight.shape not in ((classes,), (batch, classes)):
        raise ValueError(
            f"class_weight has shape {tuple(class_weight.shape)}, but must be {(classes,)} or {(batch, classes)}: "
            "one weight for each class, background included"
        )
    return class_weight.to(own.device, own.dtype).expand(batch, classes)
