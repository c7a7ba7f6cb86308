import pytest
import torch

from subband.losses.segmentation import JaccardLoss, jaccard_loss


@pytest.mark.parametrize("space", [(9, 11), (4, 5, 6)])
@pytest.mark.parametrize("classes", [2, 4])
def test_is_monai(generator, classes, space):
    from monai.losses import DiceLoss as Oracle

    logits = torch.randn(2, classes, *space, generator=generator)
    labels = torch.randint(classes, (2, *space), generator=generator)
    onehot = torch.nn.functional.one_hot(labels, classes).movedim(-1, 1).float()
    oracle = Oracle(jaccard=True, batch=True, smooth_nr=0, smooth_dr=1e-7, softmax=True)
    torch.testing.assert_close(JaccardLoss()(logits, labels), oracle(logits, onehot), rtol=1e-5, atol=1e-6)


def test_is_smp_on_both_classes(generator):
    from segmentation_models_pytorch.losses import JaccardLoss as Smp

    p = torch.rand(2, 1, 9, 11, generator=generator)
    t = (torch.rand(p.shape, generator=generator) > 0.6).float()
    oracle = Smp("binary", from_logits=False)
    torch.testing.assert_close(jaccard_loss(p, t), (oracle(p, t) + oracle(1 - p, 1 - t)) / 2, rtol=1e-5, atol=1e-6)


def test_by_hand():
    p, t = torch.tensor([[[[0.5, 1.0, 0.0]]]]), torch.tensor([[[[1.0, 1.0, 0.0]]]])
    foreground, background = 1.5 / 2.0, 1.0 / 1.5
    assert jaccard_loss(p, t).item() == pytest.approx(1 - (foreground + background) / 2)
    weighted = jaccard_loss(p, t, weight_map=torch.tensor([[[4.0, 1.0, 0.0]]]))
    assert weighted.item() == pytest.approx(1 - ((2 + 1) / (4 + 1) + 0) / 2)


def test_class_weights_weigh_the_mean():
    p, t = torch.tensor([[[[0.5, 1.0, 0.0]]]]), torch.tensor([[[[1.0, 1.0, 0.0]]]])
    assert jaccard_loss(p, t, class_weight=torch.tensor([0.0, 2.0])).item() == pytest.approx(1 - 0.75)


@pytest.mark.message
def test_refuses_no_eps():
    with pytest.raises(ValueError, match="eps is 0, but must be greater than 0"):
        jaccard_loss(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2), eps=0)
