import pytest
import torch
from torch.nn.functional import one_hot

from subband.losses.registration import DiceLoss, dice_loss


def labels_and_probabilities(generator, classes=4, space=(7, 6, 5)):
    labels = torch.randint(classes, (2, *space), generator=generator)
    return labels, torch.randn(2, classes, *space, generator=generator).softmax(1)


@pytest.mark.parametrize("space", [(11,), (9, 8), (7, 6, 5)])
@pytest.mark.parametrize("convention", ["default", "authors"])
def test_is_monai_where_all_structures_are_there(generator, space, convention):
    from monai.losses import DiceLoss as Oracle

    labels, p = labels_and_probabilities(generator, space=space)
    whole = convention == "authors"
    oracle = Oracle(include_background=whole, squared_pred=True, smooth_nr=0, smooth_dr=1e-5)
    expected = oracle(p, one_hot(labels, 4).movedim(-1, 1).float())
    torch.testing.assert_close(dice_loss(labels, p, convention=convention), expected, rtol=1e-6, atol=1e-6)


def test_by_hand():
    labels = torch.tensor([[0, 1, 1, 0]])
    p = torch.tensor([[[1.0, 0.5, 0.0, 1.0], [0.0, 0.5, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]])
    one, background = 2 * 1.5 / (1.25 + 2), 2 * 2 / (2.25 + 2)
    assert dice_loss(labels, p).item() == pytest.approx(1 - one, abs=1e-5)
    assert dice_loss(labels, p, convention="authors").item() == pytest.approx(1 - (one + background) / 3, abs=1e-5)


def test_a_structure_of_one_image_alone_counts():
    labels = torch.tensor([[0, 1, 1, 0]])
    other = one_hot(torch.tensor([[0, 1, 1, 2]]), 4).movedim(-1, 1).float()
    assert dice_loss(labels, other).item() == pytest.approx(0.5, abs=1e-5)


def test_no_structure_at_all():
    p = torch.zeros(2, 3, 4, 4)
    p[:, 0] = 1
    p.requires_grad_()
    value = dice_loss(torch.zeros(2, 4, 4, dtype=torch.int16), p)
    assert value == 0
    assert torch.autograd.grad(value, p)[0].abs().max() == 0


def test_gradient(generator):
    labels, p = labels_and_probabilities(generator, space=(4, 3))
    p = p.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda p: dice_loss(labels, p), p, fast_mode=True)


def test_the_module_remembers_its_option(generator):
    labels, p = labels_and_probabilities(generator)
    assert DiceLoss(convention="authors")(p, labels) == dice_loss(labels, p, convention="authors")
    assert DiceLoss()(p, labels) == dice_loss(labels, p) != dice_loss(labels, p, convention="authors")


@pytest.mark.message
def test_refuses_labels():
    p = torch.zeros(1, 3, 4, 4)
    labels = torch.zeros(1, 4, 4, dtype=torch.long)
    with pytest.raises(ValueError, match="labels go from 0 to 17, but warped has 3 channels; number the structures"):
        dice_loss(labels.fill_(17) * torch.eye(4, dtype=torch.long), p)
    with pytest.raises(ValueError, match=r"fixed has dtype torch\.float32, but labels must be integers"):
        dice_loss(labels.float(), p)
    with pytest.raises(
        ValueError, match=r"fixed has shape \(1, 4, 4\) and warped \(1, 3, 4, 5\), but must be \(batch, "
    ):
        dice_loss(labels, torch.zeros(1, 3, 4, 5))
    with pytest.raises(
        ValueError, match="convention is 'author', but must be one of default, authors; did you mean 'a"
    ):
        DiceLoss(convention="author")
