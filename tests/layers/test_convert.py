"""Conversion of small networks: arithmetic by hand, what is converted, what is left, and what is refused."""

import copy
import io
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations

from subband.layers.conversion_report import conversion_report
from subband.layers.convert import waveletize
from subband.layers.low_pass import LowPass
from subband.layers.window import Window
from subband.transforms.dwt import dwt

MAX = F.max_pool2d


def rows(model):
    """Placement or reason of each place by its name and kind."""
    return {(row.name, row.kind): row.placement or row.reason for row in conversion_report(model).rows}


def low(x, wavelet="haar"):
    """The authors' low band of an even-sized image."""
    return dwt(x, wavelet, mode="authors")["aa"]


class Block(nn.Module):
    """Strided convolution, norm, activation, convolution, as in a residual block; and a strided shortcut."""

    def __init__(self, *, bias=False):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 4, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(2, 4, 1, stride=2, bias=bias)

    def forward(self, x):
        return self.conv2(self.relu(self.norm(self.conv1(x)))) + self.shortcut(x)


class Calls(nn.Module):
    """A network as tutorials write it."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.inner = nn.MaxPool2d(2)
        self.head = nn.Linear(4, 5)

    def forward(self, x, *, scale=1.0):
        x = MAX(F.relu(self.conv1(x)), 2)
        x = F.avg_pool2d(F.relu(self.conv2(x)), kernel_size=3, stride=2, padding=1)
        x = F.max_pool2d(self.inner(x), 3, 1, 1)
        return scale * self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))


def seeded(module):
    draw = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for value in module.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape, generator=draw) + 0.1)
    return module.eval()


@pytest.mark.parametrize("wavelet", ["haar", "ch3.3", "db4"])
def test_direct_is_convolution_then_low_pass(wavelet, generator):
    plain = seeded(Block()).double()
    x = torch.randn(1, 2, 16, 20, dtype=torch.float64, generator=generator)
    hidden = low(F.conv2d(x, plain.conv1.weight, padding=1), wavelet)
    expected = plain.conv2(F.relu(plain.norm(hidden))) + low(F.conv2d(x, plain.shortcut.weight), wavelet)
    model = waveletize(plain, wavelet, placement="direct").double()
    assert model is plain
    assert (model(x) - expected).abs().max() < 1e-10 * expected.abs().max()
    assert rows(model) == {("conv1", "Conv2d"): "after itself", ("shortcut", "Conv2d"): "before itself"}


@pytest.mark.parametrize("bias", [False, True])
def test_authors_is_low_pass_before_the_next_convolution(bias, generator):
    plain = seeded(Block(bias=bias)).double()
    x = torch.randn(1, 2, 16, 20, dtype=torch.float64, generator=generator)
    hidden = F.relu(plain.norm(F.conv2d(x, plain.conv1.weight, padding=1)))
    shortcut = F.conv2d(low(x), plain.shortcut.weight, plain.shortcut.bias)
    expected = plain.conv2(low(hidden)) + shortcut
    model = waveletize(plain).double()
    assert (model(x) - expected).abs().max() < 1e-10 * expected.abs().max()
    assert rows(model) == {("conv1", "Conv2d"): "before conv2", ("shortcut", "Conv2d"): "before itself"}
    assert model.conv1.stride == model.shortcut.stride == (1, 1)


def test_direct_filters_after_a_1x1_convolution_that_has_a_bias(generator):
    plain = seeded(nn.Sequential(nn.Conv2d(2, 3, 1, stride=2)))
    x = torch.randn(1, 2, 8, 8, generator=generator)
    expected = low(F.conv2d(x, plain[0].weight, plain[0].bias))
    assert torch.allclose(waveletize(plain, placement="direct")(x), expected, atol=1e-5)


def test_stem_and_pool_are_filtered_one_after_the_other(generator):
    layers = [nn.Conv2d(3, 4, 7, stride=2, padding=3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    plain = seeded(nn.Sequential(*layers)).double()
    x = torch.randn(1, 3, 32, 24, dtype=torch.float64, generator=generator)
    expected = low(low(F.relu(plain[1](F.conv2d(x, plain[0].weight, plain[0].bias, padding=3)))))
    model = waveletize(plain).double()
    assert (model(x) - expected).abs().max() < 1e-10 * expected.abs().max()
    assert rows(model) == {("0", "Conv2d"): "before 3", ("3", "MaxPool2d"): "in its place"}


@pytest.mark.parametrize("conv", [nn.Conv1d, nn.Conv2d, nn.Conv3d])
@pytest.mark.parametrize("pool", [nn.MaxPool1d, nn.AvgPool1d])
def test_every_dimension(conv, pool, generator):
    dims = int(conv.__name__[-2])
    pool = getattr(nn, pool.__name__.replace("1d", f"{dims}d"))
    plain = nn.Sequential(conv(2, 3, 3, stride=2, padding=1), nn.ReLU(), pool(2))
    x = torch.randn(1, 2, *[21, 15, 18][:dims], generator=generator)
    shape = plain(x).shape
    assert waveletize(plain, "db2")(x).shape == shape
    assert [row.placement for row in conversion_report(plain).rows] == ["before 2", "in its place"]


def test_a_stride_of_four_is_two_levels(generator):
    plain = seeded(nn.Sequential(nn.Conv2d(3, 4, 4, stride=4), nn.MaxPool2d(4)))
    x = torch.randn(1, 3, 70, 83, generator=generator)
    shape, hidden = plain(x).shape, F.conv2d(x, plain[0].weight, plain[0].bias)
    left = copy.deepcopy(plain)
    with pytest.raises(ValueError, match="nothing to convert"):
        waveletize(left)
    model = waveletize(plain, gain="dc1", max_stride=4, placement="direct")
    twice = LowPass(gain="dc1")(LowPass(gain="dc1")(hidden))
    assert torch.allclose(model[0](x), twice, atol=1e-5)
    assert torch.allclose(model(x), F.avg_pool2d(twice, 4), atol=1e-4)
    assert model(x).shape == shape


def test_unequal_strides_filter_one_axis(generator):
    plain = nn.Sequential(nn.Conv2d(2, 3, 3, stride=(2, 1), padding=1), nn.MaxPool2d((2, 2), (2, 1), (0, 1)))
    seeded(plain)
    x = torch.randn(1, 2, 17, 12, generator=generator)
    shape = plain(x).shape
    one_axis = LowPass(window=[Window(), Window(stride=1)])
    hidden = one_axis(F.conv2d(x, plain[0].weight, plain[0].bias, padding=1))
    expected = LowPass(window=[Window(2, ceil_mode=False), Window(stride=1)])(F.max_pool2d(hidden, (1, 2), 1, (0, 1)))
    found = waveletize(plain, placement="direct")(x)
    assert found.shape == shape
    assert torch.allclose(found, expected, atol=1e-5)
    assert "max_pool2d, size=(1, 2), padding=(0, 1)" in repr(plain)


@pytest.mark.parametrize("training", [False, True])
def test_functional_pools(training, generator):
    plain = seeded(Calls()).train(training)
    x = torch.randn(2, 3, 32, 48, generator=generator)
    keys = list(plain.state_dict())
    hidden = low(F.relu(plain.conv1(x)))
    hidden = LowPass(window=Window(3, 2, 1, False))(F.relu(plain.conv2(hidden)))
    hidden = F.max_pool2d(low(hidden), 3, 1, 1)
    expected = 2 * plain.head(hidden.mean((2, 3)))
    model = waveletize(plain)
    assert torch.allclose(model(x, scale=2.0), expected, rtol=1e-4)
    assert list(model.state_dict()) == keys
    assert model.training == training
    assert conversion_report(model).left[0].reason == "stride 1"
    assert [(row.kind, row.kernel) for row in conversion_report(model).converted] == [
        ("MaxPool2d", (2, 2)),
        ("F.max_pool2d", (2, 2)),
        ("F.avg_pool2d", (3, 3)),
    ]


def test_functional_pools_copy_pickle_and_compile(generator):
    model = waveletize(seeded(Calls()), "db2")
    x = torch.randn(1, 3, 32, 32, generator=generator)
    expected = model(x)
    assert torch.equal(copy.deepcopy(model)(x), expected)
    assert torch.equal(pickle.loads(pickle.dumps(model))(x), expected)
    assert torch.equal(torch.compile(model, fullgraph=True, backend="aot_eager")(x), expected)
    assert torch.equal(torch.export.export(model, (x,)).module()(x), expected)


class Special(nn.Module):
    """Calls whose size is known only when they run, or whose indices are needed."""

    def forward(self, x):
        y, places = F.max_pool2d(x, 2, return_indices=True)
        y = F.max_unpool2d(y, places, 2)
        z = F.max_pool2d(y, 2)
        return F.avg_pool2d(y, y.shape[2:]) + F.avg_pool2d(z, z.shape[2:])


def test_global_calls_and_calls_for_indices_are_left(generator):
    model = waveletize(Special())
    assert rows(model) == {
        ("", "F.max_pool2d_with_indices"): "returns indices, which an unpooling needs",
        ("", "F.max_pool2d"): "in its place",
    }
    x = torch.rand(1, 2, 8, 8, generator=generator)
    y = F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2)
    assert torch.allclose(model(x), y.mean((2, 3), keepdim=True) + low(y).mean((2, 3), keepdim=True), atol=1e-6)


class Data(nn.Module):
    """Asks for values, so that torch.fx cannot follow."""

    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(2, 2, 3, stride=2), nn.ReLU(), nn.Conv2d(2, 2, 1))

    def forward(self, x):
        self.seen = x
        x = self.block(x) if float(x.sum()) > 0 else x
        return F.max_pool2d(x, 2)


def test_what_cannot_be_traced_is_said_and_its_modules_converted(generator):
    plain = seeded(Data())
    x = torch.rand(1, 2, 16, 16, generator=generator)
    shape = plain(x).shape
    plain.seen = None
    model = waveletize(plain)
    assert model.seen is None
    assert rows(model) == {("block.0", "Conv2d"): "before block.2"}
    assert conversion_report(model).notes[0].startswith("torch.fx cannot trace the forward of the network: pools")
    assert model(x).shape == shape


def test_tracing_leaves_hooks_random_numbers_and_modes_alone(generator):
    plain = nn.Sequential(Block(), nn.Dropout(0.5))
    plain[1].eval()
    seen = []
    plain[0].register_forward_hook(lambda *_: seen.append(1))
    before = torch.random.get_rng_state()
    model = waveletize(plain)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert (seen, model.training, model[1].training) == ([], True, False)
    model(torch.randn(1, 2, 8, 8, generator=generator))
    assert seen == [1]


def test_a_shared_module_is_converted_once(generator):
    conv, pool = nn.Conv2d(2, 2, 3, stride=2, padding=1), nn.MaxPool2d(2)
    plain = seeded(nn.Sequential(conv, nn.ReLU(), pool, conv, pool))
    x = torch.randn(1, 2, 64, 48, generator=generator)
    shape = plain(x).shape
    model = waveletize(plain)
    assert model(x).shape == shape
    assert rows(model) == {("0", "Conv2d"): "after itself", ("2", "MaxPool2d"): "in its place"}
    assert model[0] is model[3]
    assert conversion_report(model).rows[0].reason == "called several times"


class Taps(nn.Module):
    """Hands on what lies between two convolutions."""

    def __init__(self, *, between):
        super().__init__()
        self.first = nn.Conv2d(2, 2, 3, stride=2, padding=1)
        self.second = nn.Conv2d(2, 2, 3, padding=1)
        self.between = between

    def forward(self, x):
        x = self.first(x)
        y = self.between(x)
        return self.second(y), self.second(y)


@pytest.mark.parametrize(
    ("between", "reason"),
    [
        (nn.ReLU(), "goes to several places"),
        (nn.Upsample(scale_factor=2), "goes to no convolution"),
        (nn.Softmax(1), "goes to no convolution"),
    ],
)
def test_filter_goes_right_after_where_the_rule_does_not_reach(between, reason):
    model = waveletize(Taps(between=between))
    (row,) = conversion_report(model).rows
    assert (row.placement, row.reason) == ("after itself", reason)


class Modes(Taps):
    """Takes another way in training."""

    def forward(self, x):
        x = self.first(x)
        return self.second(x) if self.training else x


def test_filter_goes_right_after_where_training_differs():
    model = waveletize(Modes(between=nn.Identity()))
    assert conversion_report(model).rows[0].reason == "goes to different modules in training and evaluation"


def test_a_carrier_that_runs_twice_carries_nothing():
    class Twice(Taps):
        def forward(self, x):
            return self.second(self.second(self.first(x)))

    model = waveletize(Twice(between=nn.Identity()))
    assert conversion_report(model).rows[0].reason == "goes to a module that is called several times"


class BlurPool(nn.Module):
    """Stands for the layers of anti-aliased networks."""


class Odd(nn.Conv2d):
    """Convolution of one's own class."""


