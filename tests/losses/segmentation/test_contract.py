"""What every segmentation loss of the catalogue keeps: adding a name to the catalogue subscribes it."""

import copy
import inspect
import pickle

import pytest
import torch

from subband.catalog import find, names
from subband.losses import segmentation

NAMES = [name for name in names("loss") if hasattr(segmentation, find("loss", name).target.partition(":")[2])]
SIZE = (16, 17)
VOLUME = (9, 10, 11)

NOT_THE_WHOLE_GRADIENT = {"SPWLoss": "its weights are detached from the prediction, as published"}


def make(name, **options):
    entry = find("loss", name)
    return entry.load()(**{**entry.options, **options})


def blobs(batch, classes, space, seed=3):
    """Labels with some blobs of each class."""
    noise = torch.randn(batch, classes, *space, generator=torch.Generator().manual_seed(seed))
    pool = torch.nn.functional.avg_pool2d if len(space) == 2 else torch.nn.functional.avg_pool3d
    return pool(noise, 5, 1, 2, count_include_pad=False).argmax(1)


def noisy(labels, channels, *, seed=7, dtype=torch.float32):
    """Logits that are mostly right."""
    classes = max(2, channels)
    onehot = torch.nn.functional.one_hot(labels, classes).movedim(-1, 1).to(dtype)
    logits = 2 * onehot + torch.randn(onehot.shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    return logits if channels > 1 else logits[:, 1:] - logits[:, :1]


def sample(channels=1, *, batch=2, space=SIZE, dtype=torch.float32):
    labels = blobs(batch, max(2, channels), space)
    return noisy(labels, channels, dtype=dtype).requires_grad_(), labels


def run(loss, logits, labels, **options):
    """Value and gradient."""
    value = loss(logits, labels, **options)
    return value, torch.autograd.grad(value, logits)[0]


def logits_of(labels, sharpness, channels=1):
    onehot = torch.nn.functional.one_hot(labels, max(2, channels)).movedim(-1, 1).float()
    return (sharpness * (2 * onehot - 1))[:, 1 if channels == 1 else 0 :].contiguous()


def stress():
    """Named (logits, labels) that break careless arithmetic."""
    labels = blobs(2, 2, SIZE)
    logits = noisy(labels, 1)
    several = blobs(2, 5, SIZE)
    cases = {
        "empty": (logits, torch.zeros_like(labels)),
        "full": (logits, torch.ones_like(labels)),
        "constant": (torch.zeros_like(logits), labels),
        "constant-empty": (torch.zeros_like(logits), torch.zeros_like(labels)),
        "right": (logits_of(labels, 20.0), labels),
        "saturated": (logits_of(labels, 100.0), labels),
        "saturated-wrong": (logits_of(labels, -100.0), labels),
        "saturated-empty": (logits_of(0 * labels, 100.0), 0 * labels),
        "saturated-several": (logits_of(several, 100.0, 5), several),
        "saturated-several-wrong": (logits_of(several, -100.0, 5), several),
        "one-pixel": (torch.tensor([[[[0.3]]]]), torch.tensor([[[1]]])),
        "one-row": (torch.linspace(-1, 1, 7).reshape(1, 1, 1, 7), torch.tensor([[[0, 0, 1, 0, 1, 1, 0]]])),
        "one-column": (torch.linspace(-1, 1, 7).reshape(1, 1, 7, 1), torch.tensor([[[0, 0, 1, 0, 1, 1, 0]]]).mT),
        "one-image": (logits[:1], labels[:1]),
        "five-classes": (noisy(several, 5), several),
        "one-class-only": (noisy(several, 5), torch.full_like(several, 3)),
        "volume": (noisy(blobs(1, 2, VOLUME), 1), blobs(1, 2, VOLUME)),
        "volume-of-classes": (noisy(blobs(2, 3, VOLUME), 3), blobs(2, 3, VOLUME)),
        "thin-volume": (torch.linspace(-1, 1, 6).reshape(1, 1, 1, 2, 3), torch.tensor([[[[0, 1, 0], [1, 1, 0]]]])),
        "half": (logits.half(), labels),
    }
    return {name: (case[0].detach(), case[1]) for name, case in cases.items()}


@pytest.mark.parametrize("phase", ["first", "last"])
@pytest.mark.parametrize("name", NAMES)
def test_finite_whatever_the_data(name, phase):
    loss = make(name, ignore_index=255)
    loss.at_epoch(0 if phase == "first" else 10_000)
    for case, (logits, labels) in stress().items():
        value, gradient = run(loss, logits.requires_grad_(), labels)
        assert value.isfinite(), case
        assert gradient.isfinite().all(), case


@pytest.mark.parametrize("name", NAMES)
def test_ignoring_everything_moves_nothing(name):
    logits, labels = sample()
    loss = make(name, ignore_index=255)
    loss.at_epoch(10_000)
    value, gradient = run(loss, logits, torch.full_like(labels, 255))
    assert value.isfinite()
    assert not gradient.any()


@pytest.mark.parametrize(("channels", "space"), [(1, SIZE), (2, SIZE), (5, SIZE), (1, VOLUME), (3, VOLUME)])
@pytest.mark.parametrize("name", NAMES)
def test_prefers_the_truth(name, channels, space):
    labels = blobs(2, max(2, channels), space)
    assert labels.unique().numel() == max(2, channels)
    loss = make(name)
    loss.at_epoch(10_000)
    other = blobs(2, max(2, channels), space, seed=4)  # not the inverse: mutual information does not mind that
    assert loss(logits_of(labels, 3.0, channels), labels) < loss(logits_of(other, 3.0, channels), labels)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_gradient(name, channels):
    entry = find("loss", name)
    reason = NOT_THE_WHOLE_GRADIENT.get(entry.target.partition(":")[2])
    if reason:
        pytest.skip(reason)
    logits, labels = sample(channels, space=(9, 8), dtype=torch.float64)
    loss = make(name)
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), (logits,), fast_mode=True)


