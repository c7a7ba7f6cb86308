import math

import numpy as np
import pytest
import pywt
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from subband.layers.dwt import DWT, IDWT
from subband.layers.learnable import FreeFilters, OrthogonalFilters, lattice_angles
from subband.transforms import dwt, filter_bank, idwt

NAMES = pywt.wavelist(kind="discrete")
ORTHOGONAL = [name for name in NAMES if pywt.Wavelet(name).orthogonal and name != "dmey"]


def noise(*shape, dtype=torch.float32, seed=5):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def defect(bank):
    """How far the even shifts of the low-pass filter are from being orthonormal."""
    low = np.asarray(bank.rec_lo.detach().double())
    products = [low[: len(low) - shift] @ low[shift:] for shift in range(0, len(low), 2)]
    return np.abs(np.array(products) - np.eye(1, len(products))[0]).max()


@pytest.mark.parametrize("name", ORTHOGONAL)
def test_it_begins_as_any_orthogonal_wavelet(name):
    """PyWavelets' tables of the symlets are orthogonal to 1e-11 only, and so are as far from any angles."""
    wanted = torch.tensor(filter_bank(name).rec_lo, dtype=torch.float64)
    filters = OrthogonalFilters(len(wanted), init=name).double()
    with torch.no_grad():
        filters.angles.copy_(torch.tensor(lattice_angles(wanted.tolist()), dtype=torch.float64))
    assert (filters().rec_lo - wanted).abs().max() < 2e-11
    assert (OrthogonalFilters(init=name)().rec_lo - wanted).abs().max() < 2e-6


def test_angles_by_hand():
    assert lattice_angles(filter_bank("haar").rec_lo) == pytest.approx([math.pi / 4])
    assert sorted(lattice_angles(filter_bank("db2").rec_lo)) == pytest.approx([-math.pi / 12, math.pi / 3])
    bank = OrthogonalFilters(2)
    with torch.no_grad():
        bank.angles.fill_(0.3)
    assert bank().rec_lo.tolist() == pytest.approx([math.cos(0.3), math.sin(0.3)])
    assert bank().rec_hi.tolist() == pytest.approx([math.sin(0.3), -math.cos(0.3)])


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    angles=st.lists(st.floats(-100, 100), min_size=1, max_size=12),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
)
def test_whatever_the_angles_it_reconstructs(angles, size):
    filters = OrthogonalFilters(2 * len(angles)).double()
    with torch.no_grad():
        filters.angles.copy_(torch.tensor(angles, dtype=torch.float64))
    bank, x = filters(), noise(*size, dtype=torch.float64)
    assert defect(bank) < 1e-13
    bands = dwt(x, bank)
    assert (idwt(bands, bank, shape=size) - x).abs().max() < 1e-12
    if not any(n % 2 for n in size):
        energy = sum(band.detach().square().sum() for band in bands.values())
        assert energy.item() == pytest.approx(float(x.square().sum()), rel=1e-12)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(angles=st.lists(st.floats(-3, 3), min_size=1, max_size=8))
def test_every_orthogonal_filter_has_angles(angles):
    filters = OrthogonalFilters(2 * len(angles)).double()
    with torch.no_grad():
        filters.angles.copy_(torch.tensor(angles, dtype=torch.float64))
    low = filters().rec_lo.detach()
    with torch.no_grad():
        filters.angles.copy_(torch.tensor(lattice_angles(low.tolist()), dtype=torch.float64))
    assert (filters().rec_lo - low).abs().max() < 1e-10


@pytest.mark.parametrize("mode", ["periodization", "symmetric"])
def test_gradients_reach_the_angles(mode):
    filters, x = OrthogonalFilters(6, init="db3").double(), noise(2, 7, 6, dtype=torch.float64).requires_grad_()

    def forward(angles, x):
        bank = torch.func.functional_call(filters, {"angles": angles}, ())
        bands = dwt(x, bank, mode=mode)
        return bands["ad"], idwt({"aa": bands["aa"]}, bank, mode=mode, shape=(7, 6))

    angles = filters.angles.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(forward, (angles, x), fast_mode=True)
    assert torch.autograd.gradgradcheck(forward, (angles, x), fast_mode=True)