LEFT = {
    "unpooled": (nn.MaxPool2d(2, return_indices=True), "returns indices, which an unpooling needs"),
    "dilated": (nn.MaxPool2d(2, dilation=2), "dilated"),
    "divided": (nn.AvgPool2d(2, divisor_override=3), "has its own divisor"),
    "dense": (nn.MaxPool2d(3, 1, 1), "stride 1"),
    "global": (nn.AvgPool2d(7), "stride 7 is no power of 2"),
    "patches": (nn.Conv2d(2, 2, 16, stride=16), "stride 16 is over max_stride=2"),
    "mixed": (nn.Conv2d(2, 2, 3, stride=(2, 3)), "stride (2, 3) is no power of 2"),
    "adaptive": (nn.AdaptiveMaxPool2d(2), "adaptive: its output has one size"),
    "up": (nn.ConvTranspose2d(2, 2, 2, stride=2), "enlarges"),
    "unpool": (nn.MaxUnpool2d(2), "enlarges"),
    "power": (nn.LPPool2d(2, 2, 2), "no convolution, maximum or average of torch.nn"),
    "blur": (BlurPool(), "blurs already"),
    "lazy": (nn.LazyConv2d(2, 3, stride=2), "lazy; run the network once first"),
    "weighted": (parametrizations.weight_norm(nn.Conv2d(2, 2, 3, stride=2)), "parametrized; convert the network first"),
}


