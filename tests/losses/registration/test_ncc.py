import itertools

import numpy as np
import pytest
import torch

from subband.losses.registration import NCCLoss, ncc_loss

PADDINGS = pytest.mark.parametrize("padding", ["none", "zeros"])


def pair(generator, shape, dtype=torch.float32):
    return (torch.rand(shape, generator=generator, dtype=dtype) for _ in range(2))


def value_and_gradients(fixed, warped, **options):
    fixed, warped = fixed.clone().requires_grad_(), warped.clone().requires_grad_()
    loss = ncc_loss(fixed, warped, **options)
    return loss, *torch.autograd.grad(loss, (fixed, warped))


@pytest.mark.filterwarnings("ignore::UserWarning:monai")
@pytest.mark.parametrize("window", [9, 5, 3])
@pytest.mark.parametrize("space", [(14, 11, 13), (17, 20)])
def test_is_monai(generator, window, space):
    from monai.losses import LocalNormalizedCrossCorrelationLoss as Oracle

    fixed, warped = pair(generator, (2, 1, *space))
    oracle = Oracle(spatial_dims=len(space), kernel_size=window)
    found = ncc_loss(fixed, warped, window=window, padding="zeros", eps=1e-12)
    torch.testing.assert_close(found, oracle(warped, fixed), rtol=3e-6, atol=0)


@pytest.mark.parametrize("window", [9, 5, 3])
def test_is_the_dense_form(generator, window):
    """The authors' sums by dense convolutions, in float64: value and gradient."""
    fixed, warped = pair(generator, (1, 1, 10, 12, 9), torch.double)
    i, j = fixed, warped.clone().requires_grad_()
    ones = torch.ones(1, 1, window, window, window, dtype=torch.double)
    s_i, s_j, s_ii, s_jj, s_ij = (torch.conv3d(x, ones, padding=window // 2) for x in (i, j, i * i, j * j, i * j))
    n = window**3
    dense = -((s_ij - s_i * s_j / n) ** 2 / ((s_ii - s_i**2 / n) * (s_jj - s_j**2 / n) + 1e-5)).mean()
    expected = torch.autograd.grad(dense, j)[0]
    value, _, gradient = value_and_gradients(fixed, warped, window=window, padding="zeros")
    torch.testing.assert_close(value, dense, rtol=1e-12, atol=0)
    torch.testing.assert_close(gradient, expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("space", [(11,), (6, 7), (4, 5, 6)])
def test_without_padding_it_is_numpys_correlation_of_each_window(generator, space):
    fixed, warped = pair(generator, (1, 1, *space), torch.double)
    squares = []
    for centre in itertools.product(*map(range, space)):
        inside = tuple(slice(max(0, n - 2), n + 3) for n in centre)
        squares.append(np.corrcoef(fixed[0, 0][inside].flatten(), warped[0, 0][inside].flatten())[0, 1] ** 2)
    found = ncc_loss(fixed, warped, window=5, eps=1e-14)
    assert found.item() == pytest.approx(-np.mean(squares), rel=1e-9)


def test_by_hand():
    """Windows (1, 0), (1, 0, 2), (0, 2) of one image and (0, 0), (0, 0, 3), (0, 3) of the other: 0, 3/4 and 1."""
    fixed, warped = torch.tensor([[[1.0, 0.0, 2.0]]]), torch.tensor([[[0.0, 0.0, 3.0]]])
    assert ncc_loss(fixed, warped, window=3).item() == pytest.approx(-(0 + 0.75 + 1) / 3, abs=1e-5)


@pytest.mark.parametrize("offset", [0, 1, 10, 1000])
def test_a_bright_background_is_no_edge(generator, offset):
    fixed, warped = pair(generator, (1, 1, 12, 12, 12))
    near = ncc_loss(fixed + offset, warped + offset)
    assert -0.01 < near < 0
    torch.testing.assert_close(near, ncc_loss(fixed, warped), rtol=2e-3, atol=0)


def test_zeros_beyond_the_edge_are_an_edge_that_both_share(generator):
    fixed, warped = pair(generator, (1, 1, 12, 12, 12))
    found = [-ncc_loss(fixed + offset, warped + offset, padding="zeros").item() for offset in (0, 1, 10)]
    assert found[0] > 0.3
    assert found[1] > 0.75
    assert found[2] > 0.95


@PADDINGS
@pytest.mark.parametrize(("scale", "offset"), [(1, 0), (1, 100), (1, 1000), (255, 0), (4000, -1000)])
def test_float32_is_float64(generator, padding, scale, offset):
    """Also where a part of the image is flat, as the background of a head is."""
    fixed, warped = (scale * image + offset for image in pair(generator, (1, 1, 18, 20, 16)))
    fixed[..., :8], warped[..., :7] = offset, offset
    low, high = (value_and_gradients(fixed.to(t), warped.to(t), padding=padding) for t in (torch.float, torch.double))
    for found, expected in zip(low, high, strict=True):
        assert (found - expected).abs().max() < 2e-5 * expected.abs().max()


@PADDINGS
@pytest.mark.parametrize("shape", [(2, 1, 5, 6, 4), (1, 2, 8, 7), (2, 1, 9)])
def test_gradients(generator, padding, shape):
    images = [image.requires_grad_() for image in pair(generator, shape, torch.double)]
    for window in (3, 9):
        assert torch.autograd.gradcheck(
            lambda i, j, w=window: ncc_loss(i, j, window=w, padding=padding), images, fast_mode=True
        )


@PADDINGS
def test_flat_images_count_nothing(generator, padding):
    image = torch.rand(1, 1, 10, 11, generator=generator)
    value, _, gradient = value_and_gradients(image, torch.zeros_like(image), padding=padding)
    assert value == 0
    assert gradient.isfinite().all()
    value, to_fixed, to_warped = value_and_gradients(torch.full_like(image, 0.7), torch.full_like(image, 0.3))
    assert value == to_fixed.abs().max() == to_warped.abs().max() == 0


def test_a_linear_function_of_the_image_is_perfect(generator):
    image = torch.rand(1, 1, 12, 13, generator=generator)
    for other in (image, 2 * image + 5, 3 - image):
        assert ncc_loss(image, other).item() == pytest.approx(-1, abs=1e-4)
    value, _, gradient = value_and_gradients(image, 2 * image)
    assert gradient.abs().max() < 1e-4 * abs(value)


def test_prefers_the_truth(generator):
    image = torch.rand(1, 1, 16, 16, 16, generator=generator)
    losses = [ncc_loss(image, image.roll(shift, -1), window=5).item() for shift in (0, 1)]
    assert losses[0] < losses[1] - 0.9


def test_channels_and_images_are_compared_by_themselves(generator):
    fixed, warped = pair(generator, (2, 3, 9, 10))
    each = [ncc_loss(fixed[b, c][None, None], warped[b, c][None, None]) for b in range(2) for c in range(3)]
    torch.testing.assert_close(ncc_loss(fixed, warped), torch.stack(each).mean())


def test_keeps_nothing_but_the_images(generator):
    fixed, warped = (image.requires_grad_() for image in pair(generator, (1, 1, 12, 12, 12)))
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.data_ptr()) or t, lambda t: t):
        ncc_loss(fixed, warped)
    assert sorted(kept) == sorted([fixed.data_ptr(), warped.data_ptr()])


def test_half_precision_is_computed_in_float32(generator):
    fixed, warped = pair(generator, (1, 1, 12, 13))
    half = warped.bfloat16().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = ncc_loss(fixed, half)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, ncc_loss(fixed, half.float()))
    assert torch.autograd.grad(loss, half)[0].dtype == torch.bfloat16


