import math

import numpy as np
import pytest
import torch

from subband.losses.registration import MutualInformationLoss, mutual_information, mutual_information_loss


def bins_of(generator, shape, bins):
    """Images whose intensities are centres of bins, and their bins."""
    labels = torch.randint(bins, shape, generator=generator)
    return labels.double() / (bins - 1), labels


@pytest.mark.parametrize("space", [(40,), (9, 11), (6, 5, 7)])
def test_of_narrow_bins_is_scikit_learn(generator, space):
    from sklearn.metrics import mutual_info_score

    fixed, i = bins_of(generator, (1, 1, *space), 5)
    j = (i + torch.randint(2, i.shape, generator=generator)) % 5
    found = mutual_information_loss(fixed, j / 4.0, bins=5, width=0.05)
    assert found.item() == pytest.approx(-mutual_info_score(i.flatten(), j.flatten()), rel=1e-6)


def test_is_the_formula_in_numpy(generator):
    fixed, warped = (torch.rand(2, 1, 6, 7, generator=generator, dtype=torch.double) for _ in range(2))
    expected = []
    for one, other in zip(fixed.numpy(), warped.numpy(), strict=True):
        centres, sigma = np.linspace(0, 1, 8), 1.5 / 7
        w = [np.exp(-((image.reshape(-1, 1) - centres) ** 2) / (2 * sigma**2)) for image in (one, other)]
        w = [weights / weights.sum(1, keepdims=True) for weights in w]
        p = w[0].T @ w[1] / one.size
        expected.append((p * np.log(p / (p.sum(1, keepdims=True) * p.sum(0)))).sum())
    assert mutual_information_loss(fixed, warped, bins=8, width=1.5).item() == pytest.approx(-np.mean(expected))


def test_is_close_to_monai(generator):
    """MONAI adds 1e-7 in three places."""
    from monai.losses import GlobalMutualInformationLoss as Oracle

    fixed = torch.rand(2, 1, 16, 18, 15, generator=generator)
    warped = (fixed + 0.1 * torch.randn(fixed.shape, generator=generator)).clamp(0, 1)
    expected = Oracle(num_bins=32, sigma_ratio=1.0)(warped, fixed)
    assert abs(mutual_information_loss(fixed, warped) - expected) < 1e-3
    assert expected < -0.5


def test_by_hand():
    """Two bins, of equal share: log 2 of an image and itself or its negative, 0 of independent ones."""
    image = torch.tensor([[[0.0, 0.0, 1.0, 1.0]]])
    other = torch.tensor([[[0.0, 1.0, 0.0, 1.0]]])
    for warped, expected in ((image, -math.log(2)), (1 - image, -math.log(2)), (other, 0)):
        found = mutual_information_loss(image, warped, bins=2, width=0.05)
        assert found.item() == pytest.approx(expected, abs=1e-6)


def test_limits_scale_and_clip(generator):
    fixed, warped = (torch.rand(1, 1, 9, 8, generator=generator) for _ in range(2))
    wide = mutual_information_loss(4 * fixed - 2, 4 * warped - 2, limits=(-2, 2))
    torch.testing.assert_close(wide, mutual_information_loss(fixed, warped), rtol=1e-4, atol=1e-6)
    beyond = fixed.clone()
    beyond[fixed > 0.8], fixed[fixed > 0.8] = 7, 1
    assert mutual_information_loss(beyond, warped) == mutual_information_loss(fixed, warped)


def test_parts_of_the_volume_add_up(generator, monkeypatch):
    fixed, warped = (torch.rand(2, 1, 9, 8, generator=generator).double().requires_grad_() for _ in range(2))
    whole = mutual_information_loss(fixed, warped)
    gradients = torch.autograd.grad(whole, (fixed, warped))
    monkeypatch.setattr(mutual_information, "CHUNK", 13)
    parts = mutual_information_loss(fixed, warped)
    torch.testing.assert_close(parts, whole)
    torch.testing.assert_close(torch.autograd.grad(parts, (fixed, warped)), gradients)


def test_gradients(generator):
    images = [torch.rand(2, 1, 4, 5, generator=generator, dtype=torch.double).requires_grad_() for _ in range(2)]
    assert torch.autograd.gradcheck(lambda i, j: mutual_information_loss(i, j, bins=6), images, fast_mode=True)


def test_flat_images_tell_nothing(generator):
    image = torch.rand(1, 1, 9, 8, generator=generator).requires_grad_()
    value = mutual_information_loss(torch.zeros(1, 1, 9, 8), image)
    assert abs(value.item()) < 1e-6
    assert torch.autograd.grad(value, image)[0].abs().max() < 1e-6


def test_prefers_the_truth_in_another_contrast(generator):
    image = torch.rand(1, 1, 16, 16, generator=generator)
    other = (6 * image).cos() / 2 + 0.5
    assert mutual_information_loss(image, other) < mutual_information_loss(image, other.roll(1, -1)) - 0.3


def test_autocast_changes_nothing(generator):
    fixed, warped = (torch.rand(1, 1, 9, 8, generator=generator) for _ in range(2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = mutual_information_loss(fixed, warped)
    assert found == mutual_information_loss(fixed, warped)
    assert mutual_information_loss(fixed.half(), warped).dtype == torch.float32


def test_keeps_no_bins(generator):
    fixed, warped = (torch.rand(1, 1, 20, 20, 20, generator=generator).requires_grad_() for _ in range(2))
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        mutual_information_loss(fixed, warped)
    assert max(kept) == fixed.numel()


def test_the_module_remembers_its_options(generator):
    fixed, warped = (torch.rand(1, 1, 9, 8, generator=generator) for _ in range(2))
    options = {"bins": 8, "width": 0.7, "limits": (0.1, 0.9), "eps": 1e-3}
    found = MutualInformationLoss(**options)(warped, fixed)
    assert found == mutual_information_loss(fixed, warped, **options)
    for name in options:
        rest = {key: value for key, value in options.items() if key != name}
        assert found != mutual_information_loss(fixed, warped, **rest)


@pytest.mark.message
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bins": 1}, "bins is 1, but must be 2 or more"),
        ({"width": 0.0}, "width is 0.0, but must be greater than 0"),
        ({"eps": -1.0}, "eps is -1.0, but must be 0 or greater"),
        ({"limits": (1.0, 0.0)}, r"limits are \(1.0, 0.0\), but must be the lowest and the highest intensity"),
    ],
)
def test_refuses_options(options, words):
    with pytest.raises(ValueError, match=words):
        MutualInformationLoss(**options)
