"""The depthwise low-pass filter: PyTorch's pooling sizes, the DWT's low band, blur by hand."""

import copy
import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from subband.layers.low_pass import LowPass, low_pass_taps
from subband.layers.window import Window
from subband.transforms import filter_bank
from subband.transforms.dwt import dwt

WAVELETS = pytest.mark.parametrize("wavelet", ["haar", "db2", "ch3.3", "bior2.2", "db7", "coif3"])


@WAVELETS
@pytest.mark.parametrize(("dims", "size"), [(1, (18,)), (2, (16, 12)), (3, (8, 10, 12))])
def test_is_the_low_band_of_the_authors_transform(wavelet, dims, size, generator):
    x = torch.randn(2, 3, *size, dtype=torch.float64, generator=generator)
    kept = x.clone()
    expected = dwt(x, wavelet, dims=dims, mode="authors")["a" * dims]
    assert (LowPass(wavelet, dims=dims).double()(x) - expected).abs().max() < 1e-12
    assert torch.equal(x, kept)


@WAVELETS
def test_odd_sizes_are_the_authors_with_floor(wavelet, generator):
    x = torch.randn(1, 2, 15, 9, dtype=torch.float64, generator=generator)
    floor = LowPass(wavelet, window=Window(ceil_mode=False)).double()
    assert (floor(x) - dwt(x, wavelet, mode="authors")["aa"]).abs().max() < 1e-12
    assert LowPass(wavelet).double()(x).shape == (1, 2, 8, 5)


