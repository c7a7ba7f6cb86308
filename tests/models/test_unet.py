"""U-Nets: published sizes, arithmetic by hand, and any image size."""

import pytest
import torch
import torch.nn.functional as F

from subband.models import AttentionUNet, UNet, authors_state_dict, load_authors
from subband.models._blocks import AttentionGate, pad_to_multiple

BOTH = pytest.mark.parametrize("network", [UNet, AttentionUNet])


@pytest.mark.parametrize(
    ("network", "channels", "published"),
    [
        (UNet, 1, 34_525_954),
        (UNet, 3, 34_527_106),
        (AttentionUNet, 1, 34_877_486),
        (AttentionUNet, 3, 34_878_638),
    ],
)
def test_has_the_published_number_of_parameters(network, channels, published):
    with torch.device("meta"):
        model = network(channels, 2)
    assert sum(parameter.numel() for parameter in model.parameters()) == published


def test_one_level_is_two_convolutions_and_a_head():
    model = UNet(1, 1, width=1, depth=1).eval()
    for name, value in model.state_dict().items():
        if name.endswith("weight"):
            value.fill_(1.0)
        elif name.endswith("bias"):
            value.fill_(0.25)
    image = torch.zeros(1, 1, 5, 5)
    image[0, 0, 2, 2] = 1.0
    kernel = torch.ones(1, 1, 3, 3)
    scale = 1 / (1 + 1e-5) ** 0.5
    hidden = image
    for _ in range(2):
        hidden = F.relu((F.conv2d(hidden, kernel, padding=1) + 0.25) * scale + 0.25)
    assert torch.allclose(model(image), hidden + 0.25, rtol=1e-6)


def test_attention_gate_by_hand():
    gate = AttentionGate(2, 1, norm="batch", dims=2).eval()
    for name, value in gate.state_dict().items():
        if name.endswith(("0.weight", "0.bias")):
            value.fill_(0.5)
    signal, skip = torch.full((1, 2, 1, 1), 2.0), torch.full((1, 2, 1, 1), 3.0)
    scale = 1 / (1 + 1e-5) ** 0.5
    added = (0.5 * 4 + 0.5) * scale + (0.5 * 6 + 0.5) * scale
    weight = torch.sigmoid(torch.tensor((0.5 * added + 0.5) * scale))
    assert torch.allclose(gate(signal, skip), skip * weight)


@BOTH
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (13, 18), (16, 16), (31, 2)])
@pytest.mark.parametrize("norm", ["batch", "instance", "group"])
@pytest.mark.parametrize("training", [True, False])
def test_any_size_goes_through(network, size, norm, training, generator):
    model = network(2, 3, width=4, depth=4, norm=norm).train(training)
    image = torch.randn(1, 2, *size, generator=generator)
    kept = image.clone()
    logits = model(image)
    assert logits.shape == (1, 3, *size)
    assert logits.isfinite().all()
    assert torch.equal(image, kept)


@BOTH
def test_volumes_go_through_the_same_routine(network, generator):
    model = network(1, 2, width=4, depth=3, dims=3)
    assert model(torch.randn(2, 1, 5, 9, 6, generator=generator)).shape == (2, 2, 5, 9, 6)


@BOTH
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_width_and_depth_set_the_levels(network, depth):
    model = network(width=3, depth=depth)
    assert [block[0].out_channels for block in model.down] == [3 * 2**level for level in range(depth)]
    assert len(model.up) == len(model.join) == depth - 1


@BOTH
@pytest.mark.parametrize("dims", [2, 3])
def test_every_parameter_gets_a_gradient(network, dims, generator):
    model = network(1, 2, width=4, depth=3, dims=dims)
    model(torch.randn(2, 1, *([11] * dims), generator=generator)).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    assert model.down[0][0].weight.grad.abs().sum() > 0


@BOTH
def test_a_batch_is_its_images(network, generator):
    model = network(width=4, depth=3).eval()
    images = torch.randn(3, 1, 10, 14, generator=generator)
    single = torch.cat([model(image[None]) for image in images])
    assert torch.allclose(model(images), single, atol=1e-6)


def test_padding_is_invisible_where_none_is_needed(generator):
    x = torch.randn(1, 1, 8, 16, generator=generator)
    padded, inside = pad_to_multiple(x, 4)
    assert padded is x
    assert torch.equal(padded[(..., *inside)], x)


@pytest.mark.parametrize(("size", "mode"), [((5, 6), "reflect"), ((1, 6), "replicate")])
def test_padding_mirrors_or_repeats(size, mode):
    x = torch.arange(float(size[0] * size[1])).reshape(1, 1, *size)
    padded, inside = pad_to_multiple(x, 4)
    assert all(length % 4 == 0 for length in padded.shape[2:])
    assert torch.equal(padded[(..., *inside)], x)
    rows, columns = (length - n for length, n in zip(padded.shape[2:], size, strict=True))
    widths = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
    assert torch.equal(padded, F.pad(x, widths, mode=mode))


@BOTH
def test_half_precision_and_double(network, generator):
    image = torch.randn(1, 1, 9, 9, generator=generator)
    model = network(width=4, depth=2).eval()
    expected = model(image)
    assert torch.allclose(network.forward(model.double(), image.double()).float(), expected, atol=1e-5)
    assert model.bfloat16()(image.bfloat16()).dtype == torch.bfloat16


@BOTH
def test_authors_names_round_trip(network, generator):
    first, second = (network(width=2, depth=3) for _ in range(2))
    load_authors(second, authors_state_dict(first))
    image = torch.randn(1, 1, 8, 8, generator=generator)
    assert torch.equal(first.eval()(image), second.eval()(image))
    assert {name.partition(".")[0] for name in authors_state_dict(first)} >= {"Conv3", "Up3", "Up_conv2", "Conv_1x1"}


@pytest.mark.message
def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="width is 0, but must be greater than 0"):
        UNet(width=0)
    with pytest.raises(ValueError, match=r"norm is 'bach', but must be one of .* did you mean 'batch'"):
        UNet(norm="bach")
    with pytest.raises(ValueError, match="dims is 4, but must be 2 for images or 3 for volumes"):
        UNet(dims=4)
    model = UNet(width=2, depth=2)
    with pytest.raises(ValueError, match=r"shape \(1, 8, 8\), but this network takes \(batch, 1, height, width\)"):
        model(torch.zeros(1, 8, 8))
    state = authors_state_dict(AttentionUNet(width=2, depth=2))
    with pytest.raises(ValueError, match=r"first is 'Att2\.W_g\.0\.bias' \(left over from the given state\)"):
        load_authors(model, state)
    with pytest.raises(ValueError, match=r"the first is 'Conv1\.conv\.0\.bias' \(missing in the given state\)"):
        load_authors(model, {})
    with pytest.raises(ValueError, match=r"weight has shape \(2, 1, 3, 3\), but this network needs \(2, 3"):
        load_authors(UNet(3, width=2, depth=2), authors_state_dict(model))
