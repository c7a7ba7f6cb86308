"""DeepFool: the nearest border of the class, as if the classifier were linear, again and again."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from subband._check import not_negative, positive
from subband.corrupt._attack_model import gradient, held, logits_of, norms, per_image, predict

_BEYOND = 1e-4


def deepfool(
    model: nn.Module,
    images: Float[Tensor, "batch channels height width"],
    labels: Int64[Tensor, "batch"],
    *,
    steps: int = 50,
    candidates: int = 10,
    overshoot: float = 0.02,
) -> Float[Tensor, "batch channels height width"]:
    r"""Smallest Euclidean change that moves an image over the border of its class; untargeted only.

    .. math:: x_{k+1} = x + (1 + \eta) \sum_{i \le k} \frac{|f_l - f_y|}{\|w_l\|_2^2} w_l, \quad
              w_j = \nabla (f_j - f_y), \quad l = \arg\min_j \frac{|f_j - f_y|}{\|w_j\|_2}

    Args:
        model: See `subband.corrupt.gradient_attacks.fgsm`.
        images: Images in [0, 1].
        labels: True classes; an image that the model has wrong already is returned unchanged.
        steps: Largest number of steps; an image stops when it is over the border.
        candidates: Number of most likely classes, the true one included, whose borders are tried.
        overshoot: Part :math:`\eta` of the change that is added to it.

    Returns:
        Images in [0, 1] beyond the border; where no border was reached, the last ones tried.

    Raises:
        ValueError: If images, labels or logits have a wrong shape or range, or an option is out of range.

    Source:
        Moosavi-Dezfooli et al., DeepFool, 2016 (arXiv:1511.04599), algorithm 2, with their code's 1e-4 added to each
        distance. Departures: clipped to [0, 1] after each step, as foolbox does; ``candidates`` are those of the
        first prediction.

    Example:
        >>> import torch
        >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2, bias=False))
        >>> _ = model[1].weight.data.copy_(torch.tensor([[1.0, 1, 1, 1], [2, 1, 0, 0]]))
        >>> image, label = torch.full((1, 1, 2, 2), 0.5), torch.tensor([0])
        >>> model(deepfool(model, image, label)).argmax(1)
        tensor([1])
    """
    positive(steps=steps)
    not_negative(overshoot=overshoot)
    if candidates < 2:
        raise ValueError(f"candidates is {candidates}, but must be at least 2: the true class and another")
    with held(model, images, labels) as (origin, y):
        first = predict(model, origin, y)
        others = first.argsort(1, descending=True)[:, 1:candidates]
        active = (first.argmax(1) == y).nonzero()[:, 0]
        x, moved = origin.clone(), torch.zeros_like(origin)
        for _ in range(steps):
            if not len(active):
                break
            change, right = _to_border(model, x[active], y[active], others[active])
            active, change = active[right], change[right]
            moved[active] += change
            x[active] = (origin[active] + (1 + overshoot) * moved[active]).clamp_(0, 1)
        return x


def _to_border(model: nn.Module, x: Tensor, labels: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Change to the nearest linearised border, and which images are still predicted right."""
    x = x.detach().requires_grad_()
    logits = logits_of(model, x, labels)
    right = logits.argmax(1) == labels
    if not right.any():
        return torch.zeros_like(x), right
    nearest = x.new_full((len(x),), torch.inf)
    best = torch.zeros_like(x)
    own = logits.gather(1, labels[:, None])[:, 0]
    for number in range(others.shape[1]):
        difference = (logits.gather(1, others[:, number, None])[:, 0] - own).to(x.dtype)
        slope = gradient(difference, x, keep=True)
        length = norms(slope)
        distance = difference.detach().abs() / length.clamp_min(1e-8)
        closer = distance < nearest
        nearest = torch.where(closer, distance, nearest)
        step = slope * per_image((distance + _BEYOND) / length.clamp_min(1e-8), x)
        best = torch.where(per_image(closer, x), step, best)
    return best, right
