import math

import numpy as np
import pytest
import torch

from subband.losses.segmentation import UNetWeightedLoss, cross_entropy_loss, unet_weighted_loss
from subband.maps import unet_weight_map


def two_cells():
    mask = torch.zeros(1, 1, 9, 11)
    mask[..., 5] = 1
    mask[..., 0, :] = 1
    return mask


def test_by_hand():
    p, t = torch.tensor([[[[0.5, 0.25]]]]), torch.tensor([[[[1.0, 0.0]]]])
    value = unet_weighted_loss(p, t, weight_map=torch.tensor([[[10.0, 7.0]]]), class_weight=torch.tensor([2.0, 3.0]))
    assert value.item() == pytest.approx(-(13 * math.log(0.5) + 2 * math.log(0.75)) / 2, rel=1e-5)


def test_without_a_map_it_computes_its_own(generator):
    mask = two_cells()
    p = torch.rand(mask.shape, generator=generator)
    own = torch.from_numpy(unet_weight_map(mask[0, 0].numpy()))[None]
    assert own.max() > 1
    torch.testing.assert_close(unet_weighted_loss(p, mask), unet_weighted_loss(p, mask, weight_map=own))


def test_map_of_zero_is_balanced_cross_entropy(generator):
    mask = two_cells()
    p = torch.rand(mask.shape, generator=generator)
    value = unet_weighted_loss(p, mask, weight_map=torch.zeros(1, 9, 11))
    torch.testing.assert_close(value, cross_entropy_loss(p, mask, class_weight="balanced"))


def test_map_is_that_of_all_foreground_classes(generator):
    mask = two_cells()
    labels = mask[:, 0].long()
    labels[:, :, 5] = 2
    logits = torch.randn(1, 3, 9, 11, generator=generator)
    own = torch.from_numpy(np.stack([unet_weight_map(mask[0, 0].numpy())]))
    loss = UNetWeightedLoss()
    torch.testing.assert_close(loss(logits, labels), loss(logits, labels, weight_map=own))


def test_says_which_map_it_reads():
    assert (UNetWeightedLoss.map_kind, UNetWeightedLoss.map_channels) == ("unet", 1)
