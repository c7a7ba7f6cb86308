"""CWMI against the mutual information of subbands formed in space, in float64, by the authors' formula."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from subband.losses.segmentation._mutual_information import (
    MutualInformation,
    _LogDeterminant,
    conditional_entropy,
    level_mean,
)
from subband.losses.segmentation.cross_entropy import BalancedCrossEntropyLoss, cross_entropy_loss
from subband.losses.segmentation.cwmi import CWMILoss, cwmi_loss
from subband.transforms.filters import angular_gain, level_gain, radius
from subband.transforms.spectrum import SubbandCovariances

MI_ONLY = {"ce_weight": 0.0, "class_weight": None}


def bands(image: Tensor, level: int, orientations: int, kind: str) -> Tensor:
    """Undecimated bands, (B, C, K, pixels), with the energy of the decimated ones."""
    dims, shape = image.ndim - 2, image.shape[2:]
    axes = tuple(range(-dims, 0))
    frequency = torch.meshgrid(*[torch.fft.fftfreq(n, dtype=torch.float64) * 2 * math.pi for n in shape], indexing="ij")
    samples = math.prod(-(-n // 2 ** (level - 1)) for n in shape)
    gain = level_gain(radius(frequency), level) * math.sqrt(math.prod(shape) / samples)
    own = "complex" if kind == "complex" else "steerable"
    gain = gain * angular_gain(frequency, orientations=orientations, kind=own)
    found = torch.fft.ifftn(torch.fft.fftn(image, dim=axes).unsqueeze(2) * gain, dim=axes)
    if kind == "real":
        found = (found.imag if orientations % 2 == 0 else found.real).to(torch.float64)
    return found.flatten(3)


def plain(prediction: Tensor, target: Tensor, *, levels=3, orientations=4, kind="complex", ridge=5e-4) -> Tensor:
    """The authors' formula as it stands: conditional covariance by subtraction, inverse, Cholesky."""
    total = prediction.new_zeros(())
    eye = torch.eye(len(bands(target[:, :1, :2, :2], 1, orientations, kind)[0, 0]), dtype=torch.float64)
    for level in range(1, levels + 1):
        u, v = (bands(x, level, orientations, kind) for x in (target, prediction))
        u, v = (x - x.mean(-1, keepdim=True) for x in (u, v))
        cross = u @ v.mH
        matrix = u @ u.mH - cross @ torch.linalg.inv(v @ v.mH + 5e-4 * eye) @ cross.mH
        factor = torch.linalg.cholesky((matrix + matrix.mH) / 2 + ridge * eye)
        total = total + 2 * (factor.diagonal(dim1=-2, dim2=-1).real + 1e-8).log().sum(-1).mean()
    return total


def blobs(generator, shape, *, batch=2, smooth=8.0) -> Tensor:
    """Thresholded smooth noise, (B, 1, *shape) in float64."""
    noise = torch.randn(batch, 1, *shape, generator=generator, dtype=torch.float64)
    frequency = torch.meshgrid(*[torch.fft.fftfreq(n, dtype=torch.float64) for n in shape], indexing="ij")
    axes = tuple(range(-len(shape), 0))
    low = torch.fft.fftn(noise, dim=axes) * torch.exp(-(radius(frequency) * smooth).square())
    return (torch.fft.ifftn(low, dim=axes).real > 0).double()


def guess(target: Tensor, generator, *, sharp=2.0, noise=1.0) -> Tensor:
    wrong = torch.randn(target.shape, generator=generator, dtype=target.dtype)
    return (sharp * (2 * target - 1) + noise * wrong).sigmoid().requires_grad_()


@pytest.mark.parametrize("kind", ["complex", "real"])
@pytest.mark.parametrize(("shape", "batch"), [((64, 64), 1), ((65, 64), 3), ((77, 50), 1), ((40, 90), 3)])
def test_equals_the_formula_in_space(shape, batch, kind, generator):
    target = blobs(generator, shape, batch=batch)
    probability = guess(target, generator)
    ours = cwmi_loss(probability, target, levels=3, kind=kind, **MI_ONLY)
    theirs = plain(probability, target, kind=kind)
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=0)
    own, other = (torch.autograd.grad(value, probability)[0] for value in (ours, theirs))
    assert float((own - other).norm() / other.norm()) < 1e-8


