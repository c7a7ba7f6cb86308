import pytest
import torch

from subband.losses.segmentation import DiceLoss, dice_loss


def random_pair(generator, classes=1, space=(9, 11), batch=2):
    if classes == 1:
        probability = torch.rand(batch, 1, *space, generator=generator)
        return probability, (torch.rand(probability.shape, generator=generator) > 0.6).float()
    probability = torch.randn(batch, classes, *space, generator=generator).softmax(1)
    labels = torch.randint(classes, (batch, *space), generator=generator)
    return probability, torch.nn.functional.one_hot(labels, classes).movedim(-1, 1).float()


@pytest.mark.parametrize(("classes", "space"), [(1, (9, 11)), (4, (9, 11)), (1, (5, 6, 7)), (3, (5, 6, 7))])
def test_is_monai(generator, classes, space):
    from monai.losses import DiceLoss as Oracle

    p, t = random_pair(generator, classes, space)
    both = (p, t) if classes > 1 else (torch.cat([1 - p, p], 1), torch.cat([1 - t, t], 1))
    oracle = Oracle(squared_pred=True, batch=True, smooth_nr=0, smooth_dr=1e-7)
    torch.testing.assert_close(dice_loss(p, t), oracle(*both), rtol=1e-6, atol=1e-6)


def test_by_hand():
    p, t = torch.tensor([[[[0.5, 1.0, 0.0]]]]), torch.tensor([[[[1.0, 1.0, 0.0]]]])
    foreground = 2 * 1.5 / (1.25 + 2)
    background = 2 * 1.0 / (1.25 + 1)
    assert dice_loss(p, t).item() == pytest.approx(1 - (foreground + background) / 2)
    assert dice_loss(p, t, class_weight=torch.tensor([1.0, 3.0])).item() == pytest.approx(
        1 - (3 * foreground + background) / 4
    )


def test_weight_map_of_zero_leaves_pixels_out(generator):
    p, t = random_pair(generator)
    weight = torch.ones(2, 9, 11)
    weight[:, :, 7:] = 0
    torch.testing.assert_close(dice_loss(p, t, weight_map=weight), dice_loss(p[..., :7], t[..., :7]))


def test_perfect_and_worst():
    mask = torch.zeros(1, 1, 4, 5)
    mask[..., 1:3, 2] = 1
    assert dice_loss(mask, mask) < 1e-6
    assert dice_loss(1 - mask, mask) == 1


@pytest.mark.message
def test_refuses_no_eps():
    with pytest.raises(ValueError, match="eps is 0, but must be greater than 0"):
        DiceLoss(eps=0)
