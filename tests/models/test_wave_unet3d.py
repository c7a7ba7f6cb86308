"""WaveUNet3d: the seven networks by hand, sizes, cost, weights of the authors' names."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from subband.models.wave_unet3d import WaveUNet3d
from subband.models.wave_unet3d_checkpoint import authors_cube_name, load_authors_wave_unet3d
from subband.transforms import dwt, idwt

NETWORKS = {  # samplers; GFLOP of one cube of 32 x 128 x 128 as published; transforms among them: (down, up) bands
    "segnet": ({"down": "max", "up": "unpool", "skip": "none"}, 2.68, 0),
    "unet-v1": ({"down": "max", "up": "transposed"}, 3.54, 0),
    "unet-v2": ({"down": "conv", "up": "linear"}, 3.54, 0),
    "wavesnet-v1": ({"down": "low-pass", "up": "linear"}, 4.01, 1),
    "wavesnet-v2": ({"down": "low-pass", "up": "transposed"}, 4.02, 1),
    "wavesnet-v3": ({"down": "wavelet", "up": "wavelet"}, 6.29, 8),
    "wavesnet-v4": ({"down": "wavelet", "up": "wavelet", "threshold": 0.25}, 6.29, 8),
}


def dense_transforms(bands, *, shape=(32, 128, 128), width=4):
    """Operations of the authors' transforms, which multiply by dense matrices along H, then W, then D."""
    total = 0
    for level, channels in enumerate((width, 2 * width, 4 * width, 8 * width)):
        depth, high, wide = (size // 2**level for size in shape)
        voxels = channels * depth * high * wide
        if bands == 1:
            total += 2 * voxels * (high / 2 + wide / 4 + depth / 8)
        elif bands:
            total += 2 * 2 * voxels * (high + wide + depth)  # there and back
    return total


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def block(x, convolutions):
    for _ in range(2):
        one = convolutions.pop(0)
        x = F.relu(F.conv3d(x, one.weight, one.bias, padding=1) / (1 + 1e-5) ** 0.5)
    return x


def convolutions(parts):
    return [module for part in parts for module in part.modules() if isinstance(module, nn.Conv3d)]


def test_wave_unet_is_a_loop_over_its_levels(generator):
    model = WaveUNet3d(2, 3, width=2, threshold=0.1, wavelet="db2").eval()
    down, bottom, up = (convolutions(part) for part in (model.encoder, [model.bottom], model.decoder))
    assert [one.out_channels for one in down + bottom] == [2, 2, 4, 4, 8, 8, 16, 16, 16, 16]
    assert [(one.in_channels, one.out_channels) for one in up] == [
        (32, 16),
        (16, 8),
        (16, 8),
        (8, 4),
        (8, 4),
        (4, 2),
        (4, 2),
        (2, 2),
    ]
    x = volume = torch.randn(1, 2, 16, 32, 16, generator=generator)
    kept = []
    for _ in range(4):
        x = block(x, down)
        bands = dwt(x, "db2", dims=3)
        kept.append((x, bands))
        x = bands["aaa"]
    x = block(x, bottom)
    for _ in range(4):
        before, bands = kept.pop()
        shrunk = {name: band * (band.abs() > 0.1) for name, band in bands.items()}
        x = idwt({**shrunk, "aaa": x}, "db2", dims=3)
        x = block(torch.cat((x, before), 1), up)
    expected = F.conv3d(x, model.head.weight, model.head.bias)
    assert torch.allclose(model(volume), expected, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_cost_is_the_published_one_but_for_dense_transforms(name):
    samplers, published, bands = NETWORKS[name]
    model = WaveUNet3d(**samplers).eval()
    for module in model.modules():  # what ours spends on the transform is counted as a convolution or not at all
        if hasattr(module, "split"):
            module.forward = lambda x: (F.avg_pool3d(x, 2), tuple(x.shape[2:]))
    model = model.to("meta")
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 1, 32, 128, 128, device="meta"))
    assert round((counter.get_total_flops() + dense_transforms(bands)) / 1e9, 2) == published


