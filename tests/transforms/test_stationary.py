from dataclasses import replace

import numpy as np
import pytest
import pywt
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from subband.transforms import dwt, idwt
from subband.transforms.stationary import iswt, swt

DISCRETE = pywt.wavelist(kind="discrete")
EXACT = [name for name in DISCRETE if name != "dmey"]


def noise(*shape, dtype=torch.float64, seed=5):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def bands_of(coefficients):
    return [coefficients.approx, *(band for level in coefficients.details for band in level.values())]


def largest(coefficients):
    return max(1.0, *(float(band.abs().max()) for band in bands_of(coefficients)))


def check(size, name, level):
    x, dims = noise(2, *size), len(size)
    axes = tuple(range(1, dims + 1))
    found = swt(x, name, dims=dims, level=level)
    approx, *details = pywt.swtn(x.numpy(), name, level, axes=axes, trim_approx=True)
    limit = 1e-12 * largest(found)
    assert np.abs(found.approx.numpy() - approx).max() < limit
    for level_found, expected in zip(found.details, details, strict=True):
        assert set(level_found) == set(expected)
        for band, wanted in expected.items():
            assert np.abs(level_found[band].numpy() - wanted).max() < limit
    changed = replace(
        found,
        approx=noise(*x.shape, seed=6),
        details=tuple({band: noise(*x.shape, seed=7) for band in one} for one in found.details),
    )
    theirs = [{band: value.numpy() for band, value in one.items()} for one in changed.details]
    wanted = pywt.iswtn([changed.approx.numpy(), *theirs], name, axes=axes)
    assert np.abs(iswt(changed).numpy() - wanted).max() < 1e-12 * max(1, np.abs(wanted).max())


@pytest.mark.parametrize("name", DISCRETE)
def test_signals_equal_pywavelets(name):
    check((16,), name, 2)


@pytest.mark.parametrize("name", ["haar", "db3", "bior2.2", "rbio3.3"])
@pytest.mark.parametrize(("size", "level"), [((2,), 1), ((24,), 3), ((32,), 5), ((8, 12), 2), ((4, 8, 4), 2)])
def test_images_and_volumes_equal_pywavelets(size, level, name):
    check(size, name, level)


def test_haar_by_hand():
    x = torch.tensor([1.0, 3.0, 5.0, 11.0, 0.0], dtype=torch.float64)
    found, root = swt(x, dims=1, level=1), 2**0.5
    assert (found.approx * root).tolist() == pytest.approx([4, 8, 16, 11, 1], abs=1e-13)
    assert (found.details[0]["d"] * root).tolist() == pytest.approx([-2, -2, -6, 11, -1], abs=1e-13)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    size=st.one_of(
        st.tuples(st.integers(1, 40)), st.tuples(*[st.integers(1, 13)] * 2), st.tuples(*[st.integers(1, 5)] * 3)
    ),
    name=st.sampled_from(EXACT),
    data=st.data(),
)
def test_any_size_comes_back(size, name, data):
    level = data.draw(st.integers(1, max(1, (max(size) - 1).bit_length())))
    x = noise(*size)
    found = swt(x, name, dims=len(size), level=level)
    assert all(band.shape == x.shape for band in bands_of(found))
    assert (iswt(found) - x).abs().max() < 1e-9 * largest(found)


@pytest.mark.parametrize("size", [(12,), (9, 10), (3, 5, 7)])
def test_a_shift_of_the_signal_shifts_the_bands(size):
    """At sizes that no power of two divides, too."""
    x, dims = noise(*size), len(size)
    shift = {"shifts": (1,) * dims, "dims": tuple(range(dims))}
    before, after = swt(x, "db3", dims=dims, level=2), swt(x.roll(**shift), "db3", dims=dims, level=2)
    for a, b in zip(bands_of(before), bands_of(after), strict=True):
        assert (a.roll(**shift) - b).abs().max() < 1e-13


