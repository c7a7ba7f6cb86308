"""The memory's parts: the last of repeated classes against a dictionary, and a gradient that does not wait."""

import pytest
import torch

from subband.losses.recognition._memory import newest, usable, with_gradient_now


@pytest.mark.parametrize("count", [0, 1, 7, 200])
def test_newest_is_what_a_dictionary_keeps(count, generator):
    rows = torch.randint(20, (count,), generator=generator)
    kept = {int(row): position for position, row in enumerate(rows)}
    assert newest(rows).tolist() == [kept[row] for row in sorted(kept)]


def test_usable_is_nothing_once_all_are_filled():
    assert usable(torch.tensor([True, True])) is None
    assert usable(torch.tensor([True, False])).tolist() == [True, False]


def test_gradient_is_autograds_and_scales_with_what_follows(generator):
    x, y = (torch.randn(5, dtype=torch.float64, generator=generator, requires_grad=True) for _ in range(2))

    def loss(x, y):
        return (x.sin() * y).sum()

    found = torch.autograd.grad(-3 * with_gradient_now(loss, x, y), (x, y))
    expected = torch.autograd.grad(-3 * loss(x, y), (x, y))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-15, atol=1e-15)


def test_only_what_is_asked_for(generator):
    x, fixed = torch.randn(5, generator=generator, requires_grad=True), torch.randn(5, generator=generator)
    unused = torch.ones(1, requires_grad=True)
    loss = with_gradient_now(lambda x, y, unused: (x * y).sum(), x, fixed, unused)
    loss.backward()
    assert torch.equal(x.grad, fixed)
    assert fixed.grad is None
    assert unused.grad.tolist() == [0]
    with torch.no_grad():
        assert not with_gradient_now(lambda x: x.sum(), x).requires_grad
    assert with_gradient_now(lambda x: x.sum(), fixed) == fixed.sum()


def test_what_the_loss_read_may_be_overwritten_before_backward():
    memory, x = torch.ones(3), torch.zeros(3, requires_grad=True)
    loss = with_gradient_now(lambda x: (x * memory).sum(), x)
    memory.fill_(7.0)
    loss.backward()
    assert x.grad.tolist() == [1, 1, 1]
