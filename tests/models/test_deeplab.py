"""DeepLabv3+ and its wavelet form: published sizes, torchvision's dilated backbone and pyramid, any image size."""

import copy
import math
import pickle

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torchvision.models.segmentation.deeplabv3 import ASPP as TheirASPP  # noqa: N811

from subband.models._aspp import ASPP, LoneNorm
from subband.models._resnet import ResNetEncoder, dilate
from subband.models.deeplab import DeepLabV3Plus, WaveDeepLabV3Plus
from subband.transforms import dwt, idwt

BOTH = pytest.mark.parametrize("network", [DeepLabV3Plus, WaveDeepLabV3Plus])
STRIDES = pytest.mark.parametrize("output_stride", [16, 8])


def small(network, **options):
    return network(3, 4, **{"backbone": "resnet18", "width": 16, **options})


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_has_the_published_number_of_parameters():
    with torch.device("meta"):
        plain, wave = DeepLabV3Plus(3, 21), WaveDeepLabV3Plus(3, 21)
    unused = 48 * 256 + 2 * 48  # the authors' conv1 and bn1, which their wavelet decoder never calls
    assert count(plain) == pytest.approx(59.34e6, abs=5e3)
    assert count(wave) + unused == pytest.approx(60.22e6, abs=5e3)


def test_dilation_is_torchvisions_where_it_has_one():
    options = {"weights": None, "replace_stride_with_dilation": [False, True, True]}
    theirs, ours = torchvision.models.resnet50(**options).eval(), torchvision.models.resnet50(weights=None).eval()
    ours.load_state_dict(theirs.state_dict())
    dilate(ours.layer3, [1, 2, 2, 2, 2, 2])
    dilate(ours.layer4, [2, 4, 4])
    x = torch.rand(1, 512, 5, 7)
    for stage in ("layer3", "layer4"):
        expected = getattr(theirs, stage)(x)
        assert torch.allclose(getattr(ours, stage)(x), expected)
        x = expected


@pytest.mark.parametrize(
    ("name", "output_stride", "third", "fourth"),
    [("resnet50", 16, [1] * 6, [2, 4, 8]), ("resnet50", 8, [2] * 6, [4, 8, 16]), ("resnet18", 16, [1, 1], [2, 4])],
)
def test_last_stages_are_dilated(name, output_stride, third, fourth):
    with torch.device("meta"):
        encoder = ResNetEncoder(3, name, norm="batch", output_stride=output_stride)
    assert [block.conv2.dilation[0] for block in encoder.layer3] == third
    assert [block.conv2.dilation[0] for block in encoder.layer4] == fourth
    assert [block.conv2.padding[0] for block in encoder.layer4] == fourth


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2"])
@STRIDES
def test_the_maps_have_the_sizes_and_channels_that_are_promised(name, output_stride):
    with torch.device("meta"):
        encoder = ResNetEncoder(2, name, norm="batch", output_stride=output_stride)
        maps = encoder(torch.zeros(2, 2, 75, 130))
    for found, channels, stride in zip(maps, encoder.channels, (4, 8, output_stride), strict=True):
        assert found.shape == (2, channels, math.ceil(75 / stride), math.ceil(130 / stride))


def test_the_encoder_loads_torchvisions_state():
    theirs = torchvision.models.resnet18(weights=None)
    state = {name: value for name, value in theirs.state_dict().items() if not name.startswith("fc.")}
    model = small(WaveDeepLabV3Plus)
    model.encoder.load_state_dict(state, strict=True)
    model.eval(), theirs.eval()
    image = torch.rand(1, 3, 64, 64)
    expected = theirs.layer1(theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(image)))))
    assert torch.allclose(model.encoder(image)[0], expected)


def test_the_pyramid_is_torchvisions(generator):
    theirs, ours = TheirASPP(8, [6, 12, 18], 16).eval(), ASPP(8, 16, rates=(6, 12, 18), norm="batch").eval()
    state, names = theirs.state_dict(), list(ours.state_dict())
    assert len(state) == len(names)
    ours.load_state_dict(dict(zip(names, state.values(), strict=True)))
    x = torch.randn(2, 8, 9, 11, generator=generator)
    assert torch.allclose(ours(x), theirs(x), atol=1e-6)


