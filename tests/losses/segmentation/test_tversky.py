import pytest
import torch

from subband.losses.segmentation import TverskyLoss, jaccard_loss, tversky_loss


@pytest.mark.parametrize("space", [(9, 11), (4, 5, 6)])
@pytest.mark.parametrize(("alpha", "beta"), [(0.5, 0.5), (0.3, 0.7), (0.1, 0.9)])
def test_is_monai(generator, alpha, beta, space):
    from monai.losses import TverskyLoss as Oracle

    logits = torch.randn(2, 3, *space, generator=generator)
    labels = torch.randint(3, (2, *space), generator=generator)
    onehot = torch.nn.functional.one_hot(labels, 3).movedim(-1, 1).float()
    oracle = Oracle(alpha=alpha, beta=beta, batch=True, smooth_nr=0, smooth_dr=1e-7, softmax=True)
    value = TverskyLoss(alpha=alpha, beta=beta)(logits, labels)
    torch.testing.assert_close(value, oracle(logits, onehot), rtol=1e-5, atol=1e-6)


def test_is_smp(generator):
    from segmentation_models_pytorch.losses import TverskyLoss as Smp

    logits = torch.randn(2, 3, 9, 11, generator=generator)
    labels = torch.randint(3, (2, 9, 11), generator=generator)
    oracle = Smp("multiclass", alpha=0.3, beta=0.7)
    torch.testing.assert_close(TverskyLoss()(logits, labels), oracle(logits, labels), rtol=1e-5, atol=1e-6)


def test_by_hand():
    p, t = torch.tensor([[[[0.5, 1.0, 0.25]]]]), torch.tensor([[[[1.0, 1.0, 0.0]]]])
    foreground = 1.5 / (1.5 + 0.3 * 0.25 + 0.7 * 0.5)
    background = 0.75 / (0.75 + 0.3 * 0.5 + 0.7 * 0.25)
    assert tversky_loss(p, t).item() == pytest.approx(1 - (foreground + background) / 2)


def test_with_weights_of_one_is_jaccard(generator):
    p = torch.rand(2, 1, 9, 11, generator=generator)
    t = (torch.rand(p.shape, generator=generator) > 0.6).float()
    torch.testing.assert_close(tversky_loss(p, t, alpha=1.0, beta=1.0), jaccard_loss(p, t))


def test_weight_map_of_zero_leaves_pixels_out(generator):
    p = torch.rand(2, 1, 9, 11, generator=generator)
    t = (torch.rand(p.shape, generator=generator) > 0.6).float()
    weight = torch.ones(2, 9, 11)
    weight[:, :, 7:] = 0
    torch.testing.assert_close(tversky_loss(p, t, weight_map=weight), tversky_loss(p[..., :7], t[..., :7]))


@pytest.mark.message
@pytest.mark.parametrize(
    ("options", "message"), [({"alpha": -1}, "alpha is -1"), ({"beta": -2}, "beta -2"), ({"eps": 0}, "eps is 0")]
)
def test_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        TverskyLoss(**options)
