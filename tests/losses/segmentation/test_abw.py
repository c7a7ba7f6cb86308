import math

import pytest
import torch

from subband.losses.segmentation import ABWLoss, abw_loss
from subband.maps import abw_weight_maps


def test_by_hand():
    p, t = torch.tensor([[[[0.5, 0.25]]]]), torch.tensor([[[[1.0, 0.0]]]])
    maps = torch.tensor([[[[1.0, 4.0]], [[30.0, 2.0]]]])
    value = abw_loss(p, t, weight_map=maps)
    assert value.item() == pytest.approx(-(30 * math.log(0.5) + 4 * math.log(0.75)) / 34, rel=1e-5)
    weighted = abw_loss(p, t, weight_map=maps, class_weight=torch.tensor([2.0, 3.0]))
    assert weighted.item() == pytest.approx(-(90 * math.log(0.5) + 8 * math.log(0.75)) / 98, rel=1e-5)


def test_dilation_trains_near_pixels_towards_the_foreground():
    p, t = torch.tensor([[[[0.5, 0.25, 0.25, 0.2]]]]), torch.tensor([[[[1.0, 0.0, 0.0, 0.0]]]])
    maps = torch.tensor([[[[1.0, 4.0, 4.0, 4.0]], [[30.0, 6.0, 3.0, 9.0]]]])
    logs = 30 * math.log(0.5) + 6 * math.log(0.25) + 4 * math.log(0.75) + 4 * math.log(0.8)
    assert abw_loss(p, t, weight_map=maps, dilate=1).item() == pytest.approx(-logs / 44, rel=1e-5)
    assert abw_loss(p, t, weight_map=maps, dilate=2).item() == pytest.approx(-logs / 44, rel=1e-5)
    far = logs - 4 * math.log(0.8) + 9 * math.log(0.2)
    assert abw_loss(p, t, weight_map=maps, dilate=3).item() == pytest.approx(-far / 49, rel=1e-5)


def test_three_classes_by_hand():
    probability = torch.tensor([[0.5, 0.3, 0.2], [0.25, 0.25, 0.5], [0.6, 0.3, 0.1]]).T.reshape(1, 3, 1, 3)
    target = torch.nn.functional.one_hot(torch.tensor([[[0, 2, 0]]]), 3).movedim(-1, 1).float()
    maps = torch.tensor([[[[1.0, 1.0, 2.0]], [[3.0, 30.0, 5.0]]]])
    # the third pixel lies beside the border and goes towards any foreground class: 0.3 + 0.1
    logs = 3 * math.log(0.5) + 30 * math.log(0.5) + 5 * math.log(0.4)
    value = abw_loss(probability, target, weight_map=maps, dilate=1)
    assert value.item() == pytest.approx(-logs / 38, rel=1e-5)


def test_without_a_map_it_computes_its_own(generator):
    mask = torch.zeros(2, 1, 9, 11)
    mask[0, ..., 5] = 1
    mask[1, ..., 3, :] = 1
    p = torch.rand(mask.shape, generator=generator)
    own = torch.stack([torch.from_numpy(abw_weight_maps(image.numpy())) for image in mask[:, 0]])
    torch.testing.assert_close(abw_loss(p, mask), abw_loss(p, mask, weight_map=own))


def test_a_wrong_saturated_prediction_still_learns():
    mask = torch.tensor([[[[0.0, 1.0, 0.0]]]])
    p = (1 - mask).requires_grad_()
    value = abw_loss(p, mask)
    assert value.item() == pytest.approx(-math.log(1e-12), rel=1e-5)
    assert (torch.autograd.grad(value, p)[0] * (2 * mask - 1) < 0).all()


@pytest.mark.message
def test_refuses_negative_dilation():
    with pytest.raises(ValueError, match="dilate is -1, but must be at least 0"):
        ABWLoss(dilate=-1)


def test_says_which_map_it_reads():
    assert (ABWLoss.map_kind, ABWLoss.map_channels) == ("abw", 2)
