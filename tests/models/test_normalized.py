"""Normalising inside a network."""

import pytest
import torch
from torch import nn

from subband.models.normalized import Normalized


def test_is_the_network_of_the_normalised_image(generator):
    image = torch.rand((2, 3, 4, 5), generator=generator)
    network = nn.Conv2d(3, 2, 3)
    mean, std = torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.5, 0.25, 2.0])
    normal = (image - mean[:, None, None]) / std[:, None, None]
    torch.testing.assert_close(Normalized(network, mean, std)(image), network(normal), rtol=0, atol=0)


def test_holds_the_network_weights_alone():
    network = Normalized(nn.Conv2d(1, 1, 1), [0.5], [0.5])
    assert list(network.state_dict()) == ["model.weight", "model.bias"]
    assert network.double().mean.dtype == torch.float64


@pytest.mark.message
def test_says_what_it_takes():
    with pytest.raises(ValueError, match="mean has 2 and std 1 entries"):
        Normalized(nn.Identity(), [0.0, 0.0], [1.0])
    with pytest.raises(ValueError, match="the least 0; give one mean"):
        Normalized(nn.Identity(), [0.0], [0.0])
