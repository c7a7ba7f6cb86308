"""Metrics, learning rates and losses of the WaveSNet authors' training code, recorded on small inputs."""

import numpy as np
import pytest
import torch
from torch import nn

from subband.config import Optim
from subband.losses.segmentation import CrossEntropyLoss, FocalLoss
from subband.metrics import ConfusionMatrix, class_iou, confusion_matrix
from subband.tasks.optimisation import make_optimizer, make_schedule, rate_factor
from subband.tasks.plan import Plan
from subband.tasks.segmentation import SegmentationTask

CLOSE = 1e-12


@pytest.fixture(scope="module")
def pieces(parity):
    """Recorded arrays."""
    path = parity / "networks" / "wavesnet_pieces.npz"
    if not path.exists():
        pytest.skip("networks/wavesnet_pieces.npz is not there")
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def void_of(labels, classes):
    """The one label outside the classes, or none."""
    outside = np.unique(labels[(labels < 0) | (labels >= classes)])
    assert len(outside) <= 1
    return int(outside[0]) if len(outside) else None


def test_confusion_matrix_and_scores(pieces):
    prediction, truth, expected = pieces["metric/pred"], pieces["metric/gt"], pieces["metric/cm"]
    classes = len(expected)
    table = ConfusionMatrix(classes, ignore_index=void_of(truth, classes))
    for image, target in zip(prediction, truth, strict=True):
        table.update(image, target)
    assert np.array_equal(table.counts, expected)
    whole = confusion_matrix(prediction, truth, classes=classes, ignore_index=table.ignore_index)
    assert np.array_equal(whole, expected)
    found = table.metrics()
    for ours, theirs in (
        ("accuracy", "acc"),
        ("class accuracy", "acc_class"),
        ("mIoU", "miou"),
        ("FWIoU", "fwiou"),
    ):
        assert found[ours] == pytest.approx(float(pieces[f"metric/{theirs}"]), abs=CLOSE), theirs
    assert np.allclose(class_iou(table.counts), pieces["metric/iou_class"], rtol=0, atol=CLOSE, equal_nan=True)


def step_epochs_of(factors, epochs):
    """Length of a stair in epochs, read off the recorded rates."""
    first = factors[0] / factors
    exponents = np.rint(np.log10(first)).astype(int)
    fitting = [size for size in range(1, epochs[-1] + 2) if np.array_equal(epochs // size, exponents)]
    assert fitting
    return fitting[0]


def recorded_rates(pieces):
    """Steps, names of schedules and rows of rates."""
    base, epochs, per_epoch = pieces["lr/base_epochs_iters"]
    rows = next(value for name, value in pieces.items() if name.startswith("lr/") and value.ndim == 2)
    per_epoch = int(per_epoch)
    listed = [(epoch, part) for epoch in range(0, int(epochs), 7) for part in (0, per_epoch // 2)]
    assert len(listed) == len(rows)
    steps = np.array([epoch * per_epoch + part for epoch, part in listed])
    found = {}
    for name, values in pieces.items():
        if name.startswith("lr/") and values.ndim == 2:
            _, kind, rule = name.split("/")
            found[kind, rule] = values
    return float(base), int(epochs), per_epoch, steps, found


def optim_of(kind, rates, base, per_epoch, steps):
    """Our options for a recorded schedule: ``poly2`` is poly with two epochs of warm-up."""
    word = kind.rstrip("0123456789")
    options = {"lr": base, "schedule": {"cos": "cosine"}.get(word, word), "name": "sgd"}
    if word != kind:
        options["warmup_epochs"] = float(kind[len(word) :])
    if word == "step":
        options |= {"gamma": 0.1, "step_epochs": step_epochs_of(rates[:, 0], steps // per_epoch)}
    if rates[-1, 0] != rates[-1, 1]:
        options["head_lr_factor"] = float(round(rates[-1, 1] / rates[-1, 0]))
    return Optim(**options)


class Net(nn.Module):
    """An encoder and a head."""

    def __init__(self):
        super().__init__()
        self.encoder, self.head = nn.Linear(1, 1), nn.Linear(1, 1)


def test_learning_rates(pieces, tmp_path):
    base, epochs, per_epoch, steps, recorded = recorded_rates(pieces)
    assert {kind for kind, _ in recorded} >= {"poly", "cos", "step", "poly2"}
    for (kind, rule), rates in recorded.items():
        optim = optim_of(kind, rates, base, per_epoch, steps)
        total = epochs * per_epoch
        ours = np.array([base * rate_factor(optim, int(s), steps=total, per_epoch=per_epoch) for s in steps])
        assert np.allclose(ours, rates[:, 0], rtol=1e-9, atol=0), kind
        plan = Plan(tmp_path, steps=total, batch=2, epoch_items=2 * per_epoch, validate_every=total, optim=optim)
        optimizer = make_optimizer(Net(), optim)
        schedule = make_schedule(optimizer, plan)
        seen = {}
        for step in range(int(steps[-1]) + 1):
            seen[step] = [group["lr"] for group in optimizer.param_groups]
            optimizer.step()
            schedule.step()
        trained = np.array([seen[int(step)] for step in steps])
        assert np.allclose(trained, rates if trained.shape[1] == 2 else rates[:, :1], rtol=1e-9, atol=0), (kind, rule)


class Fixed(nn.Module):
    """Always the same logits."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, image):
        return self.logits


def test_cross_entropy(pieces):
    logits, target = torch.from_numpy(pieces["loss/logits"]).double(), torch.from_numpy(pieces["loss/target"])
    void = void_of(pieces["loss/target"], logits.shape[1])
    weight = torch.from_numpy(pieces["loss/weight"]).double()
    counted = torch.zeros_like(target, dtype=torch.bool) if void is None else target == void
    for divided in (True, False):
        loss = CrossEntropyLoss(ignore_index=void)
        task = SegmentationTask(Fixed(logits), loss, [], divide=divided)
        found = task.step({"image": logits, "target": target})["loss"]
        assert float(found) == pytest.approx(float(pieces[f"loss/ce/none/batch_average{int(divided)}"]), abs=1e-6)
        # theirs divides by the weights of the pixels, ours by their number
        mean_weight = weight[target[~counted]].mean()
        task = SegmentationTask(
            Fixed(logits), CrossEntropyLoss(ignore_index=void, class_weight=weight), [], divide=divided
        )
        found = task.step({"image": logits, "target": target})["loss"] / mean_weight
        assert float(found) == pytest.approx(float(pieces[f"loss/ce/weighted/batch_average{int(divided)}"]), abs=1e-6)


def test_their_focal_loss_is_a_function_of_the_mean_cross_entropy(pieces):
    """Theirs weighs the mean cross-entropy as if it were one pixel, so ours, pixel by pixel, is another number."""
    mean = float(pieces["loss/ce/none/batch_average0"])
    batch = float(pieces["loss/ce/none/batch_average0"]) / float(pieces["loss/ce/none/batch_average1"])
    theirs = 0.5 * (1 - np.exp(-mean)) ** 2 * mean
    assert theirs == pytest.approx(float(pieces["loss/focal/none/batch_average0"]), abs=1e-6)
    assert theirs / batch == pytest.approx(float(pieces["loss/focal/none/batch_average1"]), abs=1e-6)
    logits, target = torch.from_numpy(pieces["loss/logits"]), torch.from_numpy(pieces["loss/target"])
    ours = FocalLoss(ignore_index=void_of(pieces["loss/target"], logits.shape[1]))(logits, target)
    assert abs(float(ours) - theirs) > 1e-2
