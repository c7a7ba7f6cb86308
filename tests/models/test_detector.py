"""Detectors: torchvision's own names and shapes, sizes of the pyramid, and what is frozen."""

import copy

import pytest
import torch
from torch import nn

from subband.layers import conversion_report, waveletize
from subband.models.detector import DetectorSize, detector, small_detector
from subband.models.frozen_report import frozen_report

TINY = DetectorSize(side=64, anchor=8, channels=64, hidden=32, regions=20, sampled=16)
HEADS = ("fasterrcnn", "retinanet")


def built(head, *, seed=0, **options):
    torch.manual_seed(seed)
    return detector(head, classes=3, size=TINY, **options)


def targets(count=2):
    boxes = torch.tensor([[4.0, 6.0, 30.0, 40.0], [20.0, 10.0, 60.0, 44.0]])[:count]
    return {"boxes": boxes, "labels": torch.tensor([1, 3])[:count]}


@pytest.mark.slow
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("wavelet", [None, "haar"])
def test_state_of_torchvisions_detector_loads(head, wavelet):
    torchvision = pytest.importorskip("torchvision")
    with torch.device("meta"):
        theirs = torchvision.models.get_model(f"{head}_resnet50_fpn", weights=None, weights_backbone=None)
        ours = detector(head, "resnet50", classes=90, wavelet=wavelet)
    expected = {name: value.shape for name, value in theirs.state_dict().items()}
    assert {name: value.shape for name, value in ours.state_dict().items()} == expected
    ours.load_state_dict(theirs.state_dict(), strict=True, assign=True)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("wavelet", ["haar", "ch3.3", "blur3"])
def test_pyramid_keeps_its_sizes_and_the_state_its_names(head, wavelet, generator):
    plain, waved = built(head), built(head, wavelet=wavelet)
    waved.load_state_dict(plain.state_dict(), strict=True)
    plain.eval(), waved.eval()
    for height, width in ((64, 64), (65, 97), (33, 50)):
        image = torch.rand(1, 3, height, width, generator=generator)
        with torch.no_grad():
            expected, found = plain.backbone(image), waved.backbone(image)
        assert {name: level.shape for name, level in found.items()} == {
            name: level.shape for name, level in expected.items()
        }
        assert not any(torch.equal(found[name], expected[name]) for name in found)


@pytest.mark.parametrize("head", HEADS)
def test_the_stem_stays_and_the_report_is_the_detectors(head):
    report = conversion_report(built(head, wavelet="haar"))
    names = [row.name for row in report.converted]
    assert "conv1" not in names
    assert "maxpool" in names
    assert len(names) == 7  # the pool, and a convolution and a shortcut in each of three stages
    body = built(head).backbone.body
    waveletize(body, "haar")
    assert "conv1" in [row.name for row in conversion_report(body).converted]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("norm", ["batch", "frozen", "group"])
def test_trains_and_finds(head, norm, generator):
    model = built(head, wavelet="haar", norm=norm)
    images = [torch.rand(3, 48, 64, generator=generator), torch.rand(3, 64, 40, generator=generator)]
    losses = model(images, [targets(), {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}])
    torch.stack(list(losses.values())).sum().backward()
    assert all(torch.isfinite(loss) for loss in losses.values())
    assert all(weight.grad is not None for weight in model.backbone.parameters() if weight.requires_grad)
    found = copy.deepcopy(model).eval()(images)
    assert len(found) == 2
    for one, image in zip(found, images, strict=True):
        assert len(one["boxes"]) == len(one["labels"]) == len(one["scores"])
        assert (one["boxes"] >= 0).all()
        assert (one["boxes"][:, 2] <= image.shape[2]).all()


@pytest.mark.slow
def test_any_resnet_is_a_backbone():
    with torch.device("meta"):
        for name in ("resnet34", "resnext50_32x4d", "wide_resnet50_2"):
            model = detector("retinanet", name, classes=2, wavelet="haar", size=TINY)
            assert len(conversion_report(model).converted) == 7


def test_frozen_layers_are_told():
    model = built("fasterrcnn", trainable_layers=3, norm="frozen")
    report = frozen_report(model)
    text = str(report)
    norms = [row for row in report.rows if row.what == "batch norms"]
    layers = [row for row in report.rows if row.what == "layers"]
    assert sum(row.layers for row in norms) == 20
    assert sum(row.layers for row in layers) == 5  # conv1 and four convolutions of layer1
    assert sum(row.numbers for row in layers) == 64 * 3 * 49 + 4 * 64 * 64 * 9
    assert report.parameters - report.trained == sum(row.numbers for row in layers)
    assert "backbone.body.layer1.0" in text
    assert "statistics, scale and shift are constants" in text


def test_statistics_that_move_in_frozen_layers_are_told():
    report = frozen_report(built("retinanet", trainable_layers=2))
    moving = [row for row in report.rows if "move" in row.why]
    assert sum(row.layers for row in moving) == 1 + 4 + 5  # stem, layer1, layer2 with its shortcut
    whole = frozen_report(built("retinanet"))
    assert whole.rows == ()
    assert str(whole).endswith("parameters learn; nothing is frozen")
    half = nn.Linear(2, 2)
    half.bias.requires_grad_(False)
    assert [row.why for row in frozen_report(half).rows] == ["some weights get no gradient"]


@pytest.mark.parametrize(("layers", "learning"), [(0, set()), (1, {"layer4"}), (5, None)])
def test_trainable_layers_count_from_the_end(layers, learning):
    body = built("fasterrcnn", trainable_layers=layers).backbone.body
    found = {name.split(".")[0] for name, weight in body.named_parameters() if weight.requires_grad}
    every = {name.split(".")[0] for name, _ in body.named_parameters()}
    assert found == (every if learning is None else learning)


def test_anchors_double_from_level_to_level():
    two_stages = built("fasterrcnn").rpn.anchor_generator.sizes
    assert two_stages == ((8,), (16,), (32,), (64,), (128,))
    assert built("retinanet").anchor_generator.sizes[1] == (16, 20, 25)
    default = DetectorSize()
    assert (default.anchor, default.channels, default.hidden) == (32, 256, 1024)  # torchvision's
    assert small_detector(192).anchor == 12


@pytest.mark.message
def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="head is 'retina', but must be one of fasterrcnn, retinanet; did you mean"):
        detector("retina", classes=2)
    with pytest.raises(ValueError, match=r"backbone is 'resnet19', but must be one of .*; did you mean 'resnet1"):
        detector(backbone="resnet19", classes=2)
    with pytest.raises(ValueError, match="norm is 'instance', but must be one of batch, frozen, group"):
        detector(classes=2, norm="instance")
    with pytest.raises(ValueError, match="trainable_layers is 6, but must be 0 to 5, which is all"):
        detector(classes=2, trainable_layers=6)
    with pytest.raises(ValueError, match="classes is 0, but must be greater than 0"):
        detector(classes=0)
    with pytest.raises(ValueError, match="channels is 100, but must be a multiple of 64"):
        DetectorSize(channels=100)
    with pytest.raises(ValueError, match="side is 0, but must be greater than 0"):
        DetectorSize(side=0)
