"""Wavelet down- and up-sampling against PyWavelets, by hand, and at every size."""

import copy
import pickle

import numpy as np
import pytest
import pywt
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from subband.layers import OrthogonalFilters, downsample
from subband.layers.downsample import Details, WaveletDownsample, WaveletSplit, WaveletUpsample
from subband.transforms import dwt
from subband.transforms.filter_bank import orthogonal_bank

PYWT_MODES = ["periodization", "zero", "symmetric", "reflect", "periodic", "constant"]
SIZES = {1: (9,), 2: (9, 12), 3: (5, 6, 9)}
DIMS = pytest.mark.parametrize("dims", [1, 2, 3])


def image(dims, generator, dtype=torch.float64):
    return torch.randn(2, 3, *SIZES[dims], generator=generator, dtype=dtype)


@DIMS
@pytest.mark.parametrize("mode", PYWT_MODES)
@pytest.mark.parametrize("wavelet", ["haar", "db2", "bior4.4", "db12"])
def test_bands_are_those_of_pywavelets(dims, mode, wavelet, generator):
    x = image(dims, generator)
    expected = pywt.dwtn(x.numpy(), wavelet, mode=mode, axes=range(2, 2 + dims))
    low = WaveletDownsample(wavelet, dims=dims, mode=mode).double()(x)
    assert np.allclose(low, expected["a" * dims], atol=1e-12)
    stacked = WaveletDownsample(wavelet, dims=dims, mode=mode, bands="all")(x)
    assert np.allclose(stacked, np.concatenate([expected[name] for name in sorted(expected)], axis=1), atol=1e-12)
    assert stacked.shape[1] == 3 * 2**dims


def test_haar_by_hand():
    x = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]]]])
    assert torch.allclose(WaveletDownsample()(x), torch.tensor(6.0))
    bands = WaveletDownsample(bands="all")(x).flatten()
    assert torch.allclose(bands, torch.tensor([6.0, -2.0, -3.0, 1.0]))  # aa, ad along the row, da down the column, dd
    low, details = WaveletSplit()(x)
    assert torch.allclose(low, torch.tensor(6.0))
    assert sorted(details.bands) == ["ad", "da", "dd"]
    assert details.shape == (2, 2)


def test_small_details_are_left_out_by_hand():
    x = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]]]])
    low, details = WaveletSplit()(x)
    back = WaveletUpsample(threshold=1.5)(low, details)
    assert torch.allclose(back, torch.tensor([[[[0.5, 2.5], [3.5, 5.5]]]]))  # without dd = 1
    assert torch.allclose(WaveletUpsample(threshold=0.5)(low, details), x)


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 20),
    width=st.integers(1, 20),
    wavelet=st.sampled_from(["haar", "db3", "ch2.2", "ch3.3", "coif2"]),
    mode=st.sampled_from(PYWT_MODES),
)
def test_upsampling_undoes_the_split_at_every_size(height, width, wavelet, mode):
    x = torch.rand(1, 2, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(height + width))
    low, details = WaveletSplit(wavelet, mode=mode)(x)
    back = WaveletUpsample(wavelet, mode=mode)(low, details)
    assert torch.allclose(back, x, atol=1e-10)
    assert torch.allclose(WaveletDownsample(wavelet, mode=mode).double()(x), low, atol=1e-12)


