"""A comparison folder with seeded numbers and small pictures."""

import json

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from scipy.spatial import cKDTree

LABELS = {"ce": "CE", "dice": "Dice", "cwmi": "CWMI", "spw": "SPW"}
METRICS = ("mIoU", "mDice", "VI", "ARI", "HD", "HD95", "B0", "B1", "mAP", "clDice")
GAIN = {"ce": 0.0, "dice": 0.3, "cwmi": 1.0, "spw": 0.8}


def _membranes(rng, size):
    points = rng.random((size * size // 250 + 3, 2)) * size
    grid = np.stack(np.meshgrid(np.arange(size), np.arange(size), indexing="ij"), -1)
    distance, _ = cKDTree(points).query(grid, k=2)
    return (distance[..., 1] - distance[..., 0] < 3).astype(np.uint8)


def _encode(value):
    if isinstance(value, dict):
        return {key: _encode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_encode(item) for item in value]
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


def _scores(rng, gain):
    values = {
        "mIoU": 0.78 + 0.01 * gain,
        "mDice": 0.86 + 0.01 * gain,
        "VI": 1.2 - 0.15 * gain,
        "ARI": 0.60 + 0.04 * gain,
        "HD": 1.1 - 0.1 * gain,
        "HD95": 4.0 - gain,
        "B0": 6 - 2 * gain,
        "B1": 9 - 3 * gain,
        "mAP": 0.4 + 0.05 * gain,
        "clDice": 0.85 + 0.03 * gain,
    }
    return {name: float(value * (1 + 0.02 * rng.standard_normal())) for name, value in values.items()}


def _save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def _log(path, rng, loss, steps=100):
    lines = ["step,train_loss,lr,ce_term,mi_term,val_mIoU,val_mDice,val_VI,val_ARI"]
    for step in range(1, steps + 1):
        value = np.exp(-step / 25) + 0.3 + 0.05 * rng.standard_normal()
        mutual = f"{-20 * (1 - np.exp(-step / 30)):.4f}" if loss == "cwmi" else ""
        check = f"{0.75 - np.exp(-step / 20):.4f},,{1.2 + np.exp(-step / 20):.4f}," if step % 20 == 0 else ",,,"
        lines.append(f"{step},{value:.5f},{0.003 * np.sin(np.pi * step / steps):.5f},,{mutual},{check}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def build(
    folder, *, losses=("ce", "dice", "cwmi", "spw"), folds=(0,), seeds=(0, 1), images=7, size=64, log=True, **changes
):
    """Write a comparison; ``changes`` replace keys of comparison.json, ``log`` tells whether runs have one."""
    rng = np.random.default_rng(20261)
    about = {
        "name": "fake",
        "title": "Fake membranes",
        "task": "segmentation",
        "command": "subband demo --out fake",
        "created": "2026-01-02T03:04:05+00:00",
        "dataset": {
            "name": "synthetic-membranes",
            "label": "synthetic membranes",
            "synthetic": True,
            "published": None,
            "channels": 1,
            "classes": 2,
        },
        "model": {"name": "unet", "width": 12, "depth": 3, "parameters": 73525},
        "losses": list(losses),
        "labels": {name: LABELS.get(name, name) for name in losses},
        "baseline": "ce",
        "folds": list(folds),
        "seeds": list(seeds),
        "steps": 100,
        "minutes": 2.5,
        "machine": {"cpu": "Example CPU", "cores": 2, "threads": 1, "gpu": None},
        "versions": {"subband": "0.1.0", "torch": "2.15", "python": "3.11", "git": "abc1234"},
        "partial": False,
        "example": {"image": "image_0_0"},
    }
    about.update(changes)
    classes = about["dataset"]["classes"]
    scale = 255 if classes == 2 else 1
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "comparison.json").write_text(json.dumps(_encode(about)), encoding="utf-8")
    truth = {}
    for fold in folds:
        for number in range(images):
            name = f"image_{fold}_{number}"
            mask = _membranes(rng, size)
            if classes > 2:
                mask[: size // 2] *= 2
            truth[fold, name] = mask
            noisy = 150 - 90 * (mask > 0) + 15 * rng.standard_normal(mask.shape)
            picture = np.clip(noisy, 0, 255).astype(np.uint8)
            colour = about["dataset"]["channels"] == 3
            _save(folder / "images" / f"{name}.png", np.stack([picture] * 3, -1) if colour else picture)
            _save(folder / "truth" / f"{name}.png", mask * scale)
    for loss in losses:
        for fold in folds:
            for seed in seeds:
                _run(folder, (loss, fold, seed), truth, classes, rng, log)
    return folder


def _run(folder, cell, truth, classes, rng, log):
    loss, fold, seed = cell
    run = folder / "runs" / f"{loss}-fold{fold}-seed{seed}"
    run.mkdir(parents=True)
    if log:
        _log(run / "metrics.csv", rng, loss)
    rows = []
    for (of, name), mask in truth.items():
        if of != fold:
            continue
        rows.append({"name": name, **_scores(rng, GAIN.get(loss, 0.5))})
        if classes == 2:
            gaps = ndimage.gaussian_filter(rng.standard_normal(mask.shape), 3) > 0.13 + 0.05 * GAIN.get(loss, 0.5)
            soft = ndimage.gaussian_filter(mask.astype(float), 0.7) * ~gaps
            picture = np.clip(255 * soft + 10 * rng.random(mask.shape), 0, 255).astype(np.uint8)
        else:
            picture = np.where(rng.random(mask.shape) < 0.1, 0, mask).astype(np.uint8)
        _save(run / "predictions" / f"{name}.png", picture)
    result = {
        "loss": loss,
        "fold": fold,
        "seed": seed,
        "status": "finished",
        "error": None,
        "metrics": {name: float(np.mean([row[name] for row in rows])) for name in METRICS},
        "images": rows,
        "steps": 100,
        "seconds": 12.0,
        "ms_per_step": 80.0 + rng.random(),
        "loss_ms": 4.0 + rng.random(),
        "peak_mb": 10.0 + rng.random(),
        "best_step": 80,
    }
    (run / "result.json").write_text(json.dumps(_encode(result)), encoding="utf-8")


def change(run, **values):
    """Change keys of a run's result.json."""
    path = run / "result.json"
    result = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(_encode({**result, **values})), encoding="utf-8")


@pytest.fixture
def comparison(tmp_path):
    """Factory of comparison folders."""
    return lambda name="fake", **options: build(tmp_path / name, **options)


@pytest.fixture
def change_result():
    """Changes keys of a run's result."""
    return change


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """A comparison of four losses with its report; not to be changed."""
    from subband.report import write_report

    folder = build(tmp_path_factory.mktemp("written") / "fake")
    write_report(folder)
    return folder
