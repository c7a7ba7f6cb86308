import itertools
import math

import numpy as np
import pytest
import pywt
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from subband.transforms import dwt, filter_bank, idwt
from subband.transforms._border import MODES

DISCRETE = pywt.wavelist(kind="discrete")
PYWT_MODES = pywt.Modes.modes
FEW = ["haar", "db2", "db3", "sym4", "coif1", "bior2.2", "bior3.1", "rbio4.4", "dmey", "db38"]
ORTHOGONAL = ["haar", "db2", "db5", "sym6", "coif3"]
EXACT = [name for name in DISCRETE if name != "dmey"]  # PyWavelets' dmey is cut off, and reconstructs to 0.005 only
# PyTorch's forward derivatives compile scripts of its own when first used, and warn of that
FORWARD = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:FutureWarning")


def noise(*shape, dtype=torch.float64, seed=5):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def scale(bands):
    return max(1.0, *(float(band.abs().max()) for band in bands.values()))


def is_refused(mode, n):
    """PyWavelets does not reflect a single sample."""
    return n == 1 and mode in ("reflect", "antireflect")


def check_one_axis(name, mode, sizes):
    """Bands, inverse and reconstruction of signals of these sizes."""
    wavelet = pywt.Wavelet(name)
    for n in sizes:
        x = noise(2, n, seed=n)
        bands = dwt(x, name, dims=1, mode=mode)
        back = idwt(bands, name, dims=1, mode=mode, shape=(n,))
        assert list(bands) == ["a", "d"]
        assert back.shape == x.shape
        if name in EXACT:
            assert (back - x).abs().max() < 1e-10 * scale(bands), (name, mode, n)
        if not is_refused(mode, n):
            expected = pywt.dwt(x.numpy(), wavelet, mode)
            for found, wanted in zip(bands.values(), expected, strict=True):
                assert found.shape == wanted.shape
                assert np.abs(found.numpy() - wanted).max() < 1e-12 * scale(bands), (name, mode, n)
            wanted = pywt.idwt(*expected, wavelet, mode)[:, :n]
            assert np.abs(back.numpy() - wanted).max() < 1e-12 * scale(bands), (name, mode, n)


@pytest.mark.parametrize("mode", PYWT_MODES)
@pytest.mark.parametrize("name", FEW)
def test_signals_equal_pywavelets(name, mode):
    check_one_axis(name, mode, (1, 2, 3, 4, 7, 8, 33))


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted({pywt.Wavelet(name).short_family_name for name in DISCRETE}))
def test_every_wavelet_and_mode_and_size_equals_pywavelets(family):
    """Sizes 1 to 33. The inverse of all modes but periodization is one, so their bands go back in one batch."""
    for name, n in itertools.product(pywt.wavelist(family), range(1, 34)):
        x, wavelet, transformed = noise(2, n, seed=n), pywt.Wavelet(name), {}
        for mode in PYWT_MODES:
            transformed[mode] = dwt(x, name, dims=1, mode=mode)
            if not is_refused(mode, n):
                for found, wanted in zip(transformed[mode].values(), pywt.dwt(x.numpy(), wavelet, mode), strict=True):
                    assert found.shape == wanted.shape
                    assert np.abs(found.numpy() - wanted).max() < 1e-12 * scale(transformed[mode]), (name, mode, n)
        for modes in (["periodization"], [mode for mode in PYWT_MODES if mode != "periodization"]):
            bands = {letter: torch.stack([transformed[mode][letter] for mode in modes]) for letter in "ad"}
            back = idwt(bands, name, dims=1, mode=modes[0], shape=(n,))
            wanted = pywt.idwt(bands["a"].numpy(), bands["d"].numpy(), wavelet, modes[0])[..., :n]
            assert np.abs(back.numpy() - wanted).max() < 1e-12 * scale(bands), (name, modes, n)
            assert name not in EXACT or (back - x).abs().max() < 1e-10 * scale(bands), (name, modes, n)


