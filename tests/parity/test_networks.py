"""Wavelet transforms and networks against what the authors' own code gave.

Sizes, wavelets, options and seeds are those of the files, so that another set with the same keys can be laid under.
"""

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.densenet import _Transition
from torchvision.models.mobilenetv2 import InvertedResidual
from torchvision.models.resnet import BasicBlock, Bottleneck

from subband.config import Optim
from subband.layers.convert import waveletize
from subband.layers.downsample import Details, WaveletDownsample, WaveletSplit, WaveletUpsample
from subband.layers.low_pass import LowPass
from subband.losses.segmentation import CrossEntropyLoss, FocalLoss
from subband.metrics import ConfusionMatrix, class_iou, confusion_matrix
from subband.models._deeplab_decoders import WaveDecoder
from subband.models._vgg import AUTHORS_NAMES, VggNet
from subband.models.segnet import SegNet
from subband.models.vgg_unet import VggUNet
from subband.models.wavecnet import _mean_of_bands, wavecnet
from subband.models.wavecnet_checkpoint import authors_names, load_authors_wavecnet
from subband.tasks.optimisation import make_optimizer, make_schedule, rate_factor
from subband.tasks.plan import Plan
from subband.tasks.segmentation import SegmentationTask
from subband.transforms import dwt, filter_bank, idwt


def ours(wavelet):
    """The authors' biorX.Y is our chX.Y."""
    return wavelet.replace("bior", "ch")


def relative(found, expected):
    expected = torch.from_numpy(np.asarray(expected)).double()
    assert found.shape == expected.shape
    return float((found.detach().double() - expected).abs().max() / expected.abs().max())


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


def fill(state, seed):
    """`filled`, in place."""
    for name, value in filled(state, seed).items():
        state[name].copy_(value)


# The transform and its inverse against the authors' own layers.

DWT_LIMIT = 1e-5  # absolute, as the README of the files says


DWT_LETTERS = str.maketrans("LH", "ad")


DWT_EXTENSIONS = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


class DwtCase:
    """The arrays under one prefix of a file."""

    def __init__(self, file, prefix):
        self.arrays = {key[len(prefix) :]: file[key] for key in file if key.startswith(prefix)}
        self.wavelet = ours(prefix.split("/")[0])
        self.x = self.tensor("x")
        self.bands = {name: self.tensor(name) for name in self.arrays if not set(name) - set("LH")}
        self.dims = len(next(iter(self.bands)))

    def tensor(self, name):
        return torch.from_numpy(self.arrays[name])

    @property
    def ours(self):
        """The recorded bands under our names."""
        return {name.translate(DWT_LETTERS): band for name, band in self.bands.items()}

    @property
    def shape(self):
        return self.x.shape[-self.dims :]


def dwt_cases(parity, name):
    file = np.load(parity / "networks" / f"{name}.npz")
    prefixes = sorted({key.rsplit("/", 1)[0] + "/" for key in file})
    assert prefixes
    return {prefix: DwtCase(file, prefix) for prefix in prefixes}


def dwt_worst(found, expected):
    assert found.shape == expected.shape
    return float((found.detach() - expected).abs().max())


@pytest.mark.parametrize("file", ["dwt1d", "dwt2d", "dwt3d"])
def test_the_authors_layers(parity, file):
    for prefix, case in dwt_cases(parity, file).items():
        bands = dwt(case.x, case.wavelet, dims=case.dims, mode="authors")
        assert set(bands) == set(case.ours), prefix
        for name, expected in case.ours.items():
            assert dwt_worst(bands[name], expected) < DWT_LIMIT, (prefix, name)
        back = idwt(case.ours, case.wavelet, dims=case.dims, mode="authors")
        assert dwt_worst(back, case.tensor("idwt")) < DWT_LIMIT, prefix


