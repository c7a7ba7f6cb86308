"""The reduction over other classes against plain autograd on the whole matrix of cosines, in blocks of any size."""

import math

import pytest
import torch
from torch.nn.functional import normalize

from subband.losses.recognition import _reduction
from subband.losses.recognition._logit import Logit
from subband.losses.recognition._negatives import (
    EPS,
    negatives_logsumexp,
    negatives_softplus,
    own_and_logsumexp,
    own_and_softplus,
    own_cosine,
)

B, D, N = 7, 5, 301

LOGITS = {
    "plain": Logit(8.0),
    "steep": Logit(64.0),
    "limit": Logit(8.0, limit=0.3),
    "power": Logit(8.0, power=3.0),
    "drop": Logit(8.0, drop_above=0.4),
    "detached": Logit(8.0, limit=0.3, power=2.0, detached=True),
}


@pytest.fixture(params=[(1 << 21, 1 << 30), (64 * B, 1 << 30), (64 * B, 0)], ids=["one block", "kept", "again"])
def blocks(request, monkeypatch):
    """All classes at once; in blocks that are kept; in blocks that backward computes again."""
    monkeypatch.setattr(_reduction, "_BLOCK", request.param[0])
    monkeypatch.setattr(_reduction, "_KEEP", request.param[1])


def problem(generator, dtype=torch.float64):
    x, w = (torch.randn(size, D, generator=generator, dtype=dtype) for size in (B, N))
    x[2] *= 1e-7  # below EPS
    w[9] *= 1e-7
    index = torch.randint(0, N, (B,), generator=generator)
    here = torch.tensor([True, True, False, True, True, False, True])
    return x, w, index, here


def reference(x, w, logit, index, here, bias=None, clamp=math.inf, rows=None, mask=None):
    """Own cosine and the reduction, by autograd."""
    cosine = normalize(x, eps=EPS) @ normalize(w, eps=EPS).T
    z = cosine if logit.limit is None else cosine.clamp(-logit.limit, logit.limit)
    z = 2 * ((z + 1) / 2) ** logit.power - 1
    z = z if logit.drop_above is None else torch.where(cosine > logit.drop_above, 0.0, z)
    z = logit.scale * (cosine + (z - cosine).detach() if logit.detached else z)
    use = torch.ones(len(x), len(w), dtype=torch.bool)
    use[here, index[here]] = False
    if rows is not None:
        use &= torch.isin(torch.arange(len(w)), rows)
    if mask is not None:
        use &= mask
    own = torch.where(here, cosine.gather(1, index[:, None])[:, 0], 0.0)
    if bias is None:
        return own, torch.where(use, z, -math.inf).logsumexp(1)
    z = (z - bias).clamp(-clamp, clamp)
    return own, torch.where(use, torch.logaddexp(z, torch.zeros_like(z)), 0.0).sum(1)


def compare(outputs, expected, inputs, tolerance=1e-13):
    factors = torch.arange(1.0, B + 1, dtype=torch.float64), torch.arange(B, 0.0, -1, dtype=torch.float64)
    both = []
    for own, others in (outputs, expected):
        gradients = torch.autograd.grad((own * factors[0]).sum() + (others * factors[1]).sum(), inputs)
        both.append([own, others, *gradients])
    for mine, theirs in zip(*both, strict=True):
        assert (mine - theirs).abs().max() <= tolerance * theirs.abs().max()


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("logit", LOGITS.values(), ids=LOGITS)
def test_logsumexp_is_autograds(generator, logit):
    x, w, index, here = problem(generator)
    inputs = x.requires_grad_(), w.requires_grad_()
    compare(own_and_logsumexp(x, w, index, here, scale=logit), reference(x, w, logit, index, here), inputs)


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("clamp", [None, 2.0])
@pytest.mark.parametrize("size", [1, N])
@pytest.mark.parametrize("logit", LOGITS.values(), ids=LOGITS)
def test_softplus_is_autograds(generator, logit, size, clamp):
    x, w, index, here = problem(generator)
    bias = torch.randn(size, generator=generator, dtype=torch.float64)
    inputs = x.requires_grad_(), w.requires_grad_(), bias.requires_grad_()
    found = own_and_softplus(x, w, index, here, scale=logit, bias=bias, clamp=clamp)
    compare(found, reference(x, w, logit, index, here, bias, clamp or math.inf), inputs)


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("masked", [False, True])
def test_some_rows_are_autograds(generator, masked):
    x, w, index, here = problem(generator)
    rows = torch.cat([index.unique(), torch.arange(N)[~torch.isin(torch.arange(N), index)][::2]])
    rows = rows[torch.randperm(len(rows), generator=generator)]
    mask = torch.rand(N, generator=generator) > 0.4 if masked else None
    if mask is not None:
        mask[index] = True
    bias = torch.randn(N, generator=generator, dtype=torch.float64)
    logit, inputs = LOGITS["plain"], (x.requires_grad_(), w.requires_grad_(), bias.requires_grad_())
    some = {"rows": rows, "mask": mask}
    compare(
        own_and_softplus(x, w, index, here, scale=8, bias=bias, **some),
        reference(x, w, logit, index, here, bias, **some),
        inputs,
    )
    compare(
        own_and_logsumexp(x, w, index, here, scale=8, **some), reference(x, w, logit, index, here, **some), inputs[:2]
    )


