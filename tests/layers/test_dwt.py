import copy
import pickle

import pytest
import torch
from torch import nn

from subband.layers.dwt import DWT, IDWT, stack_bands, unstack_bands
from subband.layers.learnable import FreeFilters, OrthogonalFilters
from subband.transforms import Coefficients, dwt, filter_bank, orthogonal_bank, wavedec


def noise(*shape, dtype=torch.float64, seed=5):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize(("dims", "shape"), [(1, (2, 3, 9)), (2, (2, 3, 9, 6)), (3, (1, 2, 5, 4, 3))])
@pytest.mark.parametrize("mode", ["periodization", "symmetric"])
def test_one_level_is_the_function(dims, shape, mode):
    x = noise(*shape)
    bands = DWT("db2", dims=dims, mode=mode)(x)
    expected = dwt(x, "db2", dims=dims, mode=mode)
    assert list(bands) == list(expected)
    assert all(torch.equal(bands[name], expected[name]) for name in bands)
    assert (IDWT("db2", dims=dims, mode=mode)(bands, shape=shape[2:]) - x).abs().max() < 1e-11


def test_more_levels_are_the_function():
    x = noise(1, 2, 13, 9)
    found, expected = DWT("bior2.2", level=3)(x), wavedec(x, "bior2.2", level=3)
    assert isinstance(found, Coefficients)
    assert torch.equal(found.approx, expected.approx)
    assert (IDWT("bior2.2", level=3)(found) - x).abs().max() < 1e-11


def test_nothing_is_stored_or_trained():
    assert DWT("db4").state_dict() == {}
    assert not list(IDWT("db4").parameters())


@pytest.mark.parametrize("layer", [DWT("db3", dims=1, mode="zero"), IDWT("ch3.3", level=2), DWT(OrthogonalFilters(4))])
def test_copies_and_pickles(layer):
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert repr(other) == repr(layer)
        assert other.state_dict().keys() == layer.state_dict().keys()
    x = noise(1, 2, 8, 8)
    if isinstance(layer, DWT):
        for name, band in copy.deepcopy(layer)(x).items():
            assert torch.equal(band, layer(x)[name])


def test_repr():
    assert repr(DWT()) == "DWT('haar', dims=2, mode='periodization', level=1)"
    assert repr(IDWT("db2", dims=3, level=2, mode="zero", compiled=True)) == (
        "IDWT('db2', dims=3, mode='zero', level=2, compiled=True)"
    )
    assert "(wavelet): OrthogonalFilters(4, zero_mean=False)" in repr(DWT(OrthogonalFilters(4)))


@pytest.mark.parametrize("filters", [OrthogonalFilters(6), FreeFilters("bior2.2")], ids=["orthogonal", "free"])
def test_filters_are_computed_at_each_call(filters):
    """They are parameters of the layer, and the layer follows them after a step."""
    layer, x = DWT(filters), noise(1, 1, 8, 8, dtype=torch.float32)
    names = {f"wavelet.{name}" for name, _ in filters.named_parameters()}
    assert set(layer.state_dict()) == names
    before = layer(x)["ad"]
    before.square().sum().backward()
    assert all(parameter.grad is not None for name, parameter in filters.named_parameters() if "rec" not in name)
    with torch.no_grad():
        for parameter in filters.parameters():
            parameter.add_(torch.arange(1.0, 1 + parameter.numel()), alpha=0.1)
    assert (layer(x)["ad"] - before).abs().max() > 1e-2


def test_layer_inside_a_network():
    network = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), DWT("db2"))
    network(torch.rand(1, 3, 8, 8))["aa"].sum().backward()
    assert network[0].weight.grad.abs().max() > 0
    assert network.half()(torch.rand(1, 3, 8, 8).half())["aa"].dtype == torch.float16


