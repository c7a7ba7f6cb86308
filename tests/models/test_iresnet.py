"""IResNet: the counted sizes of both forms, checkpoints of others, any size, slopes kept positive."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from subband.layers import conversion_report, waveletize
from subband.models.iresnet import IResBlock, IResNet, restrict_weights
from subband.models.iresnet_checkpoint import load_iresnet

SMALL = {"size": 32, "width": 4, "features": 8}


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("variant", "depth", "parameters"),
    [
        ("authors", 50, 42_377_920),
        ("authors", 100, 63_943_232),
        ("authors", 200, 105_302_592),
        ("insightface", 50, 43_590_848),
        ("insightface", 100, 65_156_160),
        ("insightface", 200, 118_833_920),
    ],
)
def test_measured_numbers_of_parameters(variant, depth, parameters):
    with torch.device("meta"):
        assert count(IResNet(depth, variant=variant)) == parameters


@pytest.mark.parametrize(("variant", "giga"), [("authors", 6.15), ("insightface", 6.31)])
def test_measured_multiplications_and_stages(variant, giga):
    sizes = []
    with torch.device("meta"):
        network = IResNet(50, variant=variant).eval()
        for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
            stage.register_forward_hook(lambda module, given, found: sizes.append(tuple(found.shape[1:])))
        with FlopCounterMode(display=False) as flops:
            assert network(torch.zeros(1, 3, 112, 112)).shape == (1, 512)
    assert round(flops.get_total_flops() / 2e9, 2) == giga
    assert sizes == [(64, 56, 56), (128, 28, 28), (256, 14, 14), (512, 7, 7)]


def test_a_block_by_formula(generator):
    """bn0, 3-wide, bn1, PReLU, 2-wide of stride 2 without padding, bn2, plus 2-wide shortcut and its normalisation."""
    block = IResBlock(3, 5, 2, "authors").eval()
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 2, generator=generator)
            module.running_mean.normal_(generator=generator)
    x = torch.randn((2, 3, 7, 6), generator=generator)
    scale = [(bn.weight / (1 + bn.eps) ** 0.5, bn.running_mean) for bn in (block.bn0, block.bn1, block.bn2)]
    scale.append((block.downsample[1].weight / (1 + 1e-5) ** 0.5, block.downsample[1].running_mean))

    def norm(y, place):
        weight, mean = (one[:, None, None] for one in scale[place])
        return (y - mean) * weight

    y = norm(nn.functional.conv2d(norm(x, 0), block.conv1.weight, padding=1), 1)
    y = norm(nn.functional.conv2d(torch.where(y > 0, y, 0.25 * y), block.conv2.weight, stride=2), 2)
    shortcut = norm(nn.functional.conv2d(x, block.downsample[0].weight, stride=2), 3)
    assert block.conv2.weight.shape == (5, 5, 2, 2)
    torch.testing.assert_close(block(x), y + shortcut)


def test_start_of_the_authors_and_of_insightface():
    torch.manual_seed(0)
    ours = IResNet((1, 2, 1, 1), size=112, width=32, features=64)
    assert ours.dropout.p == 0.4
    assert not ours.bn5.weight.requires_grad
    assert ours.bn5.bias.requires_grad
    assert ours.fc5.bias is None
    for block in (ours.layer1[0], ours.layer2[1]):
        assert not block.bn2.weight.any()
        assert block.bn1.weight.eq(1).all()
        assert block.prelu.weight.eq(0.25).all()
    fan = 256 * 7 * 7
    assert ours.fc5.weight.std().item() == pytest.approx(fan**-0.5, rel=0.01)
    theirs = IResNet((1, 1, 1, 1), size=32, width=32, features=64, variant="insightface")
    assert theirs.dropout.p == 0
    assert theirs.layer1[0].bn2.weight.eq(1).all()
    assert theirs.layer4[0].conv1.weight.std().item() == pytest.approx(0.1, rel=0.02)
    assert IResNet((1, 1, 1, 1), **SMALL, dropout=0.2).dropout.p == 0.2


@pytest.mark.parametrize("variant", ["authors", "insightface"])
@pytest.mark.parametrize("size", [(16, 16), (33, 47), (40, 24)])
def test_any_size(variant, size):
    network = IResNet((1, 1, 1, 1), channels=1, features=8, size=size, width=4, variant=variant)
    found = network(torch.rand(3, 1, *size))
    assert found.shape == (3, 8)
    found.sum().backward()
    wavelets = waveletize(network, "haar")
    assert len(conversion_report(wavelets).converted) == 8
    assert wavelets.eval()(torch.rand(3, 1, *size)).shape == (3, 8)


def test_slopes_stay_positive():
    network = IResNet((1, 1, 1, 1), **SMALL)
    network.prelu.weight.data[0] = -0.3
    restrict_weights(network)
    assert network.prelu.weight.tolist() == pytest.approx([0.01, 0.25, 0.25, 0.25])


def to_insightface(state):
    """The names that insightface's iresnet.py gives."""
    renamed = {}
    for name, value in state.items():
        first, *rest = name.split(".")
        if first.startswith("layer"):
            rest[1] = {"bn0": "bn1", "bn1": "bn2", "bn2": "bn3"}.get(rest[1], rest[1])
        first = {"bn4": "bn2", "fc5": "fc", "bn5": "features"}.get(first, first)
        renamed[".".join([first, *rest])] = value.flatten(1) if name == "fc5.weight" else value
    return renamed


