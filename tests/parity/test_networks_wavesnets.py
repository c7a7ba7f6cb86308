"""The WaveSNets against what the authors' own code gave: samplers, SegNet, U-Net, and the DeepLabv3+ decoder.

Sizes, widths, options and seeds are those of the files, so that another set with the same keys can be laid under.
"""

import numpy as np
import pytest
import torch
from torch import nn

from subband.layers.downsample import Details, WaveletDownsample, WaveletSplit, WaveletUpsample
from subband.models._deeplab_decoders import WaveDecoder
from subband.models._vgg import AUTHORS_NAMES, VggNet
from subband.models.segnet import SegNet
from subband.models.vgg_unet import VggUNet

BANDS = {"LH": "ad", "HL": "da", "HH": "dd"}
NETWORKS = {"segnet": SegNet, "wsegnet": SegNet, "wunet": VggUNet}
LAST = 64  # channels that the authors' classifier always reads
DECODER_NAMES = {
    "conv_lh3": "second.ad",
    "conv_hl3": "second.da",
    "conv_hh3": "second.dd",
    "last_conv_0": "refine",
    "last_conv_1": "head",
}
UNUSED = {"conv1": nn.Conv2d(256, 48, 1, bias=False), "bn1": nn.BatchNorm2d(48)}  # made by the authors, never called


def ours(wavelet):
    """Our name of the authors' wavelet."""
    return wavelet.replace("bior", "ch")


def fill(state, seed):
    """The README's FILL rule over the authors' names."""
    random = np.random.RandomState(seed)
    for name in sorted(state):
        if name.endswith("num_batches_tracked"):
            continue
        z = random.standard_normal(tuple(state[name].shape))
        if name.endswith("running_mean"):
            z = 0.1 * z
        elif name.endswith("running_var"):
            z = 1 + 0.1 * z**2
        elif name.endswith("weight") and z.ndim == 1:
            z = 1 + 0.1 * z
        elif name.endswith("bias"):
            z = 0.1 * z
        else:
            z = z * np.sqrt(2 / np.prod(z.shape[1:]))
        state[name].copy_(torch.from_numpy(np.asarray(z, dtype=np.float32)))


def renamed(state, names):
    """The entries of a state under other names of its parts."""
    return {
        next(new + key.removeprefix(old) for old, new in names.items() if key.startswith(f"{old}.")): value
        for key, value in state.items()
    }


def relative(found, expected):
    expected = torch.from_numpy(expected)
    assert found.shape == expected.shape
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.fixture(scope="module")
def pieces(parity):
    return np.load(parity / "networks" / "wavesnet_pieces.npz")


@pytest.fixture(scope="module")
def tiny(parity):
    return np.load(parity / "networks" / "wavesnet_tiny.npz")


@pytest.fixture(scope="module")
def decoders(parity):
    return np.load(parity / "networks" / "wdeeplab_decoder.npz")


def test_samplers_equal_the_authors(pieces):
    wavelets = [key.removesuffix("/up_cat") for key in pieces.files if key.endswith("/up_cat")]
    for wavelet in wavelets:
        stored = {
            key.removeprefix(f"{wavelet}/"): torch.from_numpy(pieces[key])
            for key in pieces.files
            if key.startswith(f"{wavelet}/")
        }
        options = {"wavelet": ours(wavelet), "mode": "authors"}
        low, details = WaveletSplit(**options)(stored["x"])
        joined = torch.cat((WaveletUpsample(**options)(low, details), stored["x"]), dim=1)
        pairs = [
            (low, stored["LL"]),
            (WaveletDownsample(**options)(stored["x"]), stored["LL"]),
            (joined, stored["up_cat"]),
        ]
        pairs += [(details.bands[name], stored[key]) for key, name in BANDS.items()]
        for found, expected in pairs:
            assert found.shape == expected.shape
            assert (found - expected).abs().max() < 1e-5
    assert wavelets


def levels(cfg):
    """Widths level by level from the authors' list, which closes each level with an M."""
    parts = " ".join(map(str, cfg)).split("M")
    return [[int(width) for width in level.split()] for level in parts if level.split()]


def test_tiny_networks_equal_the_authors(tiny):
    compared = 0
    for key in tiny.files:
        if not key.endswith("/y"):
            continue
        name = key.removesuffix("/y")
        kind, _, wavelet = name.partition("/")
        model = NETWORKS[kind].__new__(NETWORKS[kind])
        options = {"norm": "batch", "wavelet": ours(wavelet) or None, "mode": "authors"}
        VggNet.__init__(model, tiny["x"].shape[1], int(tiny["num_classes"]), levels(tiny["cfg"]), LAST, **options)
        state = renamed(model.state_dict(), AUTHORS_NAMES)
        assert sorted(state) == sorted(map(str, tiny[f"{name}/keys"]))
        assert sum(parameter.numel() for parameter in model.parameters()) == tiny[f"{name}/nparams"]
        fill(state, int(tiny["fill_seed"]))
        with torch.no_grad():
            found = model.eval()(torch.from_numpy(tiny["x"]))
        assert relative(found, tiny[key]) < 2e-5
        compared += 1
    assert compared > 0


def shapes(order):
    """Names and shapes from the file's line ``x(1,256,4,6); LH2,HL2,HH2 (1,256,8,12); ...``."""
    found = {}
    for part in str(order).split(";"):
        names, _, shape = part.partition("(")
        found |= dict.fromkeys((one.strip() for one in names.split(",")), tuple(map(int, shape.strip(" )").split(","))))
    return found


def test_deeplab_decoder_equals_the_authors(decoders):
    random = np.random.RandomState(int(decoders["input_seed"]))
    inputs = {
        name: torch.from_numpy(random.standard_normal(shape).astype(np.float32))
        for name, shape in shapes(decoders["order"]).items()
    }
    width, (wide, deep) = inputs["x"].shape[1], (inputs["LH2"].shape[1], inputs["LH3"].shape[1])
    compared = 0
    for key in decoders.files:
        if not key.endswith("/y"):
            continue
        wavelet = key.removesuffix("/y")
        classes = decoders[key].shape[1]
        model = WaveDecoder(
            (wide, deep), width, classes, dropout=(0.0, 0.0), norm="batch", wavelet=ours(wavelet), mode="authors"
        )
        state = renamed(model.state_dict(), {new: old for old, new in DECODER_NAMES.items()})
        state |= {
            f"{part}.{name}": value for part, module in UNUSED.items() for name, value in module.state_dict().items()
        }
        assert sorted(state) == sorted(map(str, decoders[f"{wavelet}/keys"]))
        fill(state, int(decoders["fill_seed"]))
        bands = [{name: inputs[f"{old}{level}"] for old, name in BANDS.items()} for level in (2, 3)]
        model.split = Handed(bands)
        with torch.no_grad():
            found = model.eval()(inputs["x"], *(torch.empty(0) for _ in range(2)))
        assert relative(found, decoders[key]) < 2e-5
        compared += 1
    assert compared > 0


class Handed(nn.Module):
    """Hands out recorded bands, the deepest level first, in the place of a split."""

    def __init__(self, bands):
        super().__init__()
        self.bands = bands

    def forward(self, x):
        bands = self.bands.pop()
        shape = tuple(2 * size for size in bands["ad"].shape[2:])
        return bands["ad"], Details(bands, shape)
