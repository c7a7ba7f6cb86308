from dataclasses import replace

import numpy as np
import pytest
import pywt
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from subband.transforms.dwt import dwt
from subband.transforms.packets import inverse_wavelet_packets, wavelet_packets

PYWT_MODES = pywt.Modes.modes


def noise(*shape, dtype=torch.float64, seed=5):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def check(packets, nodes):
    assert set(packets.bands) == set(nodes)
    limit = 1e-12 * max(1.0, *(np.abs(node).max() for node in nodes.values()))
    for path, expected in nodes.items():
        assert packets.bands[path].shape == expected.shape
        assert np.abs(packets.bands[path].numpy() - expected).max() < limit


@pytest.mark.parametrize("mode", PYWT_MODES)
@pytest.mark.parametrize("name", ["haar", "db3", "bior2.2"])
@pytest.mark.parametrize("size", [16, 21])
def test_signals_equal_pywavelets(size, name, mode):
    x = noise(size)
    for order, theirs in (("natural", "natural"), ("frequency", "freq")):
        packets = wavelet_packets(x, name, dims=1, level=3, mode=mode, order=order)
        nodes = pywt.WaveletPacket(x.numpy(), name, mode, maxlevel=3).get_level(3, theirs)
        assert list(packets.bands) == [node.path for node in nodes]
        check(packets, {node.path: node.data for node in nodes})


@pytest.mark.parametrize("mode", PYWT_MODES)
@pytest.mark.parametrize("name", ["haar", "db2", "rbio3.1"])
def test_images_equal_pywavelets(name, mode):
    """Its two-dimensional packets call aa a, ad v, da h, dd d."""
    x, letters = noise(13, 16), {"a": "aa", "v": "ad", "h": "da", "d": "dd"}
    packets = wavelet_packets(x, name, level=2, mode=mode, order="frequency")
    rows = pywt.WaveletPacket2D(x.numpy(), name, mode, maxlevel=2).get_level(2, "freq")
    nodes = {"".join(letters[one] for one in node.path): node.data for row in rows for node in row}
    assert list(packets.bands) == list(nodes)
    check(packets, nodes)


@pytest.mark.parametrize(("size", "level"), [((6, 9), 2), ((5, 4, 6), 1), ((8, 7, 6), 2)])
@pytest.mark.parametrize("mode", ["periodization", "symmetric"])
def test_any_number_of_axes_equals_pywavelets(size, level, mode):
    x, dims = noise(2, *size), len(size)
    packets = wavelet_packets(x, "db2", dims=dims, level=level, mode=mode)
    tree = pywt.WaveletPacketND(x.numpy(), "db2", mode, maxlevel=level, axes=tuple(range(1, dims + 1)))
    nodes = {node.path: node.data for node in tree.get_level(level)}
    assert list(packets.bands) == sorted(nodes)
    check(packets, nodes)


def test_haar_by_hand():
    packets = wavelet_packets(torch.tensor([1.0, 3.0, 5.0, 11.0], dtype=torch.float64), dims=1, level=2)
    found = {path: band.item() for path, band in packets.bands.items()}
    assert found == pytest.approx({"aa": 10, "ad": -6, "da": -4, "dd": 2}, abs=1e-13)


def test_frequency_order_is_of_rising_frequency():
    """A cosine of each frequency has most of its energy in the band of that place."""
    n, level = 256, 3
    for place in range(2**level):
        frequency = (place + 0.5) / 2**level / 2
        wave = torch.cos(2 * torch.pi * frequency * torch.arange(n, dtype=torch.float64))
        bands = wavelet_packets(wave, "db20", dims=1, level=level, order="frequency").bands
        energies = [float(band.square().sum()) for band in bands.values()]
        assert energies.index(max(energies)) == place


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    size=st.one_of(st.tuples(st.integers(1, 40)), st.tuples(*[st.integers(1, 12)] * 2)),
    name=st.sampled_from(["haar", "db4", "bior3.5", "sym6"]),
    mode=st.sampled_from(PYWT_MODES),
    order=st.sampled_from(["natural", "frequency"]),
    data=st.data(),
)
def test_any_size_comes_back(size, name, mode, order, data):
    level = data.draw(st.integers(1, min(3, max(1, (max(size) - 1).bit_length()))))
    x = noise(2, *size)
    packets = wavelet_packets(x, name, dims=len(size), level=level, mode=mode, order=order)
    assert len(packets.bands) == 2 ** (level * len(size))
    back = inverse_wavelet_packets(packets)
    assert back.shape == x.shape
    assert (back - x).abs().max() < 1e-10 * max(1.0, *(float(band.abs().max()) for band in packets.bands.values()))


def test_authors_sizes():
    x = noise(11)
    packets = wavelet_packets(x, dims=1, level=2, mode="authors")
    assert {path: len(band) for path, band in packets.bands.items()} == {"aa": 2, "ad": 3, "da": 3, "dd": 3}
    even = noise(12)
    assert (inverse_wavelet_packets(wavelet_packets(even, dims=1, level=2, mode="authors")) - even).abs().max() < 1e-12
    assert inverse_wavelet_packets(packets).shape == (11,)


def test_chosen_axes_and_one_level():
    x = noise(5, 4, 6)
    packets = wavelet_packets(x, "db2", dims=(0, 2))
    assert (packets.axes, packets.shape) == ((-3, -1), (5, 6))
    for name, band in dwt(x, "db2", dims=(0, 2)).items():
        assert torch.equal(packets.bands[name], band)


def test_a_missing_band_counts_as_zero():
    packets = wavelet_packets(noise(9, 7), "db2", level=2)
    kept = {path: band for path, band in packets.bands.items() if path in ("aaaa", "adda", "addd")}
    zeros = {path: band if path in kept else torch.zeros_like(band) for path, band in packets.bands.items()}
    expected = inverse_wavelet_packets(replace(packets, bands=zeros))
    assert (inverse_wavelet_packets(replace(packets, bands=kept)) - expected).abs().max() < 1e-13


def test_gradcheck():
    x = noise(7, 6).requires_grad_()

    def both(x):
        packets = wavelet_packets(x, "db2", level=2, mode="reflect")
        return packets.bands["adda"], inverse_wavelet_packets(packets)

    assert torch.autograd.gradcheck(both, x, fast_mode=True)
    assert torch.autograd.gradgradcheck(both, x, fast_mode=True)


@pytest.mark.message
def test_bad_input():
    x = torch.ones(4, 4)
    with pytest.raises(ValueError, match="order is 'freq', but must be one of natural, frequency; did you mean"):
        wavelet_packets(x, order="freq")
    with pytest.raises(ValueError, match="the deepest level is 2"):
        wavelet_packets(x, level=3)
    packets = wavelet_packets(x, level=2)
    for bands, sentence in (
        ({}, "there is no band, but packets of 2 axes"),
        ({"aaa": x}, "there is a band at 'aaa', but packets of 2 axes"),
        ({"": x}, "there is a band at '', but packets of 2 axes"),
        ({"ah": x}, "there is a band at 'ah'.* made of 'aa' to 'dd', one such name for each level"),
        ({"aa": x, "aaad": x}, r"there is bands of the levels \[1, 2\]"),
        ({"aaaa": x}, r"band 'aa' has size \(4, 4\), but for x of \(2, 2\)"),
    ):
        with pytest.raises(ValueError, match=sentence):
            inverse_wavelet_packets(replace(packets, bands=bands))