def relu_conv(x, layers):
    return F.relu(layers[1](layers[0](x)))


@pytest.mark.parametrize("output_stride", [16, 8])
def test_the_wave_decoder_is_two_inverse_transforms(output_stride, generator):
    model = small(WaveDeepLabV3Plus, wavelet="db2", output_stride=output_stride).eval()
    decoder = model.decoder
    image = torch.randn(1, 3, 75, 100, generator=generator)
    first, second, last = model.encoder(image)
    x = model.pyramid(last)
    maps = [(second, decoder.second), (first, decoder.first)]
    if output_stride == 8:
        assert maps.pop(0)[1] is None
    for number, (other, thin) in enumerate(maps):
        x = relu_conv(x, decoder.refine) if number == len(maps) - 1 else x
        bands = {name: thin[name](band) for name, band in dwt(other, "db2").items() if name != "aa"}
        x = idwt({"aa": x, **bands}, "db2", shape=other.shape[2:])
    head = decoder.head
    x = head[8](relu_conv(relu_conv(x, head[0:2]), head[4:6]))
    expected = F.interpolate(x, (75, 100), mode="bilinear", align_corners=True)
    assert torch.allclose(model(image), expected, atol=1e-4)


def test_the_plain_decoder_joins_the_first_map(generator):
    model = small(DeepLabV3Plus).eval()
    image = torch.randn(1, 3, 64, 96, generator=generator)
    first, _, last = model.encoder(image)
    wide = F.interpolate(model.pyramid(last), (16, 24), mode="bilinear", align_corners=True)
    thin = relu_conv(first, model.decoder.thin)
    assert thin.shape[1] == 3
    head = model.decoder.head
    x = head[8](relu_conv(relu_conv(torch.cat((wide, thin), dim=1), head[0:2]), head[4:6]))
    expected = F.interpolate(x, (64, 96), mode="bilinear", align_corners=True)
    assert torch.allclose(model(image), expected, atol=1e-4)


def test_bands_of_the_right_width_are_taken_as_they_are():
    model = small(WaveDeepLabV3Plus, width=64)
    assert len(model.decoder.first) == 0
    assert len(model.decoder.second) == 3
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 4, 32, 32)


@BOTH
@pytest.mark.parametrize("size", [(1, 1), (33, 47), (65, 31)])
@pytest.mark.parametrize("norm", ["batch", "instance", "group"])
@STRIDES
def test_any_size_goes_through(network, size, norm, output_stride, generator):
    model = small(network, norm=norm, output_stride=output_stride)
    image = torch.randn(1, 3, *size, generator=generator)
    kept = image.clone()
    for training in (True, False):
        logits = model.train(training)(image)
        assert logits.shape == (1, 4, *size)
        assert logits.isfinite().all()
    assert torch.equal(image, kept)


@pytest.mark.parametrize("mode", ["authors", "symmetric"])
@pytest.mark.parametrize("wavelet", ["haar", "db2", "ch2.2"])
@STRIDES
def test_other_borders_go_through(mode, wavelet, output_stride, generator):
    model = small(WaveDeepLabV3Plus, mode=mode, wavelet=wavelet, output_stride=output_stride)
    assert model(torch.randn(1, 3, 75, 51, generator=generator)).shape == (1, 4, 75, 51)


@STRIDES
@pytest.mark.parametrize("place", [0, 1])
def test_the_decoder_uses_the_details(output_stride, place, generator):
    model = small(WaveDeepLabV3Plus, output_stride=output_stride).eval()
    image = torch.randn(1, 3, 64, 64, generator=generator)
    x, *maps = (model.pyramid(model.encoder(image)[2]), *model.encoder(image)[:2])
    expected = model.decoder(x, *maps)
    maps[place] = torch.zeros_like(maps[place])
    change = (model.decoder(x, *maps) - expected).abs().max()
    assert change == 0 if (output_stride, place) == (8, 1) else change > 1e-6