@pytest.mark.parametrize("kind", ["complex", "real"])
@pytest.mark.parametrize("orientations", [1, 2, 3, 6, 12])
def test_equals_the_formula_for_any_orientations(orientations, kind, generator):
    target = blobs(generator, (70, 66))
    probability = guess(target, generator)
    ours = cwmi_loss(probability, target, levels=3, orientations=orientations, kind=kind, **MI_ONLY)
    theirs = plain(probability, target, orientations=orientations, kind=kind)
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=0)
    own, other = (torch.autograd.grad(value, probability)[0] for value in (ours, theirs))
    assert float((own - other).norm() / other.norm()) < 1e-8


def test_equals_the_formula_in_three_dimensions(generator):
    target = blobs(generator, (18, 20, 23))
    probability = guess(target, generator)
    ours = cwmi_loss(probability, target, levels=2, orientations=3, **MI_ONLY)
    theirs = plain(probability, target, levels=2, orientations=3)
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=0)
    own, other = (torch.autograd.grad(value, probability)[0] for value in (ours, theirs))
    assert float((own - other).norm() / other.norm()) < 1e-8


def test_entropy_by_hand():
    """J = 1, pp = 4, ep = 2 + i, ee = 3, alpha = 1: yy = 11, yp = 6 + i, M = 11 - 37 / 5."""
    parts = (torch.tensor(value).reshape(1, 1, 1, 1, 1) for value in (4.0, 2.0 + 1.0j, 3.0))
    pp, ep, ee = (part.to(torch.complex128 if part.is_complex() else torch.float64) for part in parts)
    value, kept = conditional_entropy(SubbandCovariances(pp, ep, ee), alpha=1.0, ridge=0.0)
    assert float(value) == pytest.approx(math.log(11 - 37 / 5), abs=1e-7)
    assert bool(kept)


def test_loss_is_the_sum_of_its_terms(generator):
    target = blobs(generator, (32, 32))
    probability = guess(target, generator)
    information = cwmi_loss(probability, target, **MI_ONLY)
    entropy = cross_entropy_loss(probability, target, class_weight="balanced")
    both = cwmi_loss(probability, target, ce_weight=0.3, mi_weight=0.1)
    torch.testing.assert_close(both, 0.3 * entropy + 0.1 * information)


def test_terms_for_logging(generator):
    target = blobs(generator, (32, 32))
    logits = torch.randn(2, 2, 32, 32, generator=generator)
    loss = CWMILoss(mi_weight=0.1)
    terms = loss.terms(logits, target[:, 0].long())
    assert set(terms) == {"loss", "cross_entropy", "subband"}
    torch.testing.assert_close(terms["loss"], loss(logits, target[:, 0].long()))
    torch.testing.assert_close(terms["loss"], 0.9 * terms["cross_entropy"] + 0.1 * terms["subband"])


def test_warm_up_is_the_bare_cross_entropy(generator):
    target = blobs(generator, (16, 16))[:, 0].long()
    logits = torch.randn(2, 1, 16, 16, generator=generator)
    loss, bare = CWMILoss(), BalancedCrossEntropyLoss()
    assert not loss.warmup
    full = loss(logits, target)
    loss.at_epoch(0)
    assert loss.warmup
    torch.testing.assert_close(loss(logits, target), bare(logits, target))
    assert set(loss.terms(logits, target)) == {"loss", "cross_entropy"}
    loss.at_epoch(1)
    torch.testing.assert_close(loss(logits, target), full)
    loss.warmup_epochs = 0
    loss.at_epoch(0)
    assert not loss.warmup


def test_module_equals_function_and_both_ways_to_give_two_classes(generator):
    target = blobs(generator, (24, 28))
    logits = torch.randn(2, 1, 24, 28, generator=generator, dtype=torch.float64)
    expected = cwmi_loss(logits.sigmoid(), target, levels=3, ce_weight=0.5)
    loss = CWMILoss(levels=3, ce_weight=0.5)
    torch.testing.assert_close(loss(logits, target[:, 0].long()), expected, rtol=1e-6, atol=0)
    two = torch.cat([torch.zeros_like(logits), logits], 1)
    torch.testing.assert_close(loss(two, target[:, 0].long()), loss(logits, target[:, 0].long()))
    torch.testing.assert_close(loss(logits, target), loss(logits, target[:, 0].long()))


@pytest.mark.parametrize("kind", ["complex", "real"])
def test_blind_to_polarity(kind, generator):
    target = blobs(generator, (48, 33))
    probability = guess(target, generator)
    one, other = (cwmi_loss(p, target, kind=kind, **MI_ONLY) for p in (probability, 1 - probability))
    torch.testing.assert_close(one, other, rtol=1e-10, atol=0)


