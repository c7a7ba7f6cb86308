"""Whether a model only hides its gradients: signs that the attacks that use them do not measure its robustness."""

from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from subband._check import positive
from subband.corrupt.apgd import apgd
from subband.corrupt.attacks import evaluate_attack
from subband.corrupt.gradient_attacks import bim, fgsm
from subband.corrupt.square import square

_UNBOUNDED_STEPS, _UNBOUNDED_STEP = 50, 0.05


@dataclass(frozen=True)
class MaskingReport:
    """Accuracies in [0, 1] under the attacks that `masking_check` compares.

    Attributes:
        eps: Bound of the attacks, but for the unbounded one.
        margin: Difference of accuracies that counts.
        clean: Accuracy without attack.
        one_step: Under `fgsm`.
        iterative: Under `apgd`.
        black_box: Under `square`, without gradients.
        unbounded: Under `bim` with all of [0, 1] allowed.
    """

    eps: float
    margin: float
    clean: float
    one_step: float
    iterative: float
    black_box: float
    unbounded: float

    @property
    def signs(self) -> tuple[str, ...]:
        """Signs of masked gradients, each a clause with its figures."""
        found = []
        if self.iterative - self.black_box > self.margin:
            found.append(f"an attack without gradients leaves {self.black_box:.1%}, one with them {self.iterative:.1%}")
        if self.unbounded > self.margin:
            found.append(f"{self.unbounded:.1%} remain when every pixel may change without bound")
        if self.iterative - self.one_step > self.margin:
            found.append(f"a single step leaves {self.one_step:.1%}, many steps {self.iterative:.1%}")
        return tuple(found)

    @property
    def masked(self) -> bool:
        """Whether there is a sign."""
        return bool(self.signs)

    @property
    def sentence(self) -> str:
        """The finding, in one sentence."""
        if self.clean <= self.margin:
            return f"Nothing can be said about the gradients: only {self.clean:.1%} are right without an attack."
        if self.masked:
            return f"The gradients look masked, so white-box accuracies are too good: {'; '.join(self.signs)}."
        return (
            f"The gradients do not look masked: at eps {self.eps:.4g} gradients leave {self.iterative:.1%} right, a "
            f"search without them {self.black_box:.1%}, a single step {self.one_step:.1%}, and no bound "
            f"{self.unbounded:.1%}."
        )


def masking_check(
    model: nn.Module,
    images: Float[Tensor, "images channels height width"],
    labels: Int64[Tensor, "images"],
    *,
    eps: float = 8 / 255,
    margin: float = 0.05,
    steps: int = 50,
    queries: int = 500,
    batch_size: int = 100,
    seed: int = 0,
) -> MaskingReport:
    """Look for masked gradients: compare attacks whose order is known for a model that hides nothing.

    Three signs, each a difference of accuracies above the margin: an attack without gradients (`square`) is stronger
    than one with them (`apgd`); accuracy does not fall to 0 when any change is allowed; a single step (`fgsm`) is
    stronger than many (`apgd`).

    Args:
        model: See `subband.corrupt.attacks.evaluate_attack`.
        images: Images in [0, 1], a hundred or more: a difference of 0.05 is five of a hundred.
        labels: True classes.
        eps: Largest change of a pixel, but for the unbounded attack.
        margin: Difference of accuracies that counts as a sign.
        steps: Steps of `apgd`.
        queries: Queries of `square`.
        batch_size: Images attacked at a time.
        seed: Of the random starts and searches.

    Returns:
        The accuracies and, from them, the sentence.

    Raises:
        ValueError: As `subband.corrupt.attacks.evaluate_attack`, or if the margin is not positive.

    Source:
        Athalye, Carlini and Wagner, Obfuscated gradients give a false sense of security, 2018 (arXiv:1802.00420),
        section 3.1; Croce and Hein, 2020 (arXiv:2003.01690). The margin, and an unbounded attack of 50 steps of 0.05
        from the image itself, since a random start is noise that fools without any gradient, are ours.

    Example:
        >>> import torch
        >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
        >>> images = torch.rand(8, 1, 2, 2)
        >>> masking_check(model, images, model(images).argmax(1), steps=5, queries=5).clean
        1.0
    """
    positive(eps=eps, margin=margin)
    generator = torch.Generator(images.device).manual_seed(seed)
    attacks = {
        "one_step": partial(fgsm, eps=eps),
        "iterative": partial(apgd, eps=eps, steps=steps, generator=generator),
        "black_box": partial(square, eps=eps, queries=queries, generator=generator),
        "unbounded": partial(bim, eps=1.0, step=_UNBOUNDED_STEP, steps=_UNBOUNDED_STEPS),
    }
    results = {
        name: evaluate_attack(attack, model, images, labels, batch_size=batch_size) for name, attack in attacks.items()
    }
    clean = results["one_step"].clean
    return MaskingReport(eps, margin, clean, **{name: result.robust for name, result in results.items()})
