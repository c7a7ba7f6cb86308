"""Maps of one layer: what its forward gives, in pieces, and the model as it was."""

import pytest
import torch
from torch import nn

from subband.layers.layer_maps import layer_maps, named_layer


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Dropout(0.9), nn.Flatten())


@pytest.mark.parametrize("batch", [1, 2, 5, 100])
def test_gives_what_the_layer_gives(batch, generator):
    model = network()
    model[1].eval()  # frozen, the rest trains
    images = torch.randn((5, 3, 8, 7), generator=generator)
    expected = model[1](model[0](images)).detach()
    found = layer_maps(model, "1", images, batch=batch)
    torch.testing.assert_close(found, expected)  # and not what the in-place ReLU made of it
    torch.testing.assert_close(layer_maps(model, model[2], images), expected.relu())
    assert not found.requires_grad
    assert [part.training for part in model] == [True, False, True, True, True]
    assert not model[1]._forward_hooks


def test_the_mode_comes_back_after_an_error():
    model = network()
    with pytest.raises(RuntimeError):
        layer_maps(model, "0", torch.zeros(1, 2, 8, 8))
    assert model.training
    assert not model[0]._forward_hooks


@pytest.mark.message
@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: named_layer(nn.ModuleDict({"layer3": nn.ReLU()}), "layr3"),
            "has no layer called 'layr3'; did you mean",
        ),
        (lambda: named_layer(network(), ""), "Sequential has no layer called ''"),
        (lambda: named_layer(network(), nn.ReLU()), "the layer ReLU is not of this Sequential"),
        (lambda: layer_maps(network(), "0", torch.zeros(0, 3, 8, 8)), "images is 0"),
    ],
)
def test_says_what_is_wrong(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_a_layer_that_is_not_run():
    class Lazy(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.ReLU(), nn.ReLU()

        def forward(self, x):
            return self.used(x)

    with pytest.raises(ValueError, match="the layer 'unused' was not run"):
        layer_maps(Lazy(), "unused", torch.zeros(1, 3, 8, 8))