@pytest.mark.parametrize("mode", PYWT_MODES)
@pytest.mark.parametrize("name", ["haar", "db4", "bior2.2", "rbio3.3"])
@pytest.mark.parametrize("size", [(1, 6), (5, 8), (17, 2), (4, 3, 7), (3, 1, 2), (2, 3, 4, 5)])
def test_images_and_volumes_equal_pywavelets(size, name, mode):
    x, dims = noise(2, *size), len(size)
    bands = dwt(x, name, dims=dims, mode=mode)
    assert list(bands) == ["".join(letters) for letters in itertools.product("ad", repeat=dims)]
    assert (idwt(bands, name, dims=dims, mode=mode, shape=size) - x).abs().max() < 1e-11 * scale(bands)
    if not any(is_refused(mode, n) for n in size):
        axes = tuple(range(1, dims + 1))
        expected = pywt.dwtn(x.numpy(), name, mode, axes=axes)
        assert set(expected) == set(bands)
        for key, wanted in expected.items():
            assert np.abs(bands[key].numpy() - wanted).max() < 1e-12 * scale(bands)
        changed = {key: noise(*band.shape, seed=7) for key, band in bands.items()}
        wanted = pywt.idwtn({key: band.numpy() for key, band in changed.items()}, name, mode, axes=axes)
        assert np.abs(idwt(changed, name, dims=dims, mode=mode).numpy() - wanted).max() < 1e-11


@settings(max_examples=60, deadline=None, derandomize=True)
@example(size=(1, 1), name="db38", mode="antireflect")
@given(
    size=st.one_of(st.tuples(*[st.integers(1, 30)] * 2), st.tuples(*[st.integers(1, 9)] * 3)),
    name=st.sampled_from(EXACT),
    mode=st.sampled_from(PYWT_MODES),
)
def test_any_size_comes_back(size, name, mode):
    x = noise(*size)
    bands = dwt(x, name, dims=len(size), mode=mode)
    assert (idwt(bands, name, dims=len(size), mode=mode, shape=size) - x).abs().max() < 1e-10 * scale(bands)
    half = [math.ceil(n / 2) if mode == "periodization" else (n + len(filter_bank(name)) - 1) // 2 for n in size]
    assert all(list(band.shape) == half for band in bands.values())


def test_haar_by_hand():
    bands = dwt(torch.tensor([[1.0, 2.0], [3.0, 5.0]], dtype=torch.float64))
    for name, expected in {"aa": 5.5, "ad": -1.5, "da": -2.5, "dd": 0.5}.items():
        assert bands[name].item() == pytest.approx(expected, abs=1e-14)
    assert (idwt(bands) - torch.tensor([[1.0, 2.0], [3.0, 5.0]])).abs().max() < 1e-14


def test_letters_stand_for_axes():
    """Stripes that change along the last axis alone are all in the bands whose last letter is d."""
    stripes = torch.tensor([1.0, -1.0]).repeat(3, 2)
    energy = {name: float(band.square().sum()) for name, band in dwt(stripes[:2]).items()}
    assert energy == pytest.approx({"aa": 0, "ad": 8, "da": 0, "dd": 0}, abs=1e-6)


def test_authors_by_hand():
    """Section 1.1 for db2: three zeros stand beyond each end, of which the first coefficient reads one."""
    x = noise(7)
    low, high = (np.array(taps) for taps in filter_bank("db2").analysis)
    padded = np.concatenate([[0], x.numpy(), [0, 0, 0]])
    bands = dwt(x, "db2", dims=1, mode="authors")
    assert [len(band) for band in bands.values()] == [3, 4]
    assert np.allclose(bands["a"], [low @ padded[2 * k : 2 * k + 4] for k in range(3)], atol=1e-14)
    assert np.allclose(bands["d"], [high @ padded[2 * k : 2 * k + 4] for k in range(4)], atol=1e-14)


@pytest.mark.parametrize("name", ["haar", "bior1.3", "ch1.5"])
def test_what_the_authors_grid_reconstructs(name):
    x = noise(1, 6, 10)
    assert (idwt(dwt(x, name, mode="authors"), name, mode="authors") - x).abs().max() < 1e-12


@pytest.mark.parametrize("name", ["db4", "ch5.5"])
def test_the_authors_grid_reconstructs_the_inside(name):
    x, margin = noise(40, 41), len(filter_bank(name))
    error = (idwt(dwt(x, name, mode="authors"), name, mode="authors", shape=(40, 41)) - x).abs()
    assert error[margin:-margin, margin:-margin].max() < 1e-10
    assert error.max() > 1e-2


@pytest.mark.parametrize("size", [(5,), (8, 7), (3, 4, 5)])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["db3", "bior2.4"])
def test_the_gradient_is_the_adjoint(name, mode, size):
    """<A x, y> = <x, A^T y>, of the transform and of its inverse."""
    dims = len(size)
    for function, inputs in (
        (lambda x: dwt(x, name, dims=dims, mode=mode), {"": noise(2, *size)}),
        (lambda bands: {"": idwt(bands, name, dims=dims, mode=mode)}, dwt(noise(2, *size), name, dims=dims, mode=mode)),
    ):
        given_ = {key: value.clone().requires_grad_() for key, value in inputs.items()}
        outputs = function(given_.get("", given_))
        weights = {key: noise(*value.shape, seed=9) for key, value in outputs.items()}
        gradients = torch.autograd.grad(outputs.values(), given_.values(), weights.values())
        left = sum((outputs[key].detach() * weights[key]).sum() for key in outputs)
        right = sum((x * gradient).sum() for x, gradient in zip(inputs.values(), gradients, strict=True))
        assert abs(float(left - right)) < 1e-10 * max(1, abs(float(left)))


