"""Heads that recipes name: every one of the catalogue is built and trains; composed ones pass their options on."""

import pytest
import torch
from tiny_recognition import recipe

from subband import catalog
from subband.tasks.heads import epl, unitsface, unpg, vpl
from subband.tasks.recognition import build_head, set_epoch

HEADS = catalog.names("head")


@pytest.mark.parametrize("name", HEADS)
def test_every_head_of_the_catalogue_trains(name):
    torch.manual_seed(0)
    head = build_head(recipe(), name, classes=5)
    x, labels = torch.randn(6, 8, requires_grad=True), torch.tensor([0, 1, 2, 3, 4, 4])
    for epoch in (0, 5):
        set_epoch(head, epoch)
        loss = head(x, labels)
        assert loss.ndim == 0
        assert loss.isfinite()
    loss.backward()
    assert x.grad.isfinite().all()
    assert head.cosines(x).shape == (6, 5)


def test_options_go_where_they_belong():
    head = unitsface(4, 5, base="arcface", scale=20.0, margin=0.3, sample_margin=0.2, weight=0.5, start_epoch=2)
    assert (type(head.s2c).__name__, head.s2c.scale, head.s2c.margin) == ("ArcFace", 20, 0.3)
    assert (head.s2s.scale, head.s2s.margin, head.start_epoch) == (20, 0.2, 2)
    assert "weight=0.5" in repr(head)
    assert type(epl(4, 5, base="uniface").head).__name__ == "UniFace"
    below = epl(4, 5, base="arcface", scale=20.0, margin=0.3).head
    assert (below.scale, below.margin, below.gradient, below.logit.limit) == (20, 0.3, "detached", 1 - 1e-7)
    assert vpl(4, 5, base="arcface", start=7).start == 7
    assert unpg(4, 5, whisker=2.0, scale=20.0).head.scale == 20


@pytest.mark.message
def test_unknown_bases_are_named():
    with pytest.raises(ValueError, match="base is 'cosfase'"):
        unitsface(4, 5, base="cosfase")
    with pytest.raises(ValueError, match="base is 'uniface'"):
        vpl(4, 5, base="uniface")
