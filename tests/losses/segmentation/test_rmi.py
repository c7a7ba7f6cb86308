import itertools
import math

import numpy as np
import pytest
import torch

from subband.losses.segmentation import RMILoss, rmi_loss
from subband.losses.segmentation._regions import ALPHA, _factor


def region_by_loop(p, t, radius=3):
    """Half the log-determinant per pixel of the covariance of t given p: one image, window by window."""

    def vectors(x):
        corners = itertools.product(*(range(size - radius + 1) for size in x.shape))
        windows = [x[tuple(slice(i, i + radius) for i in corner)].ravel() for corner in corners]
        stack = np.stack(windows, 1)
        return stack - stack.mean(1, keepdims=True)

    a, b = vectors(p), vectors(t)
    eye = ALPHA * np.eye(len(a))
    conditional = b @ b.T - b @ a.T @ np.linalg.inv(a @ a.T + eye) @ a @ b.T
    return 0.5 * np.linalg.slogdet(conditional + eye)[1] / len(a)


def noisy_pair(generator, *shape):
    t = (torch.rand(shape, generator=generator, dtype=torch.float64) > 0.5).double()
    return 0.25 + 0.3 * t + 0.2 * torch.rand(shape, generator=generator, dtype=torch.float64), t


@pytest.mark.parametrize("space", [(13, 15), (7, 8, 9)])
def test_region_term_is_a_loop_over_windows(generator, space):
    p, t = noisy_pair(generator, 2, 1, *space)
    expected = np.mean([region_by_loop(a, b) for a, b in zip(p[:, 0].numpy(), t[:, 0].numpy(), strict=True)])
    value = rmi_loss(p, t, stride=1, bce_weight=0.0, rmi_weight=0.5)
    assert value.item() == pytest.approx(expected, rel=1e-7)  # two classes with the same covariances, times one half


def test_classes_add_up(generator):
    probability = torch.randn(1, 3, 11, 12, generator=generator, dtype=torch.float64).softmax(1)
    labels = torch.randint(3, (1, 11, 12), generator=generator)
    onehot = torch.nn.functional.one_hot(labels, 3).movedim(-1, 1).double()
    regions = [region_by_loop(probability[0, c].numpy(), onehot[0, c].numpy()) for c in range(3)]
    value = rmi_loss(probability, onehot, stride=1, bce_weight=0.0, rmi_weight=1.0)
    assert value.item() == pytest.approx(sum(regions), rel=1e-6)
    weight = torch.tensor([1.0, 2.0, 3.0])
    value = rmi_loss(probability, onehot, stride=1, bce_weight=0.0, rmi_weight=1.0, class_weight=weight)
    assert value.item() == pytest.approx(3 * np.average(regions, weights=weight.numpy()), rel=1e-6)


def test_cross_entropies_by_hand():
    p, t = torch.tensor([[[[0.5, 0.25]]]]), torch.tensor([[[[1.0, 0.0]]]])
    own = [-math.log(0.5), -math.log(0.75)]
    options = {"rmi_weight": 0.0, "bce_weight": 1.0}
    assert rmi_loss(p, t, **options).item() == pytest.approx(2 * sum(own) / 3, rel=1e-5)
    weighted = rmi_loss(p, t, class_weight=torch.tensor([2.0, 3.0]), weight_map=torch.tensor([[[1.0, 5.0]]]), **options)
    assert weighted.item() == pytest.approx(2 * (3 * own[0] + 10 * own[1]) / 3, rel=1e-5)


def test_cross_entropies_of_three_classes_are_torch(generator):
    probability = torch.randn(2, 3, 5, 6, generator=generator).softmax(1)
    labels = torch.randint(3, (2, 5, 6), generator=generator)
    onehot = torch.nn.functional.one_hot(labels, 3).movedim(-1, 1).float()
    expected = torch.nn.functional.binary_cross_entropy(probability, onehot, reduction="sum") / (60 + 1)
    torch.testing.assert_close(rmi_loss(probability, onehot, rmi_weight=0.0, bce_weight=1.0), expected)


@pytest.mark.parametrize("pool", ["max", "avg"])
@pytest.mark.parametrize("stride", [2, 3])
def test_pooling(generator, pool, stride):
    p, t = noisy_pair(generator, 1, 1, 30, 31)
    function = getattr(torch.nn.functional, f"{pool}_pool2d")
    window = 3
    regions = []
    for a, b in ((p, t), (1 - p, 1 - t)):
        pooled = [function(x, window, stride, 1)[0, 0].numpy() for x in (a, b)]
        regions.append(region_by_loop(*pooled))
    value = rmi_loss(p, t, stride=stride, pool=pool, bce_weight=0.0, rmi_weight=1.0)
    assert value.item() == pytest.approx(sum(regions), rel=1e-6)


@pytest.mark.parametrize("space", [(1, 1), (1, 7), (2, 2), (4, 5), (1, 2, 3)])
def test_images_smaller_than_a_window(generator, space):
    p, t = noisy_pair(generator, 1, 1, *space)
    value = rmi_loss(p.requires_grad_(), t)
    assert value.isfinite()
    assert torch.autograd.grad(value, p)[0].isfinite().all()


def test_one_window_knows_nothing():
    p, t = torch.full((1, 1, 2, 2), 0.3), torch.ones(1, 1, 2, 2)
    assert rmi_loss(p, t, bce_weight=0.0, rmi_weight=1.0).item() == pytest.approx(math.log(ALPHA), rel=1e-4)


def test_weight_of_zero_takes_the_error_out(generator):
    p, t = noisy_pair(generator, 1, 1, 12, 13)
    weight = torch.ones(1, 12, 13)
    weight[:, 4:7, 5:9] = 0
    p.requires_grad_()
    (gradient,) = torch.autograd.grad(rmi_loss(p, t, weight_map=weight), p)
    assert not gradient[0][weight == 0].any()
    assert gradient[0][weight > 0].any()


def test_warm_up_is_the_cross_entropies_alone(generator):
    logits, labels = torch.randn(1, 1, 9, 9, generator=generator), torch.ones(1, 9, 9, dtype=torch.long)
    loss = RMILoss()
    loss.warmup = True
    torch.testing.assert_close(loss(logits, labels), RMILoss(bce_weight=1.0, rmi_weight=0.0)(logits, labels))


def test_gradient_of_every_window(generator):
    p, t = noisy_pair(generator, 1, 1, 6, 7)
    assert torch.autograd.gradcheck(lambda x: rmi_loss(x, t, stride=1), (p.requires_grad_(),))
    p, t = noisy_pair(generator, 1, 1, 4, 3, 5)
    assert torch.autograd.gradcheck(lambda x: rmi_loss(x, t, stride=1), (p.requires_grad_(),))


def test_a_matrix_without_factor_gets_the_least_jitter():
    matrices = torch.stack([torch.diag(torch.tensor([2.0, 2.0, x], dtype=torch.float64)) for x in (1.0, -1e-9, -1e-5)])
    jitter = _factor(matrices).square()[:, 0, 0] - 2
    torch.testing.assert_close(jitter, torch.tensor([0.0, 2e-8, 2e-4], dtype=torch.float64), rtol=1e-6, atol=1e-12)


@pytest.mark.message
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radius": 0}, "radius is 0"),
        ({"stride": 0}, "stride is 0"),
        ({"pool": "mean"}, "pool is 'mean', but must be one of max, avg"),
    ],
)
def test_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        RMILoss(**options)
