"""Unified threshold loss: PyTorch's binary cross-entropy, arithmetic by hand, the bias' start, the memory."""

import math

import pytest
import torch
import torch.nn.functional as F

from subband.losses.recognition.uss import USS

CLASSES, FEATURES = 7, 5


def some(generator, samples=6):
    x = torch.randn(samples, FEATURES, dtype=torch.float64, generator=generator)
    return x, torch.randint(CLASSES, (samples,), generator=generator)


def filled(generator, **options):
    """A head with a memory of all classes."""
    head = USS(FEATURES, CLASSES, **options).double()
    head.remember(torch.randn(CLASSES, FEATURES, dtype=torch.float64, generator=generator), torch.arange(CLASSES))
    return head


def plain(x, labels, memory, bias, *, scale, margin):
    """PyTorch's, with one-hot targets."""
    own = F.one_hot(labels, len(memory)).to(x.dtype)
    logits = scale * (F.normalize(x) @ F.normalize(memory).T - margin * own) - bias
    return F.binary_cross_entropy_with_logits(logits, own, reduction="sum") / len(x)


@pytest.mark.parametrize(("scale", "margin"), [(64.0, 0.1), (8.0, 0.0)])
def test_is_pytorchs_binary_cross_entropy(scale, margin, generator):
    head = filled(generator, scale=scale, margin=margin, initial_bias=3.0)
    memory = head.memory.clone()
    x, labels = some(generator)
    x.requires_grad_()
    found = head(x, labels)
    expected = plain(x, labels, memory, head.bias, scale=scale, margin=margin)
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)
    inputs = x, head.bias
    for one, other in zip(torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_by_hand():
    """Cosines 1 and 0, bias 0.5, margin 0.2: softplus(-(0.8 - 0.5)) + softplus(-0.5)."""
    head = USS(2, 2, scale=1.0, margin=0.2, initial_bias=0.5)
    head.remember(torch.tensor([[3.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 1]))
    expected = math.log1p(math.exp(-0.3)) + math.log1p(math.exp(-0.5))
    assert head(torch.tensor([[5.0, 0.0]]), torch.tensor([0])).item() == pytest.approx(expected, rel=1e-6)
    assert head.threshold == 0.5


def test_gradients(generator):
    head = filled(generator, scale=4.0, initial_bias=1.0).eval()
    x, labels = some(generator)
    assert torch.autograd.gradcheck(lambda x: head(x, labels), x.requires_grad_())


def test_memory_is_written_after_the_loss(generator):
    head = filled(generator, initial_bias=1.0)
    before = head.memory.clone()
    x, labels = some(generator)
    labels[:3] = 4
    expected = plain(x, labels, before, head.bias, scale=64, margin=0.1)
    assert head(x, labels).item() == pytest.approx(expected.item(), rel=1e-12)
    for sample, label in zip(x, labels, strict=True):
        before[label] = sample
    assert torch.equal(head.memory, before)
    assert not head.memory.requires_grad


def test_two_steps_before_one_backward(generator):
    head = filled(generator, initial_bias=1.0)
    first, second = some(generator), some(generator)
    x = torch.cat([first[0], second[0]]).requires_grad_()
    memories = [head.memory.clone()]
    total = head(x[:6], first[1])
    memories.append(head.memory.clone())
    total = total + head(x[6:], second[1])
    expected = sum(
        plain(part, labels, memory, head.bias, scale=64, margin=0.1)
        for part, labels, memory in ((x[:6], first[1], memories[0]), (x[6:], second[1], memories[1]))
    )
    torch.testing.assert_close(torch.autograd.grad(total, x), torch.autograd.grad(expected, x), rtol=1e-12, atol=1e-12)


def test_evaluation_changes_nothing(generator):
    head = filled(generator).eval()
    state = {name: value.clone() for name, value in head.state_dict().items()}
    head(*some(generator))
    assert all(torch.equal(value, state[name]) for name, value in head.state_dict().items())
    assert math.isnan(head.threshold)


def test_bias_starts_once_at_the_log_sum_exp_of_the_negatives(generator):
    head = filled(generator)
    x, labels = some(generator)
    cosines = head.cosines(x)
    torch.testing.assert_close(cosines, F.normalize(x) @ F.normalize(head.memory).T)
    others = (64 * cosines).masked_fill(F.one_hot(labels, CLASSES).bool(), -math.inf)
    head(x, labels)
    assert head.bias.item() == pytest.approx(others.logsumexp(1).mean().item(), rel=1e-12)
    assert head.threshold == head.bias.item() / 64
    head.bias.data.fill_(-1.0)
    head(x, labels)
    assert head.bias.item() == -1
    head.start_bias(x, labels)
    assert head.bias.item() > 0


def test_started_bias_survives_a_checkpoint(generator):
    head = filled(generator)
    head(*some(generator))
    copy = USS(FEATURES, CLASSES).double()
    copy.load_state_dict(head.state_dict())
    copy(*some(generator))
    assert copy.bias.item() == head.bias.item()


def test_empty_memory_has_no_loss_and_starts_no_bias(generator):
    head = USS(FEATURES, CLASSES).double()
    x, labels = some(generator)
    loss = head(x.requires_grad_(), labels)
    loss.backward()
    assert loss.item() == 0
    assert not x.grad.any()
    assert head.bias.item() == 0
    assert not head.started
    head(x, labels)
    assert head.started


def test_classes_not_seen_take_no_part(generator):
    """As if the head were of the seen classes alone; a sample of another class has negatives only."""
    head = filled(generator, initial_bias=1.0).eval()
    head.filled[5:] = False
    x = torch.randn(3, FEATURES, dtype=torch.float64, generator=generator)
    labels = torch.tensor([0, 4, 4])
    expected = plain(x, labels, head.memory[:5], head.bias, scale=64, margin=0.1)
    assert head(x, labels).item() == pytest.approx(expected.item(), rel=1e-12)
    negatives = F.softplus(64 * head.cosines(x[:1])[:, :5] - head.bias, threshold=1000).sum()
    assert head(x[:1], torch.tensor([6])).item() == pytest.approx(negatives.item(), rel=1e-12)


def test_clip_takes_the_gradient_of_hard_samples():
    head = USS(2, 2, initial_bias=20.0, logit_clamp=64)
    head.remember(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1]))
    x = torch.tensor([[-1.0, -0.2]], requires_grad=True)
    head.eval()
    clipped = torch.autograd.grad(head(x, torch.tensor([0])), x)[0]
    head.logit_clamp = None
    free = torch.autograd.grad(head(x, torch.tensor([0])), x)[0]
    assert clipped.abs().max() < 1e-6
    assert free.abs().max() > 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_full(dtype, generator):
    head = filled(generator, initial_bias=1.0).float().eval()
    x, labels = some(generator)
    half = x.to(dtype).requires_grad_()
    expected = head(half.detach().float().requires_grad_(), labels)
    with torch.autocast("cpu", dtype=dtype):
        found = head(half, labels)
    assert found.equal(expected)
    (1e4 * found).backward()
    assert half.grad.dtype == dtype


