import math

import pytest
import torch
from torch.nn import functional as F

from subband.losses.segmentation import (
    BalancedCrossEntropyLoss,
    CrossEntropyLoss,
    balanced_cross_entropy_loss,
    cross_entropy_loss,
)


@pytest.mark.parametrize("space", [(7, 9), (3, 4, 5)])
def test_is_torch(generator, space):
    logits = torch.randn(2, 4, *space, generator=generator)
    labels = torch.randint(4, (2, *space), generator=generator)
    labels[0, 0] = 255
    expected = F.cross_entropy(logits, labels, ignore_index=255)
    torch.testing.assert_close(CrossEntropyLoss(ignore_index=255)(logits, labels), expected)
    binary = torch.randint(2, (2, 1, *space), generator=generator)
    expected = F.binary_cross_entropy_with_logits(logits[:, :1], binary.float())
    torch.testing.assert_close(CrossEntropyLoss()(logits[:, :1], binary), expected)


def test_class_weights_by_hand():
    p, t = torch.tensor([[[[0.5, 0.25, 0.5]]]]), torch.tensor([[[[1.0, 0.0, 0.0]]]])
    foreground, background = -math.log(0.5), -math.log(0.75) - math.log(0.5)
    assert cross_entropy_loss(p, t, class_weight=torch.tensor([1.0, 4.0])).item() == pytest.approx(
        (4 * foreground + background) / 3, rel=1e-5
    )
    assert balanced_cross_entropy_loss(p, t).item() == pytest.approx((2 * foreground + background) / 3, rel=1e-5)


def test_balanced_weights_are_those_of_each_image(generator):
    logits = torch.randn(2, 1, 6, 7, generator=generator)
    labels = torch.zeros(2, 6, 7, dtype=torch.long)
    labels[0, 0, :3] = 1
    labels[1, :4] = 1
    loss = BalancedCrossEntropyLoss()
    alone = [loss(logits[i : i + 1], labels[i : i + 1]) for i in range(2)]
    torch.testing.assert_close(loss(logits, labels), (alone[0] + alone[1]) / 2)
    mixed = BalancedCrossEntropyLoss(class_weight="balanced-batch")(logits, labels)
    assert not torch.isclose(mixed, loss(logits, labels))


def test_weight_map_by_hand():
    p, t = torch.tensor([[[[0.5, 0.25]]]]), torch.tensor([[[[1.0, 0.0]]]])
    value = cross_entropy_loss(p, t, weight_map=torch.tensor([[[2.0, 0.0]]]))
    assert value.item() == pytest.approx(math.log(2), rel=1e-5)


def test_saturated_logits_keep_their_slope():
    logits = torch.tensor([[[[-100.0]]]], requires_grad=True)
    value = CrossEntropyLoss()(logits, torch.ones(1, 1, 1, dtype=torch.long))
    assert value.item() == pytest.approx(100)
    assert torch.autograd.grad(value, logits)[0].item() == pytest.approx(-1)
