import pytest
import torch

from subband.losses.registration import MSELoss, mse_loss


def test_is_torch(generator):
    fixed, warped = (torch.rand(2, 3, 5, 6, 7, generator=generator) for _ in range(2))
    torch.testing.assert_close(MSELoss()(warped, fixed), torch.nn.functional.mse_loss(warped, fixed))


def test_by_hand():
    assert mse_loss(torch.tensor([[[0.0, 1.0, 2.0]]]), torch.tensor([[[0.0, 0.5, 4.0]]])).item() == pytest.approx(
        4.25 / 3
    )


def test_half_precision_is_computed_in_float32(generator):
    image = torch.rand(1, 1, 9, generator=generator).half()
    assert mse_loss(image, 2 * image).dtype == torch.float32
    torch.testing.assert_close(mse_loss(image, 2 * image), image.float().square().mean())


def test_gradient(generator):
    images = [torch.rand(1, 1, 4, 5, generator=generator, dtype=torch.double).requires_grad_() for _ in range(2)]
    assert torch.autograd.gradcheck(mse_loss, images, fast_mode=True)


@pytest.mark.message
def test_refuses_other_shapes():
    with pytest.raises(ValueError, match="give both the same shape"):
        mse_loss(torch.zeros(1, 1, 4), torch.zeros(1, 1, 5))
