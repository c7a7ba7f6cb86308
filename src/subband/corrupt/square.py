"""Square attack: random squares, by the logits alone."""

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from subband._check import not_negative, positive
from subband.corrupt._attack_model import fooled, held, inside, margin_of, per_image, predict

_HALVINGS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)


def square(
    model: nn.Module,
    images: Float[Tensor, "batch channels height width"],
    labels: Int64[Tensor, "batch"],
    *,
    eps: float,
    queries: int = 500,
    share: float = 0.8,
    targeted: bool = False,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "batch channels height width"]:
    r"""Square attack: a random search that never asks for a gradient.

    Vertical stripes of :math:`\pm \epsilon` first; then squares at random places, every channel of one sign, kept if
    they lower the margin :math:`z_y - \max_{j \ne y} z_j`. Their share of the image halves nine times on the way.

    Args:
        model: See `subband.corrupt.gradient_attacks.fgsm`.
        images: Images in [0, 1].
        labels: True classes, or those to reach.
        eps: Largest change of a pixel.
        queries: Largest number of images shown to the model, the image itself not counted; a fooled one stops.
        share: Share of the image that the first square has, in (0, 1].
        targeted: Towards the labels; the margin is then that of the other classes over the target.
        generator: Of the random search, on the images' device. An image sees the same squares whatever becomes of the
            others in its batch.

    Returns:
        Adversarial images in [0, 1]; where the attack failed, those of the smallest margin; where there was nothing
        to do, the image itself.

    Raises:
        ValueError: If images, labels or logits have a wrong shape or range, or an option is out of range.

    Source:
        Andriushchenko et al., Square attack, 2020 (arXiv:1912.00049), L-infinity. Departures: the margin for targets
        too, where AutoAttack takes the cross-entropy; squares may touch every border.

    Example:
        >>> import torch
        >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
        >>> image, seeded = torch.full((1, 1, 2, 2), 0.5), torch.Generator().manual_seed(0)
        >>> found = square(model, image, model(image).argmax(1), eps=8 / 255, queries=20, generator=seeded)
        >>> bool((found - image).abs().max() <= 8 / 255 + 1e-7)
        True
    """
    not_negative(eps=eps)
    positive(queries=queries)
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}, but must be in (0, 1]: the part of the image that the first square covers")
    with held(model, images, labels) as (origin, y):
        found = origin.clone()
        least = origin.new_full((len(origin),), torch.inf)
        active = (~fooled(predict(model, origin, y), y, targeted=targeted)).nonzero()[:, 0]
        for number in range(queries):
            changes = _changes(origin, number, queries, share, generator)
            if not len(active):
                break
            start = found[active] if number else origin[active]
            x = inside(start + eps * changes[active], origin[active], eps)
            logits = predict(model, x, y[active])
            over = fooled(logits, y[active], targeted=targeted)
            margin = margin_of(logits, y[active], targeted=targeted).to(x.dtype)
            better = over | (margin < least[active])
            found[active[better]], least[active[better]] = x[better], margin[better]
            active = active[~over]
        return found


def side(number: int, queries: int, share: float, size: tuple[int, int]) -> int:
    """Side of a square in pixels, for a query out of so many."""
    halvings = sum(number / queries > limit for limit in _HALVINGS)
    found = round(math.sqrt(share / 2**halvings * size[0] * size[1]))
    return min(max(found, 1), *size)


def _changes(origin: Tensor, number: int, queries: int, share: float, generator: torch.Generator | None) -> Tensor:
    """Stripes of one eps, then squares of two: enough to cross the box; (N, C, H, W) or less, to be broadcast."""
    batch, channels, height, width = origin.shape
    where = origin.device

    def signs(*shape: int) -> Tensor:
        return 2.0 * torch.randint(2, shape, generator=generator, device=where) - 1

    if number == 0:
        return signs(batch, channels, 1, width).to(origin.dtype)
    length = side(number, queries, share, (height, width))
    inside_square = torch.ones(batch, 1, 1, 1, dtype=torch.bool, device=where)
    for axis, size in ((2, height), (3, width)):
        corner = torch.randint(size - length + 1, (batch,), generator=generator, device=where)
        place = torch.arange(size, device=where).reshape([-1 if number == axis else 1 for number in range(4)])
        distance = place - per_image(corner, origin)
        inside_square = inside_square & (distance >= 0) & (distance < length)
    return (2 * signs(batch, channels, 1, 1) * inside_square).to(origin.dtype)
