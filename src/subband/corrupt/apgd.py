"""Auto-PGD: projected gradient descent that finds its own step."""

import dataclasses
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from subband._check import not_negative, positive
from subband.corrupt._attack_model import ascent, fooled, held, inside, per_image, predict

_MOMENTUM = 0.75
_RISING = 0.75


def apgd(
    model: nn.Module,
    images: Float[Tensor, "batch channels height width"],
    labels: Int64[Tensor, "batch"],
    *,
    eps: float,
    steps: int = 50,
    restarts: int = 1,
    targeted: bool = False,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "batch channels height width"]:
    r"""Auto-PGD on the cross-entropy (APGD-CE): momentum, and a step that halves when the loss stops growing.

    .. math:: z_k = P(x_k + \eta_k \, \mathrm{sign} \nabla L(x_k)), \quad
              x_{k+1} = P \big( x_k + 0.75 (z_k - x_k) + 0.25 (x_k - x_{k-1}) \big)

    from a random point and :math:`\eta = 2 \epsilon`. At checkpoints, 22 % of the steps and ever fewer apart, an image
    whose loss rose in no more than 75 % of the steps since, or whose best loss stands still although the step was
    kept, halves its step and goes back to its best point.

    Args:
        model: See `subband.corrupt.gradient_attacks.fgsm`.
        images: Images in [0, 1].
        labels: True classes, or those to reach.
        eps: Largest change of a pixel.
        steps: Largest number of steps; an image stops when it is fooled.
        restarts: Number of random starts for images that are not.
        targeted: Towards the labels.
        generator: Of the random starts, on the images' device.

    Returns:
        Adversarial images in [0, 1]; where the attack failed, the point of the greatest loss; where there was nothing
        to do, the image itself.

    Raises:
        ValueError: If images, labels or logits have a wrong shape or range, or an option is out of range.

    Source:
        Croce and Hein, AutoAttack, 2020 (arXiv:2003.01690), algorithm 1, with the choices of their code: the random
        start touches the box, "no more than" 75 %, no halving for a stand-still at the first checkpoint.

    Example:
        >>> import torch
        >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
        >>> image, seeded = torch.full((1, 1, 2, 2), 0.5), torch.Generator().manual_seed(0)
        >>> found = apgd(model, image, model(image).argmax(1), eps=8 / 255, generator=seeded)
        >>> bool((found - image).abs().max() <= 8 / 255 + 1e-7)
        True
    """
    not_negative(eps=eps)
    positive(steps=steps, restarts=restarts)
    with held(model, images, labels) as (origin, y):
        found = origin.clone()
        most = origin.new_full((len(origin),), -torch.inf)
        left = (~fooled(predict(model, origin, y), y, targeted=targeted)).nonzero()[:, 0]
        for _ in range(restarts):
            drawn = 2 * torch.rand(origin.shape, generator=generator, dtype=origin.dtype, device=origin.device) - 1
            start = inside(origin + eps * drawn / drawn.abs().amax((1, 2, 3), keepdim=True), origin, eps)
            if not len(left):
                break
            search = _Search(model, origin, y, eps, targeted)
            done, points, losses = search.run(start[left], left, steps)
            better = done | (losses > most[left])
            found[left[better]], most[left[better]] = points[better], losses[better]
            left = left[~done]
        return found


@dataclass
class _State:
    """Where the images that are still attacked stand; every field has one entry for each of them."""

    where: Tensor
    x: Tensor
    before: Tensor
    slope: Tensor
    loss: Tensor
    best: Tensor
    best_slope: Tensor
    best_loss: Tensor
    step: Tensor
    rises: Tensor
    checked_loss: Tensor
    halved: Tensor

    def keep(self, kept: Tensor) -> None:
        """Leave out all other images."""
        for field in dataclasses.fields(self):
            setattr(self, field.name, getattr(self, field.name)[kept])

    def note(self, slope: Tensor, loss: Tensor) -> None:
        """Take over the loss and its gradient at x, and whether they are the best."""
        self.rises = self.rises + (loss > self.loss)
        self.slope, self.loss = slope, loss
        better = loss > self.best_loss
        self.best = torch.where(per_image(better, self.x), self.x, self.best)
        self.best_slope = torch.where(per_image(better, self.x), slope, self.best_slope)
        self.best_loss = torch.where(better, loss, self.best_loss)

    def check(self, interval: int) -> None:
        """Halve the step of images that make no progress, and bring them back to their best points."""
        still = ~self.halved & (self.best_loss <= self.checked_loss)
        self.halved = (self.rises <= _RISING * interval) | still
        self.step = torch.where(self.halved, self.step / 2, self.step)
        back = per_image(self.halved, self.x)
        self.x = torch.where(back, self.best, self.x)
        self.slope = torch.where(back, self.best_slope, self.slope)
        self.checked_loss, self.rises = self.best_loss, torch.zeros_like(self.rises)


@dataclass(frozen=True)
class _Search:
    """One random start."""

    model: nn.Module
    origin: Tensor
    labels: Tensor
    eps: float
    targeted: bool

    def run(self, start: Tensor, where: Tensor, steps: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return which images (n,) are fooled, the points to show for them, and the losses there."""
        rank = torch.full((len(self.origin),), -1, device=where.device)
        rank[where] = torch.arange(len(where), device=where.device)
        done = torch.zeros(len(where), dtype=torch.bool, device=where.device)
        points, losses = start.clone(), start.new_full((len(where),), -torch.inf)
        state = self._begin(start, where)
        checks = checkpoints(steps)
        last = 0
        for number in range(steps + 1):
            slope, loss, logits = ascent(self.model, state.x, self.labels[state.where], targeted=self.targeted)
            state.note(slope, loss)
            over = fooled(logits, self.labels[state.where], targeted=self.targeted)
            finished = rank[state.where[over]]
            done[finished], points[finished], losses[finished] = True, state.x[over], loss[over]
            state.keep(~over)
            if not len(state.where) or number == steps:
                break
            if number in checks:
                state.check(number - last)
                last = number
            self._move(state, first=number == 0)
        failed = rank[state.where]
        points[failed], losses[failed] = state.best, state.best_loss
        return done, points, losses

    def _begin(self, start: Tensor, where: Tensor) -> _State:
        worst = start.new_full((len(where),), torch.inf)
        return _State(
            where=where,
            x=start,
            before=start,
            slope=torch.zeros_like(start),
            loss=worst,
            best=start,
            best_slope=torch.zeros_like(start),
            best_loss=-worst,
            step=start.new_full((len(where),), 2 * self.eps),
            rises=torch.zeros_like(where),
            checked_loss=-worst,
            halved=torch.ones_like(where, dtype=torch.bool),
        )

    def _move(self, state: _State, *, first: bool) -> None:
        """Take a step with momentum."""
        origin = self.origin[state.where]
        z = inside(state.x + per_image(state.step, origin) * state.slope.sign(), origin, self.eps)
        part = 1.0 if first else _MOMENTUM
        new = state.x + part * (z - state.x) + (1 - part) * (state.x - state.before)
        state.before, state.x = state.x, inside(new, origin, self.eps)


def checkpoints(steps: int) -> set[int]:
    """Numbers of the steps after which Auto-PGD looks back."""
    interval, least, less = max(int(0.22 * steps), 1), max(int(0.06 * steps), 1), max(int(0.03 * steps), 1)
    found, number = set(), interval
    while number <= steps:
        found.add(number)
        interval = max(interval - less, least)
        number += interval
    return found
