"""Weights for an encoder: names and shapes by hand, torchvision's ResNet as the real case."""

import pytest
import torch
from torch import nn

from subband.tasks.weights import fill_encoder, load_encoder


class Net(nn.Module):
    """An encoder of two layers, and a head."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        self.head = nn.Conv2d(4, 2, 1)


def state_of(prefix, encoder):
    return {prefix + key: torch.full_like(value, 2) for key, value in encoder.state_dict().items()}


@pytest.mark.parametrize("prefix", ["", "module.", "encoder.", "module.backbone.", "features.", "features.module."])
def test_prefixes(prefix):
    net = Net()
    head = net.head.weight.clone()
    matched = fill_encoder(net, {**state_of(prefix, net.encoder), "fc.weight": torch.zeros(9)})
    assert all((value == 2).all() for value in net.encoder.state_dict().values())
    assert torch.equal(net.head.weight, head)
    assert (len(matched.loaded), matched.kept, matched.left) == (len(net.encoder.state_dict()), [], ["fc.weight"])
    assert str(matched) == "7 of 7 entries of the encoder are filled; fc.weight of the checkpoint has no place"


def test_other_shapes_stay_as_they_are():
    net = Net()
    state = state_of("", net.encoder)
    state["0.weight"] = torch.zeros(5, 3, 3, 3)
    before = net.encoder[0].weight.clone()
    matched = fill_encoder(net, state)
    assert torch.equal(net.encoder[0].weight, before)
    assert (matched.kept, matched.left) == (["0.weight"], ["0.weight"])
    assert "6 of 7 entries of the encoder are filled; 0.weight stays random" in str(matched)


@pytest.mark.parametrize("under", [None, "state_dict", "model"])
def test_files(tmp_path, under):
    net = Net()
    state = state_of("encoder.", net.encoder)
    torch.save(state if under is None else {under: state, "epoch": 3}, tmp_path / "a.pth")
    assert len(load_encoder(net, tmp_path / "a.pth").loaded) == 7


def test_torchvisions_resnet():
    torchvision = pytest.importorskip("torchvision")
    donor, net = torchvision.models.resnet18(weights=None), Net()
    net.encoder = torchvision.models.resnet18(weights=None)
    del net.encoder.fc
    matched = fill_encoder(net, {f"module.{key}": value for key, value in donor.state_dict().items()})
    assert matched.left == ["fc.weight", "fc.bias"]
    assert torch.equal(net.encoder.layer4[1].conv2.weight, donor.layer4[1].conv2.weight)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "layers"), [("vgg16_bn", 16), ("vgg11_bn", 11)])
def test_torchvisions_vgg_fills_a_segnet(kind, layers):
    torchvision = pytest.importorskip("torchvision")
    from subband.models.segnet import WaveSegNet

    full = torchvision.models.get_model(kind, weights=None).features.state_dict()
    net = WaveSegNet(3, 5, layers=layers)
    matched = fill_encoder(net, {f"features.module.{key}": value for key, value in full.items()})
    assert (matched.kept, matched.left) == ([], [])
    assert torch.equal(net.encoder[0].weight, full["0.weight"])


def test_torchvisions_resnet_fills_a_deeplab():
    torchvision = pytest.importorskip("torchvision")
    from subband.models.deeplab import WaveDeepLabV3Plus

    donor = torchvision.models.resnet18(weights=None).state_dict()
    matched = fill_encoder(WaveDeepLabV3Plus(3, 5, backbone="resnet18", width=8), donor)
    assert (matched.kept, matched.left) == ([], ["fc.weight", "fc.bias"])


@pytest.mark.message
def test_refusals(tmp_path):
    with pytest.raises(ValueError, match=r"there is no checkpoint .*none\.pth; download it yourself"):
        load_encoder(Net(), tmp_path / "none.pth")
    with pytest.raises(ValueError, match=r"Linear has no encoder to initialise; leave model\.weights out"):
        fill_encoder(nn.Linear(1, 1), {})
    with pytest.raises(
        ValueError, match=r"nothing in the checkpoint fits .* it has a \(1,\), but the encoder needs 0\.weight"
    ):
        fill_encoder(Net(), {"a": torch.zeros(1)})
    with pytest.raises(ValueError, match="it has no tensors"):
        fill_encoder(Net(), {"1.num_batches_tracked": 3})
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ValueError, match="holds a list, but must hold a state dictionary"):
        load_encoder(Net(), tmp_path / "list.pth")


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    import pickle

    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "touched"), "w"))

    (tmp_path / "evil.pth").write_bytes(b"")
    torch.save({"a": Evil()}, tmp_path / "evil.pth")
    with pytest.raises((ValueError, pickle.UnpicklingError)):
        load_encoder(Net(), tmp_path / "evil.pth")
    assert not (tmp_path / "touched").exists()