@pytest.mark.parametrize("zero_mean", [False, True])
def test_it_learns_and_still_reconstructs(zero_mean):
    """Steps that make the details of smooth signals small."""
    filters = OrthogonalFilters(6, zero_mean=zero_mean, generator=torch.Generator().manual_seed(3))
    forward, backward = DWT(filters, dims=1), IDWT(filters, dims=1)
    x = torch.cos(torch.tensor([1.0, 2.0, 3.0])[:, None] * torch.arange(64.0) * math.tau / 64)
    optimiser = torch.optim.Adam(forward.parameters(), lr=0.1)
    losses = []
    for _ in range(40):
        loss = forward(x)["d"].square().sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
        with torch.no_grad():
            assert (backward(forward(x)) - x).abs().max() < 1e-6
    assert losses[-1] < 0.5 * losses[0]
    assert set(backward.state_dict()) == {"wavelet.angles"}


def test_zero_mean():
    filters = OrthogonalFilters(8, zero_mean=True)
    with torch.no_grad():
        filters.angles.copy_(torch.tensor([0.3, -2.0, 1.1]))
    bank = filters()
    assert bank.rec_lo.sum().item() == pytest.approx(math.sqrt(2), abs=1e-6)
    assert bank.rec_hi.sum().item() == pytest.approx(0, abs=1e-6)
    assert defect(bank) < 1e-6
    begun = OrthogonalFilters(8, init="db4", zero_mean=True)
    assert torch.allclose(begun().rec_lo, torch.tensor(filter_bank("db4").rec_lo), atol=1e-6)
    assert len(begun.angles) == 3


