"""WaveCNets by name, and checkpoints under the authors' and torchvision's names."""

import pytest
import torch
import torch.nn.functional as F

from subband.layers.conversion_report import conversion_report
from subband.layers.convert import waveletize
from subband.models.wavecnet import WAVECNETS, wavecnet
from subband.models.wavecnet_checkpoint import authors_names, load_authors_wavecnet
from subband.transforms.dwt import dwt

torchvision = pytest.importorskip("torchvision")


@pytest.mark.slow
@pytest.mark.parametrize("name", WAVECNETS)
@pytest.mark.parametrize("pool_only", [True, False])
def test_every_name_builds_and_keeps_the_plain_output(name, pool_only):
    if name.endswith("_c") and not pool_only:
        pytest.skip("has no such option")
    plain = name.partition("_dwt")[0]
    with torch.device("meta"):
        model = wavecnet(name, "db2", classes=7, pool_only=pool_only).eval()
        expected = torchvision.models.get_model(plain, num_classes=7)
        assert model(torch.empty(2, 3, 97, 130)).shape == (2, 7)
    own, theirs = model.state_dict(), expected.state_dict()
    if not name.endswith("_c"):
        assert {key: value.shape for key, value in own.items()} == {key: value.shape for key, value in theirs.items()}


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("resnet18_dwt", "conv1"),
        ("resnext50_32x4d_dwt", "conv1"),
        ("densenet121_dwt", "features.conv0"),
        ("mobilenet_v2_dwt", "features.0.0"),
        ("alexnet_dwt", "features.0"),
    ],
)
def test_the_stem_keeps_its_stride(name, stem):
    with torch.device("meta"):
        rows = {row.name: row for row in conversion_report(wavecnet(name)).rows}
        assert rows[stem].reason == "skipped"
        if name != "densenet121_dwt":
            opened = {row.name: row for row in conversion_report(wavecnet(name, pool_only=False)).rows}
            assert opened[stem].placement.startswith("before ")
    places = [row for row in rows.values() if row.name != stem and not row.reason.startswith("adaptive")]
    assert all(row.placement for row in places)


def test_vgg_has_no_stem():
    with torch.device("meta"):
        report = conversion_report(wavecnet("vgg11_dwt"))
    assert [row.kind for row in report.converted] == ["MaxPool2d"] * 5


def test_published_numbers_of_parameters():
    with torch.device("meta"):
        counts = {
            name: round(sum(one.numel() for one in wavecnet(name).parameters()) / 1e6, 1)
            for name in ("resnet18_dwt", "resnet18_dwt_a", "resnet18_dwt_c")
        }
    assert counts == {"resnet18_dwt": 11.7, "resnet18_dwt_a": 11.7, "resnet18_dwt_c": 21.6}


def test_variants_by_hand(generator):
    x = torch.randn(1, 64, 12, 16, generator=generator)
    bands = dwt(x, "ch2.2", mode="authors")
    mean = wavecnet("resnet18_dwt_a", "ch2.2").maxpool(x)
    assert torch.allclose(mean, sum(bands.values()) / 4, atol=1e-5)
    stacked = wavecnet("resnet18_dwt_c", "ch2.2").maxpool(x)
    assert torch.allclose(stacked, torch.cat([bands[name] for name in ("aa", "ad", "da", "dd")], dim=1), atol=1e-5)


def test_gain_and_mobilenets_dropout(generator):
    x = torch.randn(1, 64, 8, 8, generator=generator)
    model = wavecnet("resnet18_dwt", gain="dc1")
    assert torch.allclose(model.maxpool(x), F.avg_pool2d(x, 2), atol=1e-6)
    assert wavecnet("mobilenet_v2_dwt").classifier[0].p == 0


