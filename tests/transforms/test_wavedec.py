from dataclasses import replace

import numpy as np
import pytest
import pywt
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from subband.transforms import dwt, filter_bank, wavedec, waverec

PYWT_MODES = pywt.Modes.modes
EXACT = [name for name in pywt.wavelist(kind="discrete") if name != "dmey"]


def noise(*shape, dtype=torch.float64, seed=5):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def largest(coefficients):
    """Largest magnitude, which grows from level to level in modes that extrapolate."""
    bands = [coefficients.approx, *(band for level in coefficients.details for band in level.values())]
    return max(1.0, *(float(band.detach().abs().max()) for band in bands))


def deepest(size):
    return max(1, (max(size) - 1).bit_length())


@pytest.mark.parametrize("mode", PYWT_MODES)
@pytest.mark.parametrize("name", ["haar", "db4", "bior2.2"])
@pytest.mark.parametrize(("size", "level"), [((33,), 5), ((12, 17), 3), ((6, 7, 9), 2)])
@pytest.mark.filterwarnings("ignore:Level value of:UserWarning")
def test_coefficients_equal_pywavelets(size, level, name, mode):
    if name != "haar" and mode in ("reflect", "antireflect") and min(size) < 2**level:
        level = 1  # PyWavelets refuses to reflect a single sample
    x, dims = noise(2, *size), len(size)
    found = wavedec(x, name, dims=dims, level=level, mode=mode)
    approx, *details = pywt.wavedecn(x.numpy(), name, mode, level, axes=tuple(range(1, dims + 1)))
    limit = 1e-12 * largest(found)
    assert np.abs(found.approx.numpy() - approx).max() < limit
    for level_found, expected in zip(found.details, details, strict=True):
        assert set(level_found) == set(expected)
        for band, wanted in expected.items():
            assert np.abs(level_found[band].numpy() - wanted).max() < limit


@pytest.mark.parametrize("size", [3, 7, 15, 29, 33, 200])
@pytest.mark.parametrize("name", ["haar", "db2", "db4", "dmey"])
def test_the_level_of_none_is_pywavelets(name, size):
    found = len(wavedec(noise(size), name, dims=1).details)
    assert found == max(1, pywt.dwt_max_level(size, filter_bank(name).dec_lo.__len__()))


def test_one_level_is_dwt():
    x = noise(5, 6)
    bands, coefficients = dwt(x, "db2", mode="zero"), wavedec(x, "db2", level=1, mode="zero")
    assert torch.equal(coefficients.approx, bands.pop("aa"))
    assert all(torch.equal(coefficients.details[0][name], band) for name, band in bands.items())


def test_haar_by_hand():
    found = wavedec(torch.tensor([1.0, 3.0, 5.0, 11.0], dtype=torch.float64), dims=1, level=2)
    root = 2**0.5
    assert found.approx.tolist() == pytest.approx([10], abs=1e-13)
    assert found.details[0]["d"].tolist() == pytest.approx([-6], abs=1e-13)
    assert found.details[1]["d"].tolist() == pytest.approx([-2 / root, -6 / root], abs=1e-13)


@pytest.mark.parametrize("mode", PYWT_MODES)
@pytest.mark.parametrize("name", ["haar", "db2", "sym5", "coif2", "rbio3.3", "bior6.8"])
@pytest.mark.parametrize("size", [(1,), (2,), (5,), (16,), (33,), (1, 7), (5, 12), (3, 4, 5)])
def test_every_level_comes_back(size, name, mode):
    x = noise(*size)
    for level in range(1, deepest(size) + 1):
        coefficients = wavedec(x, name, dims=len(size), level=level, mode=mode)
        back = waverec(coefficients)
        assert back.shape == x.shape
        assert (back - x).abs().max() < 1e-10 * largest(coefficients)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    size=st.one_of(st.tuples(st.integers(1, 70)), st.tuples(*[st.integers(1, 20)] * 2)),
    name=st.sampled_from(EXACT),
    mode=st.sampled_from(PYWT_MODES),
    data=st.data(),
)
def test_any_size_comes_back(size, name, mode, data):
    level = data.draw(st.integers(1, deepest(size)))
    x = noise(*size)
    coefficients = wavedec(x, name, dims=len(size), level=level, mode=mode)
    assert (waverec(coefficients) - x).abs().max() < 1e-10 * largest(coefficients)
    assert len(coefficients.details) == level