@pytest.mark.parametrize("size", [(2,), (14,), (6, 4), (4, 2, 6)])
@pytest.mark.parametrize("name", ORTHOGONAL)
def test_energy_is_kept(name, size):
    """An orthogonal wavelet turns a periodic signal of even size; so its inverse is its adjoint."""
    x = noise(3, *size).requires_grad_()
    bands = dwt(x, name, dims=len(size))
    energy = sum(band.square().sum() for band in bands.values())
    assert abs(float(energy.detach() / x.detach().square().sum()) - 1) < 1e-10
    assert (torch.autograd.grad(energy / 2, x)[0] - x).abs().max() < 1e-10


@FORWARD
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(5, 6), (1, 7), (4, 3)])
def test_gradcheck(mode, size):
    x = noise(2, *size).requires_grad_()

    def forward(x):
        return tuple(dwt(x, "db2", mode=mode).values())

    def inverse(*bands):
        return idwt(dict(zip(("aa", "ad", "da", "dd"), bands, strict=True)), "bior2.2", mode=mode, shape=size)

    bands = [band.detach().requires_grad_() for band in dwt(x, "bior2.2", mode=mode).values()]
    for function, inputs in ((forward, (x,)), (inverse, bands)):
        assert torch.autograd.gradcheck(function, inputs, fast_mode=True, check_forward_ad=True)
        assert torch.autograd.gradgradcheck(function, inputs, fast_mode=True)


@FORWARD
def test_gradcheck_in_full_and_batched():
    x = noise(3, 4).requires_grad_()
    for mode in ("periodization", "antireflect"):
        assert torch.autograd.gradcheck(
            lambda x, mode=mode: tuple(dwt(x, "db2", mode=mode).values()), x, check_batched_grad=True
        )


@FORWARD
def test_second_derivatives_by_hand():
    """The Hessian of half the energy of an orthogonal transform is the identity."""
    hessian = torch.func.hessian(lambda x: sum(band.square().sum() for band in dwt(x, "db2").values()) / 2)(noise(4, 2))
    assert torch.allclose(hessian.reshape(8, 8), torch.eye(8, dtype=torch.float64), atol=1e-10)


@FORWARD
def test_bands_without_a_gradient():
    """A loss of one band: the others have none, and are not computed with."""
    x = noise(6, 5).requires_grad_()
    bands = dwt(x, "db2")
    assert torch.autograd.grad(bands["dd"].sum(), x)[0].abs().max() > 0
    bands = {name: band.detach().requires_grad_(name == "ad") for name, band in dwt(x.detach(), "db2").items()}
    assert torch.autograd.gradcheck(
        lambda band: idwt({**bands, "ad": band}, "db2"), bands["ad"], fast_mode=True, check_forward_ad=True
    )


@FORWARD
def test_forward_derivatives_of_a_linear_map():
    x, tangent = noise(5, 6), noise(5, 6, seed=6)
    for found, expected in zip(
        torch.func.jvp(lambda x: dwt(x, "db3")["ad"], (x,), (tangent,)),
        (dwt(x, "db3")["ad"], dwt(tangent, "db3")["ad"]),
        strict=True,
    ):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("mode", ["periodization", "symmetric", "authors"])
def test_vmap(mode):
    x = noise(3, 2, 5, 6)
    bands = dwt(x, "db2", mode=mode)
    for axis in (0, 1):
        found = torch.vmap(lambda x: dwt(x, "db2", mode=mode), axis, axis)(x)
        assert all((found[name] - bands[name]).abs().max() < 1e-14 for name in bands)
    back = torch.vmap(lambda bands: idwt(bands, "db2", mode=mode, shape=(5, 6)))(bands)
    assert (back - idwt(bands, "db2", mode=mode, shape=(5, 6))).abs().max() < 1e-14
    mixed = torch.vmap(
        lambda low, high: idwt({"aa": low, "dd": high}, "db2", mode=mode, shape=(5, 6)), in_dims=(0, None)
    )(bands["aa"], bands["dd"][1])
    alone = idwt({"aa": bands["aa"][2], "dd": bands["dd"][1]}, "db2", mode=mode, shape=(5, 6))
    assert (mixed[2] - alone).abs().max() < 1e-14