def test_names_are_the_authors():
    with torch.device("meta"):
        basic = authors_names(torchvision.models.resnet18().state_dict())
        deep = authors_names(torchvision.models.resnet50().state_dict())
        mobile = authors_names(torchvision.models.mobilenet_v2().state_dict())
        same = authors_names(torchvision.models.vgg11_bn().state_dict())
    changed = {ours: theirs for ours, theirs in basic.items() if ours != theirs}
    assert {ours for ours in changed if ours.startswith("layer3.")} == {
        "layer3.0.conv2.weight",
        *(f"layer3.0.downsample.1.{rest}" for rest in ("bias", "running_mean", "running_var", "num_batches_tracked")),
        *(f"layer3.0.downsample.{number}.weight" for number in (0, 1)),
    }
    assert changed["layer2.0.conv2.weight"] == "layer2.0.conv2.1.weight"
    assert changed["layer4.0.downsample.1.bias"] == "layer4.0.downsample.2.bias"
    assert deep["layer1.0.downsample.0.weight"] == "layer1.0.downsample.0.weight"
    assert (deep["layer2.0.conv2.weight"], deep["layer2.0.conv3.weight"]) == (
        "layer2.0.conv2.weight",
        "layer2.0.conv3.1.weight",
    )
    assert mobile["features.4.conv.2.weight"] == "features.4.conv.3.weight"
    assert mobile["features.4.conv.3.bias"] == "features.4.conv.4.bias"
    assert mobile["features.5.conv.2.weight"] == "features.5.conv.2.weight"
    assert mobile["classifier.1.bias"] == "classifier.0.bias"
    assert all(ours == theirs for ours, theirs in same.items())


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", pytest.param("vgg11", marks=pytest.mark.slow)])
def test_checkpoints_of_the_authors_and_of_torchvision(name, generator):
    plain = torchvision.models.get_model(name, num_classes=3).eval()
    x = torch.randn(1, 3, 64, 64, generator=generator)
    state = plain.state_dict()
    names = authors_names(state)
    wrapper = "features.module." if name == "vgg11" else "module."
    authors = {
        theirs.replace("features.", wrapper) if name == "vgg11" else f"{wrapper}{theirs}": state[ours]
        for ours, theirs in names.items()
    }
    expected = waveletize(plain, skip="stem")(x)
    for given in (state, authors, {"state_dict": authors, "epoch": 90}):
        model = wavecnet(f"{name}_dwt", classes=3).eval()
        report = load_authors_wavecnet(model, given)
        assert (len(report.loaded), report.missing, report.reshaped, report.left) == (len(state), (), (), ())
        assert torch.equal(model(x), expected)


def test_what_does_not_fit_is_said():
    state = torchvision.models.resnet18(num_classes=5).state_dict()
    state["extra.weight"] = torch.zeros(1)
    del state["bn1.bias"]
    model = wavecnet("resnet18_dwt", classes=3)
    kept = model.fc.weight.clone()
    report = load_authors_wavecnet(model, state)
    assert report.missing == ("bn1.bias",)
    assert report.reshaped == ("fc.weight", "fc.bias")
    assert report.left == ("extra.weight",)
    assert torch.equal(model.fc.weight, kept)
    assert torch.equal(model.conv1.weight, state["conv1.weight"])
    assert str(report).splitlines() == [
        f"{len(state) - 3} entries loaded",
        "1 missing: bn1.bias",
        "2 of another shape: fc.weight, fc.bias",
        "1 left over: extra.weight",
    ]


@pytest.mark.message
def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match=r"name is 'resnet18', but must be one of .* did you mean 'resnet18_dwt'"):
        wavecnet("resnet18")
    with pytest.raises(ValueError, match="classes is 0, but must be greater than 0"):
        wavecnet("resnet18_dwt", classes=0)
    with pytest.raises(
        ValueError, match="resnet18_dwt_c has no low-pass filters, so that pool_only and gain must keep"
    ):
        wavecnet("resnet18_dwt_c", gain="dc1")
    with pytest.raises(ValueError, match=r"begins with 'a', the network with 'conv1.weight'; give a state_dict of the"):
        load_authors_wavecnet(wavecnet("resnet18_dwt", classes=2), {"a": torch.zeros(1)})
