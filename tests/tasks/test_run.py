"""The adapter around Lightning: resuming, failing, the best weights."""

import dataclasses

import pytest
import torch
from torch import nn

from subband.config import Optim
from subband.tasks._folder import read_csv
from subband.tasks._run import fit
from subband.tasks.plan import Plan


class Stream(torch.utils.data.Dataset):
    """Item i is a function of i."""

    def __getitem__(self, index):
        x = torch.randn(3, generator=torch.Generator().manual_seed(index))
        return {"x": x, "y": x.sum(0, keepdim=True)}


class Toy:
    """A regression whose validation score falls."""

    def __init__(self, *, broken_at=None):
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))
        self.loss, self.broken_at, self.steps, self.epochs = nn.MSELoss(), broken_at, 0, []

    def step(self, batch):
        self.steps += 1
        value = self.loss(self.model(batch["x"]), batch["y"])
        return {"loss": value * float("nan") if self.steps == self.broken_at else value, "ce_term": value}

    def validate(self):
        assert not self.model.training
        return {"mIoU": 1.0 / int(self.model[1].num_batches_tracked)}

    def at_step(self, step, epoch):
        self.epochs.append((step, epoch))


def plan(folder, **changes):
    return dataclasses.replace(Plan(folder, steps=12, batch=4, epoch_items=10, validate_every=5), **changes)


def same(left, right):
    return all(torch.equal(a, b) for a, b in zip(left.state_dict().values(), right.state_dict().values(), strict=True))


@pytest.mark.parametrize("schedule", ["constant", "onecycle", "step"])
@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_killed_and_resumed_is_the_same(tmp_path, schedule, name):
    optim = Optim(name=name, schedule=schedule, lr=0.01, step_epochs=1)
    whole, first, second = Toy(), Toy(), Toy()
    fit(whole, Stream(), plan(tmp_path / "whole", optim=optim))

    def kill(progress):
        if progress.step == 8:
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        fit(first, Stream(), plan(tmp_path / "cut", optim=optim), listen=kill)
    fitted = fit(second, Stream(), plan(tmp_path / "cut", optim=optim))
    assert second.steps == 7, "it went on from the checkpoint of step 5"
    assert same(whole.model, second.model)
    assert read_csv(tmp_path / "whole" / "metrics.csv") == read_csv(tmp_path / "cut" / "metrics.csv")
    assert fitted.best_step == 5


def test_finished_run_does_nothing_more(tmp_path):
    fit(Toy(), Stream(), plan(tmp_path))
    again = Toy()
    fit(again, Stream(), plan(tmp_path))
    assert again.steps == 0


def test_epochs_follow_items(tmp_path):
    toy = Toy()
    fit(toy, Stream(), plan(tmp_path))
    assert toy.epochs == [(step, step * 4 // 10) for step in range(12)]


def test_best_weights_are_the_best_validation(tmp_path):
    toy = Toy()
    fitted = fit(toy, Stream(), plan(tmp_path))
    assert (fitted.best_step, fitted.best_score) == (5, 0.2)
    best = torch.load(plan(tmp_path).best, weights_only=True)
    assert not torch.equal(best["0.weight"], toy.model.state_dict()["0.weight"])


def test_log_has_terms_and_validation(tmp_path):
    fit(Toy(), Stream(), plan(tmp_path, tensorboard=True))
    rows = read_csv(tmp_path / "metrics.csv")
    assert [row["step"] for row in rows] == [str(step) for step in range(1, 13)]
    assert all(row["ce_term"] and row["lr"] for row in rows)
    assert [row["step"] for row in rows if row["val_mIoU"]] == ["5", "10", "12"]
    assert list((tmp_path / "tensorboard").iterdir())


@pytest.mark.message
def test_loss_that_is_not_finite_stops(tmp_path):
    with pytest.raises(FloatingPointError, match="the loss became nan at step 3"):
        fit(Toy(broken_at=3), Stream(), plan(tmp_path))


@pytest.mark.message
def test_batch_must_be_shareable(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(ValueError, match="a batch of 4 cannot be shared by 3 processes"):
        fit(Toy(), Stream(), plan(tmp_path))