def test_prefers_the_truth_and_a_perfect_prediction_is_near_the_floor(generator):
    target = blobs(generator, (64, 64), batch=1)
    values = [float(cwmi_loss(guess(target, generator, sharp=s).detach(), target, **MI_ONLY)) for s in (0.5, 2, 5)]
    perfect = float(cwmi_loss(target, target, **MI_ONLY))
    assert sorted([*values, perfect], reverse=True) == [*values, perfect]
    assert perfect == pytest.approx(16 * math.log(1e-3), rel=1e-3)
    exact = CWMILoss(measure=MutualInformation(ridge=0.0), **MI_ONLY).subbands.term(target, target)
    assert float(exact) == pytest.approx(16 * math.log(5e-4), rel=1e-3)


def test_a_constant_prediction_has_no_gradient(generator):
    target = blobs(generator, (32, 32))
    probability = torch.full_like(target, 0.5).requires_grad_()
    value = cwmi_loss(probability, target, **MI_ONLY)
    (gradient,) = torch.autograd.grad(value, probability)
    torch.testing.assert_close(value, plain(probability, target, levels=4), rtol=1e-9, atol=0)
    assert float(gradient.abs().max()) < 1e-12


@pytest.mark.parametrize("orientations", [4, 12])
@pytest.mark.parametrize("grid", ["exact", "authors"])
@pytest.mark.parametrize(
    ("sharp", "noise"), [(0.5, 1), (2, 1), (5, 1), (8, 0.5), (12, 0.5), (16, 0.5), (math.inf, 0.02)]
)
def test_single_precision_near_the_target(sharp, noise, grid, orientations, generator):
    """Single precision loses nothing on the way to the target; sums of both images' spectra lose 2e-3 at (8, 0.5)."""
    target = blobs(generator, (256, 256), smooth=12.0)
    if sharp == math.inf:
        wrong = torch.randn(target.shape, generator=generator, dtype=target.dtype)
        single = (0.05 + 0.9 * target + noise * wrong).clamp(0, 1)
    else:
        single = guess(target, generator, sharp=sharp, noise=noise).detach()
    single = single.float().requires_grad_()
    double = single.detach().double().requires_grad_()
    options = {"orientations": orientations, "grid": grid, **MI_ONLY}
    one, two = cwmi_loss(single, target.float(), **options), cwmi_loss(double, target, **options)
    assert float((one - two).detach().abs() / two.detach().abs()) < 4e-7
    own, other = torch.autograd.grad(one, single)[0], torch.autograd.grad(two, double)[0]
    error = float((own - other).norm() / other.norm())
    assert error < (7e-7 if sharp < 1 and orientations == 4 else 2e-6), error


@pytest.mark.parametrize("one_wrong_pixel", [True, False])
def test_single_precision_at_the_target(one_wrong_pixel, generator):
    target = blobs(generator, (64, 64))
    probability = target.clone()
    if one_wrong_pixel:
        probability[..., 10, 20] = 1 - probability[..., 10, 20]
    single = probability.float().requires_grad_()
    double = probability.requires_grad_()
    one, two = cwmi_loss(single, target.float(), **MI_ONLY), cwmi_loss(double, target, **MI_ONLY)
    torch.testing.assert_close(one.double(), two, rtol=1e-6, atol=0)
    own, other = torch.autograd.grad(one, single)[0], torch.autograd.grad(two, double)[0]
    assert float((own - other).norm() / other.norm()) < 1e-5


@pytest.mark.parametrize("kind", ["complex", "real"])
def test_gradcheck(kind, generator):
    target = blobs(generator, (9, 10))
    probability = guess(target, generator)
    assert torch.autograd.gradcheck(
        lambda p: cwmi_loss(p, target, levels=2, orientations=3, kind=kind), probability, fast_mode=True
    )