@pytest.mark.parametrize(("dims", "shape"), [(1, (2, 3, 9)), (2, (3, 9, 6)), (3, (5, 4, 3))])
def test_bands_are_stacked_in_their_order(dims, shape):
    bands = dwt(noise(*shape), "db2", dims=dims)
    stacked = stack_bands(bands)
    assert stacked.shape == (*shape[:-dims], 2**dims, *next(iter(bands.values())).shape[-dims:])
    for place, band in enumerate(bands.values()):
        assert torch.equal(stacked.select(-dims - 1, place), band)
    shuffled = dict(reversed(bands.items()))
    assert torch.equal(stack_bands(shuffled), stacked)
    back = unstack_bands(stacked, dims=dims)
    assert list(back) == list(bands)
    assert all(torch.equal(back[name], bands[name]) for name in bands)
    assert all(band.data_ptr() for band in back.values())


def test_unstacked_bands_are_views():
    stacked = torch.zeros(1, 3, 4, 2, 2)
    unstack_bands(stacked)["da"].fill_(1)
    assert stacked[:, :, 2].min() == 1
    assert stacked.sum() == 12


@pytest.mark.message
@pytest.mark.parametrize("layer", [DWT, IDWT])
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"wavelet": "db99"}, r"no wavelet called 'db99'; did you mean"),
        ({"mode": "periodic_"}, r"mode is 'periodic_', but .* did you mean 'periodic'\?"),
        ({"dims": 4}, "dims is 4, but must be 1 for signals, 2 for images or 3 for volumes"),
        ({"level": 0}, "level is 0, but must be greater than 0"),
        ({"wavelet": orthogonal_bank(torch.tensor([0.6, 0.8]))}, "would not train; give it the module they are of"),
    ],
)
def test_bad_options(layer, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        layer(**options)


@pytest.mark.message
def test_bad_calls():
    with pytest.raises(ValueError, match=r"dtype torch\.int64, but must be real"):
        DWT()(torch.ones(1, 1, 4, 4, dtype=torch.int64))
    with pytest.raises(ValueError, match="the deepest level is 2"):
        DWT(level=3)(torch.ones(1, 1, 4, 4))
    with pytest.raises(ValueError, match="there are coefficients, but the level is 1; give IDWT the options that DWT"):
        IDWT()(DWT(level=2)(torch.ones(1, 1, 4, 4)))
    with pytest.raises(ValueError, match="there are bands, but the level is 2"):
        IDWT(level=2)(DWT()(torch.ones(1, 1, 4, 4)))


@pytest.mark.message
def test_bands_that_cannot_be_stacked():
    bands = dwt(torch.ones(1, 5, 4), mode="authors")
    with pytest.raises(
        ValueError, match=r"band 'da' has shape \(1, 3, 2\), but another has \(1, 2, 2\); only bands of"
    ):
        stack_bands(bands)
    with pytest.raises(ValueError, match="the band 'dd' is missing; give all 4 bands, zeros where there is none"):
        stack_bands(dict.fromkeys(("aa", "ad", "da"), bands["aa"]))
    with pytest.raises(ValueError, match="there is no band"):
        stack_bands({})
    with pytest.raises(ValueError, match="there is a band called 'LL'"):
        stack_bands({"LL": bands["aa"]})
    with pytest.raises(ValueError, match=r"shape \(1, 4, 4\), but must be \(\*batch, 8, \*space\) with 3 axes"):
        unstack_bands(torch.ones(1, 4, 4), dims=3)
    with pytest.raises(ValueError, match=r"shape \(1, 5, 4, 4\), but must be \(\*batch, 4, \*space\)"):
        unstack_bands(torch.ones(1, 5, 4, 4))


def test_one_bank_for_both_directions():
    bank = filter_bank("db2").reversed_roles()
    x = noise(1, 1, 7, 7)
    assert (IDWT(bank)(DWT(bank)(x), shape=(7, 7)) - x).abs().max() < 1e-11
    assert "'reversed db2'" in repr(DWT(bank))
