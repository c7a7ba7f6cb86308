"""Embedders: IResNet by name, and networks of others that end in an embedding."""

import pytest
import torch
from torch import nn

from subband.layers import conversion_report
from subband.models.classifiers import CifarResNet
from subband.models.embedder import embedder
from subband.models.iresnet import IResNet

TINY = {"width": 4, "blocks": 1}


def test_names_of_iresnet():
    network = embedder("iresnet34", features=16, size=(32, 48), options={"width": 4, "variant": "insightface"})
    assert isinstance(network, IResNet)
    assert [len(stage) for stage in (network.layer1, network.layer2, network.layer3, network.layer4)] == [3, 4, 6, 3]
    assert network.fc5.bias is not None
    small = embedder("iresnet", channels=1, size=16, options={"depth": [1, 1, 1, 2], "width": 4, "wavelet": "haar"})
    assert len(conversion_report(small).converted) == 8
    assert small(torch.zeros(2, 1, 16, 16)).shape == (2, 512)


def test_a_classifier_ends_in_an_embedding(generator):
    torch.manual_seed(0)
    network = embedder("cifar-resnet", features=12, options=TINY).eval()
    head = network.fc
    assert [type(layer) for layer in head] == [nn.BatchNorm1d, nn.Linear, nn.BatchNorm1d]
    assert head[1].bias is None
    assert [one.requires_grad for one in head[2].parameters()] == [False, True]
    image = torch.rand((2, 3, 20, 20), generator=generator)
    plain = CifarResNet(3, 16, **TINY).eval()
    plain.load_state_dict({**{k: v for k, v in network.state_dict().items() if "fc" not in k}, **identity(16)})
    expected = plain(image) @ head[1].weight.T / (1 + 1e-5)
    torch.testing.assert_close(network(image), expected)


def identity(size):
    return {"fc.weight": torch.eye(size), "fc.bias": torch.zeros(size)}


def test_wavelets_go_in_as_in_classifiers():
    network = embedder("cifar-resnet", features=12, options={**TINY, "wavelet": "ch3.3", "placement": "direct"})
    assert len(conversion_report(network).converted) == 4
    assert network(torch.rand(2, 3, 20, 20)).shape == (2, 12)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "timm/resnet10t", "timm/mobilenetv4_conv_small"])
def test_networks_of_others(name):
    pytest.importorskip("timm" if "timm" in name else "torchvision")
    network = embedder(name, channels=1, features=24, options={"wavelet": "haar"})
    found = network(torch.rand(2, 1, 64, 64))
    assert found.shape == (2, 24)
    torch.testing.assert_close(found.mean(0), torch.zeros(24), atol=1e-5, rtol=0)  # the last normalisation's


@pytest.mark.message
@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: embedder("iresnet55"), "there is no embedder called 'iresnet55'; did you mean 'iresnet50'"),
        (lambda: embedder("iresnet"), "the network 'iresnet' needs the option depth"),
        (lambda: embedder("iresnet18", options={"varint": 1}), "has no option 'varint'; did you mean 'variant'"),
        (lambda: embedder("iresnet18", options={"depth": 50}), "the network 'iresnet18' has no option 'depth'"),
        (lambda: embedder("iresnet18", options={"gain": "dc1"}), "the option 'gain' goes with a wavelet"),
        (lambda: embedder("squeezenet1_0", features=8), "SqueezeNet does not end in a linear layer"),
        (lambda: embedder("resnet81"), "there is no classifier called 'resnet81'"),
    ],
)
def test_says_what_is_wrong(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