def test_state_dict_and_generator():
    first, again = (OrthogonalFilters(8, generator=torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(first.angles, again.angles)
    assert set(first.state_dict()) == {"angles"}
    other = OrthogonalFilters(8)
    other.load_state_dict(first.state_dict())
    assert torch.equal(other().dec_hi, first().dec_hi)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_and_autocast(dtype):
    filters, x = OrthogonalFilters(init="db2"), noise(1, 1, 8, 9)
    exact = DWT("db2")(x)["ad"]
    with torch.autocast("cpu", dtype=dtype):
        assert (DWT(filters)(x)["ad"] - exact).abs().max() < 1e-5
    half = DWT(filters)(x.to(dtype))["ad"]
    assert half.dtype == dtype
    assert (half - exact).abs().max() < 8 * torch.finfo(dtype).eps
    stored = DWT(OrthogonalFilters(init="db2").to(dtype))
    assert defect(stored.bank) < 1e-6
    assert stored(x.to(dtype))["ad"].dtype == dtype


@pytest.mark.slow
def test_one_graph_without_a_break():
    filters = OrthogonalFilters(init="db2")
    forward, backward = DWT(filters, dims=1), IDWT(filters, dims=1)

    def there_and_back(x):
        bands = forward(x)
        return backward(bands, shape=x.shape[-1:]), bands["d"]

    x = noise(2, 9)
    torch._dynamo.reset()
    found = torch.compile(there_and_back, fullgraph=True, backend="aot_eager")(x)
    eager, graph = (
        torch.autograd.grad(outputs[1].square().sum(), filters.angles)[0] for outputs in (there_and_back(x), found)
    )
    assert (found[0] - x).abs().max() < 1e-5
    assert (eager - graph).abs().max() < 1e-4
    torch._dynamo.reset()


@pytest.mark.parametrize("name", ["haar", "db4", "sym5", "bior2.2", "rbio3.5", "ch5.5"])
def test_free_filters_begin_without_penalty(name):
    filters = FreeFilters(name).double()
    assert filters.penalty() < 1e-12
    bank = filters()
    for field in ("dec_lo", "dec_hi", "rec_lo", "rec_hi"):
        assert torch.allclose(getattr(bank, field).float(), torch.tensor(getattr(filter_bank(name), field)))
    assert set(filters.state_dict()) == {"dec_lo", "dec_hi", "rec_lo", "rec_hi"}


def test_the_penalty_by_hand():
    """Haar with one synthesis filter doubled: what it adds is 1 2 1 over 2 of distortion, 1 0 -1 over 2 of alias."""
    filters = FreeFilters("haar").double()
    with torch.no_grad():
        filters.rec_lo.mul_(2)
    distortion, alias = 0.5**2 + 1 + 0.5**2, 0.5**2 + 0.5**2
    assert filters.penalty().item() == pytest.approx(distortion + alias, abs=1e-6)


def test_no_penalty_means_that_it_reconstructs():
    """From four arbitrary filters, with nothing but the penalty."""
    torch.manual_seed(4)
    filters = FreeFilters([[0.5, 0.6], [0.8, -0.5], [0.9, 0.7], [0.6, -0.7]]).double()
    optimiser = torch.optim.LBFGS(
        filters.parameters(), lr=1, max_iter=200, tolerance_grad=1e-14, tolerance_change=1e-16
    )

    def closure():
        optimiser.zero_grad()
        loss = filters.penalty()
        loss.backward()
        return loss

    x = noise(3, 9, 10, dtype=torch.float64)
    layers = DWT(filters), IDWT(filters)
    with torch.no_grad():
        before = (layers[1](layers[0](x), shape=(9, 10)) - x).abs().max()
    optimiser.step(closure)
    with torch.no_grad():
        after = (layers[1](layers[0](x), shape=(9, 10)) - x).abs().max()
    assert before > 0.1
    assert after < 1e-6
    assert (filters.dec_lo - filter_bank("haar").dec_lo[0]).abs().max() > 1e-3


@pytest.mark.parametrize("length", [2, 6, 10])
def test_gradcheck_of_the_penalty(length):
    filters = FreeFilters([noise(length, seed=seed).tolist() for seed in range(4)]).double()
    parameters = tuple(value.detach().clone().requires_grad_() for value in filters.parameters())

    def penalty(*values):
        names = [f"filters.{name}" for name, _ in filters.named_parameters()]
        return torch.func.functional_call(_Penalty(filters), dict(zip(names, values, strict=True)), ())

    assert torch.autograd.gradcheck(penalty, parameters, fast_mode=True)


class _Penalty(torch.nn.Module):
    def __init__(self, filters):
        super().__init__()
        self.filters = filters

    def forward(self):
        return self.filters.penalty()


def test_repr():
    assert repr(FreeFilters("db2")) == "FreeFilters(4)"
    assert repr(OrthogonalFilters(8, zero_mean=True)) == "OrthogonalFilters(8, zero_mean=True)"


@pytest.mark.message
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "length is None, but a filter has an even number of taps from 2 on"),
        ({"length": 5}, "length is 5, but a filter has an even number"),
        ({"length": 0}, "length is 0"),
        ({"length": 2, "zero_mean": True}, "two taps of zero mean are haar, and nothing is left to learn"),
        ({"length": 4, "init": "db3"}, "init is 'db3' with 6 taps, but length is 4; give 6"),
        ({"init": "bior2.2"}, "init is 'bior2.2', but must be an orthogonal wavelet: the filter times itself"),
        ({"init": "dmey"}, "init is 'dmey', but must be an orthogonal wavelet"),
        ({"init": "db_2"}, "there is no wavelet called 'db_2'; did you mean 'db2'"),
    ],
)
def test_bad_options(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        OrthogonalFilters(**options)


@pytest.mark.message
def test_an_orthogonal_filter_of_a_bank_that_is_not():
    low = filter_bank("haar").rec_lo
    bank = [[1.0, 1.0], [1.0, -1.0], low, filter_bank("haar").rec_hi]
    with pytest.raises(ValueError, match="init is 'custom', but must be an orthogonal wavelet; FreeFilters takes any"):
        OrthogonalFilters(init=bank)
