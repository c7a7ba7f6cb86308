"""Optimisers and learning rates: PyTorch's schedulers as oracles, then arithmetic by hand."""

import math

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from subband.config import Optim
from subband.losses.recognition.uniface import UniFace
from subband.tasks.optimisation import make_optimizer, make_schedule, parameter_groups, rate_factor
from subband.tasks.plan import Plan

STEPS = 40


class Net(nn.Module):
    """An encoder and a head."""

    def __init__(self):
        super().__init__()
        self.encoder, self.head = nn.Linear(2, 3), nn.Linear(3, 1)


def rates(tmp_path, optim, *, net=None):
    """Learning rate of each group in each step."""
    optimizer = make_optimizer(net or Net(), optim)
    schedule = make_schedule(optimizer, Plan(tmp_path, STEPS, 2, 20, 10, optim=optim))
    found = []
    for _ in range(STEPS):
        found.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    return found


def oracle(make):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 0.1)
    schedule, found = make(optimizer), []
    for _ in range(STEPS):
        found.append([optimizer.param_groups[0]["lr"]])
        optimizer.step()
        schedule.step()
    return found


@pytest.mark.parametrize(
    ("optim", "make"),
    [
        (Optim(schedule="poly", power=0.9), lambda o: lr_scheduler.PolynomialLR(o, STEPS, 0.9)),
        (Optim(schedule="cosine"), lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS)),
        (Optim(schedule="step", step_epochs=1, gamma=0.5), lambda o: lr_scheduler.StepLR(o, 10, 0.5)),
        (Optim(schedule="constant"), lambda o: lr_scheduler.ConstantLR(o, 1.0)),
        (Optim(schedule="onecycle"), lambda o: lr_scheduler.OneCycleLR(o, 0.1, STEPS + 1, cycle_momentum=False)),
    ],
)
def test_schedules_are_pytorchs(tmp_path, optim, make):
    optim.lr = 0.1
    found = rates(tmp_path, optim)
    assert [rate for (rate,) in found] == pytest.approx([rate for (rate,) in oracle(make)], rel=1e-6)


@pytest.mark.parametrize("schedule", ["constant", "step", "poly", "cosine"])
def test_warm_up_rises_from_zero(tmp_path, schedule):
    """An epoch is 20 items in batches of 2, so two epochs of warm-up are 20 steps."""
    options = {"lr": 0.1, "schedule": schedule, "step_epochs": 1, "gamma": 0.5}
    plain = rates(tmp_path, Optim(**options))
    warm = rates(tmp_path, Optim(**options, warmup_epochs=2))
    assert warm[0] == [0]
    assert warm[5][0] == pytest.approx(plain[5][0] * 5 / 20)
    assert [rate for (rate,) in warm[20:]] == pytest.approx([rate for (rate,) in plain[20:]])


def test_poly_by_hand():
    optim = Optim(schedule="poly", power=2.0, warmup_epochs=1)
    assert rate_factor(optim, 5, steps=20, per_epoch=10) == pytest.approx(0.5 * 0.75**2)
    assert rate_factor(optim, 20, steps=20, per_epoch=10) == 0
    assert rate_factor(optim, 25, steps=20, per_epoch=10) == 0, "the scheduler asks once more after the last step"
    half = rate_factor(Optim(schedule="cosine"), 5, steps=20, per_epoch=1)
    assert half == pytest.approx((1 + math.cos(math.pi / 4)) / 2)


@pytest.mark.parametrize("schedule", ["constant", "onecycle", "poly", "cosine", "step"])
@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_the_head_may_learn_faster(tmp_path, schedule, name):
    found = rates(tmp_path, Optim(name=name, lr=0.1, schedule=schedule, head_lr_factor=10))
    assert all(head == pytest.approx(10 * encoder) for encoder, head in found)


def test_groups_hold_every_parameter_once():
    net = Net()
    groups = parameter_groups(net, Optim(head_lr_factor=10))
    assert [len(group["params"]) for group in groups] == [2, 2]
    listed = {id(parameter) for group in groups for parameter in group["params"]}
    assert listed == {id(parameter) for parameter in net.parameters()}
    assert [id(p) for p in parameter_groups(net, Optim())[0]["params"]] == [id(p) for p in net.parameters()]


def test_sgd_has_momentum_and_weight_decay():
    group = make_optimizer(Net(), Optim(name="sgd", weight_decay=5e-4)).param_groups[0]
    assert (group["momentum"], group["weight_decay"]) == (0.9, 5e-4)
    assert make_optimizer(Net(), Optim(name="sgd")).param_groups[0]["weight_decay"] == 0


@pytest.mark.message
def test_a_network_without_an_encoder_is_told():
    with pytest.raises(ValueError, match=r"optim\.head_lr_factor needs a network with an encoder, but Linear has none"):
        make_optimizer(nn.Linear(1, 1), Optim(head_lr_factor=10))


def test_what_decays_and_what_does_not():
    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight, self.bias = nn.Parameter(torch.zeros(3, 2)), nn.Parameter(torch.zeros(1))

    model, head = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), Head()

    def decays(decayed):
        optimizer = make_optimizer(model, Optim(name="sgd", weight_decay=0.1, decayed=decayed), loss=head)
        return {
            id(parameter): group["weight_decay"] for group in optimizer.param_groups for parameter in group["params"]
        }

    every = [*model.parameters(), *head.parameters()]
    assert decays("network") == {id(each): 0.1 if each in set(model.parameters()) else 0.0 for each in every}
    assert decays("weights") == {id(each): 0.1 if each.ndim > 1 else 0.0 for each in every}
    assert decays("all") == {id(each): 0.1 for each in every}


def test_milestones_are_the_epochs_of_the_changes():
    optim = Optim(schedule="step", milestones=[16, 24], gamma=0.1)
    factors = [rate_factor(optim, step, steps=280, per_epoch=10) for step in (0, 159, 160, 239, 240, 279)]
    assert factors == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_classes_that_were_not_drawn_do_not_move():
    torch.manual_seed(0)
    head = UniFace(4, 40, sample=0.25)
    optimizer = make_optimizer(nn.Linear(1, 1), Optim(name="sgd", lr=0.1, weight_decay=0.1, decayed="all"), loss=head)
    before = head.weight.detach().clone()
    head(torch.randn(2, 4), torch.tensor([3, 5])).backward()
    optimizer.step()
    moved = (head.weight.detach() != before).any(1)
    assert int(moved.sum()) == 10
    assert moved[3]
    assert moved[5]
