"""ECLoss, the reconstruction: a plain loop, arithmetic by hand, gradients, and the layer it watches."""

import math

import pytest
import torch
from torch import nn

from subband.losses.recognition._templates import peak_templates, template_information
from subband.losses.recognition.ecloss import ECLoss, ec_loss


def plain_loop(maps, tau, beta):
    """Minus the mutual information, mean over channels, written out."""
    batch, channels, height, width = maps.shape
    places = [(y, x) for y in range(height) for x in range(width)]
    total = 0.0
    for channel in range(channels):
        x = [maps[image, channel].clamp_min(0) for image in range(batch)]
        joint = []
        for centre in [*places, None]:
            scores = []
            for one in x:
                mass, score = float(one.sum()), 0.0 if one.any() else -tau
                for place in places if mass else []:
                    away = (
                        2 if centre is None else abs(place[0] - centre[0]) / height + abs(place[1] - centre[1]) / width
                    )
                    score += float(one[place]) / mass * tau * max(1 - beta * away, -1)
                scores.append(math.exp(score))
            joint.append([score / sum(scores) for score in scores])
        prior = 1 / len(joint)
        for row in joint:
            for image, given in enumerate(row):
                total -= prior * given * math.log(given / sum(prior * other[image] for other in joint)) / channels
    return total


@pytest.mark.parametrize(("height", "width"), [(3, 3), (4, 3), (1, 5)])
@pytest.mark.parametrize(("tau", "beta"), [(2.0, 4.0), (15.0, 8.0)])
def test_plain_loop(generator, height, width, tau, beta):
    maps = torch.randn((5, 3, height, width), generator=generator, dtype=torch.float64)
    maps[3, 1] = -1.0  # inactive there
    assert ec_loss(maps, tau=tau, beta=beta).item() == pytest.approx(plain_loop(maps, tau, beta), rel=1e-12)


def test_templates_of_a_row_of_four():
    """Distances 0, 1/4, 1/2, 3/4 of the width: 1, 0, -1 and no less."""
    found = peak_templates(1, 4, tau=1.0, beta=4.0, like=torch.zeros(()))
    assert found.T.tolist() == [[1, 0, -1, -1], [0, 1, 0, -1], [-1, 0, 1, 0], [-1, -1, 0, 1], [-1, -1, -1, -1]]


def test_information_by_hand():
    """Two images that peak in one of two cells each, three templates, p(x | T) = 3/4 or 1/4, none told by the last."""
    height = math.log(3) / 2
    maps = torch.tensor([[[[height, 0.0]]], [[[0.0, height]]]], dtype=torch.float64)
    expected = 2 / 3 * (math.log(2) + 0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert template_information(maps, tau=1.0, beta=4.0).item() == pytest.approx(expected, rel=1e-12)
    assert ec_loss(maps, tau=height, beta=4.0).item() == pytest.approx(-expected, rel=1e-12)


def test_peaks_that_move_are_better_than_those_in_clutter_and_those_that_stay(generator):
    moving, staying = torch.zeros(4, 1, 8, 8), torch.zeros(4, 1, 8, 8)
    for image, (y, x) in enumerate([(1, 1), (1, 6), (6, 1), (6, 6)]):
        moving[image, 0, y, x] = 5.0
        staying[image, 0, 3, 3] = 5.0
    cluttered = moving + torch.rand(moving.shape, generator=generator)
    values = [ec_loss(maps, tau=2.0).item() for maps in (moving, cluttered, staying)]
    assert values == sorted(values)
    assert values[0] > -math.log(4)
    assert abs(values[2]) < 1e-6


def test_scale_of_a_map_does_not_matter(generator):
    maps = torch.rand((4, 3, 5, 5), generator=generator, dtype=torch.float64)
    scale = 300 * torch.rand((4, 3, 1, 1), generator=generator, dtype=torch.float64) + 100
    torch.testing.assert_close(ec_loss(maps * scale), ec_loss(maps))


def test_a_faint_map_counts_as_silent(generator):
    maps = torch.rand((4, 1, 5, 5), generator=generator, dtype=torch.float64)
    faint, silent = maps.clone(), maps.clone()
    faint[0] *= 1e-9
    silent[0] = 0.0
    torch.testing.assert_close(ec_loss(faint, tau=20.0), ec_loss(silent, tau=20.0), rtol=1e-5, atol=0)
    assert (ec_loss(maps, tau=20.0) - ec_loss(silent, tau=20.0)).abs() > 0.01


def test_a_part_that_is_not_there_tells_images_apart():
    """A channel that peaks in one place in half of the images and is silent in the others is better than one that is
    never silent."""
    maps = torch.zeros(4, 1, 5, 5)
    maps[:, 0, 2, 2] = 1.0
    always = ec_loss(maps, tau=20.0).item()
    maps[:2] = 0.0
    assert ec_loss(maps, tau=20.0).item() < always - 0.01


@pytest.mark.parametrize("channels", ["all", "top-half", [0, 2]])
def test_gradients(generator, channels):
    maps = torch.rand((3, 4, 3, 2), generator=generator, dtype=torch.float64).add(0.1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: ec_loss(x, channels=channels, tau=5.0), maps)


def test_channels_that_are_chosen(generator):
    maps = torch.rand((4, 5, 4, 4), generator=generator, dtype=torch.float64)
    maps[:, 1] *= 3
    maps[:, 3:] *= 2
    each = [ec_loss(maps[:, [channel]]).item() for channel in range(5)]
    assert ec_loss(maps).item() == pytest.approx(sum(each) / 5)
    assert ec_loss(maps, channels="top-half").item() == pytest.approx((each[1] + each[3] + each[4]) / 3)
    assert ec_loss(maps, channels=[4, 0]).item() == pytest.approx((each[4] + each[0]) / 2)


def test_dead_channels_and_one_image_give_nothing():
    maps = torch.full((3, 2, 4, 4), -1.0, requires_grad=True)
    ec_loss(maps).backward()
    assert not maps.grad.any()
    assert ec_loss(torch.rand(1, 2, 4, 4)).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_is_computed_in_float32(generator, dtype):
    maps = (100 * torch.rand((4, 3, 8, 8), generator=generator)).to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = ec_loss(maps, tau=50.0)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, ec_loss(maps.float(), tau=50.0))