def test_vmap_of_gradients():
    x = noise(3, 5, 6)

    def energy(x):
        return dwt(x, "db2", mode="reflect")["ad"].square().sum()

    found = torch.vmap(torch.func.grad(energy))(x)
    expected = torch.stack([torch.func.grad(energy)(one) for one in x])
    assert (found - expected).abs().max() < 1e-13


@pytest.mark.parametrize("shape", [(6, 5), (2, 6, 5), (2, 3, 6, 5), (2, 1, 3, 6, 5)])
def test_leading_axes(shape):
    """None, one, two or three batch dimensions: each image as it is alone."""
    x = noise(*shape)
    bands = dwt(x, "db2", mode="symmetric")
    for index in itertools.product(*map(range, shape[:-2])):
        for name, band in dwt(x[index], "db2", mode="symmetric").items():
            assert (bands[name][index] - band).abs().max() < 1e-14


@pytest.mark.parametrize("axes", [(0,), (-3, -1), (1, 3), (2, 0), (-1, -2, 0)])
def test_chosen_axes(axes):
    x = noise(5, 4, 3, 6)
    bands = dwt(x, "bior2.2", dims=axes, mode="smooth")
    expected = pywt.dwtn(x.numpy(), "bior2.2", "smooth", axes=axes)
    for name, wanted in expected.items():
        assert np.abs(bands[name].numpy() - wanted).max() < 1e-12 * scale(bands)
    back = idwt(bands, "bior2.2", dims=axes, mode="smooth", shape=[x.shape[axis] for axis in axes])
    assert (back - x).abs().max() < 1e-11


def test_a_single_sample_on_the_authors_grid():
    """It has no low-pass coefficient, and one high-pass coefficient of half its energy."""
    bands = dwt(torch.tensor([[3.0]], dtype=torch.float64), dims=1, mode="authors")
    assert bands["a"].shape == (1, 0)
    assert bands["d"].item() == pytest.approx(3 / 2**0.5, abs=1e-14)
    assert idwt(bands, dims=1, mode="authors").item() == pytest.approx(1.5, abs=1e-14)


def test_an_empty_batch():
    bands = dwt(torch.zeros(0, 3, 6, 5), "db2")
    assert bands["ad"].shape == (0, 3, 3, 3)
    assert idwt(bands, "db2", shape=(6, 5)).shape == (0, 3, 6, 5)


@pytest.mark.parametrize("name", ["haar", "db4"])
@pytest.mark.parametrize(
    ("shape", "layout"), [((2, 3, 9, 12), torch.channels_last), ((2, 3, 4, 5, 6), torch.channels_last_3d)]
)
def test_channels_last(shape, layout, name):
    x, dims = noise(*shape), len(shape) - 2
    plain, other = dwt(x, name, dims=dims), dwt(x.contiguous(memory_format=layout), name, dims=dims)
    for band in plain:
        assert (plain[band] - other[band]).abs().max() < 1e-14
        assert other[band].is_contiguous(memory_format=layout)
        assert plain[band].is_contiguous()
    back = idwt(other, name, dims=dims, shape=shape[2:])
    assert back.is_contiguous(memory_format=layout)
    assert (back - x).abs().max() < 1e-10


def test_any_strides():
    x = noise(7, 6, 2).permute(2, 1, 0)[:, ::2]
    for name, band in dwt(x, "db2").items():
        assert torch.equal(band, dwt(x.contiguous(), "db2")[name])


