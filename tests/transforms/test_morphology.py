import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.nn import functional as F

from subband.transforms._maximum import block_maximum, line_maximum, maximum
from subband.transforms.morphology import pool, soft_dilate, soft_erode, soft_open, soft_skeleton

SPACES = [(9,), (7, 10), (1, 6), (6, 1), (1, 1), (5, 4, 6), (1, 2, 3)]


def grey(generator, space, *, steps=3):
    """Few different values, so that there are many ties."""
    return torch.randint(steps, (2, 2, *space), generator=generator).double() / steps


@pytest.mark.parametrize("space", SPACES)
def test_erosion_and_dilation_are_scipy(generator, space):
    x = grey(generator, space, steps=50)
    cross, cube = ndimage.generate_binary_structure(len(space), 1), np.ones((3,) * len(space))
    results = (y.flatten(0, 1) for y in (x, soft_erode(x), soft_dilate(x)))
    for image, eroded, grown in zip(*results, strict=True):
        np.testing.assert_array_equal(eroded, ndimage.grey_erosion(image.numpy(), footprint=cross, mode="nearest"))
        np.testing.assert_array_equal(grown, ndimage.grey_dilation(image.numpy(), footprint=cube, mode="nearest"))
    assert torch.equal(soft_open(x), soft_dilate(soft_erode(x)))


@pytest.mark.parametrize("space", [(16, 17), (8, 9, 10)])
def test_skeleton_is_monai(generator, space):
    from monai.losses.cldice import soft_skel

    x = torch.rand(2, 1, *space, generator=generator).requires_grad_()
    weight = torch.randn(x.shape, generator=generator)
    ours, theirs = soft_skeleton(x, iterations=4), soft_skel(x, 4)
    assert torch.equal(ours, theirs)
    gradients = [torch.autograd.grad(skeleton, x, weight)[0] for skeleton in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("space", [(9, 11), (5, 6, 7)])
def test_gradient_at_ties_is_that_of_pooling(generator, space):
    x = grey(generator, space).requires_grad_()
    weight = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    pooled = (F.max_pool2d if len(space) == 2 else F.max_pool3d)(x, 3, 1, 1)
    assert torch.equal(soft_dilate(x), pooled)
    expected, found = (torch.autograd.grad(y, x, weight)[0] for y in (pooled, soft_dilate(x)))
    torch.testing.assert_close(found, expected)
    other = grey(generator, space).requires_grad_()
    expected = torch.autograd.grad(torch.maximum(x, other), (x, other), weight)
    found = torch.autograd.grad(maximum(x, other), (x, other), weight)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("space", SPACES)
def test_other_devices_pool_and_get_the_same(generator, space, monkeypatch):
    x = grey(generator, space).requires_grad_()
    weight = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    ours = soft_skeleton(x, iterations=3)
    (gradient,) = torch.autograd.grad(ours, x, weight)
    monkeypatch.setattr("subband.transforms.morphology.FAST_DEVICES", ())
    pooled = soft_skeleton(x, iterations=3)
    assert torch.equal(ours, pooled)
    torch.testing.assert_close(gradient, torch.autograd.grad(pooled, x, weight)[0])


def test_line_maximum_gives_its_gradient_to_the_first():
    x = torch.tensor([[[2.0, 2.0, 1.0, 3.0, 3.0]]], requires_grad=True)
    found = line_maximum(x, 2)
    assert found.tolist() == [[[2, 2, 3, 3, 3]]]
    (gradient,) = torch.autograd.grad(found, x, torch.tensor([[[1.0, 10.0, 100.0, 1000.0, 10000.0]]]))
    assert gradient.tolist() == [[[11, 0, 0, 11100, 0]]]


def test_gradcheck(generator):
    x = torch.randperm(60, generator=generator).double().reshape(1, 1, 6, 10).div(60).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: soft_skeleton(x, iterations=2), (x,), fast_mode=True)


@pytest.mark.parametrize("size", [3, 5])
def test_block_maximum_is_pooling(size):
    for rows in range(1, 2 * size + 2):
        x = torch.randn(2, 1, rows, 13)
        assert torch.equal(block_maximum(x, size), F.max_pool2d(x, size, size, size // 2))
        assert torch.equal(pool(x, size, stride=size), F.max_pool2d(x, size, size, size // 2))
        assert torch.equal(pool(x.requires_grad_(), size, stride=size), F.max_pool2d(x, size, size, size // 2))


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_pool_has_one_window_for_each_stride(generator, dims, stride):
    x = torch.rand(1, 2, *(8, 9, 10)[:dims], generator=generator)
    for kind in ("max", "avg"):
        assert pool(x, 3, stride=stride, kind=kind).shape[2:] == tuple(-(-size // stride) for size in x.shape[2:])
    mean = pool(torch.ones_like(x), 3, kind="avg")
    assert mean.amax() == pytest.approx(1)
    assert mean.amin() == pytest.approx((2 / 3) ** dims)  # outside it sees zeros


def test_skeleton_of_a_bar_is_its_middle():
    mask = torch.zeros(1, 1, 9, 15)
    mask[..., 3:6, 2:13] = 1
    skeleton = soft_skeleton(mask)
    assert skeleton[0, 0, 4, 3:12].all()
    assert skeleton.sum() == skeleton[0, 0, 4].sum()


def test_skeleton_needs_iterations_for_wide_structures():
    mask = torch.zeros(1, 1, 15, 15)
    mask[..., 2:13, 2:13] = 1
    assert not soft_skeleton(mask, iterations=1)[..., 7, 7]
    assert soft_skeleton(mask, iterations=5)[..., 7, 7]


@pytest.mark.message
def test_says_what_is_wrong():
    with pytest.raises(ValueError, match=r"x has shape \(2, 3\), but must be \(B, C, \*space\)"):
        soft_dilate(torch.ones(2, 3))
    with pytest.raises(ValueError, match="size is 2, but must be an odd number of pixels, or 2 of them"):
        pool(torch.ones(1, 1, 4, 4), 2)
    with pytest.raises(ValueError, match="kind is 'mean'"):
        pool(torch.ones(1, 1, 4, 4), 3, kind="mean")
    with pytest.raises(ValueError, match="iterations is -1"):
        soft_skeleton(torch.ones(1, 1, 4, 4), iterations=-1)
