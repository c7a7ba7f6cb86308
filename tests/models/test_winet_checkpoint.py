"""The authors' WiNet weights under their names; their values are in tests/parity."""

import pytest
import torch

from subband.models.winet import WiNet
from subband.models.winet_checkpoint import authors_winet_name, load_authors_winet


def authors_state(model, prefix=""):
    own = {name: value for name, value in model.state_dict().items() if name != "_extra_state"}
    return {prefix + authors_winet_name(name): value.clone() for name, value in own.items()}


def test_names():
    names = {
        "down.0.first.weight": "layer1.conv1.conv.weight",
        "down.3.second.bias": "layer4.conv2.conv.bias",
        "up.0.enlarge.weight": "up_conv1.up.0.deconv.weight",
        "up.2.join.first.weight": "up_conv3.conv1.conv.weight",
        "up.1.join.second.bias": "up_conv2.conv2.conv.bias",
        "up.0.head.weight": "f_1_8.0.weight",
        "up.1.head.weight": "f_1_4.0.weight",
        "up.2.head.weight": "f_1_2.0.weight",
        "refine.0.first.bias": "group_conv1.0.bias",
        "refine.1.second.weight": "group_conv2.2.weight",
        "smooth.2.weight": "conv3.weight",
    }
    assert {ours: authors_winet_name(ours) for ours in names} == names
    assert len(authors_state(WiNet(width=1))) == 48


@pytest.mark.parametrize("prefix", ["", "module.", "model.net."])
@pytest.mark.parametrize("wrapped", [False, True])
def test_prefixes_and_checkpoints(prefix, wrapped):
    source, model = WiNet(width=1, initial="authors"), WiNet(width=1, border="authors")
    state = authors_state(source, prefix)
    state = {"state_dict": {**state, "loss.kernel": torch.zeros(1)}, "epoch": 3} if wrapped and prefix else state
    load_authors_winet(model, state)
    for one, other in zip(source.parameters(), model.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.message
def test_what_does_not_fit_is_said():
    model = WiNet(width=1)
    state = authors_state(model)
    with pytest.raises(ValueError, match=r"has no layer1\.conv1\.conv\.weight"):
        load_authors_winet(model, model.state_dict())
    with pytest.raises(ValueError, match=r"1 names differ, the first is 'extra' \(left over from"):
        load_authors_winet(model, {**state, "extra": torch.zeros(1)})
    del state["conv3.weight"]
    with pytest.raises(ValueError, match=r"1 names differ, the first is 'conv3\.weight' \(missing in"):
        load_authors_winet(model, state)
    with pytest.raises(ValueError, match="width is a fourth of the 8 channels"):
        load_authors_winet(model, authors_state(WiNet(width=2)))