@pytest.mark.parametrize("file", ["dwt1d", "dwt2d"])
def test_the_authors_gradients(parity, file):
    for prefix, case in dwt_cases(parity, file).items():
        x = case.x.clone().requires_grad_()
        bands = dwt(x, case.wavelet, dims=case.dims, mode="authors")
        pairs = [(bands[name.translate(DWT_LETTERS)], case.tensor(f"grad_{name}")) for name in case.bands]
        gradient = torch.autograd.grad([band for band, _ in pairs], x, [cotangent for _, cotangent in pairs])[0]
        assert dwt_worst(gradient, case.tensor("grad_x")) < DWT_LIMIT, prefix


def test_the_authors_low_band_alone(parity):
    for prefix, case in dwt_cases(parity, "dwt2d").items():
        x = case.x.clone().requires_grad_()
        low = dwt(x, case.wavelet, mode="authors")["aa"]
        gradient = torch.autograd.grad(low.square().sum(), x)[0]
        assert dwt_worst(gradient, case.tensor("tiny_sq_grad_x")) < DWT_LIMIT, prefix


def test_zeros_and_circles_are_modes_of_ours(parity):
    """Padding ``constant`` is ``authors``, ``circular`` is ``periodization``, of the transform and of its inverse."""
    modes = {"constant": "authors", "circular": "periodization"}
    for prefix, case in dwt_cases(parity, "dwt2d_conv_padmodes").items():
        mode = modes.get(prefix.split("/")[1])
        if mode is None:
            continue
        bands = dwt(case.x, case.wavelet, mode=mode)
        for name, expected in case.ours.items():
            assert dwt_worst(bands[name], expected) < DWT_LIMIT, (prefix, name)
        assert dwt_worst(idwt(case.ours, case.wavelet, mode=mode), case.tensor("idwt")) < DWT_LIMIT, prefix


def test_every_padding_by_extending_the_signal_first(parity):
    """``reflect`` and ``replicate`` on the half grid are no modes of ours: extend x, transform, crop."""
    for prefix, case in dwt_cases(parity, "dwt2d_conv_padmodes").items():
        margin = len(filter_bank(case.wavelet)) // 2
        widths = [(0, 0)] * (case.x.ndim - 2) + [(2 * margin, 2 * margin)] * 2
        extended = torch.from_numpy(np.pad(case.arrays["x"], widths, mode=DWT_EXTENSIONS[prefix.split("/")[1]]))
        bands = dwt(extended, case.wavelet, mode="authors")
        for name, expected in case.ours.items():
            assert dwt_worst(bands[name][..., margin:-margin, margin:-margin], expected) < DWT_LIMIT, (prefix, name)


def test_the_reflected_inverse_by_extending_the_bands_first(parity):
    """Bands with zeros between their samples, reflected: the first sample stands once, the last one twice."""
    for prefix, case in dwt_cases(parity, "dwt2d_conv_padmodes").items():
        if prefix.split("/")[1] != "reflect":
            continue
        margin = len(filter_bank(case.wavelet)) // 2
        fixed = [(0, 0)] * (case.x.ndim - 2)
        extended = {}
        for name, band in case.ours.items():
            left = np.pad(band.numpy(), fixed + [(margin, 0)] * 2, mode="reflect")
            extended[name] = torch.from_numpy(np.pad(left, fixed + [(0, margin)] * 2, mode="symmetric"))
        back = idwt(extended, case.wavelet, mode="authors")[..., 2 * margin : -2 * margin, 2 * margin : -2 * margin]
        assert dwt_worst(back, case.tensor("idwt")) < DWT_LIMIT, prefix


def test_the_replicated_inverse_but_for_its_first_rows(parity):
    """It repeats the first sample between the band's samples too, so F/2 rows and columns are not to be had."""
    for prefix, case in dwt_cases(parity, "dwt2d_conv_padmodes").items():
        if prefix.split("/")[1] != "replicate":
            continue
        half = len(filter_bank(case.wavelet)) // 2
        back, expected = idwt(case.ours, case.wavelet, mode="authors"), case.tensor("idwt")
        assert dwt_worst(back[..., half:, half:], expected[..., half:, half:]) < DWT_LIMIT, prefix
        assert dwt_worst(back, expected) > 0.1, prefix


