"""SegNet and WaveSegNet: the way down and up by hand."""

import torch
import torch.nn.functional as F
from torch import nn

from subband.models._sampling import IndexPool, IndexUnpool
from subband.models.segnet import SegNet, WaveSegNet
from subband.transforms import dwt, idwt


def relu_conv(x, convolution):
    return F.relu(F.conv2d(x, convolution.weight, convolution.bias, padding=1))


def convolutions(part):
    return [module for module in part if isinstance(module, nn.Conv2d)]


def test_segnet_is_a_loop_over_its_levels(generator):
    model = SegNet(3, 2, width=3, depth=3, norm="none")
    down, up = convolutions(model.encoder), convolutions(model.decoder)
    assert [one.out_channels for one in down + up] == [3, 3, 6, 6, 12, 12, 12, 12, 12, 6, 6, 3, 3, 3]
    image = x = torch.randn(2, 3, 16, 24, generator=generator)
    kept = []
    for count in (2, 2, 3):
        for _ in range(count):
            x = relu_conv(x, down.pop(0))
        x, indices = F.max_pool2d(x, 2, return_indices=True)
        kept.append(indices)
    for count in (3, 2, 2):
        x = F.max_unpool2d(x, kept.pop(), 2)
        for _ in range(count):
            x = relu_conv(x, up.pop(0))
    expected = F.conv2d(x, model.head.weight, model.head.bias)
    assert torch.allclose(model(image), expected, atol=1e-6)


def test_wave_segnet_is_the_same_loop_with_transforms(generator):
    model = WaveSegNet(3, 2, width=3, depth=2, norm="none", wavelet="db2")
    down, up = convolutions(model.encoder), convolutions(model.decoder)
    image = x = torch.randn(2, 3, 13, 18, generator=generator)
    kept = []
    for _ in range(2):
        x = relu_conv(relu_conv(x, down.pop(0)), down.pop(0))
        kept.append((dwt(x, "db2"), x.shape[2:]))
        x = kept[-1][0]["aa"]
    for _ in range(2):
        bands, shape = kept.pop()
        x = idwt({**bands, "aa": x}, "db2", shape=shape)
        x = relu_conv(relu_conv(x, up.pop(0)), up.pop(0))
    expected = F.conv2d(x, model.head.weight, model.head.bias)
    assert torch.allclose(model(image), expected, atol=1e-5)


def test_unpooling_puts_the_maxima_back_where_they_were():
    x = torch.tensor([[[[1.0, 4.0, 2.0], [3.0, 0.0, 5.0], [7.0, 6.0, 8.0]]]])
    low, kept = IndexPool(2)(x)
    assert torch.equal(low, torch.tensor([[[[4.0, 5.0], [7.0, 8.0]]]]))
    expected = torch.tensor([[[[0.0, 4.0, 0.0], [0.0, 0.0, 5.0], [7.0, 0.0, 8.0]]]])
    assert torch.equal(IndexUnpool(2)(low, kept), expected)


def test_samplers_take_volumes(generator):
    x = torch.randn(1, 2, 3, 4, 5, generator=generator)
    low, kept = IndexPool(3)(x)
    assert low.shape == (1, 2, 2, 2, 3)
    assert IndexUnpool(3)(low, kept).shape == x.shape


def test_the_wave_form_is_the_plain_one_with_a_wavelet(generator):
    image = torch.randn(1, 3, 12, 12, generator=generator)
    first, second = WaveSegNet(width=2, depth=2), SegNet(width=2, depth=2, wavelet="haar")
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.eval()(image), second.eval()(image))
