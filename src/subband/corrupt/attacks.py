"""How a classifier stands up to an attack: accuracy before and after, sizes of the changes, what they cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from subband._check import not_negative, one_of, positive
from subband.corrupt._attack_model import Attack, held, norms, predict
from subband.corrupt.apgd import apgd
from subband.corrupt.carlini_wagner import carlini_wagner
from subband.corrupt.deepfool import deepfool
from subband.corrupt.gradient_attacks import bim, fgsm, mi_fgsm, pgd
from subband.corrupt.square import square

BOUNDED: dict[str, Callable[[float, torch.Generator], Attack]] = {
    "fgsm": lambda eps, generator: partial(fgsm, eps=eps),
    "bim": lambda eps, generator: partial(bim, eps=eps),
    "pgd": lambda eps, generator: partial(pgd, eps=eps, generator=generator),
    "mi_fgsm": lambda eps, generator: partial(mi_fgsm, eps=eps),
    "apgd": lambda eps, generator: partial(apgd, eps=eps, generator=generator),
    "square": lambda eps, generator: partial(square, eps=eps, generator=generator),
}
"""Attacks inside a box of half-width eps, with their default options."""

NEAREST: dict[str, Attack] = {"deepfool": deepfool, "carlini_wagner": carlini_wagner}
"""Attacks that look for the smallest Euclidean change, with their default options."""

ATTACKS: tuple[str, ...] = (*BOUNDED, *NEAREST)
"""Names that `attack_curve` knows."""


@dataclass(frozen=True, eq=False)
class AttackResult:
    """What an attack did; every tensor has one entry for each image, on the CPU.

    Attributes:
        right: Which images were classified right before.
        right_after: Which are after the attack.
        fooled: Which were right before, and are wrong after; with targets, which of those are seen as the target.
        l2: Euclidean length of the change, for pixels in [0, 1].
        linf: Its largest pixel.
        queries: Images that the model was shown, for each image attacked, on average.
        gradients: Backward passes, for each image attacked, on average.
    """

    right: Tensor
    right_after: Tensor
    fooled: Tensor
    l2: Tensor
    linf: Tensor
    queries: float
    gradients: float

    @property
    def clean(self) -> float:
        """Accuracy before, in [0, 1]."""
        return _mean(self.right)

    @property
    def robust(self) -> float:
        """Accuracy after: part of all images that is right before and after."""
        return _mean(self.right & self.right_after)

    def robust_within(self, length: float) -> float:
        """Accuracy after, if Euclidean changes longer than this do not count as attacks."""
        return _mean(self.right & ~(self.fooled & (self.l2 <= length)))

    def row(self) -> dict[str, float]:
        """Numbers for a table: means of the changes over the fooled images, NaN where there is none."""
        return {
            "images": len(self.right),
            "clean": self.clean,
            "robust": self.robust,
            "success": _mean(self.fooled[self.right]),
            "mean L2": _mean(self.l2[self.fooled]),
            "mean Linf": _mean(self.linf[self.fooled]),
            "queries": self.queries,
            "gradients": self.gradients,
        }


@dataclass(frozen=True, eq=False)
class AttackCurve:
    """Accuracy over the strength of an attack.

    Attributes:
        attack: Name of the attack.
        norm: ``linf`` or ``l2``: what eps bounds.
        eps: Strengths, for pixels in [0, 1].
        robust: Accuracy under each.
        results: One result for each strength; a single one for the attacks of `NEAREST`.
    """

    attack: str
    norm: str
    eps: tuple[float, ...]
    robust: tuple[float, ...]
    results: tuple[AttackResult, ...]


def evaluate_attack(
    attack: Attack,
    model: nn.Module,
    images: Float[Tensor, "images channels height width"],
    labels: Int64[Tensor, "images"],
    *,
    targets: Int64[Tensor, "images"] | None = None,
    batch_size: int = 100,
) -> AttackResult:
    r"""Attack a model, and count.

    Args:
        attack: ``attack(model, images, labels)``, such as ``functools.partial(pgd, eps=8 / 255)``; ours or any other
            that asks the model for logits and gradients of [0, 1] images.
        model: Classifier of images in [0, 1] that returns logits (N, C). It is run in evaluation mode and left as it
            was.
        images: Images in [0, 1].
        labels: True classes.
        targets: Classes to reach, if the attack is a targeted one; it is then called with these.
        batch_size: Images attacked at a time.

    Returns:
        Outcomes of the images, with what they cost.

    Raises:
        ValueError: If images, labels or logits have a wrong shape or range, or there is no image.

    Example:
        >>> import torch
        >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
        >>> images = torch.rand(6, 1, 2, 2)
        >>> result = evaluate_attack(partial(bim, eps=0.2, steps=3), model, images, model(images).argmax(1))
        >>> result.clean, result.queries, result.gradients
        (1.0, 3.0, 3.0)
    """
    positive(images=len(images), batch_size=batch_size)
    counted = _Counted(model)
    parts = []
    for at in range(0, len(images), batch_size):
        x, y = images[at : at + batch_size], labels[at : at + batch_size]
        aims = y if targets is None else targets[at : at + batch_size]
        with held(counted, x, aims):
            adversarial = attack(counted, x, aims).detach()
        with held(model, x, y):
            before, after = (predict(model, shown, y).argmax(1) for shown in (x, adversarial))
        reached = after != y if targets is None else after == aims
        change = adversarial - x
        parts.append([before == y, after == y, (before == y) & reached, norms(change), change.abs().flatten(1).amax(1)])
    right, right_after, fooled, l2, linf = (torch.cat(part).cpu() for part in zip(*parts, strict=True))
    shown, slopes = counted.queries / len(images), counted.gradients / len(images)
    return AttackResult(right, right_after, fooled, l2, linf, shown, slopes)


def attack_curve(
    attack: str,
    model: nn.Module,
    images: Float[Tensor, "images channels height width"],
    labels: Int64[Tensor, "images"],
    *,
    eps: Sequence[float] = (0.0, 1 / 255, 2 / 255, 4 / 255, 8 / 255),
    batch_size: int = 100,
    seed: int = 0,
) -> AttackCurve:
    """Accuracy under a named attack with its default options, untargeted, at several strengths.

    Args:
        attack: One of `ATTACKS`.
        model: See `evaluate_attack`.
        images: Images in [0, 1].
        labels: True classes.
        eps: Strengths: largest change of a pixel, for the attacks of `BOUNDED`; Euclidean length of the change, for
            those of `NEAREST`, which run once: an image holds out at a strength if its change is longer.
        batch_size: Images attacked at a time.
        seed: Of the random starts and searches, anew for each strength.

    Returns:
        The accuracies, and the results that they are from.

    Raises:
        ValueError: If the attack is unknown or a strength negative; as `evaluate_attack`.

    Example:
        >>> import torch
        >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
        >>> images = torch.rand(6, 1, 2, 2)
        >>> attack_curve("pgd", model, images, model(images).argmax(1), eps=[0.0, 1.0]).robust[0]
        1.0
    """
    one_of("attack", attack, ATTACKS)
    for strength in eps:
        not_negative(eps=strength)
    if attack in NEAREST:
        result = evaluate_attack(NEAREST[attack], model, images, labels, batch_size=batch_size)
        robust = tuple(result.robust_within(strength) for strength in eps)
        return AttackCurve(attack, "l2", tuple(eps), robust, (result,))
    results = []
    for strength in eps:
        generator = torch.Generator(images.device).manual_seed(seed)
        bounded = BOUNDED[attack](strength, generator) if strength else _unchanged
        results.append(evaluate_attack(bounded, model, images, labels, batch_size=batch_size))
    return AttackCurve(attack, "linf", tuple(eps), tuple(result.robust for result in results), tuple(results))


class _Counted(nn.Module):
    """A model that counts the images it is shown, and the gradients asked of it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.queries, self.gradients = model, 0, 0

    def forward(self, x: Tensor) -> Tensor:
        self.queries += len(x)
        if torch.is_grad_enabled() and x.requires_grad:
            x = x.view_as(x)
            x.register_hook(self._count)  # type: ignore[no-untyped-call]
        logits: Tensor = self.model(x)
        return logits

    def _count(self, slope: Tensor) -> None:
        self.gradients += len(slope)


def _unchanged(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    return images


def _mean(values: Tensor) -> float:
    return float(values.double().mean()) if len(values) else float("nan")
