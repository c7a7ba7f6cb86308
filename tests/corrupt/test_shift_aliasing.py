"""Aliasing energy: waves whose frequency is known, layers whose dense output is known, real networks."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from subband.corrupt import aliasing_energy, high_frequency_share
from subband.corrupt.aliasing import BANDS, _at_every_pixel, spectrum
from subband.layers import LowPass, WaveletDownsample, conversion_report, waveletize


def wave(rows, columns, size=16):
    """A cosine of so many half periods along either axis."""
    x = (torch.arange(size, dtype=torch.float64) + 0.5) * math.pi / size
    return torch.outer(torch.cos(rows * x), torch.cos(columns * x))[None, None]


@pytest.mark.parametrize(
    ("rows", "columns", "share"), [(0, 7, 0), (0, 8, 1), (7, 7, 0), (8, 0, 1), (3, 15, 1), (1, 1, 0)]
)
def test_a_wave_is_above_or_below_the_new_nyquist(rows, columns, share):
    assert high_frequency_share(wave(rows, columns)) == pytest.approx(share, abs=1e-12)
    bands = spectrum(wave(rows, columns))
    assert bands[max(rows, columns) * BANDS // 16] == pytest.approx(1)


def test_shares_by_hand():
    mixed = 3 * wave(2, 2) + wave(12, 0) / math.sqrt(2) + 100
    assert high_frequency_share(mixed) == pytest.approx(0.1)
    assert high_frequency_share(mixed, (1, 1)) == 0
    assert high_frequency_share(wave(5, 0), (4, 1)) == pytest.approx(1)
    assert high_frequency_share(wave(5, 0), (1, 4)) == pytest.approx(0)
    assert high_frequency_share(torch.ones(3, 8, 9)) == 0
    assert spectrum(torch.ones(3, 8, 9)) == (0.0,) * BANDS


@pytest.mark.parametrize(
    ("layer", "dense"),
    [
        (nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.Conv2d(3, 4, 3, stride=1, padding=1)),
        (nn.Conv2d(3, 4, 1, stride=3), nn.Conv2d(3, 4, 1)),
        (nn.MaxPool2d(3, 2, 1), nn.MaxPool2d(3, 1, 1)),
        (nn.AvgPool2d(2), nn.AvgPool2d(2, 1)),
        (nn.Conv2d(3, 4, 3, stride=(2, 1), padding=1), nn.Conv2d(3, 4, 3, stride=1, padding=1)),
    ],
)
def test_a_layer_at_every_pixel_is_the_layer_without_stride(layer, dense, generator):
    dense.load_state_dict(layer.state_dict())
    x = torch.rand(2, 3, 13, 18, generator=generator)
    stride = layer.stride if isinstance(layer.stride, tuple) else (layer.stride, layer.stride)
    found, expected = _at_every_pixel(layer, x, stride), dense(x)
    inner = (..., slice(2, 9), slice(2, 13))
    assert torch.allclose(found[inner], expected[inner], atol=1e-6)


def test_a_low_pass_at_every_pixel_is_its_filter(generator):
    x = torch.rand(1, 2, 16, 20, generator=generator)
    found = _at_every_pixel(LowPass("haar"), x, (2, 2))
    assert torch.allclose(found[..., :-1, :-1], 2 * F.avg_pool2d(x, 2, 1), atol=1e-6)


def test_rows_of_a_small_network():
    model = nn.Sequential(nn.Conv2d(1, 1, 1, stride=2, bias=False), nn.ReLU(), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1))
    model[0].weight.data.fill_(-2)
    rows = aliasing_energy(model.double(), 3 * wave(2, 2) + wave(12, 0) / math.sqrt(2))
    assert [(row.name, row.kind, row.stride, row.size) for row in rows] == [
        ("0", "Conv2d", (2, 2), (16, 16)),
        ("2", "MaxPool2d", (2, 2), (8, 8)),
    ]
    assert rows[0].before == pytest.approx(0.1)
    assert rows[0].aliased == pytest.approx(0.1)
    assert sum(rows[1].spectrum_sampled) == pytest.approx(1)
    assert rows[0].spectrum_before == pytest.approx(rows[0].spectrum_sampled)


@pytest.mark.parametrize("wavelet", ["haar", "ch3.3", "blur3"])
def test_low_pass_filters_leave_less_to_fold(wavelet, generator):
    def network():
        torch.manual_seed(3)
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 8, 3, stride=2, padding=1),
            nn.ReLU(),
        )

    images = torch.rand(2, 3, 32, 32, generator=generator)
    vanilla = aliasing_energy(network(), images)
    converted = aliasing_energy(waveletize(network(), wavelet, placement="direct"), images)
    assert [row.kind for row in vanilla] == ["MaxPool2d", "Conv2d"]
    assert [row.kind for row in converted] == ["LowPass", "LowPass"]
    assert [row.stride for row in converted] == [(2, 2), (2, 2)]
    for before, after in zip(vanilla, converted, strict=True):
        assert after.aliased < 0.9 * before.aliased
        assert after.aliased < after.before


def test_pooling_calls_of_converted_networks_are_seen(generator):
    class Calls(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, x):
            return F.max_pool2d(self.relu(x), 2)

    images = torch.rand(1, 2, 16, 16, generator=generator)
    with pytest.raises(ValueError, match="no layer of this Calls samples a map down; pools called as functions"):
        aliasing_energy(Calls(), images)
    assert [row.kind for row in aliasing_energy(waveletize(Calls()), images)] == ["LowPass"]


def test_other_layers_that_sample_down(generator):
    images = torch.rand(1, 2, 16, 16, generator=generator)
    model = nn.Sequential(
        WaveletDownsample("db2", bands="all"), nn.Conv2d(8, 4, 7), nn.ConvTranspose2d(4, 4, 4, stride=2)
    )
    assert [(row.name, row.stride) for row in aliasing_energy(model, images)] == [("0", (2, 2))]
    low = aliasing_energy(WaveletDownsample("db2", mode="symmetric"), images)
    assert [(row.kind, row.stride) for row in low] == [("LowPass", (2, 2))]


@pytest.mark.slow
def test_every_converted_place_of_a_resnet_is_a_row(generator):
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(0)
    images = torch.rand(1, 3, 64, 64, generator=generator)
    vanilla = aliasing_energy(torchvision.models.resnet18(), images)
    assert {row.name for row in vanilla} == {
        "conv1", "maxpool", "layer2.0.conv1", "layer2.0.downsample.0", "layer3.0.conv1", "layer3.0.downsample.0",
        "layer4.0.conv1", "layer4.0.downsample.0",
    }  # fmt: skip
    model = waveletize(torchvision.models.resnet18(), "ch3.3")
    converted = aliasing_energy(model, images)
    assert len(converted) == len(conversion_report(model).converted) == 8
    assert sum(row.aliased for row in converted) < sum(row.aliased for row in vanilla)


def test_the_model_is_left_as_it_was(generator):
    model = nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 3, 3, stride=2))
    model.train()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    aliasing_energy(model, torch.rand(1, 3, 16, 16, generator=generator))
    assert model.training
    assert model[0].training
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())
    with pytest.raises(RuntimeError):
        aliasing_energy(model, torch.rand(1, 5, 16, 16))
    assert not any(module._forward_hooks for module in model.modules())
