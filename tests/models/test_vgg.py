"""What SegNet, the VGG U-Net and their wavelet forms share."""

import copy
import pickle

import pytest
import torch
import torchvision
from torch import nn

from subband.models._vgg import load_vgg_encoder, vgg_plan
from subband.models.segnet import SegNet, WaveSegNet
from subband.models.vgg_unet import VggUNet, WaveUNet

ALL = pytest.mark.parametrize("network", [SegNet, WaveSegNet, VggUNet, WaveUNet])
WAVES = pytest.mark.parametrize("network", [WaveSegNet, WaveUNet])


@pytest.mark.parametrize(
    ("network", "published"),
    [(SegNet, 29.48e6), (WaveSegNet, 29.48e6), (VggUNet, 37.42e6), (WaveUNet, 34.97e6)],
)
def test_has_the_published_number_of_parameters(network, published):
    with torch.device("meta"):
        model = network(3, 12)
    assert sum(parameter.numel() for parameter in model.parameters()) == pytest.approx(published, abs=5e3)


@pytest.mark.parametrize("layers", [11, 13, 16, 19])
def test_the_encoder_is_the_convolutions_of_torchvisions_vgg(layers):
    with torch.device("meta"):
        theirs = torchvision.models.get_model(f"vgg{layers}_bn", weights=None).features.state_dict()
        ours = SegNet(layers=layers).encoder.state_dict()
        plain = torchvision.models.get_model(f"vgg{layers}", weights=None).features.state_dict()
        without = SegNet(layers=layers, norm="none").encoder.state_dict()
    assert {name: value.shape for name, value in ours.items()} == {name: value.shape for name, value in theirs.items()}
    assert {name: value.shape for name, value in without.items()} == {n: value.shape for n, value in plain.items()}


@ALL
@pytest.mark.parametrize("size", [(1, 1), (33, 47), (65, 31), (64, 32)])
@pytest.mark.parametrize("norm", ["batch", "instance", "group", "none"])
@pytest.mark.parametrize("training", [True, False])
def test_any_size_goes_through(network, size, norm, training, generator):
    model = network(2, 3, width=2, norm=norm, layers=11).train(training)
    image = torch.randn(1, 2, *size, generator=generator)
    kept = image.clone()
    logits = model(image)
    assert logits.shape == (1, 3, *size)
    assert logits.isfinite().all()
    assert torch.equal(image, kept)


@WAVES
@pytest.mark.parametrize("wavelet", ["haar", "db2", "ch2.2", "ch3.3"])
@pytest.mark.parametrize("mode", ["authors", "periodization", "symmetric"])
def test_every_wavelet_and_border_goes_through(network, wavelet, mode, generator):
    model = network(1, 2, width=2, depth=3, layers=11, wavelet=wavelet, mode=mode)
    assert model(torch.randn(2, 1, 13, 18, generator=generator)).shape == (2, 2, 13, 18)


@WAVES
@pytest.mark.parametrize("size", [(32, 64), (33, 47), (61, 35)])
def test_identities_between_the_transforms_give_the_image_back(network, size, generator):
    model = network(1, 1, width=1, layers=11, norm="none").double()
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data.zero_()
            module.weight.data[0, 0, module.kernel_size[0] // 2, module.kernel_size[1] // 2] = 1
    image = torch.rand(1, 1, *size, generator=generator, dtype=torch.float64)
    assert torch.allclose(model(image), image, atol=1e-12)


@WAVES
@pytest.mark.parametrize("level", range(5))
def test_the_decoder_uses_the_details_of_every_level(network, level, generator):
    model = network(1, 2, width=2, layers=11).eval()
    image = torch.randn(1, 1, 64, 64, generator=generator)
    expected = model(image)

    def without(module, given, found):
        x, kept, maps = found
        kept[level] = kept[level]._replace(bands={name: 0 * band for name, band in kept[level].bands.items()})
        return x, kept, maps

    model.encoder.register_forward_hook(without)
    assert (model(image) - expected).abs().max() > 1e-6


@ALL
def test_every_parameter_gets_a_gradient(network, generator):
    model = network(3, 2, width=4, depth=3)
    model(torch.randn(2, 3, 21, 18, generator=generator)).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    for name in ("encoder.0.weight", "decoder.1.weight", "head.weight"):
        assert model.get_parameter(name).grad.abs().sum() > 0


@ALL
def test_a_batch_is_its_images(network, generator):
    model = network(width=4, depth=3).eval()
    images = torch.randn(3, 3, 10, 14, generator=generator)
    single = torch.cat([model(image[None]) for image in images])
    assert torch.allclose(model(images), single, atol=1e-5)


@ALL
def test_copies_pickles_and_state_dicts(network, generator):
    model = network(width=2, depth=2).eval()
    image = torch.randn(1, 3, 9, 13, generator=generator)
    other = network(width=2, depth=2).eval()
    other.load_state_dict(model.state_dict(), strict=True)
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), other):
        assert torch.equal(copied(image), model(image))