# WaveCNets made of torchvision's networks.

WAVECNETS_LIMIT = 2e-5  # relative to the largest value, as the README of the files says


@pytest.fixture(scope="module")
def wavecnets_blocks(parity):
    return np.load(parity / "networks" / "wavecnet_blocks.npz")


@pytest.fixture(scope="module")
def wavecnets_logits(parity):
    return np.load(parity / "networks" / "wavecnet_full_logits.npz")


def wavecnets_shortcut(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=2, bias=False), nn.BatchNorm2d(outputs))


def wavecnets_build(block, weights):
    """Torchvision's block of the recorded sizes, and the prefix under which the name map knows it."""
    shape = {name: value.shape for name, value in weights.items()}
    if block == "basic":
        outputs, inputs = shape["conv1.weight"][:2]
        return BasicBlock(inputs, outputs, 2, wavecnets_shortcut(inputs, outputs)), "layer2.0."
    if block == "bottleneck":
        width, inputs = shape["conv1.weight"][:2]
        return Bottleneck(inputs, width, 2, wavecnets_shortcut(inputs, 4 * width)), "layer2.0."
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


def test_blocks_equal_the_authors(wavecnets_blocks):
    compared = set()
    for key in wavecnets_blocks.files:
        block, wavelet, what = key.split("/", 2)
        if what != "y" or block.startswith("down_"):
            continue
        start = f"{block}/{wavelet}/w/"
        weights = {
            name.removeprefix(start): wavecnets_blocks[name]
            for name in wavecnets_blocks.files
            if name.startswith(start)
        }
        network, prefix = wavecnets_build(block, weights)
        names = authors_names([prefix + name for name in network.state_dict()])
        state = {
            ours_[len(prefix) :]: torch.from_numpy(weights[theirs[len(prefix) :]])
            for ours_, theirs in names.items()
            if not ours_.endswith("num_batches_tracked")
        }
        assert len(state) == len(weights)
        assert network.load_state_dict(state, strict=False).unexpected_keys == []
        waveletize(network.eval(), ours(wavelet))
        found = network(torch.from_numpy(wavecnets_blocks[f"{block}/{wavelet}/x"]))
        error = relative(found, wavecnets_blocks[key])
        print(f"{block}/{wavelet}", error)
        assert error < WAVECNETS_LIMIT, (block, wavelet)
        compared.add((block, wavelet))
    recorded = {tuple(key.split("/")[:2]) for key in wavecnets_blocks.files if not key.startswith("down_")}
    assert compared == recorded != set()


def test_down_sampling_by_all_bands_equals_the_authors(wavecnets_blocks):
    compared = 0
    for key in wavecnets_blocks.files:
        block, wavelet, what = key.split("/", 2)
        if block not in ("down_cat", "down_avg") or what != "y":
            continue
        x = torch.from_numpy(wavecnets_blocks[f"down_cat/{wavelet}/x"])
        if block == "down_cat":
            layer = WaveletDownsample(ours(wavelet), mode="authors", bands="all")
        else:
            layer = LowPass(_mean_of_bands(ours(wavelet)))
        error = relative(layer(x), wavecnets_blocks[key])
        print(f"{block}/{wavelet}", error)
        assert error < WAVECNETS_LIMIT, (block, wavelet)
        compared += 1
    assert compared == sum(key.startswith("down_") and key.endswith("/y") for key in wavecnets_blocks.files) > 0


