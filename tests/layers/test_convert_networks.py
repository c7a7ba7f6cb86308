"""Conversion of torchvision's and timm's networks: every inner shape is the plain network's at every size."""

import copy

import pytest
import torch
from torch import nn

from subband.layers.conversion_report import conversion_report
from subband.layers.convert import waveletize

torchvision = pytest.importorskip("torchvision")
timm = pytest.importorskip("timm")

# name: largest stride converted, least size that the network takes
NETWORKS = {
    "resnet18": (2, 32),
    "resnet50": (2, 32),
    "resnext50_32x4d": (2, 32),
    "vgg11": (2, 33),
    "vgg16_bn": (2, 33),
    "densenet121": (2, 33),
    "mobilenet_v2": (2, 32),
    "mobilenet_v3_small": (2, 32),
    "efficientnet_b0": (2, 32),
    "regnet_y_400mf": (2, 32),
    "shufflenet_v2_x0_5": (2, 32),
    "squeezenet1_1": (2, 33),
    "alexnet": (4, 65),
    "googlenet": (2, 33),
    "inception_v3": (2, 80),
    "mnasnet0_5": (2, 32),
    "convnext_tiny": (4, 33),
    "timm/resnet50d": (2, 32),
    "timm/convnext_atto": (4, 33),
    "timm/nf_resnet26": (2, 32),
    "timm/regnety_002": (2, 32),
    "timm/tf_efficientnet_b0": (2, 32),
    "timm/swin_tiny_patch4_window7_224": (4, 224),
    "timm/vit_tiny_patch16_224": (16, 224),
}
SIZES = [(224, 224), (225, 193), (256, 320)]
EACH = pytest.mark.parametrize("name", NETWORKS)
LAYERS = (nn.Conv2d, nn.Linear, nn.LayerNorm, nn.GroupNorm, nn.modules.batchnorm._NormBase)


def build(name):
    if name.startswith("timm/"):
        return timm.create_model(name.removeprefix("timm/"), num_classes=10).eval()
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    return torchvision.models.get_model(name, weights=None, num_classes=10, **options).eval()


def build_without_numbers(name):
    """Network on the meta device, which computes shapes alone."""
    if "regnet" in name:  # torchvision's works its widths out with tensors
        return build(name).to("meta")
    with torch.device("meta"):
        return build(name)


def cases():
    """One odd size for each network and all sizes for four; the rest is slow."""
    for number, (name, (_, least)) in enumerate(NETWORKS.items()):
        for size in SIZES if least < 224 else SIZES[:1]:
            quick = least < 224 and (number % 6 == 0 or size == SIZES[1])
            yield pytest.param(name, size, marks=[] if quick else pytest.mark.slow)


def inner_shapes(model, x):
    """Output shapes of all layers by name, in the order of the calls."""
    found = {}

    def record(name):
        return lambda module, inputs, output: found.setdefault(name, []).append(tuple(output.shape)) or None

    hooks = [
        module.register_forward_hook(record(name))
        for name, module in model.named_modules()
        if isinstance(module, LAYERS)
    ]
    with torch.no_grad():
        found["output"] = [tuple(model(x).shape)]
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize(("name", "size"), list(cases()))
def test_every_inner_shape_is_the_plain_networks(name, size):
    plain = build_without_numbers(name)
    direct = waveletize(copy.deepcopy(plain), "ch2.2", placement="direct", max_stride=NETWORKS[name][0])
    authors = waveletize(copy.deepcopy(plain), "db2", max_stride=NETWORKS[name][0])
    report = conversion_report(direct)
    assert len(report.converted) > 0
    assert all(set(module.stride) == {1} for module in strided(direct, report))
    assert [(key, value.shape) for key, value in direct.state_dict().items()] == [
        (key, value.shape) for key, value in plain.state_dict().items()
    ]
    image = torch.empty(1, 3, *size, device="meta")
    expected, found = inner_shapes(plain, image), inner_shapes(authors, image)
    assert inner_shapes(direct, image) == expected
    moved = {row.name for row in conversion_report(authors).converted if row.placement.startswith("before ")}
    for layer, module in authors.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and layer in expected and layer not in moved:
            assert found[layer] == expected[layer], layer
    assert found["output"] == expected["output"]


def strided(model, report):
    """Converted convolutions."""
    for row in report.converted:
        module = model.get_submodule(row.name)
        if isinstance(module, nn.Conv2d):
            yield module


@pytest.mark.slow
@EACH
def test_loads_plain_weights_and_learns(name, generator):
    largest, least = NETWORKS[name]
    model = waveletize(build(name), "haar", gain="dc1", max_stride=largest)
    model.load_state_dict(build(name).state_dict(), strict=True)
    x = torch.randn(2, 3, least, least + 18 if least < 224 else least, generator=generator)
    with torch.no_grad():
        assert model(x).shape == (2, 10)
    logits = model(x)
    logits.square().mean().backward()
    assert logits.isfinite().all()
    for key, parameter in model.named_parameters():
        if not key.startswith(("AuxLogits.", "aux1.", "aux2.")):
            assert parameter.grad is not None, key
            assert parameter.grad.isfinite().all(), key


def test_table_of_a_resnet():
    model = waveletize(build_without_numbers("resnet18"), skip=("conv1",))
    assert [(row.name, row.placement or row.reason) for row in conversion_report(model).rows] == [
        ("conv1", "skipped"),
        ("maxpool", "in its place"),
        *(
            pair
            for stage in (2, 3, 4)
            for pair in (
                (f"layer{stage}.0.conv1", f"before layer{stage}.0.conv2"),
                (f"layer{stage}.0.downsample.0", "before itself"),
            )
        ),
        ("avgpool", "adaptive: its output has one size"),
    ]


def test_stem_is_the_authors_policy_in_every_family():
    for name, stem in {"resnet18": "conv1", "densenet121": "features.conv0", "mobilenet_v2": "features.0.0"}.items():
        model = waveletize(build_without_numbers(name), skip="stem")
        assert [row.name for row in conversion_report(model).rows if row.reason == "skipped"] == [stem]


def test_functional_pools_of_inception():
    model = waveletize(build_without_numbers("inception_v3"))
    calls = [row for row in conversion_report(model).rows if row.kind.startswith("F.")]
    assert [row.name for row in calls if row.placement] == ["Mixed_6a", "Mixed_7a"]
    assert {row.reason for row in calls if not row.placement} == {"stride 1", "stride 3 is no power of 2"}


def test_networks_that_blur_already():
    with torch.device("meta"):
        model = timm.create_model("resnet18", aa_layer=timm.layers.BlurPool2d)
    kept = type(model.layer2[0].aa)
    waveletize(model)
    found = [row for row in conversion_report(model).rows if row.reason == "blurs already"]
    assert len(found) == 4
    assert type(model.layer2[0].aa) is kept


@pytest.mark.slow
def test_parts_of_a_detector(generator):
    detection = torchvision.models.detection
    model = detection.fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=3, min_size=64).eval()
    x = torch.rand(1, 3, 64, 96, generator=generator)
    shapes = {name: level.shape for name, level in model.backbone(x).items()}
    waveletize(model, skip=[model.backbone.body.conv1])
    found = {row.name: row.placement for row in conversion_report(model).converted}
    assert found["backbone.body.layer2.0.conv2"] == "before backbone.body.layer2.0.conv3"
    assert conversion_report(model).notes
    assert {name: level.shape for name, level in model.backbone(x).items()} == shapes
    assert set(model([x[0]])[0]) == {"boxes", "labels", "scores"}
