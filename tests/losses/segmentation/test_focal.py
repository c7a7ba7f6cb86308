import math

import pytest
import torch

from subband.losses.segmentation import FocalLoss, cross_entropy_loss, focal_loss


@pytest.mark.parametrize("gamma", [0.5, 1.5, 2.0, 3.0])
def test_is_torchvision_and_smp(generator, gamma):
    from segmentation_models_pytorch.losses import FocalLoss as Smp
    from torchvision.ops import sigmoid_focal_loss

    logits = torch.randn(2, 1, 9, 11, generator=generator)
    labels = torch.randint(2, (2, 1, 9, 11), generator=generator)
    value = FocalLoss(gamma=gamma)(logits, labels)
    expected = sigmoid_focal_loss(logits, labels.float(), alpha=-1, gamma=gamma, reduction="mean")
    torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(value, Smp("binary", gamma=gamma)(logits, labels.float()), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("space", [(9, 11), (4, 5, 6)])
def test_is_monai_with_class_weights(generator, space):
    from monai.losses import FocalLoss as Monai

    logits = torch.randn(2, 4, *space, generator=generator)
    labels = torch.randint(4, (2, *space), generator=generator)
    weight = torch.tensor([1.0, 2.0, 0.5, 3.0])
    onehot = torch.nn.functional.one_hot(labels, 4).movedim(-1, 1).float()
    oracle = Monai(use_softmax=True, gamma=2.0, weight=weight)  # its mean is over the classes too
    expected = 4 * oracle(logits, onehot)
    torch.testing.assert_close(FocalLoss(class_weight=weight)(logits, labels), expected, rtol=1e-5, atol=1e-7)


def test_by_hand():
    p, t = torch.tensor([[[[0.25, 0.5]]]]), torch.tensor([[[[1.0, 0.0]]]])
    expected = -(0.75**2 * math.log(0.25) + 0.5**2 * math.log(0.5)) / 2
    assert focal_loss(p, t).item() == pytest.approx(expected, rel=1e-5)
    weighted = -(3 * 0.75**2 * math.log(0.25)) / 2
    assert focal_loss(p, t, weight_map=torch.tensor([[[3.0, 0.0]]])).item() == pytest.approx(weighted, rel=1e-5)


def test_without_focus_is_cross_entropy(generator):
    p, t = torch.rand(2, 1, 5, 6, generator=generator), torch.ones(2, 1, 5, 6)
    torch.testing.assert_close(focal_loss(p, t, gamma=0.0), cross_entropy_loss(p, t))


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.0])
def test_slope_where_the_prediction_is_exactly_right(gamma):
    logits = torch.full((1, 1, 2, 2), 200.0, requires_grad=True)
    value = FocalLoss(gamma=gamma)(logits, torch.ones(1, 2, 2, dtype=torch.long))
    assert value == 0
    assert not torch.autograd.grad(value, logits)[0].any()


@pytest.mark.message
def test_refuses_negative_gamma():
    with pytest.raises(ValueError, match="gamma is -1, but must be at least 0"):
        FocalLoss(gamma=-1)