@pytest.mark.slow
def test_logits_equal_the_authors(wavecnets_logits):
    compared = 0
    x = torch.from_numpy(
        np.random.RandomState(int(wavecnets_logits["x_seed"])).standard_normal(tuple(wavecnets_logits["x_shape"]))
    )
    for key in wavecnets_logits.files:
        if not key.endswith("/logits"):
            continue
        network, wavelet, _ = key.split("/")
        plain, _, _ = network.partition("_A" if network.endswith("_A") else "_C")
        ending = {"A": "_a", "C": "_c"}.get(network[-1], "")
        model = wavecnet(f"{plain}_dwt{ending}", ours(wavelet), classes=wavecnets_logits[key].shape[1]).eval()
        own = model.state_dict()
        assert len(own) == int(wavecnets_logits[f"{network}/{wavelet}/nkeys"]), network
        names = authors_names(own) if ending != "_c" else {name: name for name in own}
        state = filled({theirs: own[ours_] for ours_, theirs in names.items()}, int(wavecnets_logits["fill_seed"]))
        report = load_authors_wavecnet(model, {f"module.{name}": value for name, value in state.items()})
        assert all(name.endswith("num_batches_tracked") for name in report.missing)
        assert report.reshaped == report.left == ()
        with torch.no_grad():
            error = relative(model(x.float()), wavecnets_logits[key])
        print(f"{network}/{wavelet}", error)
        assert error < WAVECNETS_LIMIT, (network, wavelet, error)
        compared += 1
    assert compared == sum(key.endswith("/logits") for key in wavecnets_logits.files) > 0


# WaveSNets: the tiny networks, the decoder of DeepLabv3+, the samplers.

WAVESNETS_BANDS = {"LH": "ad", "HL": "da", "HH": "dd"}


WAVESNETS_NETWORKS = {"segnet": SegNet, "wsegnet": SegNet, "wunet": VggUNet}


WAVESNETS_LAST = 64  # channels that the authors' classifier always reads


WAVESNETS_DECODER_NAMES = {
    "conv_lh3": "second.ad",
    "conv_hl3": "second.da",
    "conv_hh3": "second.dd",
    "last_conv_0": "refine",
    "last_conv_1": "head",
}


WAVESNETS_UNUSED = {
    "conv1": nn.Conv2d(256, 48, 1, bias=False),
    "bn1": nn.BatchNorm2d(48),
}  # made by the authors, never called


def wavesnets_renamed(state, names):
    """The entries of a state under other names of its parts."""
    return {
        next(new + key.removeprefix(old) for old, new in names.items() if key.startswith(f"{old}.")): value
        for key, value in state.items()
    }


@pytest.fixture(scope="module")
def wavesnets_pieces(parity):
    return np.load(parity / "networks" / "wavesnet_pieces.npz")


@pytest.fixture(scope="module")
def wavesnets_tiny(parity):
    return np.load(parity / "networks" / "wavesnet_tiny.npz")


@pytest.fixture(scope="module")
def wavesnets_decoders(parity):
    return np.load(parity / "networks" / "wdeeplab_decoder.npz")