TARGETS = {
    "empty": torch.zeros_like,
    "full": torch.ones_like,
    "one pixel": lambda t: F.one_hot(torch.tensor([5] * len(t)), t[0].numel()).reshape(t.shape).to(t),
    "one row": lambda t: (torch.arange(t.shape[2]) == t.shape[2] // 2).to(t)[:, None].expand_as(t).clone(),
    "stripes": lambda t: (torch.arange(t.shape[3]) % 4 < 2).to(t).expand_as(t).clone(),
    "blobs": lambda t: t,
}


@pytest.mark.parametrize("grid", ["exact", "authors"])
@pytest.mark.parametrize("name", TARGETS)
def test_finite_whatever_the_target(name, grid, generator):
    target = TARGETS[name](blobs(generator, (32, 48)).float())
    for probability in (target.clone(), 1 - target, torch.full_like(target, 0.3), torch.rand(target.shape)):
        probability.requires_grad_()
        value = cwmi_loss(probability, target, grid=grid)
        value.backward()
        assert value.isfinite()
        assert probability.grad is not None
        assert probability.grad.isfinite().all()


@pytest.mark.parametrize("name", ["empty", "full"])
def test_images_without_structure_are_left_out(name, generator):
    target = blobs(generator, (32, 32)).float()
    probability = guess(target, generator).detach()
    alone = cwmi_loss(probability, target, **MI_ONLY)
    more_target = torch.cat([target, TARGETS[name](target)])
    more = cwmi_loss(torch.cat([probability, probability.flip(0)]), more_target, **MI_ONLY)
    torch.testing.assert_close(more, alone)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (1, 16), (2, 2), (17, 1), (9, 10, 11), (2, 3, 2)])
@pytest.mark.parametrize("classes", [1, 2, 5])
def test_finite_at_any_size(classes, shape, generator):
    orientations = 3 if len(shape) == 3 else 4
    logits = torch.randn(1, classes, *shape, generator=generator, requires_grad=True)
    target = torch.randint(0, max(2, classes), (1, *shape), generator=generator)
    loss = CWMILoss(orientations=orientations)
    value = loss(logits, target)
    value.backward()
    assert value.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_a_level_without_frequencies_counts_nothing(generator):
    target = blobs(generator, (6, 6), smooth=2.0)
    probability = guess(target, generator)
    torch.testing.assert_close(
        cwmi_loss(probability, target, levels=2, **MI_ONLY), cwmi_loss(probability, target, levels=9, **MI_ONLY)
    )


def test_several_classes_average_over_those_present(generator):
    target = torch.randint(0, 2, (2, 32, 32), generator=generator)
    target[1] += 1
    onehot = F.one_hot(target, 3).movedim(-1, 1).double()
    probability = torch.rand(2, 3, 32, 32, generator=generator, dtype=torch.float64).softmax(1)
    each = [
        [float(cwmi_loss(probability[b, c][None, None], onehot[b, c][None, None], **MI_ONLY)) for c in present]
        for b, present in enumerate([(0, 1), (1, 2)])
    ]
    expected = sum(sum(values) / 2 for values in each) / 2
    assert float(cwmi_loss(probability, onehot, **MI_ONLY)) == pytest.approx(expected, rel=1e-9)


def test_level_mean_by_hand():
    value = torch.tensor([[[1.0, 3.0], [5.0, 0.0], [0.0, 0.0]]])
    kept = torch.tensor([[[True, True], [True, False], [False, False]]])
    torch.testing.assert_close(level_mean(value, kept), torch.tensor([3.5]))


def test_ignored_pixels_change_nothing(generator):
    target = blobs(generator, (32, 40))[:, 0].long()
    logits = torch.randn(2, 1, 32, 40, generator=generator)
    ignored = torch.rand(target.shape, generator=generator) < 0.2
    loss = CWMILoss(ignore_index=255)
    marked = torch.where(ignored, 255, target)
    other = torch.where(ignored[:, None], torch.full_like(logits, 9.0), logits).requires_grad_()
    value = loss(other, marked)
    torch.testing.assert_close(loss(logits, marked), value)
    value.backward()
    assert other.grad is not None
    assert float(other.grad[ignored[:, None]].abs().max()) == 0


def test_everything_ignored(generator):
    logits = torch.randn(1, 1, 16, 16, generator=generator, requires_grad=True)
    value = CWMILoss(ignore_index=7)(logits, torch.full((1, 16, 16), 7))
    value.backward()
    assert float(value.detach()) == 0
    assert logits.grad is not None
    assert float(logits.grad.abs().max()) == 0


def test_a_constant_weight_map_changes_the_cross_entropy_alone(generator):
    target = blobs(generator, (32, 32))[:, 0].long()
    logits = torch.randn(2, 1, 32, 32, generator=generator)
    loss = CWMILoss()
    plain_terms = loss.terms(logits, target)
    weighted = loss.terms(logits, target, weight_map=torch.full((2, 32, 32), 3.0))
    torch.testing.assert_close(weighted["cross_entropy"], 3 * plain_terms["cross_entropy"])
    torch.testing.assert_close(weighted["subband"], plain_terms["subband"])


