"""Softmax between samples against PyTorch's cross-entropy, and binary cross-entropy with a bias of each class."""

import math

import pytest
import torch
import torch.nn.functional as F

from subband.losses.recognition.s2s import S2SBCE, S2SSoftmax

CLASSES, FEATURES = 7, 5


def some(generator, samples=6):
    x = torch.randn(samples, FEATURES, dtype=torch.float64, generator=generator)
    return x.requires_grad_(), torch.randint(CLASSES, (samples,), generator=generator)


def filled(head, generator):
    memory = torch.randn(CLASSES, FEATURES, dtype=torch.float64, generator=generator)
    head.double().remember(memory, torch.arange(CLASSES))
    return head.eval()


def logits(head, x, labels):
    """PyTorch's cosines and one-hot margins."""
    own = F.one_hot(labels, CLASSES).to(x.dtype)
    return head.scale * (F.normalize(x) @ F.normalize(head.memory).T - head.margin * own), own


def same(found, expected, inputs):
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)
    for one, other in zip(torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("scale", "margin"), [(64.0, 0.1), (8.0, 0.0)])
def test_softmax_is_pytorchs_cross_entropy(scale, margin, generator):
    head = filled(S2SSoftmax(FEATURES, CLASSES, scale=scale, margin=margin), generator)
    x, labels = some(generator)
    same(head(x, labels), F.cross_entropy(logits(head, x, labels)[0], labels), (x,))


def test_binary_is_pytorchs_with_a_bias_of_each_class(generator):
    head = filled(S2SBCE(FEATURES, CLASSES, initial_bias=0.0), generator)
    head.bias.data.copy_(torch.randn(CLASSES, generator=generator))
    x, labels = some(generator)
    z, own = logits(head, x, labels)
    expected = F.binary_cross_entropy_with_logits(z - head.bias, own, reduction="sum") / len(x)
    same(head(x, labels), expected, (x, head.bias))


def test_softmax_by_hand():
    """Cosines 1 and 0, margin 0.2, scale 2: log(1 + exp(-1.6))."""
    head = S2SSoftmax(2, 2, scale=2.0, margin=0.2)
    head.remember(torch.tensor([[3.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 1]))
    found = head(torch.tensor([[5.0, 0.0]]), torch.tensor([0]))
    assert found.item() == pytest.approx(math.log1p(math.exp(-1.6)), rel=1e-6)


def test_gradients(generator):
    for head in (S2SSoftmax(FEATURES, CLASSES, scale=4.0), S2SBCE(FEATURES, CLASSES, scale=4.0, initial_bias=1.0)):
        x, labels = some(generator)
        filled(head, generator)
        assert torch.autograd.gradcheck(lambda x, head=head, labels=labels: head(x, labels), x)


def test_binary_starts_all_biases_at_one_number(generator):
    head = filled(S2SBCE(FEATURES, CLASSES), generator).train()
    x, labels = some(generator)
    z, own = logits(head, x, labels)
    start = z.masked_fill(own > 0, -math.inf).logsumexp(1).mean()
    head(x, labels)
    torch.testing.assert_close(head.bias.data, start.detach().expand(CLASSES))


def test_softmax_of_an_empty_memory_is_zero(generator):
    head = S2SSoftmax(FEATURES, CLASSES).double()
    x, labels = some(generator)
    loss = head(x, labels)
    loss.backward()
    assert loss.item() == 0
    assert not x.grad.any()
    assert head.filled.sum() == len(labels.unique())


def test_softmax_leaves_out_samples_of_classes_not_seen(generator):
    """The others are computed over the seen classes; the mean is over all samples."""
    head = filled(S2SSoftmax(FEATURES, CLASSES), generator)
    head.filled[5:] = False
    x, _ = some(generator, 3)
    labels = torch.tensor([0, 6, 4])
    z = logits(head, x, labels)[0][[0, 2], :5]
    expected = F.cross_entropy(z, labels[[0, 2]], reduction="sum") / 3
    same(head(x, labels), expected, (x,))


def test_no_threshold():
    head = S2SBCE(2, 3)
    assert math.isnan(S2SSoftmax(2, 3).threshold)
    assert math.isnan(head.threshold)
    assert head.replicated() == []


@pytest.mark.message
def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="scale is 0, but must be greater than 0"):
        S2SSoftmax(2, 3, scale=0)
    with pytest.raises(ValueError, match="labels go from 0 to 3, but the head was made for 3 classes"):
        S2SBCE(2, 3)(torch.zeros(2, 2), torch.tensor([0, 3]))
