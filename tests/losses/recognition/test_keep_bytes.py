"""Cosines that stay from forward to backward, or are computed again where a head may not keep them: one gradient."""

import pytest
import torch

from subband.losses.recognition import (
    EPL,
    S2SBCE,
    UNPG,
    USS,
    VPL,
    ArcFace,
    CosFace,
    NormFace,
    S2SSoftmax,
    SphereFace,
    SphereFace2,
    UniFace,
    UniTSFace,
    _reduction,
    head_memory,
)
from subband.losses.recognition._head import Head

B, D, C = 6, 8, 200
HEADS = {
    "NormFace": lambda: NormFace(D, C),
    "CosFace": lambda: CosFace(D, C, drop_above=0.3),
    "ArcFace": lambda: ArcFace(D, C, cosine_limit=0.4),
    "SphereFace": lambda: SphereFace(D, C),
    "SphereFace2": lambda: SphereFace2(D, C),
    "UniFace": lambda: UniFace(D, C, bias="diverse", logit_clamp=64),
    "UniFace sampled": lambda: UniFace(D, C, sample=0.6),
    "VPL": lambda: VPL(CosFace(D, C), start=0),
    "UNPG": lambda: UNPG(CosFace(D, C)),
    "USS": lambda: USS(D, C),
    "S2SSoftmax": lambda: S2SSoftmax(D, C),
    "S2SBCE": lambda: S2SBCE(D, C),
    "EPL": lambda: EPL(ArcFace(D, C), start_epoch=0),
    "EPL of UniFace": lambda: EPL(UniFace(D, C), start_epoch=0),
    "UniTSFace": lambda: UniTSFace(CosFace(D, C), USS(D, C), start_epoch=0),
}


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    """Four blocks."""
    monkeypatch.setattr(_reduction, "_BLOCK", 64 * B)


def step(make, keep):
    """Loss, gradients, and the bytes that the forward pass held."""
    torch.manual_seed(0)
    head, x = make(), torch.randn(B, D, requires_grad=True)
    for name, buffer in head.named_buffers():
        if name.endswith("memory"):
            buffer.normal_()
        if name.endswith("filled"):
            buffer.fill_(True)
    for part in head.modules():
        if isinstance(part, Head):
            part.keep_bytes = keep
    held = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: held.append(x.nbytes) or x, lambda x: x):
        loss = head(x, torch.tensor([0, 3, 3, 77, 150, C - 1]))
    parameters = [each for each in head.parameters() if each.requires_grad]
    return head, sum(held), [loss.detach(), *torch.autograd.grad(loss, [x, *parameters], materialize_grads=True)]


@pytest.mark.parametrize("make", HEADS.values(), ids=HEADS)
def test_gradients_are_the_same_kept_or_computed_again(make):
    kept, again = (step(make, keep)[2] for keep in (None, 0))
    assert kept[1].abs().max() > 0
    for one, other in zip(kept, again, strict=True):
        assert torch.allclose(one, other, rtol=1e-6, atol=1e-7 * float(one.abs().max()))


@pytest.mark.parametrize("name", ["NormFace", "UniFace", "SphereFace2"])
def test_budget_decides_what_is_held(name):
    """The block of cosines has 4 B C bytes, and the forward pass holds it if the budget is no smaller."""
    block = 4 * B * C
    some, most, least = (step(HEADS[name], keep)[1] for keep in (block, None, block - 1))
    assert some == most == least + block


@pytest.mark.parametrize("name", ["NormFace", "UniTSFace"])
def test_estimate_follows_the_budget(name, monkeypatch):
    """Each set of rows has a block of 4 B C bytes, or two blocks of 64 classes."""
    sets = 2 if name == "UniTSFace" else 1
    assert head_memory(step(HEADS[name], None)[0], batch=B).logits == sets * 4 * B * C
    assert head_memory(step(HEADS[name], 0)[0], batch=B).logits == sets * 2 * 4 * 64 * B
    monkeypatch.setattr(_reduction, "_KEEP", 0)
    assert head_memory(HEADS[name](), batch=B).logits == sets * 2 * 4 * 64 * B


def test_a_block_is_no_larger_than_all_classes():
    head = CosFace(D, 20)
    head.keep_bytes = 0
    assert head_memory(head, batch=B).logits == 2 * 4 * 20 * B


@pytest.mark.message
def test_a_budget_is_not_negative():
    head = CosFace(D, C)
    with pytest.raises(ValueError, match="keep_bytes is -1, but must be 0 or greater"):
        head.keep_bytes = -1
    assert head.keep_bytes is None
