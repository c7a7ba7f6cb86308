"""Large transforms part by part: the same values, gradients and derivatives as axis by axis."""

import pytest
import torch

from subband.transforms import _all_axes, _parts, dwt, idwt
from subband.transforms.filter_bank import filter_bank

CASES = [
    ("db4", 2, "periodization", (3, 4, 13, 18)),
    ("bior4.4", 2, "symmetric", (5, 1, 12, 9)),
    ("db2", 3, "reflect", (7, 6, 5, 8)),
    ("db2", 1, "zero", (5, 11)),
    ("db3", (-3, -1), "periodic", (3, 6, 2, 10)),
]


@pytest.fixture
def small_parts(monkeypatch):
    """Makes every transform a large one."""

    def arrange(size):
        monkeypatch.setattr(_parts, "PART_BYTES", size)
        monkeypatch.setattr(_all_axes, "PART_BYTES", size)

    return arrange


def both(x, wavelet, dims, mode):
    """Bands, the gradient of a weighted sum of them, and what comes back."""
    x = x.detach().requires_grad_()
    bands = dwt(x, wavelet, dims=dims, mode=mode)
    axes = range(x.ndim - dims, x.ndim) if isinstance(dims, int) else dims
    back = idwt(bands, wavelet, dims=dims, mode=mode, shape=[x.shape[axis] for axis in axes])
    value = sum((number + 1) * band.pow(3).sum() for number, band in enumerate(bands.values()))
    (slope,) = torch.autograd.grad(value, x, create_graph=True)
    (curve,) = torch.autograd.grad(slope.square().sum(), x)
    return [*bands.values(), slope, curve, back]


@pytest.mark.parametrize(("wavelet", "dims", "mode", "shape"), CASES)
@pytest.mark.parametrize("channels_last", [False, True])
def test_parts_give_the_whole(small_parts, wavelet, dims, mode, shape, channels_last):
    x = torch.randn(shape, dtype=torch.float64)
    if channels_last:
        if len(shape) != 4:
            pytest.skip("channels last is of four axes")
        x = x.contiguous(memory_format=torch.channels_last)
    assert not _all_axes.pays(x, (x.ndim - 1,), filter_bank(wavelet).analysis)
    expected = both(x, wavelet, dims, mode)
    small_parts(200)
    assert _all_axes.pays(x, (x.ndim - 1,), filter_bank(wavelet).analysis)
    for found, wanted in zip(both(x, wavelet, dims, mode), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
    assert torch.allclose(expected[-1], x, atol=1e-10)


@pytest.mark.parametrize("dropped", [("aa",), ("ad", "dd"), ("aa", "ad", "da")])
def test_missing_bands_are_zero(small_parts, dropped):
    bands = dwt(torch.randn(6, 10, 12, dtype=torch.float64), "db2")
    kept = {name: band.requires_grad_() for name, band in bands.items() if name not in dropped}
    zeros = {name: torch.zeros_like(band) if name in dropped else band for name, band in bands.items()}
    small_parts(100)
    found = idwt(kept, "db2")
    torch.testing.assert_close(found, idwt(zeros, "db2"))
    slopes = torch.autograd.grad(found.square().sum(), list(kept.values()))
    wanted = dwt(2 * found.detach(), "db2")  # an orthogonal transform is its own adjoint's inverse
    for name, slope in zip(kept, slopes, strict=True):
        torch.testing.assert_close(slope, wanted[name])


def test_a_gradient_of_one_band_alone(small_parts):
    x = torch.randn(4, 9, 8, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(dwt(x, "db2")["da"].square().sum(), x)
    small_parts(100)
    torch.testing.assert_close(torch.autograd.grad(dwt(x, "db2")["da"].square().sum(), x)[0], expected)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:FutureWarning")
def test_derivatives_forward_and_over_a_batch(small_parts):
    x, step = torch.randn(2, 6, 8, 10, dtype=torch.float64), torch.randn(6, 8, 10, dtype=torch.float64)
    small_parts(100)

    def there_and_back(x):
        return idwt(dwt(x, "db2"), "db2")

    _, slope = torch.func.jvp(lambda x: dwt(x, "db2")["ad"], (x[0],), (step,))
    torch.testing.assert_close(slope, dwt(step, "db2")["ad"])
    torch.testing.assert_close(torch.func.jvp(there_and_back, (x[0],), (step,))[1], step)
    torch.testing.assert_close(torch.func.vmap(there_and_back)(x), x)
    torch.testing.assert_close(torch.func.vmap(there_and_back, in_dims=1, out_dims=1)(x), x)


def test_what_is_left_to_the_axes(small_parts):
    small_parts(10)
    x, bank = torch.randn(4, 8, 8), filter_bank("db2")
    assert _all_axes.pays(x, (1, 2), bank.analysis)
    assert not _all_axes.pays(x[:1], (1, 2), bank.analysis)  # nothing to take apart
    assert not _all_axes.pays(x, (0, 2), bank.analysis)
    assert not _all_axes.pays(x.half(), (1, 2), bank.analysis)
    assert not _all_axes.pays(x, (1, 2), filter_bank("haar").analysis)
    assert not _all_axes.pays(x.to("meta"), (1, 2), bank.analysis)
    assert not _all_axes.pays(x, (1, 2), [torch.ones(4, requires_grad=True)] * 2)
