"""Attacks against Foolbox and ART: the same steps from the same start, on 500 images of a trained network."""

from functools import partial

import numpy as np
import pytest
import torch
from small_classifier import CLASSES, SIZE, trained

from subband.corrupt.apgd import apgd
from subband.corrupt.attacks import evaluate_attack
from subband.corrupt.carlini_wagner import carlini_wagner
from subband.corrupt.deepfool import deepfool
from subband.corrupt.gradient_attacks import bim, fgsm, mi_fgsm, pgd
from subband.corrupt.square import square

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # the oracles' own warnings
EPS, STEP, STEPS = 0.02, 0.004, 8
OFFSETS = torch.rand(500, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(8))


@pytest.fixture(scope="module")
def art():
    """ART's attacks, and its wrapper of the network."""
    evasion = pytest.importorskip("art.attacks.evasion")
    classification = pytest.importorskip("art.estimators.classification")
    model = trained()[0]
    wrapped = classification.PyTorchClassifier(
        model, torch.nn.CrossEntropyLoss(), (3, SIZE, SIZE), CLASSES, clip_values=(0.0, 1.0), device_type="cpu"
    )
    return evasion, wrapped


@pytest.fixture(scope="module")
def foolbox():
    """Foolbox, and its wrapper of the network."""
    package = pytest.importorskip("foolbox")
    return package, package.PyTorchModel(trained()[0], bounds=(0, 1), device="cpu")


def targets_of(labels):
    return (labels + 1) % CLASSES


def by_art(attack, labels=None):
    _, images, true = trained()
    return torch.from_numpy(attack.generate(images.numpy(), (true if labels is None else labels).numpy()))


def accuracy(images):
    model, _, labels = trained()
    return float((model(images).argmax(1) == labels).float().mean())


def agree(found, expected):
    """Bit-close images, but for pixels whose gradient is 0 to rounding, and robust accuracy within 1 %."""
    far = (found - expected).abs().flatten(1).amax(1) > 1e-6
    assert far.float().mean() <= 0.01
    assert abs(accuracy(found) - accuracy(expected)) <= 0.01
    assert accuracy(trained()[1]) > 0.95 > 0.9 > accuracy(expected)


@pytest.mark.parametrize("targeted", [False, True])
def test_gradient_attacks_are_arts(art, targeted):
    evasion, wrapped = art
    model, images, true = trained()
    labels = targets_of(true) if targeted else true
    same = {"targeted": targeted, "batch_size": 500}
    pairs = (
        (fgsm(model, images, labels, eps=EPS, targeted=targeted), evasion.FastGradientMethod(wrapped, eps=EPS, **same)),
        (
            bim(model, images, labels, eps=EPS, step=STEP, steps=STEPS, targeted=targeted),
            evasion.BasicIterativeMethod(wrapped, EPS, STEP, STEPS, verbose=False, **same),
        ),
        (
            mi_fgsm(model, images, labels, eps=EPS, step=STEP, steps=STEPS, decay=0.9, targeted=targeted),
            evasion.MomentumIterativeMethod(
                wrapped, eps=EPS, eps_step=STEP, decay=0.9, max_iter=STEPS, verbose=False, **same
            ),
        ),
    )
    for found, attack in pairs:
        agree(found, by_art(attack, labels))


def test_pgd_is_foolboxs_from_the_same_start(foolbox, monkeypatch):
    package, wrapped = foolbox
    model, images, labels = trained()

    class SameStart(package.attacks.LinfPGD):
        def get_random_start(self, x0, epsilon):
            return x0 + epsilon * (2 * type(x0)(OFFSETS) - 1)

    attack = SameStart(abs_stepsize=STEP, steps=STEPS, random_start=True)
    expected = attack.run(wrapped, images, package.criteria.Misclassification(labels), epsilon=EPS)
    monkeypatch.setattr(torch, "rand", lambda *_, **__: OFFSETS)
    agree(pgd(model, images, labels, eps=EPS, step=STEP, steps=STEPS), expected)


@pytest.mark.parametrize("candidates", [2, 10])
def test_deepfool_is_foolboxs(foolbox, candidates):
    package, wrapped = foolbox
    model, images, labels = trained()
    attack = package.attacks.L2DeepFoolAttack(steps=20, candidates=candidates, overshoot=0.02)
    expected = attack.run(wrapped, images, package.criteria.Misclassification(labels))
    found = deepfool(model, images, labels, steps=20, candidates=candidates)
    agree(found, expected)
    assert accuracy(found) == 0
    for length in (0.25, 0.5):
        held_out = [((adversarial - images).flatten(1).norm(dim=1) > length).sum() for adversarial in (found, expected)]
        assert abs(held_out[0] - held_out[1]) <= 5  # of 500


@pytest.mark.parametrize("targeted", [False, True])
def test_carlini_wagner_is_foolboxs(foolbox, targeted):
    package, wrapped = foolbox
    model, images, true = (value if index == 0 else value[:100] for index, value in enumerate(trained()))
    labels = targets_of(true) if targeted else true
    criterion = getattr(package.criteria, "TargetedMisclassification" if targeted else "Misclassification")(labels)
    attack = package.attacks.L2CarliniWagnerAttack(
        binary_search_steps=4, steps=40, stepsize=0.02, initial_const=0.1, abort_early=False
    )
    expected = attack.run(wrapped, images, criterion)
    found = carlini_wagner(model, images, labels, steps=40, searches=4, lr=0.02, constant=0.1, targeted=targeted)
    lengths = [(adversarial - images).flatten(1).norm(dim=1) for adversarial in (found, expected)]
    started = model(images).argmax(1) != labels if targeted else model(images).argmax(1) == labels
    assert started.sum() > 90
    assert (lengths[0] - lengths[1])[started].abs().max() < 1e-3
    assert lengths[0][~started].abs().max() == 0


def test_apgd_is_arts(art):
    evasion, wrapped = art
    model, images, labels = trained()
    np.random.seed(0)  # noqa: NPY002 - what ART draws from
    attack = evasion.AutoProjectedGradientDescent(
        wrapped,
        eps=EPS,
        eps_step=2 * EPS,
        max_iter=20,
        nb_random_init=1,
        batch_size=500,
        verbose=False,
        loss_type="cross_entropy",
    )
    generator = torch.Generator().manual_seed(1)
    found = apgd(model, images, labels, eps=EPS, steps=20, generator=generator)
    assert abs(accuracy(found) - accuracy(by_art(attack))) <= 0.01
    assert accuracy(found) <= accuracy(pgd(model, images, labels, eps=EPS, generator=generator)) + 0.002


def test_square_is_at_least_arts(art):
    evasion, wrapped = art
    model, images, labels = trained()
    np.random.seed(0)  # noqa: NPY002 - what ART draws from
    attack = evasion.SquareAttack(wrapped, eps=EPS, max_iter=50, batch_size=500, verbose=False)
    seeded = partial(square, eps=EPS, queries=50, generator=torch.Generator().manual_seed(1))
    found = evaluate_attack(seeded, model, images, labels, batch_size=500)
    assert found.robust <= accuracy(by_art(attack)) + 0.01
    assert found.gradients == 0
    assert found.queries <= 51