def test_every_second_sample_is_the_decimated_transform():
    x = noise(12, 10)
    whole, half = swt(x, "db2"), dwt(x, "db2")
    assert (whole.approx[::2, ::2] - half["aa"]).abs().max() < 1e-13
    assert (whole.details[0]["ad"][::2, ::2] - half["ad"]).abs().max() < 1e-13


@pytest.mark.parametrize("size", [(12,), (9, 10), (3, 5, 7)])
@pytest.mark.parametrize("name", ["haar", "db4", "sym5"])
def test_energy(name, size):
    """Of an orthogonal wavelet, level by level 2^d times that of what is split."""
    x, dims = noise(*size), len(size)
    found = swt(x, name, dims=dims, level=2)
    energy = found.approx.square().sum() / 4**dims
    for number, level in enumerate(reversed(found.details), 1):
        energy = energy + sum(band.square().sum() for band in level.values()) / 2 ** (number * dims)
    assert abs(float(energy / x.square().sum()) - 1) < 1e-10


@pytest.mark.parametrize("size", [(5,), (4, 7)])
def test_gradcheck(size):
    x = noise(2, *size).requires_grad_()

    def both(x):
        found = swt(x, "bior2.2", dims=len(size), level=2)
        return found.approx, found.details[0]["d" * len(size)], iswt(found)

    assert torch.autograd.gradcheck(both, x, fast_mode=True)
    assert torch.autograd.gradgradcheck(both, x, fast_mode=True)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    x = noise(2, 9, 12, dtype=torch.float32).to(dtype)
    found, exact = swt(x, "db2", level=2), swt(x.float(), "db2", level=2)
    unit = torch.finfo(dtype).eps
    assert found.approx.dtype == dtype
    assert (found.approx - exact.approx).abs().max() < 3 * unit * largest(exact)
    assert (iswt(found) - x).abs().max() < 4 * unit * largest(exact)


def test_channels_last_and_axes():
    x = noise(2, 3, 8, 6)
    plain, other = swt(x, "db2"), swt(x.contiguous(memory_format=torch.channels_last), "db2")
    for a, b in zip(bands_of(plain), bands_of(other), strict=True):
        assert (a - b).abs().max() < 1e-13
        assert b.is_contiguous(memory_format=torch.channels_last)
    assert iswt(other).is_contiguous(memory_format=torch.channels_last)
    turned = swt(x, "db2", dims=(0, -1))
    assert turned.axes == (-4, -1)
    assert (iswt(turned) - x).abs().max() < 1e-12


def test_the_mean_over_the_shifts():
    """The inverse is the mean over the decimated inverses of both choices of samples."""
    found = swt(noise(8), "db2", dims=1)
    changed = replace(found, approx=noise(8, seed=6), details=({"d": noise(8, seed=7)},))
    parts = [
        idwt({"a": changed.approx[start::2], "d": changed.details[0]["d"][start::2]}, "db2", dims=1).roll(start)
        for start in (0, 1)
    ]
    assert (iswt(changed) - (parts[0] + parts[1]) / 2).abs().max() < 1e-13


@pytest.mark.message
def test_bad_input():
    with pytest.raises(ValueError, match=r"level is 4, but sizes \(8, 8\) can be halved 3 time\(s\)"):
        swt(torch.ones(8, 8), level=4)
    with pytest.raises(ValueError, match=r"dtype torch\.int64"):
        swt(torch.ones(8, 8, dtype=torch.int64))
    with pytest.raises(ValueError, match="there is no wavelet called 'har'; did you mean 'haar'"):
        swt(torch.ones(8, 8), "har")
    found = swt(torch.ones(8, 8))
    with pytest.raises(
        ValueError, match=r"band 'ad' has shape \(4, 4\), but the low-pass band has \(8, 8\); all bands"
    ):
        iswt(replace(found, details=({"ad": torch.ones(4, 4)},)))
    with pytest.raises(ValueError, match="there is a band called 'LH'"):
        iswt(replace(found, details=({"LH": torch.ones(8, 8)},)))
