"""Shift consistency: whether a network says the same of an image and of the image moved by some pixels."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from subband._check import one_of, positive

Border = Literal["crop", "reflect", "circular"]
"""Where moved images come from: cut from larger ones, filled by reflection at the edge, or moved around in a circle."""

Direction = Literal["down", "right", "diagonal", "antidiagonal"]
"""Ways to move: along an axis, down and right, down and left."""

_STEPS: dict[Direction, tuple[int, int]] = {
    "down": (1, 0),
    "right": (0, 1),
    "diagonal": (1, 1),
    "antidiagonal": (1, -1),
}
Batches = Iterable[Float[Tensor, "batch channels height width"]]


@dataclass(frozen=True)
class ShiftPoint:
    """Consistency at one shift.

    Attributes:
        direction: Way to move.
        shift: Number of pixels, on either axis for the diagonals.
        consistency: Part of the images that get the class of the unmoved image, in [0, 1].
    """

    direction: Direction
    shift: int
    consistency: float


def shift_consistency(
    model: nn.Module | Callable[[Tensor], Tensor],
    batches: Batches,
    *,
    size: int | None = None,
    max_shift: int = 32,
    passes: int = 5,
    border: Border = "crop",
    generator: torch.Generator | None = None,
) -> float:
    r"""Part of the pairs of randomly moved copies of an image that get one class.

    .. math:: \mathrm{E}_{x, u, v} \big[ \arg\max f(x_u) = \arg\max f(x_v) \big], \qquad
        u, v \sim \mathcal{U}\{0, \dots, \mathrm{max\_shift} - 1\}^2

    Args:
        model: Gives logits (B, C); a module is put into evaluation mode and left in the mode it was in.
        batches: Images (B, C, H, W); for ImageNet 256 x 256 crops.
        size: Side of the crops in pixels; the images' sides less ``max_shift`` if None, which is 224 for 256 (with
            another border the images' sides).
        max_shift: Offsets are below this, in pixels; 32 for ImageNet, about 4 for images of 32 pixels.
        passes: Pairs for each image.
        border: ``crop``, as the authors; the others keep small images at their size.
        generator: Source of the offsets, on the CPU; seed 0 if None.

    Returns:
        A number in [0, 1].

    Raises:
        ValueError: If a number is not positive, the crops do not fit, or there is no image.

    Source:
        Zhang, Making convolutional networks shift-invariant again, 2019 (arXiv:1904.11486); LiQiufu/WaveCNet,
        ``main.py -es``: crops of 224 from 256, offsets 0 to 31, 5 passes. Departure: each image has its own offsets,
        where theirs share a pair in a batch, so that the batch size does not matter; the expectation is the same.

    Example:
        >>> import torch
        >>> images = torch.rand(4, 3, 40, 40, generator=torch.Generator().manual_seed(0))
        >>> shift_consistency(lambda x: x.mean((2, 3)), [images], max_shift=1)
        1.0
    """
    positive(max_shift=max_shift, passes=passes)
    one_of("border", border, get_args(Border))
    generator = torch.Generator().manual_seed(0) if generator is None else generator
    same = count = 0
    with _evaluating(model):
        for images in batches:
            wide, sides = _widened(images, max_shift - 1, size, border, margin=max_shift)
            offsets = torch.randint(max_shift, (len(images), passes, 2, 2), generator=generator).transpose(0, 1)
            for pair in offsets.tolist():
                first, second = (
                    _classes(
                        model, torch.stack([_cut(one, *at[k], sides=sides) for one, at in zip(wide, pair, strict=True)])
                    )
                    for k in (0, 1)
                )
                same += int((first == second).sum())
                count += len(images)
    if count == 0:
        raise ValueError("there is no image to move; give at least one batch")
    return same / count


def shift_curve(
    model: nn.Module | Callable[[Tensor], Tensor],
    batches: Batches,
    *,
    shifts: Sequence[int] = (1, 2, 3, 4, 6, 8, 12, 16, 24, 31),
    directions: Sequence[Direction] = ("down", "right", "diagonal", "antidiagonal"),
    size: int | None = None,
    border: Border = "crop",
) -> list[ShiftPoint]:
    """Part of the images whose class stays, shift by shift and direction by direction; nothing is left to chance.

    Args:
        model: As in `shift_consistency`.
        batches: Images (B, C, H, W).
        shifts: In pixels, from 0 on; a stride of 2 shows as a difference between odd and even ones.
        directions: Ways to move.
        size: Side of the crops; if None the images' sides less the largest shift (with another border the images').
        border: As in `shift_consistency`.

    Returns:
        One point for each direction and shift, in the order given.

    Raises:
        ValueError: If a shift is negative, a direction is unknown, the crops do not fit, or there is no image.

    Source:
        Ours, after Zhang 2019 (arXiv:1904.11486), figure 8.

    Example:
        >>> import torch
        >>> points = shift_curve(lambda x: x.mean((2, 3)), [torch.rand(2, 3, 20, 20)], shifts=(0,))
        >>> [point.consistency for point in points]
        [1.0, 1.0, 1.0, 1.0]
    """
    one_of("border", border, get_args(Border))
    for direction in directions:
        one_of("direction", direction, _STEPS)
    if not shifts or min(shifts) < 0:
        raise ValueError(f"shifts are {list(shifts)}, but must be at least one number, none below 0")
    most, count = max(shifts), 0
    same = {(direction, shift): 0 for direction in directions for shift in shifts}
    with _evaluating(model):
        for images in batches:
            wide, sides = _widened(images, most, size, border, margin=most)
            starts = {left: _classes(model, _cut(wide, 0, left, sides=sides)) for left in {*_starts(directions, most)}}
            for direction, shift in same:
                (down, right), left = _STEPS[direction], _start(direction, most)
                moved = _classes(model, _cut(wide, down * shift, left + right * shift, sides=sides))
                same[direction, shift] += int((moved == starts[left]).sum())
            count += len(images)
    if count == 0:
        raise ValueError("there is no image to move; give at least one batch")
    return [ShiftPoint(direction, shift, number / count) for (direction, shift), number in same.items()]


def _start(direction: Direction, most: int) -> int:
    return most if _STEPS[direction][1] < 0 else 0


def _starts(directions: Sequence[Direction], most: int) -> Iterator[int]:
    return (_start(direction, most) for direction in directions)


def _widened(
    images: Tensor, reach: int, size: int | None, border: Border, *, margin: int
) -> tuple[Tensor, tuple[int, int]]:
    """Images from which crops at offsets up to ``reach`` are cut, and the sides of the crops."""
    height, width = images.shape[-2:]
    if border == "crop":
        sides = (height - margin, width - margin) if size is None else (size, size)
    else:
        sides = (height, width) if size is None else (size, size)
        front = reach // 2 if border == "reflect" else 0
        if reach >= min(height, width):
            raise ValueError(f"a shift of {reach} is as large as the images, {height} x {width}; take a smaller one")
        mode = "reflect" if border == "reflect" else "circular"
        images = F.pad(images, (front, reach - front, front, reach - front), mode=mode)
    if min(sides) < 1 or sides[0] + reach > images.shape[-2] or sides[1] + reach > images.shape[-1]:
        raise ValueError(
            f"crops of {sides[0]} x {sides[1]} moved by {reach} do not fit into images of {height} x {width}; "
            "take a smaller size or shift, or border='reflect'"
        )
    return images, sides


def _cut(images: Tensor, top: int, left: int, *, sides: tuple[int, int]) -> Tensor:
    return images[..., top : top + sides[0], left : left + sides[1]]


def _classes(model: nn.Module | Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    found: Tensor = model(images)
    return found.argmax(1)


@contextmanager
def _evaluating(model: nn.Module | Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Evaluation mode without gradients; each part of the model is left in the mode it was in."""
    modes = [(part, part.training) for part in model.modules()] if isinstance(model, nn.Module) else []
    try:
        if isinstance(model, nn.Module):
            model.eval()
        with torch.inference_mode():
            yield
    finally:
        for part, training in modes:
            part.training = training
