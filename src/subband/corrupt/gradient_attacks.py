"""Attacks along the sign of the gradient, inside a box around each image: FGSM, BIM, PGD, MI-FGSM."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from subband._check import not_negative, positive
from subband.corrupt._attack_model import ascent, held, inside


def fgsm(
    model: nn.Module,
    images: Float[Tensor, "batch channels height width"],
    labels: Int64[Tensor, "batch"],
    *,
    eps: float,
    targeted: bool = False,
) -> Float[Tensor, "batch channels height width"]:
    r"""Fast gradient sign method: one step to the corner of the box that the gradient points at.

    .. math:: x' = \mathrm{clip}_{[0, 1]} \big( x + \epsilon \, \mathrm{sign} \, \nabla_x L(x, y) \big)

    Args:
        model: Classifier of images in [0, 1] that returns logits (N, C). It is run in evaluation mode; its modes,
            parameters and gradients are left as they were.
        images: Images in [0, 1].
        labels: True classes; with ``targeted`` the classes that the model shall be made to see.
        eps: Largest change of a pixel, such as 8 / 255.
        targeted: Towards the labels, instead of away from them.

    Returns:
        Adversarial images in [0, 1]; the images given are not changed.

    Raises:
        ValueError: If images, labels or logits have a wrong shape or range, or ``eps`` is negative.

    Source:
        Goodfellow et al., Explaining and harnessing adversarial examples, 2015 (arXiv:1412.6572). As in every attack
        here, the loss is cross-entropy, and a gradient that is not a number counts as 0.

    Example:
        >>> import torch
        >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
        >>> _ = model[1].weight.data.copy_(torch.tensor([[1.0, -1, 1, -1], [-1, 1, -1, 1]]))
        >>> fgsm(model, torch.full((1, 1, 2, 2), 0.5), torch.tensor([0]), eps=0.25)
        tensor([[[[0.2500, 0.7500],
                  [0.2500, 0.7500]]]])
    """
    return bim(model, images, labels, eps=eps, step=eps, steps=1, targeted=targeted)


def bim(
    model: nn.Module,
    images: Float[Tensor, "batch channels height width"],
    labels: Int64[Tensor, "batch"],
    *,
    eps: float,
    step: float | None = None,
    steps: int = 10,
    targeted: bool = False,
) -> Float[Tensor, "batch channels height width"]:
    r"""Basic iterative method: small steps along the sign of the gradient, from the image itself.

    .. math:: x_{k+1} = P \big( x_k + \alpha \, \mathrm{sign} \, \nabla_x L(x_k, y) \big)

    with P the projection onto the box :math:`|x' - x| \le \epsilon` and [0, 1].

    Args:
        model: See `fgsm`.
        images: Images in [0, 1].
        labels: True classes, or those to reach.
        eps: Largest change of a pixel.
        step: Step :math:`\alpha`; ``eps / 4`` if not given.
        steps: Number of steps; none stops early.
        targeted: Towards the labels.

    Returns:
        Adversarial images in [0, 1].

    Raises:
        ValueError: As `fgsm`, or if ``step`` is negative or ``steps`` not positive.

    Source:
        Kurakin et al., Adversarial examples in the physical world, 2017 (arXiv:1607.02533).

    Example:
        >>> import torch
        >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
        >>> image = torch.full((1, 1, 2, 2), 0.5)
        >>> found = bim(model, image, torch.tensor([0]), eps=0.25, step=0.125, steps=3)
        >>> (found - image).abs().max()
        tensor(0.2500)
    """
    return pgd(model, images, labels, eps=eps, step=step, steps=steps, random_start=False, targeted=targeted)


def pgd(
    model: nn.Module,
    images: Float[Tensor, "batch channels height width"],
    labels: Int64[Tensor, "batch"],
    *,
    eps: float,
    step: float | None = None,
    steps: int = 20,
    random_start: bool = True,
    targeted: bool = False,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "batch channels height width"]:
    r"""Projected gradient descent: `bim` from a random point of the box.

    .. math:: x_0 = \mathrm{clip}_{[0, 1]}(x + u), \quad u \sim U[-\epsilon, \epsilon]

    Args:
        model: See `fgsm`.
        images: Images in [0, 1].
        labels: True classes, or those to reach.
        eps: Largest change of a pixel.
        step: Step of `bim`; ``eps / 4`` if not given.
        steps: Number of steps; none stops early.
        random_start: Start at a random point, not at the image.
        targeted: Towards the labels.
        generator: Of the random start, on the images' device.

    Returns:
        Adversarial images in [0, 1].

    Raises:
        ValueError: As `bim`.

    Source:
        Madry et al., Towards deep learning models resistant to adversarial attacks, 2018 (arXiv:1706.06083).

    Example:
        >>> import torch
        >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
        >>> image, seeded = torch.full((1, 1, 2, 2), 0.5), torch.Generator().manual_seed(0)
        >>> found = pgd(model, image, torch.tensor([0]), eps=8 / 255, steps=10, generator=seeded)
        >>> bool((found - image).abs().max() <= 8 / 255 + 1e-7)
        True
    """
    step = eps / 4 if step is None else step
    not_negative(eps=eps, step=step)
    positive(steps=steps)
    with held(model, images, labels) as (origin, y):
        x = origin
        if random_start:
            drawn = torch.rand(origin.shape, generator=generator, dtype=origin.dtype, device=origin.device)
            x = inside(origin + eps * (2 * drawn - 1), origin, eps)
        for _ in range(steps):
            slope, _, _ = ascent(model, x, y, targeted=targeted)
            x = inside(x + step * slope.sign(), origin, eps)
        return x


def mi_fgsm(
    model: nn.Module,
    images: Float[Tensor, "batch channels height width"],
    labels: Int64[Tensor, "batch"],
    *,
    eps: float,
    step: float | None = None,
    steps: int = 10,
    decay: float = 1.0,
    targeted: bool = False,
) -> Float[Tensor, "batch channels height width"]:
    r"""Momentum iterative FGSM: steps along the sign of a running sum of gradients.

    .. math:: g_{k+1} = \mu g_k + \frac{\nabla_x L(x_k, y)}{\|\nabla_x L(x_k, y)\|_1}, \quad
              x_{k+1} = P \big( x_k + \alpha \, \mathrm{sign} \, g_{k+1} \big)

    Args:
        model: See `fgsm`.
        images: Images in [0, 1].
        labels: True classes, or those to reach.
        eps: Largest change of a pixel.
        step: Step :math:`\alpha`; ``eps / steps`` if not given, as in the paper.
        steps: Number of steps; none stops early.
        decay: Momentum :math:`\mu`; 0 gives `bim`.
        targeted: Towards the labels.

    Returns:
        Adversarial images in [0, 1].

    Raises:
        ValueError: As `bim`, or if ``decay`` is negative.

    Source:
        Dong et al., Boosting adversarial attacks with momentum, 2018 (arXiv:1710.06081), algorithm 1.

    Example:
        >>> import torch
        >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
        >>> image = torch.full((1, 1, 2, 2), 0.5)
        >>> (mi_fgsm(model, image, torch.tensor([0]), eps=0.25, steps=2) - image).abs().max()
        tensor(0.2500)
    """
    positive(steps=steps)
    step = eps / steps if step is None else step
    not_negative(eps=eps, step=step, decay=decay)
    with held(model, images, labels) as (origin, y):
        x, momentum = origin, torch.zeros_like(origin)
        for _ in range(steps):
            slope, _, _ = ascent(model, x, y, targeted=targeted)
            size = slope.abs().sum((1, 2, 3), keepdim=True)
            momentum = decay * momentum + slope / size.clamp_min(torch.finfo(slope.dtype).tiny)
            x = inside(x + step * momentum.sign(), origin, eps)
        return x