def test_what_is_left_and_why():
    plain = nn.ModuleDict({name: module for name, (module, _) in LEFT.items()})
    plain["own"] = Odd(2, 2, 3, stride=2)
    types = {name: type(module) for name, module in plain.items()}
    model = waveletize(plain)
    found = {row.name: row.reason for row in conversion_report(model).left}
    assert found == {name: reason for name, (_, reason) in LEFT.items()}
    assert all(type(model[name]) is types[name] for name in LEFT)
    assert isinstance(model["own"], Odd)
    assert type(model["own"]).__name__ == "LowPassOdd"
    table = str(conversion_report(model)).splitlines()
    assert table[0] == f"haar: 1 of {len(LEFT) + 1} places became low-pass filters"
    assert table[1].split() == ["name", "kind", "kernel", "stride", "placement", "reason"]
    assert any("patches" in line and "16x16" in line and "over max_stride=2" in line for line in table)


def test_quantised_layers_are_left():
    quantised = torch.ao.nn.qat.Conv2d(2, 2, 3, stride=2, qconfig=torch.ao.quantization.default_qat_qconfig)
    model = waveletize(nn.ModuleDict({"a": quantised, "b": nn.MaxPool2d(2)}))
    assert rows(model)["a", "Conv2d"] == "quantised; convert the network first"