@pytest.mark.slow
def test_compiles_to_one_graph(generator):
    fixed, warped = pair(generator, (1, 1, 9, 10))
    warped.requires_grad_()
    compiled = torch.compile(NCCLoss(window=3), backend="aot_eager", fullgraph=True)
    expected = torch.autograd.grad(ncc_loss(fixed, warped, window=3), warped)
    torch.testing.assert_close(torch.autograd.grad(compiled(warped, fixed), warped), expected)


def test_the_module_remembers_its_options(generator):
    fixed, warped = pair(generator, (1, 1, 9, 10))
    found = NCCLoss(window=3, padding="zeros", eps=0.1)(warped, fixed)
    assert found == ncc_loss(fixed, warped, window=3, padding="zeros", eps=0.1)
    assert found not in (ncc_loss(fixed, warped, window=3), ncc_loss(fixed, warped, padding="zeros", eps=0.1))


@pytest.mark.message
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"window": 4}, "window is 4, but must be an odd number of voxels, 3 or more"),
        ({"window": 1}, "window is 1, but must be an odd number"),
        ({"eps": 0}, "eps is 0, but must be greater than 0"),
        ({"padding": "zero"}, "padding is 'zero', but must be one of none, zeros; did you mean 'zeros'"),
    ],
)
def test_refuses_options(options, words):
    with pytest.raises(ValueError, match=words):
        NCCLoss(**options)


@pytest.mark.message
def test_refuses_images():
    image = torch.zeros(1, 1, 8, 8)
    with pytest.raises(ValueError, match=r"warped has shape \(1, 1, 8, 7\), but fixed has \(1, 1, 8, 8\)"):
        ncc_loss(image, image[..., :7])
    with pytest.raises(ValueError, match=r"fixed has dtype torch\.uint8, but must be floating point; scale it"):
        ncc_loss(image.byte(), image)
    with pytest.raises(ValueError, match=r"the images have shape \(8, 8\), but must be \(batch, channels, 1 to 3 axes"):
        ncc_loss(image[0, 0], image[0, 0])
