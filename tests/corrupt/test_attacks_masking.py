"""The check for masked gradients catches models that hide them, and no other."""

import pytest
import torch
from small_classifier import trained
from torch import nn

from subband.corrupt.masking import MaskingReport, masking_check

pytestmark = pytest.mark.slow
OPTIONS = {"eps": 0.03, "steps": 20, "queries": 150, "batch_size": 200}


class Quantised(nn.Module):
    """Rounds pixels to 32 grey values, which has no gradient; the network behind it is as weak as before."""

    def forward(self, x):
        return trained()[0](torch.round(x * 31) / 31)


class Saturated(nn.Module):
    """Logits through a steep sigmoid, flat to rounding but for images at a border; the predictions stay."""

    def forward(self, x):
        logits = trained()[0](x).double()
        return torch.sigmoid(1000 * (logits - logits.topk(2, 1).values.mean(1, keepdim=True)))


def check(model):
    _, images, labels = trained()
    return masking_check(model, images[:150], labels[:150], **OPTIONS)


def test_an_ordinary_network_is_not_suspected():
    report = check(trained()[0])
    assert not report.masked
    assert report.signs == ()
    assert report.clean > 0.95
    assert report.iterative <= report.one_step
    assert report.iterative <= report.black_box < 0.8
    assert report.unbounded == 0
    assert report.sentence.startswith("The gradients do not look masked: at eps 0.03 gradients leave ")


def test_a_quantised_input_is_caught():
    report = check(Quantised())
    assert report.masked
    assert report.clean > 0.95
    assert report.unbounded > 0.9
    assert report.iterative - report.black_box > 0.2
    assert report.sentence.startswith("The gradients look masked, so white-box accuracies are too good: an attack wit")


def test_saturated_logits_are_caught():
    report = check(Saturated())
    assert report.masked
    assert report.clean > 0.95
    assert report.unbounded > 0.5


def report(**values):
    same = dict.fromkeys(("clean", "one_step", "iterative", "black_box", "unbounded"), 0.0)
    return MaskingReport(eps=0.1, margin=0.05, **{**same, "clean": 1.0, **values})


def test_each_sign_alone_is_enough():
    assert not report(iterative=0.3, one_step=0.26, black_box=0.26, unbounded=0.05).masked
    assert report(iterative=0.3, one_step=0.3, black_box=0.2).signs == (
        "an attack without gradients leaves 20.0%, one with them 30.0%",
    )
    assert report(unbounded=0.06).signs == ("6.0% remain when every pixel may change without bound",)
    assert report(iterative=0.3, one_step=0.2, black_box=0.3).signs == ("a single step leaves 20.0%, many steps 30.0%",)


def test_nothing_is_said_of_a_network_that_is_never_right():
    assert report(clean=0.04).sentence == (
        "Nothing can be said about the gradients: only 4.0% are right without an attack."
    )