def test_a_weight_map_scales_the_error(generator):
    target = blobs(generator, (32, 32))
    logits = torch.randn(2, 1, 32, 32, generator=generator, dtype=torch.float64)
    weight = torch.rand(2, 1, 32, 32, generator=generator, dtype=torch.float64) + 0.1
    scaled = target + weight / weight.mean((1, 2, 3), keepdim=True) * (logits.sigmoid() - target)
    expected = plain(scaled, target, levels=4)
    found = CWMILoss().terms(logits, target[:, 0].long(), weight_map=weight)["subband"]
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=0)
    assert CWMILoss().terms(logits, target[:, 0].long(), weight_map=0 * weight)["subband"].isfinite()


def test_levels_can_be_selected(generator):
    target = blobs(generator, (32, 32))
    probability = guess(target, generator)
    each = [cwmi_loss(probability, target, levels=(level,), **MI_ONLY) for level in (1, 2, 3)]
    torch.testing.assert_close(sum(each), cwmi_loss(probability, target, levels=3, **MI_ONLY))


def test_mixed_precision_is_left(generator):
    target = blobs(generator, (32, 32)).float()
    logits = torch.randn(2, 1, 32, 32, generator=generator)
    loss = CWMILoss()
    expected = loss(logits.bfloat16().float(), target[:, 0].long())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(loss(logits.bfloat16(), target[:, 0].long()), expected)
        torch.testing.assert_close(
            cwmi_loss(logits.sigmoid(), target, **MI_ONLY),
            CWMILoss(**MI_ONLY).terms(logits, target)["subband"],
            rtol=1e-5,
            atol=0,
        )


def test_inputs_are_untouched_and_nothing_is_stored(generator):
    target = blobs(generator, (16, 16)).float()
    probability = torch.rand(target.shape, generator=generator)
    before = probability.clone(), target.clone()
    cwmi_loss(probability, target)
    assert torch.equal(probability, before[0])
    assert torch.equal(target, before[1])
    assert not CWMILoss().state_dict()


STATES = {
    "random": lambda t, noise: noise.sigmoid(),
    "smooth": lambda t, noise: F.avg_pool2d(t, 9, 1, 4) * 0.8 + 0.1,
    "near": lambda t, noise: (0.05 + 0.9 * t + 0.02 * noise).clamp(0, 1),
    "very near": lambda t, noise: (0.001 + 0.998 * t + 0.0005 * noise).clamp(0, 1),
    "exact": lambda t, noise: t.clone(),
}


@pytest.mark.parametrize("prepared", [False, True])
@pytest.mark.parametrize("orientations", [2, 4, 8, 12])
@pytest.mark.parametrize("state", STATES)
def test_single_precision_from_random_to_exact(state, orientations, prepared, generator):
    target = blobs(generator, (128, 128), smooth=12.0)
    noise = torch.randn(target.shape, generator=generator, dtype=target.dtype)
    single = STATES[state](target, noise).float().requires_grad_()
    double = single.detach().double().requires_grad_()
    term = CWMILoss(orientations=orientations).subbands
    one = term.term(single, target.float(), term.spectrum(target.float()) if prepared else None)
    two = term.term(double, target)
    own, other = torch.autograd.grad(one, single)[0], torch.autograd.grad(two, double)[0]
    assert float((one - two).detach().abs() / two.detach().abs()) < 1e-5
    assert float((own - other).norm() / other.norm()) < 1e-3


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_gradcheck_of_the_log_determinant(dtype, generator):
    """Against differences, of the symmetric parts that covariances have."""
    first, second = (torch.randn(2, 3, 8, generator=generator, dtype=dtype) for _ in range(2))
    pp, ep, ee = ((a @ b.mH).requires_grad_() for a, b in ((first, first), (second, first), (second, second)))
    scale = torch.ones(2, dtype=torch.float64)

    def value(pp, ep, ee):
        pp, ee = ((x + x.mT) / 2 for x in (pp, ee))
        return _LogDeterminant.apply(pp, ep, ee, scale, 0.3, 0.1)

    pp, ee = (x.detach().real.clone() for x in (pp, ee))
    pp, ee = pp.requires_grad_(), (ee + 200 * torch.eye(3)).requires_grad_()
    assert torch.autograd.gradcheck(value, (pp, ep, ee))


