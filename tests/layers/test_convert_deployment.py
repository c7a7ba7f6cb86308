"""Converted networks under torch.compile, torch.export, ONNX, autocast and in other formats."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn

from subband.layers.convert import waveletize

torchvision = pytest.importorskip("torchvision")

# name: size of the example, another size for what was exported with dynamic sizes
NETWORKS = {
    "resnet18": ((64, 96), (97, 65)),
    "vgg16_bn": ((64, 96), (97, 65)),
    "densenet": ((64, 96), (97, 65)),
    "timm/resnet50": ((64, 96), (97, 65)),
    "timm/convnext_atto": ((64, 96), (97, 70)),
    "inception": ((64, 96), (97, 65)),
}
SLOW = [name for name in NETWORKS if name != "resnet18"]
EACH = pytest.mark.parametrize(
    "name", ["resnet18", *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)], scope="module"
)


@pytest.fixture(scope="module")
def networks():
    """Converted networks, each built once."""
    built = {}

    def converted(name):
        if name not in built:
            built.clear()
            torch.manual_seed(5)
            model = build(name)
            built[name] = waveletize(model, "ch2.2", max_stride=4 if "convnext" in name else 2)
        return built[name]

    return converted


def build(name):
    if name.startswith("timm/"):
        return pytest.importorskip("timm").create_model(name.removeprefix("timm/"), num_classes=10).eval()
    if name == "densenet":  # densenet121 with fewer layers in its four blocks
        return torchvision.models.DenseNet(block_config=(2, 3, 4, 2), num_classes=10).eval()
    if name == "inception":  # the blocks of inception_v3 that pool by functions
        blocks = torchvision.models.inception
        layers = [blocks.BasicConv2d(3, 32, kernel_size=3, stride=2), blocks.InceptionA(32, 8), blocks.InceptionB(232)]
        layers += [blocks.InceptionD(712), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1224, 10)]
        return nn.Sequential(*layers).eval()
    return torchvision.models.get_model(name, weights=None, num_classes=10).eval()


def images(name, generator):
    return [
        torch.randn(batch, 3, *size, generator=generator) for batch, size in zip((2, 1), NETWORKS[name], strict=True)
    ]


def error(found, expected):
    """Worst difference, relative to how much the logits spread."""
    assert found.shape == expected.shape
    return float((found - expected).abs().max() / expected.std())


@pytest.mark.slow
@EACH
@torch.no_grad()
def test_compiles_in_one_graph(networks, name, generator):
    model, (x, _) = networks(name), images(name, generator)
    torch.compiler.reset()
    assert error(torch.compile(model, fullgraph=True, backend="aot_eager")(x), model(x)) < 1e-5


@pytest.mark.slow
@EACH
@torch.no_grad()
def test_exports_with_fixed_and_with_dynamic_sizes(networks, name, generator):
    model, (x, other) = networks(name), images(name, generator)
    assert error(torch.export.export(model, (x,)).module()(x), model(x)) < 1e-5
    sizes = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    dynamic = torch.export.export(model, (x,), dynamic_shapes=(sizes,)).module()
    assert error(dynamic(x), model(x)) < 1e-5
    assert error(dynamic(other), model(other)) < 1e-5


@pytest.mark.slow
@EACH
@torch.no_grad()
@pytest.mark.filterwarnings("ignore")  # of the exporter
def test_runs_in_onnxruntime_at_every_size(networks, name, generator):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model, inputs = networks(name), images(name, generator)
    sizes = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    program = torch.onnx.export(model, (inputs[0],), dynamo=True, dynamic_shapes=(sizes,), verbose=False)
    proto = program.model_proto
    session = runtime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    for x in inputs:
        (found,) = session.run(None, {proto.graph.input[0].name: x.numpy()})
        assert error(torch.from_numpy(found), model(x)) < 1e-4


@EACH
@torch.no_grad()
@pytest.mark.filterwarnings("ignore:.*trac")
def test_traces(networks, name, generator):
    model, (x, other) = networks(name), images(name, generator)
    graph = torch.fx.symbolic_trace(model)
    assert torch.equal(graph(x), model(x))
    assert torch.equal(graph(other), model(other))
    assert error(torch.jit.trace(model, x)(x), model(x)) < 1e-5


@EACH
@torch.no_grad()
def test_copies_and_dtypes(networks, name, generator):
    model, (x, _) = networks(name), images(name, generator)
    expected = model(x)
    assert torch.equal(pickle.loads(pickle.dumps(model))(x), expected)
    stored = io.BytesIO()
    torch.save(model.state_dict(), stored)
    stored.seek(0)
    again = copy.deepcopy(model)
    again.load_state_dict(torch.load(stored, weights_only=True), strict=True)
    assert torch.equal(again(x), expected)
    last = again.to(memory_format=torch.channels_last)(x.contiguous(memory_format=torch.channels_last))
    assert error(last, expected) < 1e-4
    assert error(again.double()(x.double()).float(), expected) < 1e-4
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert error(model(x).float(), expected) < 0.2


@EACH
def test_takes_a_training_step(networks, name, generator):
    model, (x, _) = copy.deepcopy(networks(name)).train(), images(name, generator)
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3)
    loss = nn.functional.cross_entropy(model(x), torch.tensor([1, 2]))
    loss.backward()
    assert all(value.grad is not None and value.grad.isfinite().all() for value in model.parameters())
    optimiser.step()
    assert nn.functional.cross_entropy(model(x), torch.tensor([1, 2])) != loss


@pytest.mark.slow
@torch.no_grad()
def test_inductor_gives_the_same_numbers(generator):
    resnet = torchvision.models.resnet
    torch.compiler.reset()
    model = waveletize(resnet.ResNet(resnet.BasicBlock, [1, 1, 1, 1], num_classes=10).eval(), "db2")
    x = torch.randn(2, 3, 64, 64, generator=generator)
    assert error(torch.compile(model, fullgraph=True)(x), model(x)) < 1e-4