@pytest.mark.parametrize("name", NAMES)
def test_inputs_stay_as_they_were(name):
    logits, labels = sample(3)
    weight_map = torch.rand(2, make(name).map_channels, *SIZE)
    before = [x.detach().clone() for x in (logits, labels, weight_map)]
    run(make(name), logits, labels, weight_map=weight_map)
    assert all(torch.equal(x.detach(), y) for x, y in zip((logits, labels, weight_map), before, strict=True))
    assert logits.grad is None


@pytest.mark.parametrize("name", NAMES)
def test_order_of_the_images_does_not_matter(name):
    logits, labels = sample(batch=3)
    order = torch.tensor([2, 0, 1])
    loss = make(name)
    value, gradient = run(loss, logits, labels)
    other, moved = run(loss, logits.detach()[order].requires_grad_(), labels[order])
    torch.testing.assert_close(other, value)
    torch.testing.assert_close(moved, gradient[order], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_dtype(name):
    logits, labels = sample(dtype=torch.float64)
    loss = make(name)
    exact, _ = run(loss, logits, labels)
    assert exact.dtype == torch.float64
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        cast = logits.detach().to(dtype).requires_grad_()
        value, gradient = run(loss, cast, labels)
        assert value.dtype == torch.float32
        assert gradient.dtype == dtype
        expected = loss(cast.detach().double(), labels)
        torch.testing.assert_close(value.detach().double(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_autocast_changes_nothing(name):
    logits, labels = sample()
    loss = make(name)
    with torch.autocast("cpu", torch.bfloat16):
        value, gradient = run(loss, logits, labels)
    expected, slope = run(loss, logits, labels)
    assert torch.equal(value, expected)
    assert torch.equal(gradient, slope)


@pytest.mark.parametrize("phase", ["first", "last"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_ignored_pixels_count_for_nothing(name, channels, phase):
    logits, labels = sample(channels)
    labels[:, 3:9, 4:8] = 255
    ignored = (labels == 255).unsqueeze(1)
    loss = make(name, ignore_index=255)
    loss.at_epoch(0 if phase == "first" else 10_000)
    value, gradient = run(loss, logits, labels)
    changed = torch.where(ignored, 5 - 3 * logits.detach(), logits.detach()).requires_grad_()
    other, moved = run(loss, changed, labels)
    torch.testing.assert_close(other, value, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(moved, gradient, rtol=1e-4, atol=1e-6)
    assert not gradient.masked_select(ignored).any()
    assert gradient.any()


@pytest.mark.parametrize("name", NAMES)
def test_one_channel_is_two_classes(name):
    logits, labels = sample(dtype=torch.float64)
    two = torch.cat([torch.zeros_like(logits), logits], 1)
    torch.testing.assert_close(make(name)(two, labels), make(name)(logits, labels))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_labels_may_be_one_hot(name, channels):
    logits, labels = sample(channels)
    onehot = torch.nn.functional.one_hot(labels, max(2, channels)).movedim(-1, 1).float()
    onehot = onehot if channels > 1 else onehot[:, 1:]
    expected = make(name)(logits, labels)
    torch.testing.assert_close(make(name)(logits, onehot), expected)
    torch.testing.assert_close(make(name)(logits, labels.unsqueeze(1).byte()), expected)


@pytest.mark.parametrize("name", NAMES)
def test_weights_of_one_change_nothing(name):
    logits, labels = sample(3)
    loss = make(name, class_weight=None)
    expected = loss(logits, labels)
    torch.testing.assert_close(make(name, class_weight=torch.ones(3))(logits, labels), expected)
    if loss.map_kind is None:
        torch.testing.assert_close(loss(logits, labels, weight_map=torch.ones(2, *SIZE)), expected)


@pytest.mark.parametrize("name", NAMES)
def test_weight_maps_count(name):
    logits, labels = sample()
    loss = make(name)
    weight_map = torch.rand(2, loss.map_channels, *SIZE, generator=torch.Generator().manual_seed(5)) + 0.1
    value, gradient = run(loss, logits, labels, weight_map=weight_map)
    assert not torch.isclose(value, loss(logits, labels))
    assert gradient.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_weights_of_whole_images_replace_those_of_crops(name):
    logits, labels = sample()
    weight = torch.tensor([[1.0, 4.0], [2.0, 1.0]])
    expected = make(name, class_weight=weight)(logits, labels)
    torch.testing.assert_close(make(name, class_weight="balanced")(logits, labels, class_weight=weight), expected)


@pytest.mark.parametrize("name", NAMES)
def test_function_twin_takes_probabilities(name):
    entry = find("loss", name)
    functions = {word.replace("_", ""): word for word in segmentation.__all__ if word.islower()}
    function = getattr(segmentation, functions[entry.load().__name__.lower()])
    options = dict(entry.options)
    if "class_weight" in inspect.signature(function).parameters:
        options["class_weight"] = None
    for channels in (1, 3):
        logits, labels = sample(channels, dtype=torch.float64)
        probability = logits.sigmoid() if channels == 1 else logits.softmax(1)
        onehot = torch.nn.functional.one_hot(labels, max(2, channels)).movedim(-1, 1).double()
        target = onehot if channels > 1 else onehot[:, 1:]
        expected = entry.load()(**options)(logits, labels)
        torch.testing.assert_close(function(probability, target, **options), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.message
@pytest.mark.parametrize("name", NAMES)
def test_says_what_is_wrong(name):
    logits, labels = sample()
    loss = make(name)
    space = tuple(SIZE)
    for bad, message in (
        ((logits[0], labels), r"logits have shape \(1, 16, 17\)"),
        ((labels.unsqueeze(1), labels), "logits have .*int64.* must be floating point"),
        ((logits, labels[:1]), r"target has shape \(1, 16, 17\).* need \(2, 16, 17\)"),
        ((logits, labels.float()), "give class indices as integers"),
        ((logits, labels * 255), "label 255.*divide a 0/255 mask by 255"),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            loss(*bad)
        assert len(str(caught.value)) < 300
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="weight_map has shape"):
        loss(logits, labels, weight_map=torch.ones(2, 7, *space))
    with pytest.raises(ValueError, match="one weight for each class, background included"):
        make(name, class_weight=torch.ones(3))(logits, labels)
    with pytest.raises(ValueError, match="must be 'balanced'"):
        make(name, class_weight="balance")(logits, labels)


@pytest.mark.parametrize("name", NAMES)
def test_copies_and_holds_no_numbers(name):
    logits, labels = sample()
    loss = make(name, class_weight=torch.tensor([1.0, 2.0]))
    assert not loss.state_dict()
    expected = loss(logits, labels)
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert torch.equal(other(logits, labels), expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dice"])
def test_compiles_as_one_graph(name):
    logits, labels = sample()
    compiled = torch.compile(make(name), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(logits, labels), make(name)(logits, labels))