@pytest.mark.slow
@pytest.mark.parametrize("mode", PYWT_MODES)
def test_every_wavelet_and_size_and_level_comes_back(mode):
    for name in EXACT:
        for n in (1, 2, 3, 10, 33):
            x = noise(n, seed=n)
            for level in range(1, deepest((n,)) + 1):
                coefficients = wavedec(x, name, dims=1, level=level, mode=mode)
                assert (waverec(coefficients) - x).abs().max() < 1e-10 * largest(coefficients), (name, n, level)


@pytest.mark.parametrize("name", ["haar", "db3", "coif1"])
def test_energy_is_kept(name):
    x = noise(3, 16, 32)
    found = wavedec(x, name, level=4)
    bands = [found.approx, *(band for level in found.details for band in level.values())]
    assert abs(float(sum(band.square().sum() for band in bands) / x.square().sum()) - 1) < 1e-10
    assert sum(band.numel() for band in bands) == x.numel()


def test_the_gradient_is_the_inverse_of_an_orthogonal_wavelet():
    x = noise(16, 8).requires_grad_()
    found = wavedec(x, "db2", level=3)
    outputs = [found.approx, *(band for level in found.details for band in level.values())]
    gradient = torch.autograd.grad(outputs, x, [band.detach() for band in outputs])[0]
    assert (gradient - x).abs().max() < 1e-10


@pytest.mark.parametrize("mode", [*PYWT_MODES, "authors"])
def test_gradcheck(mode):
    x = noise(2, 7, 6).requires_grad_()

    def both(x):
        found = wavedec(x, "db2", level=2, mode=mode)
        return found.approx, *found.details[1].values(), waverec(found)

    assert torch.autograd.gradcheck(both, x, fast_mode=True)
    assert torch.autograd.gradgradcheck(both, x, fast_mode=True)


def test_changed_coefficients():
    """Without its details, what is left of a constant is the constant."""
    found = wavedec(torch.ones(9, 11, dtype=torch.float64), "db3", level=3)
    cleared = replace(found, details=tuple({name: band * 0 for name, band in level.items()} for level in found.details))
    assert (waverec(cleared) - 1).abs().max() < 1e-10


def test_axes_from_the_end_survive_another_batch():
    found = wavedec(noise(4, 5, 6), "db2", dims=(0, 2), level=2)
    assert found.axes == (-3, -1)
    assert found.shape == (4, 6)
    more = replace(
        found,
        approx=found.approx[None],
        details=tuple({name: band[None] for name, band in level.items()} for level in found.details),
    )
    assert (waverec(more)[0] - noise(4, 5, 6)).abs().max() < 1e-11


def test_authors_sizes():
    found = wavedec(noise(1, 2, 22, 13), "ch2.2", level=2, mode="authors")
    assert found.approx.shape == (1, 2, 5, 3)
    assert waverec(found).shape == (1, 2, 22, 13)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    x = noise(2, 13, 21, dtype=torch.float32).to(dtype)
    found = wavedec(x, "db2", level=3)
    exact = wavedec(x.float(), "db2", level=3)
    unit = torch.finfo(dtype).eps
    assert found.approx.dtype == dtype
    assert (found.approx - exact.approx).abs().max() < 4 * unit * largest(exact)
    assert (waverec(found) - x).abs().max() < 8 * unit * largest(exact)


@pytest.mark.message
@pytest.mark.parametrize(
    ("size", "level", "sentence"),
    [
        ((32, 20), 6, r"level is 6, but sizes \(32, 20\) can be halved 5 time\(s\); the deepest level is 5"),
        ((33,), 7, r"sizes \(33,\) can be halved 6 time\(s\); the deepest level is 6"),
        ((1,), 2, "the deepest level is 1"),
        ((8, 8), 0, "level is 0, but must be greater than 0"),
    ],
)
def test_a_level_that_is_too_deep(size, level, sentence):
    with pytest.raises(ValueError, match=sentence):
        wavedec(torch.ones(size), dims=len(size), level=level)


@pytest.mark.message
def test_bands_of_other_sizes():
    found = wavedec(torch.ones(9, 9), "db2", level=2)
    wrong = replace(found, approx=torch.ones(2, 3))
    with pytest.raises(ValueError, match=r"band 'aa' has size \(2, 3\), but for x of \(5, 5\) .* give the shape"):
        waverec(wrong)
