"""What every attack does with a classifier: hold it still, ask for logits and gradients, stay inside the pixel box."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Attack = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""``attack(model, images, labels) -> adversarial images``."""


@contextmanager
def held(model: nn.Module, images: Tensor, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Give copies of images and labels, the model evaluating and its parameters without gradients; undo it after."""
    _check(images, labels)
    modes = [(module, module.training) for module in model.modules()]
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    try:
        model.eval()
        for parameter in learning:
            parameter.requires_grad_(False)
        with torch.inference_mode(False), torch.enable_grad():
            yield images.detach().clone(), labels.clone()  # clones may have a graph in inference mode too
    finally:
        for module, mode in modes:
            module.training = mode
        for parameter in learning:
            parameter.requires_grad_(True)


def logits_of(model: nn.Module, x: Tensor, labels: Tensor) -> Tensor:
    """Logits (N, C) of images, checked against the labels."""
    logits = model(x)
    if not isinstance(logits, Tensor) or logits.ndim != 2 or logits.shape[0] != len(x) or logits.shape[1] < 2:
        found = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(f"the model returned {found} for {len(x)} images, but must return logits ({len(x)}, classes)")
    if len(labels) and int(labels.max()) >= logits.shape[1]:
        raise ValueError(f"there is a label {int(labels.max())}, but the model has {logits.shape[1]} classes, from 0")
    return logits


@torch.no_grad()
def predict(model: nn.Module, x: Tensor, labels: Tensor) -> Tensor:
    """Logits without a graph."""
    return logits_of(model, x, labels)


def gradient(objective: Tensor, x: Tensor, *, keep: bool = False) -> Tensor:
    """Gradient of the sum of an objective (N,) with respect to the images; zero where there is none or it is NaN."""
    if not objective.requires_grad:
        return torch.zeros_like(x)
    (found,) = torch.autograd.grad(objective.sum(), x, retain_graph=keep, allow_unused=True)
    return torch.zeros_like(x) if found is None else torch.nan_to_num(found)


def ascent(model: nn.Module, x: Tensor, labels: Tensor, *, targeted: bool) -> tuple[Tensor, Tensor, Tensor]:
    """What a cross-entropy attack increases: its gradient, its value (N,) and the logits."""
    x = x.detach().requires_grad_()
    logits = logits_of(model, x, labels)
    loss = F.cross_entropy(logits, labels, reduction="none") * (-1 if targeted else 1)
    return gradient(loss, x), loss.detach().to(x.dtype), logits.detach()


def inside(x: Tensor, origin: Tensor, eps: float) -> Tensor:
    """Project onto the pixels in [0, 1] that differ from the origin by no more than eps."""
    return torch.minimum(torch.maximum(x, origin - eps), origin + eps).clamp_(0, 1)


def fooled(logits: Tensor, labels: Tensor, *, targeted: bool) -> Tensor:
    """Which images (N,) the attack has done with: predicted as the target, or no longer as the label."""
    same = logits.argmax(1) == labels
    return same if targeted else ~same


def margin_of(logits: Tensor, labels: Tensor, *, targeted: bool) -> Tensor:
    """What must become negative (N,): by how many logits the label leads all others, or lags behind as a target."""
    own = logits.gather(1, labels[:, None])[:, 0]
    lead = own - logits.scatter(1, labels[:, None], -torch.inf).amax(1)
    return -lead if targeted else lead


def norms(difference: Tensor) -> Tensor:
    """Euclidean norm (N,) of each image."""
    found: Tensor = torch.linalg.vector_norm(difference.flatten(1), dim=1)
    return found


def per_image(values: Tensor, like: Tensor) -> Tensor:
    """Values (N,) as (N, 1, 1, 1), to multiply images with."""
    return values.reshape(-1, *(1,) * (like.ndim - 1))


def _check(images: Tensor, labels: Tensor) -> None:
    if images.ndim != 4 or not images.is_floating_point() or 0 in images.shape[1:]:
        raise ValueError(
            f"images have shape {tuple(images.shape)} and dtype {images.dtype}, but must be floating point (N, C, H, W)"
        )
    if labels.shape != images.shape[:1] or labels.dtype != torch.int64 or bool((labels < 0).any()):
        raise ValueError(
            f"labels have shape {tuple(labels.shape)} and dtype {labels.dtype}, but must be int64 ({len(images)},), "
            "class numbers from 0"
        )
    low, high = (float(images.min()), float(images.max())) if len(images) else (0.0, 1.0)
    if not (low >= 0 and high <= 1):
        raise ValueError(
            f"images have values from {low:.3g} to {high:.3g}, but attacks work on pixels in [0, 1]; normalise inside "
            "the model, with subband.models.Normalized"
        )
