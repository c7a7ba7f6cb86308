"""WaveCNets made of torchvision's networks against what the authors' own code gave.

Sizes, options and seeds are those of the files, so that another set with the same keys can be laid under.
"""

import numpy as np
import pytest
import torch
from torch import nn

from subband.layers.convert import waveletize
from subband.models.wavecnet import wavecnet
from subband.models.wavecnet_checkpoint import authors_names, load_authors_wavecnet

models = pytest.importorskip("torchvision.models")
from torchvision.models.densenet import _Transition  # noqa: E402
from torchvision.models.mobilenetv2 import InvertedResidual  # noqa: E402
from torchvision.models.resnet import BasicBlock, Bottleneck  # noqa: E402

from subband.layers.downsample import WaveletDownsample  # noqa: E402
from subband.layers.low_pass import LowPass  # noqa: E402
from subband.models.wavecnet import _mean_of_bands  # noqa: E402

LIMIT = 2e-5  # relative to the largest value, as the README of the files says


@pytest.fixture(scope="module")
def blocks(parity):
    return np.load(parity / "networks" / "wavecnet_blocks.npz")


@pytest.fixture(scope="module")
def logits(parity):
    return np.load(parity / "networks" / "wavecnet_full_logits.npz")


def ours(wavelet):
    """The authors' biorX.Y is our chX.Y."""
    return wavelet.replace("bior", "ch")


def worst(found, expected):
    expected = torch.from_numpy(np.asarray(expected)).double()
    assert found.shape == expected.shape
    return float((found.detach().double() - expected).abs().max() / expected.abs().max())


def shortcut(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=2, bias=False), nn.BatchNorm2d(outputs))


def build(block, weights):
    """Torchvision's block of the recorded sizes, and the prefix under which the name map knows it."""
    shape = {name: value.shape for name, value in weights.items()}
    if block == "basic":
        outputs, inputs = shape["conv1.weight"][:2]
        return BasicBlock(inputs, outputs, 2, shortcut(inputs, outputs)), "layer2.0."
    if block == "bottleneck":
        width, inputs = shape["conv1.weight"][:2]
        return Bottleneck(inputs, width, 2, shortcut(inputs, 4 * width)), "layer2.0."
    if block == "transition":
        outputs, inputs = shape["conv.weight"][:2]
        return _Transition(inputs, outputs), ""
    if block == "invres":
        hidden, inputs = shape["conv.0.0.weight"][:2]
        return InvertedResidual(inputs, shape["conv.3.weight"][0], 2, hidden // inputs), "features.2."
    layers = []
    for number in ("0", "4"):
        outputs, inputs, size, _ = shape[f"{number}.weight"]
        conv = nn.Conv2d(inputs, outputs, size, padding=size // 2)
        layers += [conv, nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2, 2)]
    return nn.Sequential(*layers), ""


def test_blocks_equal_the_authors(blocks):
    compared = set()
    for key in blocks.files:
        block, wavelet, what = key.split("/", 2)
        if what != "y" or block.startswith("down_"):
            continue
        start = f"{block}/{wavelet}/w/"
        weights = {name.removeprefix(start): blocks[name] for name in blocks.files if name.startswith(start)}
        network, prefix = build(block, weights)
        names = authors_names([prefix + name for name in network.state_dict()])
        state = {
            ours_[len(prefix) :]: torch.from_numpy(weights[theirs[len(prefix) :]])
            for ours_, theirs in names.items()
            if not ours_.endswith("num_batches_tracked")
        }
        assert len(state) == len(weights)
        assert network.load_state_dict(state, strict=False).unexpected_keys == []
        waveletize(network.eval(), ours(wavelet))
        found = network(torch.from_numpy(blocks[f"{block}/{wavelet}/x"]))
        error = worst(found, blocks[key])
        print(f"{block}/{wavelet}", error)
        assert error < LIMIT, (block, wavelet)
        compared.add((block, wavelet))
    recorded = {tuple(key.split("/")[:2]) for key in blocks.files if not key.startswith("down_")}
    assert compared == recorded != set()


def test_down_sampling_by_all_bands_equals_the_authors(blocks):
    compared = 0
    for key in blocks.files:
        block, wavelet, what = key.split("/", 2)
        if block not in ("down_cat", "down_avg") or what != "y":
            continue
        x = torch.from_numpy(blocks[f"down_cat/{wavelet}/x"])
        if block == "down_cat":
            layer = WaveletDownsample(ours(wavelet), mode="authors", bands="all")
        else:
            layer = LowPass(_mean_of_bands(ours(wavelet)))
        error = worst(layer(x), blocks[key])
        print(f"{block}/{wavelet}", error)
        assert error < LIMIT, (block, wavelet)
        compared += 1
    assert compared == sum(key.startswith("down_") and key.endswith("/y") for key in blocks.files) > 0


def filled(state, seed):
    """Weights by the FILL rule of the files' README, for the authors' names and shapes."""
    draw = np.random.RandomState(seed)
    values = {}
    for name in sorted(state):
        if name.endswith("num_batches_tracked"):
            continue
        shape = tuple(state[name].shape)
        z = draw.standard_normal(shape)
        if name.endswith("running_mean"):
            value = 0.1 * z
        elif name.endswith("running_var"):
            value = 1 + 0.1 * z**2
        elif name.endswith("weight") and len(shape) == 1:
            value = 1 + 0.1 * z
        elif name.endswith("bias"):
            value = 0.1 * z
        else:
            value = z * np.sqrt(2 / np.prod(shape[1:]))
        values[name] = torch.from_numpy(np.asarray(value, dtype=np.float32))
    return values


@pytest.mark.slow
def test_logits_equal_the_authors(logits):
    compared = 0
    x = torch.from_numpy(np.random.RandomState(int(logits["x_seed"])).standard_normal(tuple(logits["x_shape"])))
    for key in logits.files:
        if not key.endswith("/logits"):
            continue
        network, wavelet, _ = key.split("/")
        plain, _, _ = network.partition("_A" if network.endswith("_A") else "_C")
        ending = {"A": "_a", "C": "_c"}.get(network[-1], "")
        model = wavecnet(f"{plain}_dwt{ending}", ours(wavelet), classes=logits[key].shape[1]).eval()
        own = model.state_dict()
        assert len(own) == int(logits[f"{network}/{wavelet}/nkeys"]), network
        names = authors_names(own) if ending != "_c" else {name: name for name in own}
        state = filled({theirs: own[ours_] for ours_, theirs in names.items()}, int(logits["fill_seed"]))
        report = load_authors_wavecnet(model, {f"module.{name}": value for name, value in state.items()})
        assert all(name.endswith("num_batches_tracked") for name in report.missing)
        assert report.reshaped == report.left == ()
        with torch.no_grad():
            error = worst(model(x.float()), logits[key])
        print(f"{network}/{wavelet}", error)
        assert error < LIMIT, (network, wavelet, error)
        compared += 1
    assert compared == sum(key.endswith("/logits") for key in logits.files) > 0