@pytest.mark.parametrize("skip", [("0.conv1",), "0.conv1", "stem"])
def test_skip_by_name(skip, generator):
    plain = seeded(nn.Sequential(Block()))
    model = waveletize(copy.deepcopy(plain), skip=skip)
    assert rows(model) == {("0.conv1", "Conv2d"): "skipped", ("0.shortcut", "Conv2d"): "before itself"}
    x = torch.randn(1, 2, 8, 8, generator=generator)
    assert torch.equal(model[0].conv1(x), plain[0].conv1(x))


def test_skip_by_module_and_below(generator):
    plain = nn.Sequential(Block(), nn.MaxPool2d(2))
    model = waveletize(plain, skip=[plain[0]])
    assert set(rows(model).values()) == {"skipped", "in its place"}
    assert type(model[0].conv1) is nn.Conv2d


def test_stem_of_a_network_without_strides_is_nothing():
    assert rows(waveletize(nn.Sequential(nn.MaxPool2d(2)), skip="stem")) == {("0", "MaxPool2d"): "in its place"}


def test_calls_around_a_skipped_pool_are_left(generator):
    plain = seeded(Calls())
    x = torch.randn(1, 3, 32, 32, generator=generator)
    plain.strided = nn.Conv2d(2, 2, 3, stride=2)
    expected = plain(x)
    model = waveletize(plain, skip="inner")
    assert torch.equal(model(x), expected)
    assert rows(model)["", "F.max_pool2d"] == "stride 1"
    assert rows(model)["", "F.avg_pool2d"] == "holds a skipped pool"


