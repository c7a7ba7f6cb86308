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
    """Values and gradient, of an odd size."""

    def both(x):
        bands = dwt(x, "db2", dims=1, mode=mode)
        return bands["d"], idwt(bands, "db2", dims=1, mode=mode, shape=x.shape[-1:])

    x = noise(2, 9)
    function = torch.compile(both, fullgraph=True, backend="aot_eager")
    assert worst(function(x), both(x)) < 1e-6
    assert worst(gradient(function, x), gradient(both, x)) < 1e-5


@pytest.mark.slow
def test_one_graph_for_all_sizes():
    function = torch.compile(there_and_back, fullgraph=True, backend="aot_eager", dynamic=True)
    for size in ((8, 12), (9, 7), (30, 31)):
        x = noise(2, *size)
        assert worst(function(x), there_and_back(x)) < 1e-6


def _levels(x):
    found = wavedec(x, "db2", dims=1, level=2, mode="symmetric")
    return found.details[0]["d"], waverec(found)


def _packets(x):
    found = wavelet_packets(x, "haar", dims=1, level=2)
    return found.bands["da"], inverse_wavelet_packets(found)


def _stationary(x):
    found = swt(x, "db2", dims=1, level=2)
    return found.details[0]["d"], iswt(found)


@pytest.mark.slow
@pytest.mark.parametrize("function", [_levels, _packets, _stationary])
def test_the_other_transforms_in_one_graph(function):
    x = noise(2, 11)
    compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
    assert worst(compiled(x), function(x)) < 1e-6
    assert worst(gradient(compiled, x), gradient(function, x)) < 1e-5


@pytest.mark.slow
def test_inductor():
    """A transform of an image in one compiled function, forward and backward."""
    x = noise(2, 9, 12)
    function = torch.compile(lambda x: list(dwt(x, "db2").values()), fullgraph=True)
    assert worst(function(x), dwt(x, "db2").values()) < 1e-6
    assert worst(gradient(function, x), gradient(lambda x: list(dwt(x, "db2").values()), x)) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_compiled_axis_by_axis(layout):
    """``compiled=True``: the sums over the taps alone are compiled, one code object for each axis and filter."""
    x = noise(2, 3, 9, 12).contiguous(memory_format=layout).requires_grad_()
    bands, expected = dwt(x, "db2", compiled=True), dwt(x, "db2")
    assert worst(bands.values(), expected.values()) < 1e-6
    assert worst([idwt(bands, "db2", shape=(9, 12), compiled=True)], [x]) < 1e-5
    found = torch.autograd.grad(bands["ad"].square().sum(), x)
    assert worst(found, torch.autograd.grad(expected["ad"].square().sum(), x)) < 1e-5


@pytest.mark.slow
def test_compiled_over_several_levels():
    x = noise(2, 13)
    assert worst([waverec(wavedec(x, dims=1, level=2, compiled=True), compiled=True)], [x]) < 1e-5
    assert worst([iswt(swt(x, dims=1, level=2, compiled=True), compiled=True)], [x]) < 1e-5
    packets = wavelet_packets(x, dims=1, level=2, compiled=True)
    assert worst([inverse_wavelet_packets(packets, compiled=True)], [x]) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["symmetric", "authors", "antireflect"])
def test_compiled_with_other_borders(mode):
    """Borders are in the graph: of odd and of even sizes, of float64, to rounding."""
    for n in (9, 12):
        x = noise(3, n, dtype=torch.float64).requires_grad_()
        found, expected = (dwt(x, "db2", dims=1, mode=mode, compiled=compiled) for compiled in (True, False))
        assert worst(found.values(), expected.values()) < 1e-14
        slopes = [torch.autograd.grad(sum(b.pow(3).sum() for b in bands.values()), x) for bands in (found, expected)]
        assert worst(*slopes) < 1e-12
        given = {name: band.detach() for name, band in expected.items()}
        back = [idwt(given, "db2", dims=1, mode=mode, shape=(n,), compiled=compiled) for compiled in (True, False)]
        assert worst(back[:1], back[1:]) < 1e-14


@pytest.mark.slow
def test_more_filters_than_recompilations():
    """torch.compile gives up after eight graphs of one code object; each filter has its own, and sizes share one."""
    with torch._dynamo.config.patch(recompile_limit=3):
        for number, wavelet in enumerate(("haar", "db2", "db3", "bior2.2", "coif1")):
            x = noise(2, 10 + 2 * number)
            assert worst(dwt(x, wavelet, dims=1, compiled=True).values(), dwt(x, wavelet, dims=1).values()) < 1e-6
        for size in (20, 22, 26, 30):
            x = noise(2, size)
            assert worst(dwt(x, "db2", dims=1, compiled=True).values(), dwt(x, "db2", dims=1).values()) < 1e-6


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
@pytest.mark.parametrize(("wavelet", "mode"), [("haar", "periodization"), *(("db2", mode) for mode in EXPORTED)])
def test_export_with_dynamic_sizes(wavelet, mode):
    network = Network(wavelet, mode).eval()
    module = exported(network).module()
    for size in ((9, 12), (4, 5), (17, 30), (64, 33)):
        x = noise(2, 3, *size)
        assert worst([module(x)], [network(x)]) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["periodization", "antireflect", "authors"])
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
