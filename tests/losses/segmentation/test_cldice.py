import pytest
import torch

from subband.losses.segmentation import ClDiceLoss, cldice_loss
from subband.transforms.morphology import soft_skeleton


def lines(batch=1, space=(24, 25)):
    mask = torch.zeros(batch, 1, *space)
    mask[..., 5:8, 3:20] = 1
    mask[..., 3:20, 10:13] = 1
    return mask


@pytest.mark.parametrize(("batch", "space"), [(1, (24, 25)), (3, (24, 25)), (2, (8, 21, 22))])
def test_is_monai(generator, batch, space):
    from monai.losses import SoftDiceclDiceLoss

    mask = lines(batch, space)
    p = (3 * (2 * mask - 1) + 2 * torch.randn(mask.shape, generator=generator)).sigmoid().requires_grad_()
    value = cldice_loss(p, mask, reduction_over="image")
    oracle = SoftDiceclDiceLoss(iter_=10, alpha=0.5, smooth=1e-12)
    expected = oracle(p, mask)
    torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-6)
    gradients = [torch.autograd.grad(x, p)[0] for x in (value, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-7)


def test_sums_over_the_batch_by_hand(generator):
    mask = lines(2)
    mask[1] = 0
    p = torch.rand(mask.shape, generator=generator)
    line_p, line_t = soft_skeleton(p), soft_skeleton(mask)
    precision = ((line_p * mask).sum() + 1) / (line_p.sum() + 1)
    recall = ((line_t * p).sum() + 1) / (line_t.sum() + 1)
    dice = 1 - (2 * (p * mask).sum() + 1) / (p.sum() + mask.sum() + 1)
    centre = 1 - 2 * precision * recall / (precision + recall)
    torch.testing.assert_close(cldice_loss(p, mask), 0.5 * dice + 0.5 * centre)
    torch.testing.assert_close(cldice_loss(p, mask, alpha=0.0), dice)
    torch.testing.assert_close(cldice_loss(p, mask, alpha=1.0), centre)


def test_classes_are_averaged_without_the_background(generator):
    labels = torch.randint(3, (2, 14, 15), generator=generator)
    onehot = torch.nn.functional.one_hot(labels, 3).movedim(-1, 1).float()
    p = torch.randn(2, 3, 14, 15, generator=generator).softmax(1)
    alone = [cldice_loss(p[:, c : c + 1], onehot[:, c : c + 1]) for c in (1, 2)]
    torch.testing.assert_close(cldice_loss(p, onehot), (alone[0] + alone[1]) / 2)
    weighted = cldice_loss(p, onehot, class_weight=torch.tensor([9.0, 1.0, 3.0]))
    torch.testing.assert_close(weighted, (alone[0] + 3 * alone[1]) / 4)


def test_a_gap_costs_more_than_a_thinner_line():
    mask = lines()
    gap, thin = mask.clone(), mask.clone()
    gap[..., 5:8, 15] = 0
    thin[..., 5, 14:17] = 0
    assert gap.sum() == thin.sum()
    assert cldice_loss(gap, mask) > cldice_loss(thin, mask)


def test_weight_map_of_zero_takes_pixels_out_of_the_sums(generator):
    mask = lines()
    p = torch.rand(mask.shape, generator=generator)
    weight = torch.zeros(1, 24, 25)
    value = cldice_loss(p, mask, weight_map=weight)
    assert value == 0
    weight[..., :12] = 1
    assert not torch.isclose(cldice_loss(p, mask, weight_map=weight), cldice_loss(p, mask))


@pytest.mark.message
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 1.5}, r"alpha is 1.5, but must be between 0 \(Dice alone\) and 1"),
        ({"iterations": -1}, "iterations is -1"),
        ({"smooth": 0}, "smooth is 0"),
        ({"reduction_over": "batches"}, "did you mean 'batch'"),
    ],
)
def test_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        ClDiceLoss(**options)