@pytest.mark.usefixtures("blocks")
def test_gradients_are_those_of_finite_differences(generator):
    x, w, index, here = problem(generator)
    x, w, index, here = x[3:6].requires_grad_(), w[10:30].requires_grad_(), index[3:6] % 20, here[3:6]
    bias = torch.randn(20, generator=generator, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, w: own_and_logsumexp(x, w, index, here, scale=5.0), (x, w))
    assert torch.autograd.gradcheck(
        lambda x, w, b: own_and_softplus(x, w, index, here, scale=5.0, bias=b), (x, w, bias)
    )


def test_parts_are_those_of_the_pair(generator):
    x, w, index, here = problem(generator)
    own, others = own_and_logsumexp(x, w, index, here, scale=8)
    assert torch.allclose(own_cosine(x, w, index, here), own, rtol=1e-13)
    assert negatives_logsumexp(x, w, index, here, scale=8).equal(others)
    sums = own_and_softplus(x, w, index, here, scale=8, bias=1.0)[1]
    assert negatives_softplus(x, w, index, here, scale=8, bias=1.0).equal(sums)
    assert negatives_softplus(x, w, index, here, scale=8, bias=torch.full((N,), 1.0)).equal(sums)


def test_by_hand():
    """x = (1, 0); the classes lie at 0, 90 and 180 degrees, the first is its own: log(e^0 + e^-2), cosine 1."""
    x, w = torch.tensor([[3.0, 0.0]]), torch.tensor([[5.0, 0.0], [0.0, 0.1], [-2.0, 0.0]])
    own, others = own_and_logsumexp(x, w, torch.tensor([0]), torch.tensor([True]), scale=2.0)
    assert own.item() == 1
    assert others.item() == pytest.approx(math.log(1 + math.exp(-2)))
    sums = negatives_softplus(x, w, torch.tensor([0]), torch.tensor([True]), scale=2.0, bias=-1.0)
    assert sums.item() == pytest.approx(math.log(1 + math.e) + math.log(1 + math.exp(-1)))


def test_no_other_class(generator):
    x = torch.randn(2, D, generator=generator, requires_grad=True)
    w = torch.randn(1, D, generator=generator, requires_grad=True)
    index, here = torch.zeros(2, dtype=torch.int64), torch.ones(2, dtype=torch.bool)
    own, others = own_and_logsumexp(x, w, index, here, scale=8)
    assert others.eq(-math.inf).all()
    (own.sum() + others.exp().sum()).backward()
    assert x.grad.isfinite().all()
    assert w.grad.isfinite().all()
    assert negatives_softplus(x, w, index, here, scale=8, bias=0.0).eq(0).all()


def test_steep_logits_do_not_overflow(generator):
    """exp(1000 c) is infinite in float32 and, for most, in float64; the gradient is one class's, the nearest."""
    x, w, index, here = problem(generator, torch.float32)
    x.requires_grad_()
    others = own_and_logsumexp(x, w, index, here, scale=1000.0)[1]
    cosine = normalize(x.detach(), eps=EPS) @ normalize(w, eps=EPS).T
    cosine[here, index[here]] = -1
    assert torch.allclose(others, 1000 * cosine.amax(1), atol=10)
    others.sum().backward()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(generator, dtype):
    x, w, index, here = problem(generator, torch.float32)
    half = x.to(dtype).requires_grad_()
    w.requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        own, others = own_and_logsumexp(half, w, index, here, scale=64)
        (own + others).sum().backward()
    assert own.dtype == others.dtype == torch.float32
    exact = half.detach().float().requires_grad_()
    whole = own_and_logsumexp(exact, w, index, here, scale=64)
    assert whole[1].equal(others)
    (gradient,) = torch.autograd.grad(sum(whole).sum(), exact)
    assert half.grad.equal(gradient.to(dtype))


def test_memories_get_no_gradient_and_inputs_stay(generator):
    x, w, index, here = problem(generator)
    before = x.clone(), w.clone()
    x.requires_grad_()
    own_and_softplus(x, w, index, here, scale=8, bias=0.0)[1].sum().backward()
    assert w.grad is None
    assert x.detach().equal(before[0])
    assert w.equal(before[1])


def test_backward_twice_is_the_same(generator):
    x, w, index, here = problem(generator)
    inputs = x.requires_grad_(), w.requires_grad_()
    total = sum(own_and_logsumexp(x, w, index, here, scale=8)).sum()
    once = torch.autograd.grad(total, inputs, retain_graph=True)
    for first, second in zip(once, torch.autograd.grad(total, inputs), strict=True):
        assert first.equal(second)
