"""Carlini and Wagner's attack: the smallest Euclidean change, by Adam, with a search for the weight of the loss."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from subband._check import not_negative, positive
from subband.corrupt._attack_model import (
    gradient,
    held,
    logits_of,
    margin_of,
    norms,
    predict,
)

_SHRINK = 0.999999


def carlini_wagner(
    model: nn.Module,
    images: Float[Tensor, "batch channels height width"],
    labels: Int64[Tensor, "batch"],
    *,
    steps: int = 100,
    searches: int = 6,
    lr: float = 0.01,
    constant: float = 0.1,
    confidence: float = 0.0,
    targeted: bool = False,
) -> Float[Tensor, "batch channels height width"]:
    r"""Carlini and Wagner's L2 attack.

    .. math:: \min_w \| x' - x \|_2^2 + c \max \big( z_y - \max_{j \ne y} z_j + \kappa, \, 0 \big), \quad
              x' = \tfrac12 (\tanh w + 1)

    by Adam over w; the weight c is searched for each image: times 10 until the attack works, then by bisection.

    Args:
        model: See `subband.corrupt.gradient_attacks.fgsm`.
        images: Images in [0, 1].
        labels: True classes, or those to reach.
        steps: Number of steps of each search; none stops early.
        searches: Number of weights tried for each image.
        lr: Adam's learning rate, in units of w.
        constant: First weight c.
        confidence: By how much, in logits, the wrong class (or the target) must win.
        targeted: Towards the labels.

    Returns:
        The nearest adversarial image in [0, 1] found for each; where none was, and where the model has an image wrong
        already (or has the target), the image itself.

    Raises:
        ValueError: If images, labels or logits have a wrong shape or range, or an option is out of range.

    Source:
        Carlini and Wagner, Towards evaluating the robustness of neural networks, 2017 (arXiv:1608.04644), section VI.
        Departures: fewer steps (theirs: 10 000 and 9 searches, 0.001), all of them taken.

    Example:
        >>> import torch
        >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2, bias=False))
        >>> _ = model[1].weight.data.copy_(torch.tensor([[1.0, 1, 1, 1], [2, 1, 0, 0]]))
        >>> image, label = torch.full((1, 1, 2, 2), 0.5), torch.tensor([0])
        >>> model(carlini_wagner(model, image, label)).argmax(1)
        tensor([1])
    """
    positive(steps=steps, searches=searches, lr=lr, constant=constant)
    not_negative(confidence=confidence)
    with held(model, images, labels) as (origin, y):
        found, nearest = origin.clone(), origin.new_full((len(origin),), torch.inf)
        weight = origin.new_full((len(origin),), constant)
        low, high = torch.zeros_like(weight), torch.full_like(weight, torch.inf)
        margin = margin_of(predict(model, origin, y), y, targeted=targeted)
        active = (margin + confidence >= 0).nonzero()[:, 0]
        for _ in range(searches):
            if not len(active):
                break
            best, distance = _Search(model, y[active], targeted, confidence).run(
                origin[active], weight[active], steps, lr
            )
            closer = distance < nearest[active]
            nearest[active[closer]] = distance[closer]
            found[active[closer]] = best[closer]
            worked = distance.isfinite()
            tried = weight[active]
            high[active] = torch.where(worked, tried, high[active])
            low[active] = torch.where(worked, low[active], tried)
            weight = torch.where(high.isinf(), weight * 10, (low + high) / 2)
        return found


@dataclass(frozen=True)
class _Search:
    """Adam for one weight of each image."""

    model: nn.Module
    labels: Tensor
    targeted: bool
    confidence: float

    def run(self, origin: Tensor, weight: Tensor, steps: int, lr: float) -> tuple[Tensor, Tensor]:
        """Return the nearest images found, and their distances (N,), infinite where there is none."""
        start = torch.atanh((2 * origin - 1) * _SHRINK)
        centre = _pixels(start)
        best, nearest = origin.clone(), origin.new_full((len(origin),), torch.inf)
        change, first, second = torch.zeros_like(origin), torch.zeros_like(origin), torch.zeros_like(origin)
        for step in range(1, steps + 1):
            slope, x, done = self._objective(start + change, centre, weight)
            distance = norms(x - origin)
            closer = done & (distance < nearest)
            nearest[closer], best[closer] = distance[closer], x[closer]
            first = 0.9 * first + 0.1 * slope
            second = 0.999 * second + 0.001 * slope.square()
            change = change - lr * (first / (1 - 0.9**step)) / ((second / (1 - 0.999**step)).sqrt() + 1e-8)
        return best, nearest

    def _objective(self, w: Tensor, centre: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradient of the objective, the images, and which of them are adversarial."""
        w = w.detach().requires_grad_()
        x = _pixels(w)
        logits = logits_of(self.model, x, self.labels)
        margin = margin_of(logits, self.labels, targeted=self.targeted) + self.confidence
        loss = (x - centre).flatten(1).square().sum(1) + weight * margin.clamp_min(0)
        return gradient(loss, w), x.detach(), margin.detach() < 0


def _pixels(w: Tensor) -> Tensor:
    return (w.tanh() + 1) / 2
