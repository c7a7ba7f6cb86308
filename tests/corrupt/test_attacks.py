"""Attacks: arithmetic by hand, the box, models left as found, counts, messages."""

import inspect
from functools import partial

import pytest
import torch
from small_classifier import CLASSES, SmallNet, trained
from torch import nn

from subband.corrupt.apgd import apgd, checkpoints
from subband.corrupt.attacks import ATTACKS, BOUNDED, NEAREST, AttackResult, attack_curve, evaluate_attack
from subband.corrupt.carlini_wagner import carlini_wagner
from subband.corrupt.deepfool import deepfool
from subband.corrupt.gradient_attacks import bim, fgsm, mi_fgsm, pgd
from subband.corrupt.square import side, square

FAST = {
    "fgsm": fgsm,
    "bim": partial(bim, steps=4),
    "pgd": partial(pgd, steps=4),
    "mi_fgsm": partial(mi_fgsm, steps=4),
    "apgd": partial(apgd, steps=6),
    "square": partial(square, queries=80),
}
SEEDED = ("pgd", "apgd", "square")


def seeded(name, seed=0):
    """A bounded attack with few steps, its generator at its start."""
    return partial(FAST[name], generator=torch.Generator().manual_seed(seed)) if name in SEEDED else FAST[name]


class Linear(nn.Module):
    """Logits of two classes, w x and 0, for w = (1, -2, 3, 0)."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, -2.0, 3.0, 0.0]))

    def forward(self, x):
        score = x.flatten(1).to(self.weight.dtype) @ self.weight
        return torch.stack([score, torch.zeros_like(score)], 1)


IMAGE = torch.tensor([0.5, 0.2, 0.1, 0.5]).reshape(1, 1, 2, 2)  # w x = 0.4, so class 0
FIRST = torch.tensor([0])


def test_sign_attacks_by_hand():
    away = torch.tensor([0.4, 0.3, 0.0, 0.5]).reshape(1, 1, 2, 2)  # against w, and no step where the gradient is 0
    assert torch.allclose(fgsm(Linear(), IMAGE, FIRST, eps=0.1), away)
    assert torch.allclose(fgsm(Linear(), IMAGE, FIRST, eps=0.1, targeted=True), 2 * IMAGE - away)
    assert torch.allclose(bim(Linear(), IMAGE, FIRST, eps=0.1, step=0.03, steps=3), IMAGE + 0.9 * (away - IMAGE))
    assert torch.allclose(bim(Linear(), IMAGE, FIRST, eps=0.1, step=0.03, steps=9), away)
    assert torch.allclose(mi_fgsm(Linear(), IMAGE, FIRST, eps=0.1, steps=5), away)
    clipped = torch.tensor([0.2, 0.5, 0.0, 0.5]).reshape(1, 1, 2, 2)
    assert torch.allclose(fgsm(Linear(), IMAGE, FIRST, eps=0.3), clipped)


def test_momentum_remembers():
    """w . x is 0.4, then below 0: the loss of the hinge turns, momentum does not."""

    class Turning(nn.Module):
        def forward(self, x):
            place = x.flatten(1)[:, 0]
            return torch.stack([(place - 0.45).abs(), torch.zeros_like(place)], 1)

    image = torch.full((1, 1, 1, 1), 0.5)
    assert bim(Turning(), image, FIRST, eps=0.3, step=0.1, steps=2).item() == pytest.approx(0.5)
    forth = mi_fgsm(Turning(), image, FIRST, eps=0.3, step=0.1, steps=2, decay=0.5).item()
    assert forth == pytest.approx(0.5)  # 0.5 - 1 changes the sign
    forth = mi_fgsm(Turning(), image, FIRST, eps=0.3, step=0.1, steps=2, decay=1.5).item()
    assert forth == pytest.approx(0.3)  # 1.5 - 1 does not


def test_nearest_attacks_by_hand():
    """The border of a linear model is |w x| / |w| = 0.4 / sqrt 14 away; no pixel is clipped."""
    image = IMAGE + torch.tensor([0.0, 0.2, 0.2, 0.0]).reshape(1, 1, 2, 2)  # w x = 0.6
    distance = 0.6 / 14**0.5
    found = deepfool(Linear(), image, FIRST, overshoot=0.02)
    assert torch.linalg.vector_norm(found - image).item() == pytest.approx(1.02 * (distance + 1e-4), rel=1e-4)
    assert Linear()(found).argmax() == 1
    found = carlini_wagner(Linear(), image, FIRST, steps=150, searches=7)
    assert distance < torch.linalg.vector_norm(found - image).item() < 1.03 * distance
    assert Linear()(found).argmax() == 1
    sure = carlini_wagner(Linear(), image, FIRST, steps=150, searches=7, confidence=0.3)
    assert -0.35 < Linear()(sure)[0, 0] < -0.3
    back = carlini_wagner(Linear(), found, FIRST, steps=100, targeted=True)
    assert Linear()(back).argmax() == 0


def test_random_starts_stay_inside_and_differ():
    images = torch.rand(4, 1, 2, 2)
    still = pgd(Linear(), images, torch.zeros(4, dtype=torch.int64), eps=0.1, step=0.0, steps=1, generator=None)
    assert 0 < (still - images).abs().max() <= 0.1 + 1e-6


def test_checkpoints_and_squares_of_the_papers():
    assert sorted(checkpoints(100)) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert sorted(checkpoints(1)) == [1]
    shares = [side(number, 1000, 0.8, (100, 100)) for number in (0, 1, 2, 6, 30, 70, 150, 300, 500, 700, 999)]
    expected = [0.8 * 10**4 / 2**halvings for halvings in (0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)]
    assert shares == [round(area**0.5) for area in expected]
    assert side(0, 10, 1.0, (4, 20)) == 4


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("name", FAST)
def test_bounded_attacks_stay_in_the_box_and_work(name, targeted):
    model, images, labels = trained()
    images, labels = images[:60], labels[:60]
    kept = images.clone()
    aims = (labels + 1) % CLASSES if targeted else labels
    found = seeded(name)(model, images, aims, eps=0.06, targeted=targeted)
    assert torch.equal(images, kept)
    assert found.dtype == images.dtype
    assert not found.requires_grad
    assert (found - images).abs().max() <= 0.06 + 1e-6
    assert 0 <= found.min() <= found.max() <= 1
    before, after = ((model(shown).argmax(1) == aims).float().mean() for shown in (images, found))
    assert after - before > 0.15 if targeted else before - after > 0.3
    assert torch.equal(found, seeded(name)(model, images, aims, eps=0.06, targeted=targeted))
    if name in SEEDED:
        assert not torch.equal(found, seeded(name, 1)(model, images, aims, eps=0.06, targeted=targeted))
    assert torch.equal(FAST[name](model, images, aims, eps=0.0), images)


@pytest.mark.parametrize("name", ["fgsm", "bim", "mi_fgsm", "deepfool", "carlini_wagner"])
def test_batches_are_single_images(name):
    model, images, labels = trained()
    images, labels = images[:6].double(), labels[:6]
    model = SmallNet().double().eval().requires_grad_(True)
    model.load_state_dict(trained()[0].state_dict())
    options = {"deepfool": {"steps": 5}, "carlini_wagner": {"steps": 10, "searches": 3}}.get(name, {"eps": 0.03})
    attack = partial({**FAST, "deepfool": deepfool, "carlini_wagner": carlini_wagner}[name], **options)
    single = torch.cat([attack(model, images[n : n + 1], labels[n : n + 1]) for n in range(6)])
    assert torch.allclose(attack(model, images, labels), single, atol=1e-9)


@pytest.mark.parametrize("name", ["deepfool", "carlini_wagner", "apgd", "square"])
def test_images_that_need_no_attack_stay(name):
    model, images, _ = trained()
    wrong = (model(images[:20]).argmax(1) + 1) % CLASSES
    attack = {**FAST, **NEAREST}[name]
    attack = partial(attack, eps=0.05) if name in FAST else attack
    assert torch.equal(attack(model, images[:20], wrong), images[:20])


@pytest.mark.parametrize("name", ATTACKS)
def test_models_are_left_as_found(name):
    model = SmallNet()
    model.features[0].eval()
    model.last.bias.requires_grad_(False)
    state = {key: value.clone() for key, value in model.state_dict().items()}
    options = {"deepfool": {"steps": 2}, "carlini_wagner": {"steps": 2, "searches": 1}}.get(name, {"eps": 0.03})
    attack = {**FAST, **NEAREST}[name]
    with torch.inference_mode():
        attack(model, torch.rand(3, 3, 16, 16), torch.tensor([0, 1, 2]), **options)
    assert [model.training, model.features[0].training, model.features[1].training] == [True, False, True]
    assert [parameter.requires_grad for parameter in model.parameters()] == [True] * 9 + [False]
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("broken", [lambda x: x.detach(), lambda x: x + 0 * (x - x).sqrt()])
def test_gradients_that_are_missing_or_undefined_count_as_zero(broken):
    class Broken(nn.Module):
        def forward(self, x):
            return Linear()(broken(x))

    for attack in (partial(bim, eps=0.1), partial(mi_fgsm, eps=0.1), partial(deepfool, steps=2)):
        found = attack(Broken(), IMAGE, FIRST)
        assert torch.isfinite(found).all()
        assert torch.allclose(found, IMAGE, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("name", ATTACKS)
def test_logits_may_have_a_dtype_of_their_own(name, dtype):
    class Other(nn.Module):
        def forward(self, x):
            return trained()[0](x).to(dtype)

    _, images, labels = trained()
    options = {"deepfool": {"steps": 2}, "carlini_wagner": {"steps": 2, "searches": 2}}.get(name, {"eps": 0.03})
    found = {**FAST, **NEAREST}[name](Other(), images[:8], labels[:8], **options)
    assert found.dtype == torch.float32
    assert torch.isfinite(found).all()


def test_counts_by_hand():
    model, images, labels = trained()
    results = {
        "bim": evaluate_attack(partial(bim, eps=0.02, steps=3), model, images[:10], labels[:10], batch_size=4),
        "square": evaluate_attack(partial(square, eps=0.0, queries=7), model, images[:10], labels[:10]),
        "deepfool": evaluate_attack(
            partial(deepfool, steps=1, candidates=3), model, images[:10], model(images[:10]).argmax(1)
        ),
    }
    assert (results["bim"].queries, results["bim"].gradients) == (3, 3)
    right = results["square"].clean
    assert (results["square"].queries, results["square"].gradients) == (pytest.approx(1 + 7 * right), 0)
    assert (results["deepfool"].queries, results["deepfool"].gradients) == (2, 2)


def test_result_by_hand():
    outcome = AttackResult(
        right=torch.tensor([True, True, True, False]),
        right_after=torch.tensor([True, False, False, True]),
        fooled=torch.tensor([False, True, True, False]),
        l2=torch.tensor([9.0, 1.0, 3.0, 9.0]),
        linf=torch.tensor([0.5, 0.1, 0.3, 0.5]),
        queries=4.0,
        gradients=2.0,
    )
    row = outcome.row()
    assert list(row) == ["images", "clean", "robust", "success", "mean L2", "mean Linf", "queries", "gradients"]
    assert list(row.values()) == pytest.approx([4, 0.75, 0.25, 2 / 3, 2.0, 0.2, 4, 2])
    assert [outcome.robust_within(length) for length in (0.5, 1.0, 3.0)] == [0.75, 0.5, 0.25]


def test_targets_are_counted_as_reached():
    model, images, labels = trained()
    aims = (labels[:50] + 1) % CLASSES
    attack = partial(bim, eps=0.05, targeted=True)
    result = evaluate_attack(attack, model, images[:50], labels[:50], targets=aims)
    after = model(attack(model, images[:50], aims)).argmax(1)
    assert result.fooled.sum() == ((after == aims) & (model(images[:50]).argmax(1) == labels[:50])).sum()
    assert 0 < result.row()["success"] < 1 - result.robust


@pytest.mark.slow
@pytest.mark.parametrize("name", ATTACKS)
def test_curves_fall(name):
    model, images, labels = trained()
    strengths = [0.0, 0.02, 0.06] if name in BOUNDED else [0.0, 0.4, 2.0]
    curve = attack_curve(name, model, images[:40], labels[:40], eps=strengths)
    assert (curve.attack, curve.norm, curve.eps) == (name, "linf" if name in BOUNDED else "l2", tuple(strengths))
    assert curve.robust[0] == curve.results[0].clean > 0.9 > curve.robust[1] > 0.05 > curve.robust[2]
    assert len(curve.results) == (3 if name in BOUNDED else 1)
    assert curve.robust == attack_curve(name, model, images[:40], labels[:40], eps=strengths).robust


def test_only_deepfool_has_no_target():
    functions = (fgsm, bim, pgd, mi_fgsm, apgd, square, carlini_wagner, deepfool)
    assert [f.__name__ for f in functions if "targeted" not in inspect.signature(f).parameters] == ["deepfool"]


class Two(nn.Module):
    def forward(self, x):
        return x, x


@pytest.mark.message
def test_errors_say_what_to_do():
    model, images, labels = SmallNet(), torch.rand(2, 3, 16, 16), torch.tensor([0, 1])
    with pytest.raises(ValueError, match=r"values from 0 to 2, but attacks work on pixels in \[0, 1\]; normalise"):
        fgsm(model, torch.tensor([[[[0.0, 2.0]]]]), FIRST, eps=0.1)
    with pytest.raises(ValueError, match=r"values from nan to nan, but attacks work on pixels"):
        fgsm(model, torch.full((1, 1, 2, 2), torch.nan), FIRST, eps=0.1)
    with pytest.raises(ValueError, match=r"images have shape \(3, 16, 16\) and dtype torch.float32, but must be"):
        fgsm(model, images[0], labels, eps=0.1)
    with pytest.raises(ValueError, match=r"labels have shape \(2, 1\) and dtype torch.int64, but must be int64 \(2,\)"):
        fgsm(model, images, labels[:, None], eps=0.1)
    with pytest.raises(ValueError, match="there is a label 7, but the model has 5 classes, from 0"):
        fgsm(model, images, torch.tensor([0, 7]), eps=0.1)
    with pytest.raises(ValueError, match=r"returned \(2, 8, 8, 8\) for 2 images, but must return logits \(2, cl"):
        fgsm(model.features[0], images, labels, eps=0.1)
    with pytest.raises(ValueError, match=r"the model returned tuple for 2 images, but must return logits"):
        fgsm(Two(), images, labels, eps=0.1)
    with pytest.raises(ValueError, match=r"eps is -0.1, but must be 0 or greater"):
        pgd(model, images, labels, eps=-0.1)
    with pytest.raises(ValueError, match="steps is 0, but must be greater than 0"):
        apgd(model, images, labels, eps=0.1, steps=0)
    with pytest.raises(ValueError, match="candidates is 1, but must be at least 2: the true class and another"):
        deepfool(model, images, labels, candidates=1)
    with pytest.raises(ValueError, match=r"share is 2, but must be in \(0, 1\]: the part of the image"):
        square(model, images, labels, eps=0.1, share=2)
    with pytest.raises(ValueError, match=r"attack is 'pdg', but must be one of .*; did you mean 'pgd'"):
        attack_curve("pdg", model, images, labels)
    with pytest.raises(ValueError, match="images is 0, but must be greater than 0"):
        evaluate_attack(deepfool, model, images[:0], labels[:0])
