import pytest
import torch

from subband.losses.registration._box import box_sum


@pytest.mark.parametrize("window", [3, 5, 7, 9, 11, 15, 31])
@pytest.mark.parametrize("space", [(13,), (6, 9), (5, 4, 7)])
def test_is_a_convolution_with_ones(generator, window, space):
    x = torch.rand(2, 1, *space, generator=generator, dtype=torch.double)
    convolve = (torch.conv1d, torch.conv2d, torch.conv3d)[len(space) - 1]
    ones = torch.ones(1, 1, *[window] * len(space), dtype=torch.double)
    torch.testing.assert_close(box_sum(x, window), convolve(x, ones, padding=window // 2))


def test_by_hand():
    assert box_sum(torch.tensor([[[1.0, 2.0, 4.0, 8.0]]]), 3).tolist() == [[[3.0, 7.0, 14.0, 12.0]]]


def test_adds_and_never_subtracts(generator):
    """One large number leaves the digits of the sums that it is not in."""
    x = torch.rand(1, 1, 64, generator=generator)
    loud = x.clone()
    loud[..., 0] = 1e8
    torch.testing.assert_close(box_sum(loud, 9)[..., 5:], box_sum(x, 9)[..., 5:], rtol=0, atol=0)