@DIMS
@pytest.mark.parametrize("wavelet", ["haar", "db2", "ch3.3"])
def test_authors_bands_at_odd_sizes(dims, wavelet, generator):
    x = image(dims, generator)
    bands = dwt(x, wavelet, dims=dims, mode="authors")
    low = WaveletDownsample(wavelet, dims=dims, mode="authors").double()(x)
    assert torch.allclose(low, bands["a" * dims], atol=1e-12)
    assert low.shape[2:] == tuple(size // 2 for size in x.shape[2:])


@pytest.mark.parametrize("mode", ["periodization", "zero", "authors"])
@pytest.mark.parametrize("size", [(4, 6), (5, 7)])
def test_gradients(mode, size, generator):
    x = torch.randn(1, 1, *size, generator=generator, dtype=torch.float64, requires_grad=True)
    down, split, up = (
        WaveletDownsample("db2", mode=mode),
        WaveletSplit("db2", mode=mode),
        WaveletUpsample("db2", mode=mode),
    )
    assert gradcheck(down.double(), x, fast_mode=True)

    def through(x):
        low, details = split(x)
        return up(2 * low, details)

    assert gradcheck(through, x, fast_mode=True)


def test_the_low_band_alone_is_all_that_is_computed(monkeypatch, generator):
    monkeypatch.setattr(downsample, "dwt", None)
    x = image(2, generator, torch.float32)
    assert WaveletDownsample("db2")(x).shape == (2, 3, 5, 6)


def test_learnable_filters_get_a_gradient(generator):
    filters = OrthogonalFilters(init="db2").double()
    x = image(2, generator)
    layer = WaveletDownsample(filters)
    low = layer(x)
    assert torch.allclose(low, WaveletDownsample("db2").double()(x), atol=1e-6)
    assert torch.autograd.grad(low.square().sum(), filters.angles)[0].abs().sum() > 0
    with torch.no_grad():
        filters.angles += 0.3
    assert not torch.allclose(layer(x), low, atol=1e-3)  # read anew at each call
    split, up = WaveletSplit(filters), WaveletUpsample(filters)
    assert torch.allclose(up(*split(x)), x, atol=1e-12)


@pytest.mark.message
def test_tensors_without_their_module_are_refused():
    with pytest.raises(ValueError, match="give it the module they are of"):
        WaveletDownsample(orthogonal_bank(torch.tensor(pywt.Wavelet("db2").rec_lo)))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype, generator):
    x = image(2, generator, torch.float32)
    kept = x.clone()
    for module in (WaveletDownsample("db2"), WaveletDownsample("db2", bands="all")):
        low = module(x.to(dtype))
        assert low.dtype == dtype
        assert torch.allclose(low.float(), module(x), atol=0.1)
    assert torch.equal(x, kept)


def test_nothing_is_stored_in_a_checkpoint():
    for module in (WaveletDownsample("db2"), WaveletSplit("db2"), WaveletUpsample("db2")):
        assert not module.state_dict()
        assert "'db2', dims=2, mode='periodization'" in repr(module)


def test_copies_and_pickles(generator):
    x = image(2, generator, torch.float32)
    module = WaveletDownsample("ch2.2")
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(other(x), module(x))


class DownAndUp(torch.nn.Module):
    def __init__(self, wavelet):
        super().__init__()
        self.down, self.split, self.up = WaveletDownsample(wavelet), WaveletSplit(wavelet), WaveletUpsample(wavelet)

    def forward(self, x):
        low, details = self.split(x)
        return self.up(self.down(x), details) + self.up(low, details)


@pytest.mark.slow
def test_compiles_and_exports(generator):
    x = image(2, generator, torch.float32)
    module = DownAndUp("db2")
    expected = module(x)
    assert torch.allclose(torch.compile(module, fullgraph=True, backend="aot_eager")(x), expected, atol=1e-6)
    sizes = {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    exported = torch.export.export(module, (x,), dynamic_shapes=(sizes,)).module()
    assert torch.allclose(exported(x), expected, atol=1e-6)
    other = torch.randn(2, 3, 16, 21, generator=generator)
    assert torch.allclose(exported(other), module(other), atol=1e-6)


@pytest.mark.message
def test_errors_say_what_to_do(generator):
    with pytest.raises(ValueError, match=r"bands is 'lwo', but must be one of low, all; did you mean 'low'"):
        WaveletDownsample(bands="lwo")
    with pytest.raises(ValueError, match="dims is 4, but must be 1 for signals, 2 for images or 3 for volumes"):
        WaveletSplit(dims=4)
    with pytest.raises(ValueError, match=r"mode is 'symetric', but .* did you mean 'symmetric'"):
        WaveletUpsample(mode="symetric")
    with pytest.raises(ValueError, match=r"no wavelet called 'harr'; did you mean 'haar'"):
        WaveletDownsample("harr")
    with pytest.raises(ValueError, match="threshold is -1, but must be greater than 0"):
        WaveletUpsample(threshold=-1)
    with pytest.raises(ValueError, match=r"dtype torch\.int64, but must be real"):
        WaveletDownsample()(torch.zeros(1, 1, 4, 4, dtype=torch.int64))
    low, details = WaveletSplit()(image(2, generator))
    with pytest.raises(ValueError, match="give the shape that x had"):
        WaveletUpsample()(low, Details(details.bands, (8, 8)))
