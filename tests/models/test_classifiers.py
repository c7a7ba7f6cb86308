"""Classifiers: known sizes, torchvision's own networks, wavelets in them, and biases that a loss takes over."""

import pytest
import torch
from torch import nn

from subband.layers import conversion_report
from subband.models.classifiers import CifarResNet, classifier, last_linear, with_bias, without_bias


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_resnet20_has_the_published_number_of_parameters():
    """0.27 M in table 6 of He et al.: 269 722 without, 272 474 with 1x1 shortcuts and their normalisations."""
    assert count(CifarResNet()) == 272_474


def test_strides_halve_twice():
    network = CifarResNet(1, 4, width=4, blocks=1)
    sizes = []
    for stage in (network.layer1, network.layer2, network.layer3):
        stage.register_forward_hook(lambda module, given, found: sizes.append(found.shape[-2:]))
    assert network(torch.zeros(2, 1, 33, 28)).shape == (2, 4)
    assert sizes == [(33, 28), (17, 14), (9, 7)]


@pytest.mark.parametrize("wavelet", ["haar", "ch3.3", "blur3"])
def test_a_wavelet_keeps_names_and_shapes(wavelet):
    plain = classifier("cifar-resnet", options={"width": 4, "blocks": 1})
    other = classifier("cifar-resnet", options={"width": 4, "blocks": 1, "wavelet": wavelet, "placement": "direct"})
    other.load_state_dict(plain.state_dict())
    assert len(conversion_report(other).converted) == 4
    image = torch.rand(1, 3, 32, 32)
    assert not torch.allclose(plain.eval()(image), other.eval()(image))


def test_names_of_torchvision_are_its_networks():
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(0)
    ours = classifier("resnet18", classes=5)
    torch.manual_seed(0)
    theirs = torchvision.models.resnet18(num_classes=5)
    assert all(torch.equal(a, b) for a, b in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True))
    grey = classifier("resnet18", channels=1, classes=2, options={"wavelet": "haar", "skip": "stem"})
    assert grey.conv1.weight.shape == (64, 1, 7, 7)
    assert grey.conv1.stride == (2, 2), "the authors' stem keeps its stride"


@pytest.mark.slow
def test_names_of_timm_are_its_networks():
    pytest.importorskip("timm")
    network = classifier("timm/resnet10t", channels=1, classes=3, options={"wavelet": "ch2.2"})
    assert network.eval()(torch.zeros(1, 1, 64, 64)).shape == (1, 3)
    with pytest.raises(ValueError, match="timm has no network called 'resnet10x'"):
        classifier("timm/resnet10x")


def test_a_bias_goes_over_to_the_loss_and_comes_back(generator):
    network = CifarResNet(3, 4, width=4, blocks=1).eval()
    image = torch.rand((2, 3, 8, 8), generator=generator)
    weights = nn.Linear(16, 4, bias=False)
    names = list(network.state_dict())
    assert without_bias(network, 4) is network
    scores = network(image)
    assert not network.fc.bias.any()
    assert not network.fc.bias.requires_grad
    assert list(network.state_dict()) == names
    for bias in (torch.tensor([0.5]), torch.tensor([0.1, 0.2, 0.3, 0.4])):
        torch.testing.assert_close(with_bias(network, bias, 4)(image), scores - bias)
    assert last_linear(nn.Sequential(nn.Linear(3, 4), weights), 4) is weights
    assert with_bias(weights, torch.tensor([1.0]), 4).bias.tolist() == [-1.0] * 4


@pytest.mark.message
@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: classifier("resnet81"), r"there is no classifier called 'resnet81'; did you mean 'resnet18'"),
        (lambda: classifier("cifar-resnet", options={"block": 1}), "has no option 'block'; did you mean 'blocks'"),
        (lambda: classifier("cifar-resnet", options={"gain": "dc1"}), "the option 'gain' goes with a wavelet"),
        (lambda: classifier("resnet18", options={"widht": 1}), "options of the network 'resnet18': .*widht"),
        (lambda: classifier("cifar-resnet", options={"wavelet": "harr"}), "there is no wavelet or blur called 'harr'"),
        (lambda: last_linear(nn.Conv2d(3, 4, 1), 4), "Conv2d has no linear layer of 4 outputs"),
    ],
)
def test_says_what_is_wrong(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