def test_gradient_of_half_precision_is_scaled_before_it_is_rounded():
    """A loss scaler lifts gradients that float16 cannot hold."""
    head = USS(2, 2, scale=1.0, margin=0.0, initial_bias=-20.0).eval()
    head.memory[1, 0], head.filled[1] = 1.0, True
    x = torch.tensor([[1.0, 1.0]], requires_grad=True, dtype=torch.float16)
    labels = torch.tensor([1])
    wide = x.detach().double().requires_grad_()
    exact = torch.autograd.grad(head(wide, labels), wide)[0]
    assert exact.abs().max() < 1e-8
    lifted = torch.autograd.grad(2.0**20 * head(x, labels), x)[0]
    torch.testing.assert_close(lifted.double(), 2.0**20 * exact, rtol=2e-3, atol=0)


@pytest.mark.message
def test_errors_say_what_to_do(generator):
    with pytest.raises(ValueError, match="logit_clamp is -1, but must be greater than 0"):
        USS(2, 3, logit_clamp=-1)
    with pytest.raises(ValueError, match=r"margin is -0.1, but must be 0 or greater"):
        USS(2, 3, margin=-0.1)
    head = filled(generator)
    before = head.memory.clone()
    x, labels = some(generator)
    x[2] = math.nan
    for call in (head, head.remember, head.start_bias):
        with pytest.raises(ValueError, match="embeddings are NaN in rows 2"):
            call(x, labels)
        with pytest.raises(ValueError, match="labels go from 0 to 7, but the head was made for 7 classes"):
            call(x[:2], torch.tensor([0, 7]))
    assert torch.equal(head.memory, before)


def test_every_process_has_the_bias():
    head = USS(2, 3)
    assert head.replicated() == [head.bias]


def test_prints_its_options():
    assert repr(USS(2, 3)) == "USS(2, 3, scale=64, margin=0.1)"