@ALL
def test_half_precision_and_double(network, generator):
    image = torch.randn(1, 3, 9, 13, generator=generator)
    model = network(width=2, depth=2).eval()
    assert torch.allclose(copy.deepcopy(model).double()(image.double()).float(), model(image), atol=1e-5)
    assert copy.deepcopy(model).bfloat16()(image.bfloat16()).dtype == torch.bfloat16
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(image)
    assert logits.dtype == torch.bfloat16
    assert logits.isfinite().all()


@pytest.mark.slow
@pytest.mark.parametrize("network", [SegNet, VggUNet, WaveUNet])
def test_compiles_and_exports_with_any_size(network, generator):
    model = network(width=2, depth=1).eval()
    image = torch.randn(2, 3, 9, 13, generator=generator)
    expected = model(image)
    torch.compiler.reset()
    assert torch.allclose(torch.compile(model, fullgraph=True, backend="aot_eager")(image), expected, atol=1e-5)
    sizes = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    exported = torch.export.export(model, (image,), dynamic_shapes=(sizes,)).module()
    other = torch.randn(3, 3, 16, 11, generator=generator)
    assert torch.allclose(exported(image), expected, atol=1e-5)
    assert torch.allclose(exported(other), model(other), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("network", [WaveSegNet, VggUNet])
def test_runs_in_onnxruntime(network, generator, tmp_path):
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    model = network(width=2, depth=1).eval()
    image = torch.randn(2, 3, 16, 12, generator=generator)
    torch.onnx.export(model, (image,), tmp_path / "net.onnx", dynamo=True, verbose=False)
    session = runtime.InferenceSession(tmp_path / "net.onnx")
    found = session.run(None, {session.get_inputs()[0].name: image.numpy()})[0]
    assert torch.allclose(torch.from_numpy(found), model(image), atol=1e-5)


@pytest.mark.parametrize("prefix", ["features.", "module.features.", "features.module."])
def test_the_encoder_loads_a_checkpoint(prefix, generator):
    source, model = SegNet(width=2, layers=11), WaveUNet(width=2, layers=11)
    state = {f"{prefix}{name}": value for name, value in source.encoder.state_dict().items()}
    left = load_vgg_encoder(model, {**state, "module.classifier.0.bias": torch.zeros(3)})
    assert left == ["module.classifier.0.bias"]
    assert all(
        torch.equal(value, model.encoder.state_dict()[name]) for name, value in source.encoder.state_dict().items()
    )


def test_the_encoder_loads_torchvisions_vgg():
    theirs = torchvision.models.vgg11_bn(weights=None).eval()
    model = SegNet(layers=11).eval()
    left = load_vgg_encoder(model, theirs.state_dict())
    assert len(left) == 6
    assert all(name.startswith("classifier.") for name in left)
    image = torch.rand(1, 3, 32, 32)
    assert torch.allclose(model.encoder(image)[0], theirs.features(image), atol=1e-5)


def test_widths_double_up_to_eight_times():
    assert vgg_plan(19, width=4, depth=5)[2:] == ((16,) * 4, (32,) * 4, (32,) * 4)


@pytest.mark.message
def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="layers is 12, but a VGG has 11, 13, 16, 19"):
        SegNet(layers=12)
    with pytest.raises(ValueError, match="depth is 6, but a VGG has 5 levels; take at most that"):
        VggUNet(depth=6)
    with pytest.raises(ValueError, match="classes is 0, but must be greater than 0"):
        SegNet(classes=0)
    with pytest.raises(ValueError, match=r"norm is 'bach', but .* did you mean 'batch'"):
        SegNet(norm="bach")
    with pytest.raises(ValueError, match=r"no wavelet called 'harr'; did you mean 'haar'"):
        WaveSegNet(width=2, wavelet="harr")
    with pytest.raises(ValueError, match=r"mode is 'author', but .* did you mean 'authors'"):
        WaveSegNet(width=2, mode="author")
    model = SegNet(width=2, layers=11)
    with pytest.raises(ValueError, match=r"shape \(3, 32, 32\), but this network takes \(batch, 3, height, width\)"):
        model(torch.zeros(3, 32, 32))
    with pytest.raises(ValueError, match=r"no features\.0\.weight, which encoder\.0\.weight needs"):
        load_vgg_encoder(model, {})
    state = {f"features.{name}": value for name, value in SegNet(1, width=2, layers=11).encoder.state_dict().items()}
    with pytest.raises(ValueError, match=r"shape \(2, 1, 3, 3\), but this encoder needs \(2, 3, 3, 3\)"):
        load_vgg_encoder(model, state)