def windows():
    for size, ceil_mode, stride in itertools.product(range(1, 9), (False, True), (2, 4, 8)):
        for padding in range(size // 2 + 1):
            yield Window(size, stride, padding, ceil_mode)


@pytest.mark.parametrize("taps", [2, 3, 4, 6, 10])
def test_sizes_are_those_of_max_pooling(taps):
    compared = 0
    for window in windows():
        for n in range(max(1, window.size - 2 * window.padding), 32):
            pooled = F.max_pool1d(
                torch.zeros(1, 1, n), window.size, window.stride, window.padding, ceil_mode=window.ceil_mode
            )
            left = n
            for front, behind in window.borders(taps):
                left = (left + front + behind - taps) // 2 + 1
            assert left == pooled.shape[-1], (window, n)
            compared += 1
    assert compared > 3000


def test_borders_are_those_of_the_specification():
    for size, padding, ceil_mode, taps in itertools.product(range(2, 8), range(4), (False, True), (2, 4, 6, 10)):
        if padding > size // 2 or (size, padding, ceil_mode) == (2, 1, True):  # there PyTorch drops a window
            continue
        ((front, behind),) = Window(size, 2, padding, ceil_mode).borders(taps)
        assert front == taps // 2 - 1 - ((size - 1) // 2 - padding)
        assert front + behind == taps + 2 * padding - size + ceil_mode


@pytest.mark.parametrize(
    "window", [Window(3, 2, 1, False), Window(5, 2, 0, False), Window(1, 2, 0, False), Window(2, 4)]
)
@pytest.mark.parametrize("wavelet", ["haar", "ch3.3", "blur3", "db6"])
def test_any_window_by_padding_and_striding(window, wavelet, generator):
    x = torch.randn(2, 3, 13, 18, dtype=torch.float64, generator=generator)
    taps = torch.tensor(low_pass_taps(wavelet), dtype=torch.float64)
    expected = x
    for front, behind in window.borders(len(taps)):
        for axis in (2, 3):
            moved = F.pad(expected.movedim(axis, -1), (front, behind))
            expected = (moved.unfold(-1, len(taps), 2) @ taps).movedim(-1, axis)
    found = LowPass(wavelet, window=window).double()(x)
    assert (
        found.shape[2:]
        == F.max_pool2d(x, window.size, window.stride, window.padding, ceil_mode=window.ceil_mode).shape[2:]
    )
    assert (found - expected).abs().max() < 1e-12


def test_haar_is_twice_the_mean_and_dc1_the_mean(generator):
    x = torch.randn(1, 4, 12, 16, generator=generator)
    assert torch.allclose(LowPass()(x), 2 * F.avg_pool2d(x, 2), atol=1e-6)
    assert torch.allclose(LowPass(gain="dc1")(x), F.avg_pool2d(x, 2), atol=1e-6)
    assert torch.allclose(LowPass(gain="dc1", window=Window(4, 4))(x), F.avg_pool2d(x, 4), atol=1e-6)


@pytest.mark.parametrize("wavelet", ["db3", "bior4.4", "rbio3.1", "blur5", "sym6"])
def test_gain_of_a_constant(wavelet):
    middle = (0, 0, 16, 16)
    constant = torch.ones(1, 1, 64, 64, dtype=torch.float64)
    assert LowPass(wavelet, gain="dc1").double()(constant)[middle] == pytest.approx(1, abs=1e-6)
    gain = 1 if wavelet.startswith("blur") else 2
    assert LowPass(wavelet).double()(constant)[middle] == pytest.approx(gain, abs=1e-6)


def test_blur_by_hand():
    assert low_pass_taps("blur3") == (0.25, 0.5, 0.25)
    assert low_pass_taps("blur4") == (0.125, 0.375, 0.375, 0.125)
    x = torch.arange(6.0).reshape(1, 1, 6)
    assert LowPass("blur3", dims=1)(x).flatten().tolist() == [0.25, 2.0, 4.0]
    assert all(math.fsum(low_pass_taps(f"blur{count}")) == 1 for count in range(2, 8))


@pytest.mark.parametrize(("wavelet", "blur"), [("haar", "blur2"), ("ch2.2", "blur3"), ("ch3.3", "blur4")])
def test_three_wavelets_are_blurs_of_twice_the_gain(wavelet, blur, generator):
    x = torch.randn(1, 2, 17, 20, generator=generator)
    assert torch.allclose(LowPass(wavelet)(x), 2 * LowPass(blur)(x), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("count", [3, 5, 7])
def test_odd_blurs_are_timms(count, generator):
    blur_pool = pytest.importorskip("timm.layers").BlurPool2d
    x = torch.randn(1, 3, 21, 24, generator=generator)
    expected = blur_pool(3, filt_size=count, pad_mode="constant")(x)
    assert torch.allclose(LowPass(f"blur{count}")(x), expected, atol=1e-6)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("wavelet", ["haar", "db3"])
def test_gradients(dims, wavelet, generator):
    layer = LowPass(wavelet, dims=dims, window=Window(3, 2, 1, False)).double()
    x = torch.randn(1, 2, *[5, 4, 3][:dims], dtype=torch.float64, generator=generator, requires_grad=True)
    assert torch.autograd.gradcheck(layer, x, fast_mode=True)
    assert torch.autograd.gradgradcheck(layer, x, fast_mode=True)


def test_one_axis_may_stay(generator):
    x = torch.randn(1, 2, 8, 9, dtype=torch.float64, generator=generator)
    layer = LowPass("db2", window=[Window(), Window(stride=1)]).double()
    expected = dwt(x, "db2", dims=(2,), mode="authors")["a"]
    assert (layer(x) - expected).abs().max() < 1e-12


def test_an_image_without_batch(generator):
    x = torch.randn(3, 10, 11, generator=generator)
    assert torch.equal(LowPass("db2")(x), LowPass("db2")(x[None])[0])


def test_leaves_no_trace_in_checkpoints():
    layer = LowPass("db4")
    assert list(layer.state_dict()) == []
    assert list(layer.parameters()) == []


def test_filter_is_exact_after_changes_of_dtype(generator):
    x = torch.randn(1, 2, 12, 12, dtype=torch.float64, generator=generator)
    first = LowPass("db4").double()(x)
    assert torch.equal(LowPass("db4").half().double()(x), first)
    assert (LowPass("db4")(x) - first).abs().max() < 1e-6
    assert LowPass("db4")(x).dtype == torch.float64
    with torch.device("meta"):
        empty = LowPass("db4")
    assert torch.equal(empty.to_empty(device="cpu").double()(x), first)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype, generator):
    x = torch.randn(1, 2, 16, 16, generator=generator)
    found = LowPass("db2").to(dtype)(x.to(dtype))
    assert found.dtype == LowPass("db2")(x.to(dtype)).dtype == dtype
    assert torch.allclose(found.float(), LowPass("db2")(x), atol=0.1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.allclose(LowPass("db2")(x).float(), LowPass("db2")(x.double()).float(), atol=0.1)


def test_channels_last_stays(generator):
    x = torch.randn(2, 4, 12, 12, generator=generator).contiguous(memory_format=torch.channels_last)
    found = LowPass("db2")(x)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(found, LowPass("db2")(x.contiguous()), atol=1e-6)


@pytest.mark.parametrize("wavelet", ["haar", "db6"])
def test_compiles_traces_and_exports_for_every_size(wavelet, generator):
    layer = nn.Sequential(LowPass(wavelet, window=Window(3, 2, 1, False)))
    x = torch.randn(2, 3, 20, 24, generator=generator)
    other = torch.randn(1, 3, 13, 31, generator=generator)
    assert torch.equal(torch.compile(layer, fullgraph=True, backend="aot_eager")(x), layer(x))
    assert torch.equal(torch.fx.symbolic_trace(layer)(other), layer(other))
    sizes = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    exported = torch.export.export(layer, (x,), dynamic_shapes=(sizes,)).module()
    assert torch.equal(exported(other), layer(other))
    assert torch.equal(torch.vmap(layer)(x[None])[0], layer(x))


def test_copies_and_prints():
    layer = LowPass("ch2.2", window=Window(3, 2, 1, False))
    again = copy.deepcopy(layer)
    assert repr(again) == repr(layer)
    assert repr(layer).startswith(
        "LowPass('ch2.2', dims=2, window=Window(size=3, stride=2, padding=1, ceil_mode=False)"
    )
    assert "(Window(" in repr(LowPass(window=[Window(), Window(stride=1)]))


@pytest.mark.message
def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match=r"no wavelet or blur called 'blur33'; did you mean 'blur3'\? "):
        LowPass("blur33")
    with pytest.raises(ValueError, match="gain is 'dc', but must be one of orthonormal, dc1; did you mean 'dc1'"):
        LowPass(gain="dc")
    with pytest.raises(ValueError, match="dims is 4, but must be 1 for signals, 2 for images or 3 for volumes"):
        LowPass(dims=4)
    with pytest.raises(ValueError, match="there are 1 windows for 2 axes; give one, or one for each axis"):
        LowPass(window=[Window()])
    with pytest.raises(ValueError, match="stride is 3, but must be a power of 2"):
        Window(3, 3)
    with pytest.raises(ValueError, match="padding is 2, but must be from 0 to half the size, 1"):
        Window(3, 2, 2)
    with pytest.raises(ValueError, match=r"x has dtype torch.int64, but must be real floating point; convert it"):
        LowPass()(torch.zeros(1, 1, 4, 4, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"x has shape \(4, 4\), but must have a channel axis and 2 axes of space"):
        LowPass()(torch.zeros(4, 4))
    haar = filter_bank("haar")
    learning = [torch.tensor(taps) for taps in (haar.dec_lo, haar.dec_hi, haar.rec_lo, haar.rec_hi)]
    with pytest.raises(ValueError, match="filters learn, but this low-pass filter is fixed; use WaveletDownsample"):
        LowPass(type(haar)(*learning))
