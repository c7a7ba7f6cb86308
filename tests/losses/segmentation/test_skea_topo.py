import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.morphology import skeletonize

from subband.losses.segmentation import SkeaTopoLoss, skea_topo_loss
from subband.losses.segmentation._critical_pixels import background_skeleton, foreground_skeleton, pixel_kinds
from subband.maps import skea_topo_maps


def one_component_at_a_time(mask):
    """Background skeleton by a loop."""
    labels, count = ndimage.label(~mask)
    skeleton = np.zeros_like(mask)
    for index in range(1, count + 1):
        skeleton |= skeletonize(labels == index, method="lee") > 0
    return ndimage.binary_dilation(skeleton, np.ones((3,) * mask.ndim))


def kinds_of(predicted, target):
    return pixel_kinds(predicted, target, background_skeleton(target), foreground_skeleton(target))


@pytest.mark.parametrize("shape", [(40, 43), (1, 30), (30, 1), (9, 10, 11)])
@pytest.mark.parametrize("density", [0.2, 0.5, 0.8])
def test_background_skeleton_is_that_of_each_component(shape, density):
    for seed in range(4):
        mask = np.random.default_rng(seed).random(shape) < density
        np.testing.assert_array_equal(background_skeleton(mask), one_component_at_a_time(mask))


@pytest.mark.parametrize("value", [False, True])
def test_skeletons_of_constant_masks(value):
    mask = np.full((5, 6), value)
    assert foreground_skeleton(mask).any() == value
    assert background_skeleton(mask).any() != value


def test_a_gap_is_critical_and_a_rough_edge_is_not():
    target = np.zeros((15, 15), bool)
    target[6:9] = True
    predicted = target.copy()
    predicted[6:9, 7] = False  # opens a gap
    predicted[8, 2] = False  # a dent
    predicted[9, 12] = True  # a bump
    predicted[2, 2] = True  # an island
    kinds = kinds_of(predicted, target)
    assert kinds.critical_false_negative[6:9, 7].all()
    assert kinds.critical_false_negative.sum() == 3
    assert kinds.other_false_negative[8, 2]
    assert kinds.other_false_positive[9, 12]
    assert kinds.critical_false_positive[2, 2]
    assert kinds.critical_false_positive.sum() == 1


@pytest.mark.parametrize("shape", [(20, 23), (7, 8, 9)])
def test_every_pixel_is_of_one_kind(shape):
    rng = np.random.default_rng(2)
    predicted, target = rng.random(shape) < 0.4, rng.random(shape) < 0.4
    kinds = kinds_of(predicted, target)
    assert (sum(kind.astype(int) for kind in kinds) == 1).all()
    np.testing.assert_array_equal(kinds.true_positive | kinds[2] | kinds[3], target)
    np.testing.assert_array_equal(kinds.true_positive | kinds[4] | kinds[5], predicted)


def test_weights_by_hand():
    p = torch.tensor([[[[0.2, 0.5, 0.2, 0.2, 0.2]]]])
    t = torch.tensor([[[[0.0, 1.0, 0.0, 0.0, 0.0]]]])
    maps = torch.zeros(1, 4, 1, 5)
    maps[0, 0, 0] = torch.tensor([0.1, 0.0, 0.9, 0.2, 0.1])  # object
    maps[0, 1, 0, 1] = 0.5  # border
    weight = torch.tensor([2.0, 3.0])
    # pixel 0: b = 1 + 2 = 3 < o = 9; pixel 2: b = 11 > o = 1; pixel 3: b = 4 < o = 8; pixel 4 is out of reach: b = 3
    logs = 9 * math.log(0.2) + 8 * math.log(0.5) + 11 * math.log(0.8) + 8 * math.log(0.2) + 3 * math.log(0.8)
    value = skea_topo_loss(p, t, weight_map=maps, class_weight=weight)
    assert value.item() == pytest.approx(-logs / 39, rel=1e-5)
    plain = (3 + 11 + 4 + 3) * math.log(0.8) + 8 * math.log(0.5)
    value = skea_topo_loss(p, t, weight_map=maps, class_weight=weight, dilate=False)
    assert value.item() == pytest.approx(-plain / 29, rel=1e-5)


def broken_line():
    target = torch.zeros(1, 1, 15, 15)
    target[..., 6:9, :] = 1
    p = 0.8 * target + 0.1
    p[..., 6:9, 7] = 0.1  # critical
    p[..., 8, 2] = 0.3  # not critical
    return p, target


@pytest.mark.parametrize("pixels", ["all", "weighted", "no-other", "no-true"])
def test_topology_by_hand(pixels):
    p, target = broken_line()
    weight = torch.tensor([1.0, 4.0])
    right, critical, other = 0.1 * (225 - 4), 3 * 0.9, 0.3
    sums = {
        "all": (right + critical + other) / 225,
        "weighted": (right + 4 * critical + other) / 234,
        "no-other": (right + critical) / 224,
        "no-true": (critical + other) / 4,
    }
    values = [
        skea_topo_loss(p, target, class_weight=weight, topology=topology, pixels=pixels) for topology in (True, False)
    ]
    assert (values[0] - values[1]).item() == pytest.approx(sums[pixels], rel=1e-4)


def test_topology_of_classes_is_that_of_their_union():
    p, target = broken_line()
    second = torch.zeros(1, 1, 15, 15, dtype=torch.bool)
    second[..., 8:] = True
    probability = torch.cat([1 - p, torch.where(second, 0, p), torch.where(second, p, 0)], 1)
    onehot = torch.cat([1 - target, target * ~second, target * second], 1)
    values = [skea_topo_loss(*pair, class_weight=None, topology=True) for pair in ((p, target), (probability, onehot))]
    torch.testing.assert_close(values[1], values[0])


def test_without_a_map_it_computes_its_own():
    p, target = broken_line()
    own = torch.from_numpy(skea_topo_maps(target[0, 0].numpy()))[None]
    for topology in (False, True):
        torch.testing.assert_close(
            skea_topo_loss(p, target, topology=topology),
            skea_topo_loss(p, target, weight_map=own, topology=topology),
        )


def test_second_phase_begins_after_its_epoch():
    loss = SkeaTopoLoss(start_topology=3)
    assert not loss.topology
    phases = []
    for epoch in (0, 3, 4, 2):
        loss.at_epoch(epoch)
        phases.append(loss.topology)
    assert phases == [False, False, True, False]


def test_a_wrong_saturated_prediction_still_learns():
    p, target = broken_line()
    p = (1 - target).requires_grad_()
    value = skea_topo_loss(p, target, topology=True)
    assert value.isfinite()
    assert torch.autograd.grad(value, p)[0].isfinite().all()


@pytest.mark.message
def test_refuses_unknown_pixels():
    with pytest.raises(ValueError, match=r"pixels is 'alle'.*did you mean 'all'"):
        SkeaTopoLoss(pixels="alle")


def test_says_which_map_it_reads():
    assert (SkeaTopoLoss.map_kind, SkeaTopoLoss.map_channels) == ("skea_topo", 4)
