"""Compiled, exported and in another runtime: the same numbers as in eager PyTorch."""

import pytest
import torch
from torch import nn

from subband.transforms import dwt, filter_bank, idwt, orthogonal_bank, wavedec, waverec
from subband.transforms._border import MODES
from subband.transforms.packets import inverse_wavelet_packets, wavelet_packets
from subband.transforms.stationary import iswt, swt

EXPORTED = ["periodization", "zero", "symmetric", "antireflect", "authors"]


@pytest.fixture(autouse=True)
def _fresh():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def noise(*shape, dtype=torch.float32, seed=5):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def there_and_back(x, wavelet="db2", mode="periodization"):
    bands = dwt(x, wavelet, mode=mode)
    return bands["ad"], idwt(bands, wavelet, mode=mode, shape=x.shape[-2:])


def worst(found, expected):
    assert all(a.shape == b.shape for a, b in zip(found, expected, strict=True))
    return max(float((a - b).detach().abs().max()) for a, b in zip(found, expected, strict=True))


def gradient(function, x):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(function(x)[0].square().sum(), x)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_one_graph_without_a_break(mode):
    """One odd and one even axis, values and gradient."""
    x = noise(2, 9, 8)
    function = torch.compile(lambda x: there_and_back(x, "db2", mode), fullgraph=True, backend="aot_eager")
    assert worst(function(x), there_and_back(x, "db2", mode)) < 1e-6
    assert worst(gradient(function, x), gradient(lambda x: there_and_back(x, "db2", mode), x)) < 1e-5


@pytest.mark.slow
def test_one_graph_for_all_sizes():
    function = torch.compile(there_and_back, fullgraph=True, backend="aot_eager", dynamic=True)
    for size in ((8, 12), (9, 7), (30, 31)):
        x = noise(2, *size)
        assert worst(function(x), there_and_back(x)) < 1e-6


def _levels(x):
    found = wavedec(x, "db2", level=2, mode="symmetric")
    return found.details[0]["dd"], waverec(found)


def _packets(x):
    found = wavelet_packets(x, "haar", dims=1, level=2)
    return found.bands["da"], inverse_wavelet_packets(found)


def _stationary(x):
    found = swt(x, "db2", level=2)
    return found.details[0]["dd"], iswt(found)


@pytest.mark.slow
@pytest.mark.parametrize("function", [_levels, _packets, _stationary])
def test_the_other_transforms_in_one_graph(function):
    x = noise(2, 10, 11)
    compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
    assert worst(compiled(x), function(x)) < 1e-6
    assert worst(gradient(compiled, x), gradient(function, x)) < 1e-5


@pytest.mark.slow
def test_inductor():
    """The whole transform in one compiled function, forward and backward."""
    x = noise(2, 9, 12)
    function = torch.compile(there_and_back, fullgraph=True)
    assert worst(function(x), there_and_back(x)) < 1e-6
    assert worst(gradient(function, x), gradient(there_and_back, x)) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_compiled_axis_by_axis(layout):
    """``compiled=True``: the sums over the taps alone are compiled, one code object for each axis and filter."""
    for size in ((9, 12), (16, 10)):
        x = noise(2, 3, *size).contiguous(memory_format=layout).requires_grad_()
        bands = dwt(x, "db2", compiled=True)
        expected = dwt(x, "db2")
        assert worst(bands.values(), expected.values()) < 1e-6
        assert worst([idwt(bands, "db2", shape=size, compiled=True)], [x]) < 1e-5
        found = torch.autograd.grad(bands["ad"].square().sum(), x)
        assert worst(found, torch.autograd.grad(expected["ad"].square().sum(), x)) < 1e-5


@pytest.mark.slow
def test_compiled_over_several_levels_and_shifts():
    x = noise(2, 13, 10)
    assert worst([waverec(wavedec(x, level=2, compiled=True), compiled=True)], [x]) < 1e-5
    assert worst([iswt(swt(x, level=2, compiled=True), compiled=True)], [x]) < 1e-5
    packets = wavelet_packets(x, level=2, compiled=True)
    assert worst([inverse_wavelet_packets(packets, compiled=True)], [x]) < 1e-5


def test_compiled_does_not_matter_to_filters_that_learn():
    taps = torch.tensor(filter_bank("db2").rec_lo, requires_grad=True)
    bands = dwt(noise(4, 6), orthogonal_bank(taps), compiled=True)
    assert torch.autograd.grad(bands["ad"].sum(), taps)[0].abs().max() > 0


class Network(nn.Module):
    """A convolution between a transform and its inverse."""

    def __init__(self, wavelet="db2", mode="periodization"):
        super().__init__()
        self.wavelet, self.mode = wavelet, mode
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        bands = dwt(x, self.wavelet, mode=self.mode)
        bands["aa"] = self.conv(bands["aa"])
        return idwt(bands, self.wavelet, mode=self.mode, shape=x.shape[-2:])


def exported(network, smallest=4):
    height, width = torch.export.Dim("height", min=smallest, max=512), torch.export.Dim("width", min=smallest, max=512)
    return torch.export.export(network, (noise(2, 3, 9, 12),), dynamic_shapes=({2: height, 3: width},))


@pytest.mark.slow
@pytest.mark.parametrize("mode", EXPORTED)
@pytest.mark.parametrize("wavelet", ["haar", "db2"])
def test_export_with_dynamic_sizes(wavelet, mode):
    network = Network(wavelet, mode).eval()
    module = exported(network).module()
    for size in ((9, 12), (4, 5), (17, 30), (64, 33)):
        x = noise(2, 3, *size)
        assert worst([module(x)], [network(x)]) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("mode", EXPORTED)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_onnx_in_onnxruntime(mode, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    network = Network("bior2.2", mode).eval()
    file = tmp_path / "network.onnx"
    sizes = {2: torch.export.Dim("height", min=4, max=512), 3: torch.export.Dim("width", min=4, max=512)}
    torch.onnx.export(network, (noise(2, 3, 9, 12),), file, dynamo=True, dynamic_shapes=(sizes,), verbose=False)
    session = runtime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    for size in ((9, 12), (6, 5), (32, 17)):
        x = noise(2, 3, *size)
        found = session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]
        assert worst([torch.from_numpy(found)], [network(x)]) < 1e-5