@BOTH
@STRIDES
def test_every_parameter_gets_a_gradient(network, output_stride, generator):
    model = small(network, output_stride=output_stride, dropout=(0.0, 0.0))
    model(torch.randn(2, 3, 40, 56, generator=generator)).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_a_lone_pixel_is_normalised_by_the_running_statistics():
    norm = LoneNorm(1)
    norm.running_mean.fill_(1.0)
    norm.running_var.fill_(4.0 - norm.eps)
    assert torch.allclose(norm(torch.full((1, 1, 1, 1), 5.0)), torch.tensor(2.0))
    assert norm.running_mean == 1
    two = torch.tensor([3.0, 5.0]).reshape(2, 1, 1, 1)
    assert torch.allclose(norm(two), torch.tensor([-1.0, 1.0]).reshape(2, 1, 1, 1), atol=1e-5)
    assert norm.running_mean != 1


@BOTH
def test_copies_pickles_and_state_dicts(network, generator):
    model, other = small(network).eval(), small(network).eval()
    image = torch.randn(2, 3, 33, 40, generator=generator)
    other.load_state_dict(model.state_dict(), strict=True)
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), other):
        assert torch.equal(copied(image), model(image))
    single = torch.cat([model(one[None]) for one in image])
    assert torch.allclose(model(image), single, atol=1e-4)


@BOTH
def test_half_precision_and_double(network, generator):
    image = torch.randn(1, 3, 33, 40, generator=generator)
    model = small(network).eval()
    expected = model(image)
    assert torch.allclose(copy.deepcopy(model).double()(image.double()).float(), expected, atol=1e-4)
    assert copy.deepcopy(model).bfloat16()(image.bfloat16()).dtype == torch.bfloat16
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert model(image).isfinite().all()


@pytest.mark.slow
@BOTH
def test_exports_with_any_size(network, generator):
    model = small(network).eval()
    image = torch.randn(2, 3, 45, 70, generator=generator)
    expected = model(image)
    sizes = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    exported = torch.export.export(model, (image,), dynamic_shapes=(sizes,)).module()
    other = torch.randn(3, 3, 64, 51, generator=generator)
    assert torch.allclose(exported(image), expected, atol=1e-4)
    assert torch.allclose(exported(other), model(other), atol=1e-4)


@pytest.mark.slow
def test_compiles(generator):
    model = small(WaveDeepLabV3Plus).eval()
    image = torch.randn(1, 3, 45, 70, generator=generator)
    torch.compiler.reset()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    assert torch.allclose(compiled(image), model(image), atol=1e-4)


@pytest.mark.slow
def test_runs_in_onnxruntime(generator, tmp_path):
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    model = small(WaveDeepLabV3Plus).eval()
    image = torch.randn(1, 3, 45, 70, generator=generator)
    torch.onnx.export(model, (image,), tmp_path / "net.onnx", dynamo=True, verbose=False)
    session = runtime.InferenceSession(tmp_path / "net.onnx")
    found = session.run(None, {session.get_inputs()[0].name: image.numpy()})[0]
    assert torch.allclose(torch.from_numpy(found), model(image), atol=1e-4)


@pytest.mark.message
def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match=r"backbone is 'resnet17', but must be one of .* did you mean 'resnet1"):
        small(DeepLabV3Plus, backbone="resnet17")
    with pytest.raises(ValueError, match="output_stride is 32, but must be 16 or 8"):
        small(DeepLabV3Plus, output_stride=32)
    with pytest.raises(ValueError, match=r"norm is 'bach', but .* did you mean 'batch'"):
        small(DeepLabV3Plus, norm="bach")
    with pytest.raises(ValueError, match="width is 0, but must be greater than 0"):
        small(DeepLabV3Plus, width=0)
    with pytest.raises(ValueError, match=r"no wavelet called 'harr'; did you mean 'haar'"):
        small(WaveDeepLabV3Plus, wavelet="harr")
    with pytest.raises(ValueError, match=r"dropout is \(0\.5, 1\.5\), but must hold two probabilities in \[0, 1\]"):
        small(DeepLabV3Plus, dropout=(0.5, 1.5))
    with pytest.raises(ValueError, match=r"shape \(1, 1, 32, 32\), but this network takes \(batch, 3, height, width\)"):
        small(DeepLabV3Plus)(torch.zeros(1, 1, 32, 32))