def test_checkpoints_of_others(generator):
    network = IResNet((1, 2, 1, 1), **SMALL, variant="insightface").eval()
    state = to_insightface(network.state_dict())
    assert {"fc.weight", "features.bias", "layer2.1.bn3.weight", "layer1.0.downsample.0.weight", "bn2.bias"} <= set(
        state
    )
    image = torch.rand((1, 3, 32, 32), generator=generator)
    other = load_iresnet(IResNet((1, 2, 1, 1), **SMALL, variant="insightface").eval(), state)
    assert torch.equal(other(image), network(image))
    plain = IResNet((1, 2, 1, 1), **SMALL).eval()
    saved = {f"module.{name}": value for name, value in plain.state_dict().items()}
    saved["module.sample_to_sample_loss.feat_mem"] = torch.zeros(3, 8)
    other = load_iresnet(IResNet((1, 2, 1, 1), **SMALL).eval(), saved)
    assert torch.equal(other(image), plain(image))


@pytest.mark.message
@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: IResNet(51), "depth is 51, but must be one of 18, 34, 50, 100, 200"),
        (lambda: IResNet((1, 2)), r"depth is \(1, 2\), but must be four numbers"),
        (lambda: IResNet(18, variant="insightfaces"), "variant is 'insightfaces'.*did you mean 'insightface'"),
        (lambda: IResNet(18, size=8), "size is 8, but must be a height and a width of 16 pixels at least"),
        (lambda: IResNet(18, dropout=1.0), "dropout is 1.0, but must be a probability"),
        (lambda: IResNet((1, 1, 1, 1), **SMALL)(torch.zeros(1, 3, 32, 31)), "the image is 32 x 31 pixels.* 32 x 32"),
        (lambda: IResNet((1, 1, 1, 1), **SMALL)(torch.zeros(1, 1, 32, 32)), r"shape \(1, 1, 32, 32\)"),
        (lambda: load_iresnet(IResNet((1, 1, 1, 1), **SMALL), {}), "the checkpoint has no 'conv1.weight'"),
        (
            lambda: load_iresnet(
                IResNet((1, 1, 1, 1), **SMALL), IResNet((1, 1, 1, 1), size=32, width=8, features=8).state_dict()
            ),
            r"'conv1.weight' is \(8, 3, 3, 3\) in the checkpoint, but \(4, 3, 3, 3\) in the network",
        ),
        (
            lambda: load_iresnet(IResNet((1, 1, 1, 1), **SMALL), IResNet((1, 1, 2, 1), **SMALL).state_dict()),
            "the checkpoint has 'layer3.1.bn0.weight', which the network has not",
        ),
    ],
)
def test_says_what_is_wrong(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