@pytest.mark.parametrize("mode", ["periodization", "antireflect"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype, mode):
    """Sums are taken in float32, so that a band is the exact one, rounded once for each axis."""
    x = noise(2, 9, 12, dtype=torch.float32).to(dtype).requires_grad_()
    bands = dwt(x, "db4", mode=mode)
    exact = dwt(x.detach().float(), "db4", mode=mode)
    unit = torch.finfo(dtype).eps
    for name, band in bands.items():
        assert band.dtype == dtype
        assert ((band - exact[name]).abs() <= unit * exact[name].abs() + 1e-6).all()
    back = idwt(bands, "db4", mode=mode, shape=(9, 12))
    assert back.dtype == dtype
    assert (back - x).abs().max() < 20 * unit * scale(exact)
    assert torch.autograd.grad(back.sum(), x)[0].dtype == dtype


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_under_autocast(dtype):
    """Nothing is cast behind the caller's back."""
    x = noise(2, 9, 12, dtype=torch.float32)
    expected = dwt(x, "db4")
    with torch.autocast("cpu", dtype=dtype):
        bands = dwt(x, "db4")
        half = dwt(x.to(dtype), "db4")
    assert all(torch.equal(bands[name], expected[name]) for name in bands)
    assert all(band.dtype == dtype for band in half.values())


def test_input_is_left_alone():
    x = noise(5, 6)
    copy = x.clone()
    bands = dwt(x, "db2", mode="zero")
    copies = {name: band.clone() for name, band in bands.items()}
    idwt(bands, "db2", mode="zero")
    assert torch.equal(x, copy)
    assert all(torch.equal(bands[name], copies[name]) for name in bands)


def test_a_missing_band_is_zero():
    bands = dwt(noise(6, 7), "db2", mode="zero")
    zeros = torch.zeros_like(bands["aa"])
    for kept in (["aa"], ["ad", "dd"], ["dd"]):
        full = idwt({name: bands[name] if name in kept else zeros for name in bands}, "db2", mode="zero", shape=(6, 7))
        found = idwt({name: bands[name] for name in kept}, "db2", mode="zero", shape=(6, 7))
        assert (found - full).abs().max() < 1e-14
    low = dwt(noise(5), "db2", dims=1, mode="authors")
    assert idwt({"a": low["a"]}, "db2", dims=1, mode="authors", shape=(5,)).shape == (5,)


def test_the_even_size_is_the_default():
    assert idwt(dwt(noise(5, 6), "db2"), "db2").shape == (6, 6)
    assert idwt(dwt(noise(5, 6), "db2", mode="zero"), "db2", mode="zero").shape == (6, 6)
    assert idwt(dwt(noise(5, 6), "db2", mode="authors"), "db2", mode="authors").shape == (5, 6)


@pytest.mark.message
@pytest.mark.parametrize(
    ("x", "options", "sentence"),
    [
        (torch.ones(4, 4, dtype=torch.int64), {}, r"dtype torch.int64, but must be real and floating .* \.float\(\)"),
        (torch.ones(4, 4, dtype=torch.complex64), {}, r"dtype torch.complex64, but .* transform \.real and \.imag"),
        (torch.ones(4, 0), {}, r"shape \(4, 0\), but a transformed axis must hold at least one sample"),
        (torch.ones(4), {}, r"dims is 2 for a tensor of shape \(4,\), but must be a number of last axes from 1 to 1"),
        (torch.ones(4), {"dims": 0}, "dims is 0 for a tensor"),
        (torch.ones(4, 4), {"dims": (0, -2)}, r"dims is \(0, -2\) .* or different axes that it has"),
        (torch.ones(4, 4), {"dims": (2,)}, r"dims is \(2,\) for a tensor"),
        (torch.ones(4, 4), {"mode": "symetric"}, r"mode is 'symetric'.* did you mean 'symmetric'\?"),
        (torch.ones(4, 4), {"mode": "wrap"}, "must be one of zero, authors, constant, periodic, periodization"),
        (torch.ones(4, 4), {"wavelet": "Haar"}, r"no wavelet called 'Haar'; did you mean 'haar'\?"),
    ],
)
def test_bad_input(x, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        dwt(x, **options)


@pytest.mark.message
@pytest.mark.parametrize(
    ("bands", "options", "sentence"),
    [
        ({}, {}, "there is no band, but bands of 2 axes are called aa, ..., dd, one letter for each axis"),
        ({"LL": torch.ones(4, 4)}, {}, "there is a band called 'LL', but bands of 2 axes"),
        ({"a": torch.ones(4, 4)}, {}, "there is a band called 'a', but bands of 2 axes"),
        ({"aa": torch.ones(4, 4)}, {"dims": 3}, "bands of 3 axes are called aaa, ..., ddd"),
        ({"aa": torch.ones(4, 4)}, {"shape": (7,)}, r"shape is \(7,\), but must hold one size for each of the 2"),
        ({"aa": torch.ones(4, 4)}, {"shape": (9, 8)}, r"has size \(4, 4\), but for x of \(9, 8\) .* it has \(5, 4\)"),
        ({"aa": torch.ones(4, 4), "ad": torch.ones(4, 3)}, {}, r"band 'ad' has size \(4, 3\).* it has \(4, 4\)"),
        ({"aa": torch.ones(4, 4, dtype=torch.int32)}, {}, "dtype torch.int32"),
        ({"aa": torch.ones(4, 4)}, {"mode": "nearest"}, "mode is 'nearest', but must be one of"),
    ],
)
def test_bad_bands(bands, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        idwt(bands, **options)