def network():
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Flatten())


def test_watches_a_layer_of_any_network(generator):
    model, images = network(), torch.randn((4, 3, 8, 8), generator=generator)
    explain = ECLoss(0.5, tau=5.0)
    handle = explain.attach(model, "1")
    model(images)
    found = explain()
    expected = 0.5 * ec_loss(model[1](model[0](images)), tau=5.0)
    torch.testing.assert_close(found, expected)
    found.backward()
    assert model[0].weight.grad.any()
    explain()  # the line above ran the layer again
    with pytest.raises(ValueError, match="there are no maps"):
        explain()
    handle.remove()
    model(images)
    with pytest.raises(ValueError, match="there are no maps"):
        explain()
    torch.testing.assert_close(explain(torch.ones(2, 1, 3, 3)), torch.tensor(0.0), atol=1e-6, rtol=0)


def test_keeps_nothing_in_evaluation(generator):
    model, explain = network(), ECLoss()
    explain.attach(model, model[1])
    images = torch.randn((2, 3, 8, 8), generator=generator)
    model.eval()(images)
    with torch.no_grad():
        model.train()(images)
    assert explain._maps is None
    assert not list(explain.parameters())
    assert not explain.state_dict()


def test_single_peaks_are_learnt(generator):
    """Gradient steps on free maps turn noise into what the templates tell apart."""
    maps = torch.rand((6, 2, 5, 5), generator=generator).requires_grad_()
    optimiser = torch.optim.Adam([maps], 0.05)
    before = ec_loss(maps).item()
    for _ in range(60):
        optimiser.zero_grad()
        ec_loss(maps).backward()
        optimiser.step()
    assert ec_loss(maps).item() < before - 0.5


def test_says_that_it_is_a_reconstruction():
    for text in (ECLoss.note, ec_loss.__doc__.splitlines()[0], ECLoss.__doc__.splitlines()[0], repr(ECLoss())):
        assert "reconstruction" in text.lower()
        assert "not verified against the paper" in text


class Pair(nn.Module):
    def forward(self, x):
        return x, x


def watch_pair():
    model = nn.Sequential(Pair())
    ECLoss().attach(model, "0")
    model(torch.zeros(1, 1, 2, 2))


@pytest.mark.message
@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: ec_loss(torch.zeros(2, 3, 4)), r"maps have shape \(2, 3, 4\).*choose a convolutional layer"),
        (lambda: ec_loss(torch.zeros(2, 3, 4, 4), tau=0.0), "tau is 0.0, but must be greater than 0"),
        (
            lambda: ec_loss(torch.zeros(2, 3, 4, 4), channels=[3]),
            r"channels are \[3\], but must be numbers from 0 to 2",
        ),
        (lambda: ec_loss(torch.zeros(2, 3, 4, 4), channels="half"), "channels is 'half'.*did you mean 'top-half'"),
        (lambda: ECLoss(channels="hlaf"), "channels is 'hlaf'"),
        (lambda: ECLoss(-1.0), "weight is -1.0, but must be 0 or greater"),
        (lambda: ECLoss().attach(network(), "layer3"), "Sequential has no layer called 'layer3'"),
        (watch_pair, "the layer gives tuple"),
    ],
)
def test_says_what_is_wrong(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
