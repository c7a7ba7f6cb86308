"""Shift consistency against a plain loop, and networks whose answer to a shift is known."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from subband.corrupt import shift_consistency, shift_curve


class Corner(nn.Module):
    """Class 1 where the first pixel is above one half."""

    def forward(self, x):
        value = x[:, 0, 0, 0] - 0.5
        return torch.stack((-value, value), 1)


class Stride(nn.Module):
    """Class 1 where the mean of every second pixel is above one half: the parity of the shift decides."""

    def forward(self, x):
        value = x[:, 0, ::2, ::2].mean((1, 2)) - 0.5
        return torch.stack((-value, value), 1)


def stripes(height, width):
    return (torch.arange(width) % 2).float().expand(2, 1, height, width)


def test_is_the_agreement_of_two_random_crops(generator):
    images = torch.rand(6, 3, 20, 24, generator=generator)
    found = shift_consistency(Corner(), [images], size=12, max_shift=8, passes=5, generator=_seeded(4))
    offsets = torch.randint(8, (6, 5, 2, 2), generator=_seeded(4))
    same = [
        float((image[0, a[0], a[1]] > 0.5) == (image[0, b[0], b[1]] > 0.5))
        for image, passes in zip(images, offsets.tolist(), strict=True)
        for a, b in passes
    ]
    assert found == np.mean(same)
    assert 0 < found < 1


def _seeded(seed):
    return torch.Generator().manual_seed(seed)


def test_the_batch_size_does_not_matter(generator):
    images = torch.rand(9, 1, 20, 20, generator=generator)
    values = {
        shift_consistency(Corner(), images.split(count), max_shift=6, generator=_seeded(1)) for count in (1, 2, 4, 9)
    }
    assert len(values) == 1


def test_sizes_default_to_those_of_the_authors(generator):
    sizes = []

    def look(x):
        sizes.append(tuple(x.shape))
        return x.mean((2, 3))

    images = torch.rand(1, 3, 256, 260, generator=generator)
    assert shift_consistency(look, [images], passes=1) == 1
    assert sizes == [(1, 3, 224, 228)] * 2
    sizes.clear()
    for border in ("reflect", "circular"):
        shift_consistency(look, [images[..., :32, :32]], passes=1, max_shift=4, border=border)
    assert sizes == [(1, 3, 32, 32)] * 4


def test_a_random_pair_agrees_by_chance_alone():
    coin = shift_consistency(Stride(), [stripes(24, 24)] * 100, max_shift=8, passes=10)
    assert coin == pytest.approx(0.5, abs=0.05)
    still = shift_consistency(Stride(), [stripes(24, 24)], max_shift=1)
    assert still == 1


def test_the_curve_shows_the_stride():
    points = shift_curve(Stride(), [stripes(24, 24)], shifts=(0, 1, 2, 3, 4), size=16)
    assert [(point.direction, point.shift) for point in points[:2]] == [("down", 0), ("down", 1)]
    by_way = {
        way: [p.consistency for p in points if p.direction == way] for way in dict.fromkeys(p.direction for p in points)
    }
    assert by_way["down"] == [1, 1, 1, 1, 1]
    assert by_way["right"] == by_way["diagonal"] == by_way["antidiagonal"] == [1, 0, 1, 0, 1]


@pytest.mark.parametrize("border", ["crop", "reflect", "circular"])
def test_the_curve_moves_by_the_steps_it_names(border, generator):
    images = torch.rand(5, 1, 14, 16, generator=generator)
    points = shift_curve(Corner(), [images[:2], images[2:]], shifts=(0, 1, 3), border=border)
    front = {"crop": 0, "reflect": 1, "circular": 0}[border]
    wide = images if border == "crop" else F.pad(images, (front, 3 - front) * 2, mode=border)
    class_ = (wide[:, 0] > 0.5).numpy()
    for point in points:
        down, right = {"down": (1, 0), "right": (0, 1), "diagonal": (1, 1), "antidiagonal": (1, -1)}[point.direction]
        left = 3 if right < 0 else 0
        moved = class_[:, down * point.shift, left + right * point.shift]
        assert point.consistency == pytest.approx((moved == class_[:, 0, left]).mean())


def test_circular_shifts_do_not_change_a_network_of_circular_convolutions(generator):
    images = torch.rand(4, 3, 12, 12, generator=generator, dtype=torch.float64)
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 6, 3, padding=1, padding_mode="circular").double()
    model = nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert shift_consistency(model, [images], max_shift=12, border="circular") == 1
    assert {p.consistency for p in shift_curve(model, [images], shifts=range(12), border="circular")} == {1.0}


def test_the_model_is_left_as_it_was(generator):
    model = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model.train()
    model[1].eval()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    images = torch.rand(2, 3, 12, 12, generator=generator)
    kept = images.clone()
    shift_consistency(model, [images], max_shift=3)
    shift_curve(model, [images], shifts=(1, 2))
    assert [part.training for part in model] == [True, False, True, True]
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    assert torch.equal(images, kept)
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.message
def test_errors_say_what_to_do():
    images = torch.rand(1, 3, 16, 16)
    with pytest.raises(ValueError, match="there is no image to move"):
        shift_consistency(Corner(), [], max_shift=2)
    with pytest.raises(ValueError, match="there is no image to move"):
        shift_curve(Corner(), [])
    with pytest.raises(
        ValueError, match="crops of 14 x 14 moved by 3 do not fit into images of 16 x 16; take a smaller"
    ):
        shift_consistency(Corner(), [images], size=14, max_shift=4)
    with pytest.raises(ValueError, match="crops of -16 x -16 moved by 31 do not fit"):
        shift_consistency(Corner(), [images])
    with pytest.raises(ValueError, match="max_shift is 0, but must be greater than 0"):
        shift_consistency(Corner(), [images], max_shift=0)
    with pytest.raises(ValueError, match="a shift of 16 is as large as the images, 16 x 16"):
        shift_curve(Corner(), [images], shifts=(16,), border="reflect")
    with pytest.raises(ValueError, match=r"border is 'circle', .*did you mean 'circular'"):
        shift_curve(Corner(), [images], border="circle")
    with pytest.raises(ValueError, match="direction is 'up', but must be one of down"):
        shift_curve(Corner(), [images], directions=("up",))
    with pytest.raises(ValueError, match=r"shifts are \[-1\], but must be at least one number, none below 0"):
        shift_curve(Corner(), [images], shifts=(-1,))
