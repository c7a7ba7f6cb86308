"""What every segmentation loss works on, made once from logits or from probabilities."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

ClassWeight = Literal["balanced", "balanced-batch"] | Tensor | None


@dataclass(frozen=True)
class Inputs:
    """Prediction and target with at least two classes, in float32 or float64, outside autocast.

    Attributes:
        probability: Class probabilities (B, C, *space), C >= 2; a binary prediction is [background, foreground].
        log_probability: Their logarithms, from the logits where there are logits.
        target: One-hot or soft target (B, C, *space); all zero where a pixel is ignored.
        valid: 1 where a pixel counts and 0 where it is ignored, (B, 1, *space); None if all count.
        class_weight: Weight of each class in each image (B, C), or None.
    """

    probability: Tensor
    log_probability: Tensor
    target: Tensor
    valid: Tensor | None = None
    class_weight: Tensor | None = None

    @property
    def counted(self) -> Tensor:
        """Probabilities (B, C, *space), zero in every class where a pixel is ignored."""
        return self.probability if self.valid is None else self.probability * self.valid

    def per_pixel(self, weight: Tensor) -> Tensor:
        """Spread a weight of each image and class (B, C) over the pixels (B, 1, ...)."""
        return weight.reshape(*weight.shape, *([1] * (self.target.ndim - 2)))

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
        return (value * self.valid).sum() / self.valid.sum().clamp_min(1)

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
    count = target.flatten(2).sum(2).clamp_min(1)
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
    classes = max(2, logits.shape[1])
    onehot, valid = _read_target(target, logits, classes, ignore_index)
    if logits.shape[1] == 1:
        log_probability = torch.cat([F.logsigmoid(-logits), F.logsigmoid(logits)], 1)
        foreground = logits.sigmoid()
        probability = torch.cat([1 - foreground, foreground], 1)
    else:
        log_probability = logits.log_softmax(1)
        probability = logits.softmax(1)
    return Inputs(probability, log_probability, onehot, valid, read_class_weight(class_weight, onehot))


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
    if probability.shape[1] == 1:
        probability = torch.cat([1 - probability, probability], 1)
        target = torch.cat([1 - target, target], 1)
    return Inputs(probability, (probability + eps).log(), target, None, read_class_weight(class_weight, target))


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


def _read_target(
    target: Tensor, logits: Tensor, classes: int, ignore_index: int | None
) -> tuple[Tensor, Tensor | None]:
    """One-hot or soft target (B, classes, *space) and the mask of counted pixels."""
    batch, space = logits.shape[0], logits.shape[2:]
    if target.is_floating_point():
        if target.shape != logits.shape:
            raise ValueError(
                f"target is floating point with shape {tuple(target.shape)}, but logits have {tuple(logits.shape)}; "
                "give class indices as integers (B, *space), or probabilities of the logits' shape"
            )
        soft = target.to(logits.dtype)
        return (torch.cat([1 - soft, soft], 1) if soft.shape[1] == 1 else soft), None
    if target.shape == (batch, 1, *space):
        target = target.squeeze(1)
    if target.shape != (batch, *space):
        raise ValueError(
            f"target has shape {tuple(target.shape)}, but logits {tuple(logits.shape)} need {(batch, *space)}"
        )
    target = target.long()
    valid = None if ignore_index is None else target != ignore_index
    index = target if valid is None else torch.where(valid, target, torch.zeros_like(target))
    if index.numel() and not torch.compiler.is_compiling():
        low, high = int(index.min()), int(index.max())
        if low < 0 or high >= classes:
            raise ValueError(
                f"target holds the label {low if low < 0 else high}, but logits with {logits.shape[1]} channel(s) mean "
                f"classes 0 to {classes - 1}; divide a 0/255 mask by 255, or name the label as ignore_index"
            )
    onehot = F.one_hot(index, classes).movedim(-1, 1).to(logits.dtype)
    if valid is None:
        return onehot, None
    counted = valid.unsqueeze(1).to(logits.dtype)
    return onehot * counted, counted


def read_class_weight(class_weight: ClassWeight, target: Tensor) -> Tensor | None:
    """Class weights as (B, C): from the target, or given as (C,) or (B, C).

    Raises:
        ValueError: If the word or the shape is wrong.
    """
    if class_weight is None:
        return None
    batch, classes = target.shape[:2]
    if isinstance(class_weight, str):
        if class_weight not in ("balanced", "balanced-batch"):
            raise ValueError(
                f"class_weight is {class_weight!r}, but must be 'balanced', 'balanced-batch', None or a tensor"
            )
        weight = balanced_weight(target)
        return weight if class_weight == "balanced" else weight.mean(0, keepdim=True).expand(batch, -1)
    if class_weight.shape not in ((classes,), (batch, classes)):
        raise ValueError(
            f"class_weight has shape {tuple(class_weight.shape)}, but must be {(classes,)} or {(batch, classes)}: "
            "one weight for each class, background included"
        )
    return class_weight.to(target.device, target.dtype).expand(batch, classes)