def test_a_layer_alone(generator):
    x = torch.randn(1, 2, 8, 10, generator=generator)
    pool = waveletize(nn.AvgPool2d(2), gain="dc1")
    assert torch.allclose(pool(x), F.avg_pool2d(x, 2), atol=1e-6)
    assert isinstance(pool, nn.AvgPool2d)
    assert waveletize(nn.Conv2d(2, 2, 3, stride=2, padding=1))(x).shape == (1, 2, 4, 5)


def test_slices_are_reported():
    class Slices(nn.Sequential):
        def forward(self, x):
            return super().forward(x)[:, :, ::2, ::2]

    model = waveletize(Slices(nn.MaxPool2d(2)))
    assert rows(model) == {("0", "MaxPool2d"): "in its place", ("", "slice"): "sampled by slicing"}


def test_a_traced_graph_keeps_its_calls(generator):
    graph = torch.fx.symbolic_trace(Calls())
    x = torch.randn(1, 3, 32, 32, generator=generator)
    shape = graph(x).shape
    model = waveletize(graph)
    assert model(x).shape == shape
    assert rows(model)["", "F.avg_pool2d"] == "in a traced graph; convert the network before tracing it"
    assert rows(model)["inner", "MaxPool2d"] == "in its place"


@pytest.mark.parametrize("placement", ["authors", "direct"])
def test_copies_and_files(placement, generator):
    model = waveletize(seeded(nn.Sequential(Block(), nn.MaxPool2d(2))), "db2", placement=placement)
    x = torch.randn(1, 2, 18, 18, generator=generator)
    expected = model(x)
    stored = io.BytesIO()
    torch.save(model, stored)
    stored.seek(0)
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), torch.load(stored, weights_only=False)):
        assert torch.equal(again(x), expected)
        assert str(conversion_report(again)) == str(conversion_report(model))
        assert type(again[0].conv1) is type(model[0].conv1)
    again[0].conv1.weight.data.zero_()
    assert torch.equal(model(x), expected)