def test_samplers_equal_the_authors(wavesnets_pieces):
    wavelets = [key.removesuffix("/up_cat") for key in wavesnets_pieces.files if key.endswith("/up_cat")]
    for wavelet in wavelets:
        stored = {
            key.removeprefix(f"{wavelet}/"): torch.from_numpy(wavesnets_pieces[key])
            for key in wavesnets_pieces.files
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
        pairs += [(details.bands[name], stored[key]) for key, name in WAVESNETS_BANDS.items()]
        for found, expected in pairs:
            assert found.shape == expected.shape
            assert (found - expected).abs().max() < 1e-5
    assert wavelets


def wavesnets_levels(cfg):
    """Widths level by level from the authors' list, which closes each level with an M."""
    parts = " ".join(map(str, cfg)).split("M")
    return [[int(width) for width in level.split()] for level in parts if level.split()]


def test_tiny_networks_equal_the_authors(wavesnets_tiny):
    compared = 0
    for key in wavesnets_tiny.files:
        if not key.endswith("/y"):
            continue
        name = key.removesuffix("/y")
        kind, _, wavelet = name.partition("/")
        model = WAVESNETS_NETWORKS[kind].__new__(WAVESNETS_NETWORKS[kind])
        options = {"norm": "batch", "wavelet": ours(wavelet) or None, "mode": "authors"}
        VggNet.__init__(
            model,
            wavesnets_tiny["x"].shape[1],
            int(wavesnets_tiny["num_classes"]),
            wavesnets_levels(wavesnets_tiny["cfg"]),
            WAVESNETS_LAST,
            **options,
        )
        state = wavesnets_renamed(model.state_dict(), AUTHORS_NAMES)
        assert sorted(state) == sorted(map(str, wavesnets_tiny[f"{name}/keys"]))
        assert sum(parameter.numel() for parameter in model.parameters()) == wavesnets_tiny[f"{name}/nparams"]
        fill(state, int(wavesnets_tiny["fill_seed"]))
        with torch.no_grad():
            found = model.eval()(torch.from_numpy(wavesnets_tiny["x"]))
        assert relative(found, wavesnets_tiny[key]) < 2e-5
        compared += 1
    assert compared > 0


def wavesnets_shapes(order):
    """Names and wavesnets_shapes from the file's line ``x(1,256,4,6); LH2,HL2,HH2 (1,256,8,12); ...``."""
    found = {}
    for part in str(order).split(";"):
        names, _, shape = part.partition("(")
        found |= dict.fromkeys((one.strip() for one in names.split(",")), tuple(map(int, shape.strip(" )").split(","))))
    return found


def test_deeplab_decoder_equals_the_authors(wavesnets_decoders):
    random = np.random.RandomState(int(wavesnets_decoders["input_seed"]))
    inputs = {
        name: torch.from_numpy(random.standard_normal(shape).astype(np.float32))
        for name, shape in wavesnets_shapes(wavesnets_decoders["order"]).items()
    }
    width, (wide, deep) = inputs["x"].shape[1], (inputs["LH2"].shape[1], inputs["LH3"].shape[1])
    compared = 0
    for key in wavesnets_decoders.files:
        if not key.endswith("/y"):
            continue
        wavelet = key.removesuffix("/y")
        classes = wavesnets_decoders[key].shape[1]
        model = WaveDecoder(
            (wide, deep),
            width,
            classes,
            dropout=(0.0, 0.0),
            norm="batch",
            wavelet=ours(wavelet),
            mode="authors",
        )
        state = wavesnets_renamed(model.state_dict(), {new: old for old, new in WAVESNETS_DECODER_NAMES.items()})
        state |= {
            f"{part}.{name}": value
            for part, module in WAVESNETS_UNUSED.items()
            for name, value in module.state_dict().items()
        }
        assert sorted(state) == sorted(map(str, wavesnets_decoders[f"{wavelet}/keys"]))
        fill(state, int(wavesnets_decoders["fill_seed"]))
        bands = [{name: inputs[f"{old}{level}"] for old, name in WAVESNETS_BANDS.items()} for level in (2, 3)]
        model.split = WavesnetsHanded(bands)
        with torch.no_grad():
            found = model.eval()(inputs["x"], *(torch.empty(0) for _ in range(2)))
        assert relative(found, wavesnets_decoders[key]) < 2e-5
        compared += 1
    assert compared > 0


class WavesnetsHanded(nn.Module):
    """Hands out recorded bands, the deepest level first, in the place of a split."""

    def __init__(self, bands):
        super().__init__()
        self.bands = bands

    def forward(self, x):
        bands = self.bands.pop()
        shape = tuple(2 * size for size in bands["ad"].shape[2:])
        return bands["ad"], Details(bands, shape)


# Metrics, schedules and losses of the WaveSNet authors' training code.

METRICS_CLOSE = 1e-12


@pytest.fixture(scope="module")
def metrics_pieces(parity):
    """Recorded arrays."""
    path = parity / "networks" / "wavesnet_pieces.npz"
    if not path.exists():
        pytest.skip("networks/wavesnet_pieces.npz is not there")
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def metrics_void_of(labels, classes):
    """The one label outside the classes, or none."""
    outside = np.unique(labels[(labels < 0) | (labels >= classes)])
    assert len(outside) <= 1
    return int(outside[0]) if len(outside) else None


def test_confusion_matrix_and_scores(metrics_pieces):
    prediction, truth, expected = (
        metrics_pieces["metric/pred"],
        metrics_pieces["metric/gt"],
        metrics_pieces["metric/cm"],
    )
    classes = len(expected)
    table = ConfusionMatrix(classes, ignore_index=metrics_void_of(truth, classes))
    for image, target in zip(prediction, truth, strict=True):
        table.update(image, target)
    assert np.array_equal(table.counts, expected)
    whole = confusion_matrix(prediction, truth, classes=classes, ignore_index=table.ignore_index)
    assert np.array_equal(whole, expected)
    found = table.metrics()
    for ours, theirs in (
        ("accuracy", "acc"),
        ("class accuracy", "acc_class"),
        ("mIoU", "miou"),
        ("FWIoU", "fwiou"),
    ):
        assert found[ours] == pytest.approx(float(metrics_pieces[f"metric/{theirs}"]), abs=METRICS_CLOSE), theirs
    assert np.allclose(
        class_iou(table.counts), metrics_pieces["metric/iou_class"], rtol=0, atol=METRICS_CLOSE, equal_nan=True
    )


def metrics_step_epochs_of(factors, epochs):
    """Length of a stair in epochs, read off the recorded rates."""
    first = factors[0] / factors
    exponents = np.rint(np.log10(first)).astype(int)
    fitting = [size for size in range(1, epochs[-1] + 2) if np.array_equal(epochs // size, exponents)]
    assert fitting
    return fitting[0]


def metrics_recorded_rates(metrics_pieces):
    """Steps, names of schedules and rows of rates."""
    base, epochs, per_epoch = metrics_pieces["lr/base_epochs_iters"]
    rows = next(value for name, value in metrics_pieces.items() if name.startswith("lr/") and value.ndim == 2)
    per_epoch = int(per_epoch)
    listed = [(epoch, part) for epoch in range(0, int(epochs), 7) for part in (0, per_epoch // 2)]
    assert len(listed) == len(rows)
    steps = np.array([epoch * per_epoch + part for epoch, part in listed])
    found = {}
    for name, values in metrics_pieces.items():
        if name.startswith("lr/") and values.ndim == 2:
            _, kind, rule = name.split("/")
            found[kind, rule] = values
    return float(base), int(epochs), per_epoch, steps, found


def metrics_optim_of(kind, rates, base, per_epoch, steps):
    """Our options for a recorded schedule: ``poly2`` is poly with two epochs of warm-up."""
    word = kind.rstrip("0123456789")
    options = {"lr": base, "schedule": {"cos": "cosine"}.get(word, word), "name": "sgd"}
    if word != kind:
        options["warmup_epochs"] = float(kind[len(word) :])
    if word == "step":
        options |= {"gamma": 0.1, "step_epochs": metrics_step_epochs_of(rates[:, 0], steps // per_epoch)}
    if rates[-1, 0] != rates[-1, 1]:
        options["head_lr_factor"] = float(round(rates[-1, 1] / rates[-1, 0]))
    return Optim(**options)


class MetricsNet(nn.Module):
    """An encoder and a head."""

    def __init__(self):
        super().__init__()
        self.encoder, self.head = nn.Linear(1, 1), nn.Linear(1, 1)


def test_learning_rates(metrics_pieces, tmp_path):
    base, epochs, per_epoch, steps, recorded = metrics_recorded_rates(metrics_pieces)
    assert {kind for kind, _ in recorded} >= {"poly", "cos", "step", "poly2"}
    for (kind, rule), rates in recorded.items():
        optim = metrics_optim_of(kind, rates, base, per_epoch, steps)
        total = epochs * per_epoch
        ours = np.array([base * rate_factor(optim, int(s), steps=total, per_epoch=per_epoch) for s in steps])
        assert np.allclose(ours, rates[:, 0], rtol=1e-9, atol=0), kind
        plan = Plan(tmp_path, steps=total, batch=2, epoch_items=2 * per_epoch, validate_every=total, optim=optim)
        optimizer = make_optimizer(MetricsNet(), optim)
        schedule = make_schedule(optimizer, plan)
        seen = {}
        for step in range(int(steps[-1]) + 1):
            seen[step] = [group["lr"] for group in optimizer.param_groups]
            optimizer.step()
            schedule.step()
        trained = np.array([seen[int(step)] for step in steps])
        assert np.allclose(trained, rates if trained.shape[1] == 2 else rates[:, :1], rtol=1e-9, atol=0), (kind, rule)


def test_learning_rates_of_wavecnet(parity):
    """Theirs: five epochs of warm-up, after which the decay begins; milestones are epochs of the whole run."""
    pieces = dict(np.load(parity / "networks" / "wavecnet_lr.npz"))
    base, gamma, step_epochs, epochs = pieces["lr_gamma_step_epochs"]
    per_epoch = int(pieces["num_iter"])
    steps = (pieces["epochs"][:, None] * per_epoch + pieces["iters"]).ravel()
    names = {
        "step": {"schedule": "step", "step_epochs": int(step_epochs)},
        "cos": {"schedule": "cosine"},
        "linear": {"schedule": "poly", "power": 1.0},
        "schedule": {"schedule": "step", "milestones": pieces["schedule"].tolist()},
    }
    for name, options in names.items():
        for warm in (0, 1):
            optim = Optim(**options, gamma=float(gamma), warmup_epochs=5.0 * warm, after_warmup=True)
            total = int(epochs) * per_epoch
            ours = [float(base) * rate_factor(optim, int(step), steps=total, per_epoch=per_epoch) for step in steps]
            assert np.allclose(ours, pieces[f"{name}/warmup{warm}"], rtol=1e-12, atol=0), (name, warm)


class MetricsFixed(nn.Module):
    """Always the same logits."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, image):
        return self.logits


def test_cross_entropy(metrics_pieces):
    logits, target = (
        torch.from_numpy(metrics_pieces["loss/logits"]).double(),
        torch.from_numpy(metrics_pieces["loss/target"]),
    )
    void = metrics_void_of(metrics_pieces["loss/target"], logits.shape[1])
    weight = torch.from_numpy(metrics_pieces["loss/weight"]).double()
    counted = torch.zeros_like(target, dtype=torch.bool) if void is None else target == void
    for divided in (True, False):
        loss = CrossEntropyLoss(ignore_index=void)
        task = SegmentationTask(MetricsFixed(logits), loss, [], divide=divided)
        found = task.step({"image": logits, "target": target})["loss"]
        assert float(found) == pytest.approx(
            float(metrics_pieces[f"loss/ce/none/batch_average{int(divided)}"]), abs=1e-6
        )
        # theirs divides by the weights of the pixels, ours by their number
        mean_weight = weight[target[~counted]].mean()
        task = SegmentationTask(
            MetricsFixed(logits), CrossEntropyLoss(ignore_index=void, class_weight=weight), [], divide=divided
        )
        found = task.step({"image": logits, "target": target})["loss"] / mean_weight
        assert float(found) == pytest.approx(
            float(metrics_pieces[f"loss/ce/weighted/batch_average{int(divided)}"]), abs=1e-6
        )


def test_their_focal_loss_is_a_function_of_the_mean_cross_entropy(metrics_pieces):
    """Theirs weighs the mean cross-entropy as if it were one pixel, so ours, pixel by pixel, is another number."""
    mean = float(metrics_pieces["loss/ce/none/batch_average0"])
    batch = float(metrics_pieces["loss/ce/none/batch_average0"]) / float(metrics_pieces["loss/ce/none/batch_average1"])
    theirs = 0.5 * (1 - np.exp(-mean)) ** 2 * mean
    assert theirs == pytest.approx(float(metrics_pieces["loss/focal/none/batch_average0"]), abs=1e-6)
    assert theirs / batch == pytest.approx(float(metrics_pieces["loss/focal/none/batch_average1"]), abs=1e-6)
    logits, target = torch.from_numpy(metrics_pieces["loss/logits"]), torch.from_numpy(metrics_pieces["loss/target"])
    ours = FocalLoss(ignore_index=metrics_void_of(metrics_pieces["loss/target"], logits.shape[1]))(logits, target)
    assert abs(float(ours) - theirs) > 1e-2
