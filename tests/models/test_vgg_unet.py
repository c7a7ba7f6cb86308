"""The VGG U-Net and its wavelet form: the way down and up by hand."""

import torch
import torch.nn.functional as F
from torch import nn

from subband.models._sampling import DoublingConv, HalvingPool
from subband.models.vgg_unet import VggUNet, WaveUNet
from subband.transforms import dwt, idwt


def relu_conv(x, convolution):
    return F.relu(F.conv2d(x, convolution.weight, convolution.bias, padding=1))


def convolutions(part):
    return [module for module in part if isinstance(module, nn.Conv2d)]


def encode(model, image, count, halve):
    convolution = iter(convolutions(model.encoder))
    x, maps = image, []
    for _ in range(count):
        x = relu_conv(relu_conv(x, next(convolution)), next(convolution))
        maps.append(x)
        x = halve(x)
    return x, maps


def test_vgg_unet_is_a_loop_over_its_levels(generator):
    model = VggUNet(3, 2, width=3, depth=2, norm="none")
    image = torch.randn(2, 3, 12, 20, generator=generator)
    x, maps = encode(model, image, 2, lambda x: F.max_pool2d(x, 2))
    spread = [layer.spread for layer in model.decoder if isinstance(layer, DoublingConv)]
    assert [(one.in_channels, one.out_channels) for one in spread] == [(6, 6), (3, 3)]
    up = iter(convolutions(model.decoder))
    for one in spread:
        x = torch.cat((one(x), maps.pop()), dim=1)
        x = relu_conv(relu_conv(x, next(up)), next(up))
    expected = F.conv2d(x, model.head.weight, model.head.bias)
    assert torch.allclose(model(image), expected, atol=1e-6)


def test_wave_unet_is_the_same_loop_with_transforms(generator):
    model = WaveUNet(3, 2, width=3, depth=2, norm="none", wavelet="ch2.2")
    image = torch.randn(2, 3, 13, 18, generator=generator)
    x, maps = encode(model, image, 2, lambda x: dwt(x, "ch2.2")["aa"])
    up = iter(convolutions(model.decoder))
    for _ in range(2):
        skip = maps.pop()
        whole = idwt({**dwt(skip, "ch2.2"), "aa": x}, "ch2.2", shape=skip.shape[2:])
        x = relu_conv(relu_conv(torch.cat((whole, skip), dim=1), next(up)), next(up))
    expected = F.conv2d(x, model.head.weight, model.head.bias)
    assert torch.allclose(model(image), expected, atol=1e-5)


def test_a_doubled_map_is_cut_to_the_size_before(generator):
    x = torch.randn(1, 2, 3, 5, generator=generator)
    low, kept = HalvingPool(2)(x)
    up = DoublingConv(2, 2, dims=2)
    assert torch.equal(up(low, kept), up.spread(low)[..., :3, :5])


def test_samplers_take_volumes(generator):
    low, kept = HalvingPool(3)(torch.randn(1, 2, 3, 4, 5, generator=generator))
    assert DoublingConv(2, 4, dims=3)(low, kept).shape == (1, 4, 3, 4, 5)


def test_the_wave_form_is_the_plain_one_with_a_wavelet(generator):
    image = torch.randn(1, 3, 12, 12, generator=generator)
    first, second = WaveUNet(width=2, depth=2), VggUNet(width=2, depth=2, wavelet="haar")
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.eval()(image), second.eval()(image))