def test_hooks_of_converted_layers_stay(generator):
    plain = nn.Sequential(Block(), nn.MaxPool2d(2))
    seen = {}
    plain[0].conv1.register_forward_hook(lambda module, inputs, output: seen.update(conv=output.shape))
    plain[1].register_forward_hook(lambda module, inputs, output: seen.update(pool=output.shape))
    waveletize(plain, placement="direct")(torch.randn(1, 2, 12, 8, generator=generator))
    assert seen == {"conv": (1, 4, 6, 4), "pool": (1, 4, 3, 2)}


def test_blur_is_zhangs_network(generator):
    plain = nn.Sequential(nn.Conv2d(2, 2, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(2, 2, 1))
    x = torch.randn(1, 2, 12, 12, generator=generator)
    kernel = torch.tensor([1.0, 2.0, 1.0])
    kernel = torch.outer(kernel, kernel).expand(2, 1, 3, 3) / 16
    hidden = F.relu(F.conv2d(x, plain[0].weight, plain[0].bias, padding=1))
    expected = plain[2](F.conv2d(hidden, kernel, stride=2, padding=1, groups=2))
    assert torch.allclose(waveletize(plain, "blur3")(x), expected, atol=1e-5)


@pytest.mark.message
def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="nothing to convert: the network has no stride and no pooling"):
        waveletize(nn.Conv2d(2, 2, 3))
    patches = nn.ModuleDict({name: nn.Conv2d(2, 2, 16, stride=16) for name in "abcdef"})
    with pytest.raises(ValueError, match=r"convert: Conv2d 'a' \(stride 16 is over max_stride=2\), .* 2 more"):
        waveletize(patches)
    with pytest.raises(ValueError, match="no wavelet or blur called 'haa'; did you mean 'haar'"):
        waveletize(nn.MaxPool2d(2), "haa")
    with pytest.raises(ValueError, match="placement is 'author', but must be one of authors, direct; did you mean"):
        waveletize(nn.MaxPool2d(2), placement="author")
    with pytest.raises(ValueError, match="max_stride is 0, but must be greater than 0"):
        waveletize(nn.MaxPool2d(2), max_stride=0)
    with pytest.raises(ValueError, match=r"skip names 'conv_1', but the network has no such .* did you mean 'conv1'"):
        waveletize(Block(), skip=("conv_1",))
    with pytest.raises(ValueError, match="skip holds a Conv2d that is no part of this network; give its own"):
        waveletize(Block(), skip=[nn.Conv2d(1, 1, 1)])
    with pytest.raises(ValueError, match="this Block was not converted; give what waveletize returned"):
        conversion_report(Block())
    with pytest.raises(ValueError, match=r"model is a dict, but must be a torch.nn.Module"):
        waveletize({})


@pytest.mark.message
def test_a_second_conversion_is_refused():
    model = waveletize(Block(), "db2")
    with pytest.raises(ValueError, match="the network was converted already, with 'db2'; convert a new one"):
        waveletize(model)
    with pytest.raises(ValueError, match="module '0' was converted already"):
        waveletize(nn.Sequential(model, nn.MaxPool2d(2)))


@pytest.mark.message
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
def test_what_is_no_longer_python_is_refused():
    with pytest.raises(ValueError, match=r"the network is scripted \(RecursiveScriptModule\); convert the plain"):
        waveletize(torch.jit.script(nn.MaxPool2d(2)))
    with pytest.raises(ValueError, match=r"the network is compiled \(OptimizedModule\); convert the plain network"):
        waveletize(torch.compile(Block()))
    with pytest.raises(ValueError, match=r"module '1' is compiled"):
        waveletize(nn.Sequential(nn.MaxPool2d(2), torch.compile(nn.MaxPool2d(2))))


def test_a_refusal_changes_nothing():
    plain = Block()
    before = repr(plain)
    with pytest.raises(ValueError, match="did you mean"):
        waveletize(plain, "har")
    assert repr(plain) == before