def test_second_derivatives_of_the_log_determinant_are_refused():
    part = torch.eye(2, dtype=torch.float64).reshape(1, 1, 1, 2, 2).requires_grad_()
    weight = torch.ones((), dtype=torch.float64, requires_grad=True)
    value, _ = conditional_entropy(SubbandCovariances(part, 0 * part, part), alpha=1.0, ridge=0.0)
    (first,) = torch.autograd.grad((weight * value).sum(), part, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


@pytest.mark.parametrize(("classes", "options"), [(1, {}), (3, {}), (1, {"kind": "real"}), (2, {"ignore_index": 9})])
def test_a_prepared_target_gives_the_same(classes, options, generator):
    labels = torch.randint(0, max(2, classes), (2, 40, 36), generator=generator)
    if "ignore_index" in options:
        labels[:, :5] = 9
    logits = torch.randn(2, classes, 40, 36, generator=generator, dtype=torch.float64).requires_grad_()
    loss = CWMILoss(**options)
    prepared = loss.prepare(labels, classes=max(2, classes)).to("cpu")
    assert prepared.kept is not None
    for weight in (None, torch.rand(2, 40, 36, generator=generator)):
        expected = loss(logits, labels, weight_map=weight)
        found = loss(logits, prepared, weight_map=weight)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)
        own, other = (torch.autograd.grad(x, logits)[0] for x in (found, expected))
        assert float((own - other).norm() / other.norm()) < 1e-5
    torch.testing.assert_close(loss.terms(logits, prepared)["loss"], loss(logits, labels), rtol=1e-5, atol=0)


def test_a_prepared_soft_target_is_exact_in_double_precision(generator):
    target = torch.rand(2, 1, 33, 40, generator=generator, dtype=torch.float64)
    logits = torch.randn(target.shape, generator=generator, dtype=torch.float64)
    loss = CWMILoss(levels=3)
    torch.testing.assert_close(loss(logits, loss.prepare(target)), loss(logits, target), rtol=1e-11, atol=0)


def test_what_gains_nothing_keeps_nothing(generator):
    labels = torch.randint(0, 2, (2, 32, 32), generator=generator)
    logits = torch.randn(2, 1, 32, 32, generator=generator)
    for loss in (CWMILoss(measure="l1"), CWMILoss(kind="real", grid="authors"), BalancedCrossEntropyLoss()):
        prepared = loss.prepare(labels)
        assert prepared.kept is None
        assert prepared.to("cpu").kept is None
        torch.testing.assert_close(loss(logits, prepared), loss(logits, labels), rtol=0, atol=0)


@pytest.mark.message
@pytest.mark.parametrize("other", [CWMILoss(levels=2), CWMILoss(ignore_index=1), BalancedCrossEntropyLoss()])
def test_a_target_prepared_otherwise_is_refused(other):
    prepared = other.prepare(torch.zeros(1, 8, 8, dtype=torch.long))
    with pytest.raises(ValueError, match="call prepare of the loss that takes it"):
        CWMILoss()(torch.zeros(1, 1, 8, 8), prepared)
    with pytest.raises(ValueError, match="call prepare of the loss that takes it"):
        other(torch.zeros(1, 1, 9, 8), CWMILoss().prepare(torch.zeros(1, 9, 8, dtype=torch.long)))


@pytest.mark.message
def test_a_target_without_a_batch_is_refused():
    with pytest.raises(ValueError, match="must be integers"):
        CWMILoss().prepare(torch.zeros(8, 8, dtype=torch.long))


@pytest.mark.message
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "steerable"}, "must be one of complex, real"),
        ({"grid": "author"}, "did you mean 'authors'"),
        ({"measure": "mutual"}, "must be one of mi, l1, l2, ssim, magnitude, phase"),
        ({"measure": "phase", "kind": "real"}, "have no phase; use kind='complex'"),
        ({"levels": 0}, "levels is 0"),
        ({"levels": ()}, "levels counted from 1"),
        ({"orientations": 0}, "orientations is 0"),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        CWMILoss(**options)


@pytest.mark.message
def test_errors_of_the_regularisers():
    with pytest.raises(ValueError, match="alpha is 0"):
        MutualInformation(alpha=0)
    with pytest.raises(ValueError, match="ridge is -1"):
        MutualInformation(ridge=-1)