@pytest.mark.parametrize("name", NETWORKS)
def test_any_size_and_gradients_everywhere(name, generator):
    model = WaveUNet3d(1, 2, width=2, **NETWORKS[name][0])
    volume = torch.randn(1, 1, 5, 17, 30, generator=generator, requires_grad=True)
    logits = model(volume)
    assert logits.shape == (1, 2, 5, 17, 30)
    logits.square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())
    assert volume.grad.abs().sum() > 0


def test_a_volume_of_a_multiple_of_16_is_not_padded(generator):
    model = WaveUNet3d(width=1).eval()
    seen = []
    model.encoder[0].register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    model(torch.randn(1, 1, 16, 32, 48, generator=generator))
    model(torch.randn(1, 1, 15, 32, 33, generator=generator))
    assert [tuple(shape[2:]) for shape in seen] == [(16, 32, 48), (16, 32, 48)]


def test_one_small_volume_can_train(generator):
    logits = WaveUNet3d(width=1).train()(torch.randn(1, 1, 16, 16, 16, generator=generator))
    assert logits.shape == (1, 2, 16, 16, 16)
    assert logits.isfinite().all()


def test_a_threshold_changes_the_logits_and_a_small_one_does_not(generator):
    volume = torch.randn(1, 1, 16, 16, 16, generator=generator)
    plain, none, all_ = (WaveUNet3d(width=4, threshold=threshold) for threshold in (0.0, 1e-12, 1e9))
    with torch.no_grad():
        for model in (none, all_):
            model.load_state_dict(plain.state_dict())
        found = [model.eval()(volume) for model in (plain, none, all_)]
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


@pytest.mark.parametrize("name", NETWORKS)
def test_every_entry_has_a_name_of_the_authors_and_goes_back(name):
    model = WaveUNet3d(1, 2, width=1, **NETWORKS[name][0])
    state = {authors_cube_name(ours): torch.full_like(value, 3) for ours, value in model.state_dict().items()}
    assert len(state) == len(model.state_dict())
    load_authors_wave_unet3d(model, {"epoch": 3, "state_dict": {f"module.{name}": state[name] for name in state}})
    assert all((value == 3).all() for value in model.state_dict().values())


@pytest.mark.message
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"down": "wavlet"}, r"down is 'wavlet', but must be one of .*did you mean 'wavelet'"),
        ({"up": "linear"}, r"down is 'wavelet' and up is 'linear', .*; low-pass goes down without them"),
        ({"down": "max"}, r"down is 'max' and up is 'wavelet', .*; take down='wavelet'"),
        ({"down": "conv", "up": "unpool"}, r"down is 'conv', but up='unpool' needs the places of the maxima"),
        ({"down": "max", "up": "linear", "threshold": 0.1}, r"threshold is 0.1, but up='linear' puts no details back"),
        ({"threshold": -1.0}, r"threshold is -1.0, but must be 0 or greater"),
        ({"skip": "add"}, r"skip is 'add', but must be one of cat, none"),
        ({"mode": "zeros"}, r"mode is 'zeros', but must be one of .*did you mean 'zero'"),
        ({"width": 0}, r"width is 0, but must be greater than 0"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        WaveUNet3d(**options)


@pytest.mark.message
def test_an_image_instead_of_a_volume_is_named():
    with pytest.raises(ValueError, match=r"takes \(batch, 1, depth, height, width\)"):
        WaveUNet3d(width=1)(torch.zeros(1, 1, 16, 16))


@pytest.mark.message
def test_weights_that_do_not_fit_are_named():
    model = WaveUNet3d(width=1)
    state = {authors_cube_name(name): value for name, value in model.state_dict().items()}
    with pytest.raises(ValueError, match="give their state_dict, and one of ours to load_state_dict"):
        load_authors_wave_unet3d(model, model.state_dict())
    with pytest.raises(ValueError, match=r"8 names differ, the first is 'upsampling_1.bias' \(missing in"):
        load_authors_wave_unet3d(WaveUNet3d(width=1, down="max", up="transposed"), state)
    with pytest.raises(ValueError, match=r"cov3d_11_en.cov.weight has shape \(1, .*width is the 1 of"):
        load_authors_wave_unet3d(WaveUNet3d(width=2), state)
