"""Comparisons: resume, shards, processes, failures, and what they refuse."""

import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from subband._files import read_json
from subband.config import Data, Model, Optim, Recipe
from subband.data.images import write_png
from subband.tasks import compare as module
from subband.tasks._folder import read_csv
from subband.tasks.cell import Cell
from subband.tasks.compare import Options, cells, compare
from subband.tasks.methods import Method

TIMES = ("seconds", "ms_per_step", "loss_ms")


def recipe(**changes):
    base = Recipe(
        name="tiny",
        data=Data(reader="synthetic-membranes", count=9, size=32, crop=[32, 32], batch=2, split="holdout"),
        model=Model(width=4, depth=2),
        optim=Optim(lr=0.01),
        losses=["ce", "dice"],
        budget="6 steps",
        validations=2,
        threads=1,
    )
    return dataclasses.replace(base, **changes)


def result(folder, cell):
    value = read_json(folder / "runs" / cell / "result.json")
    return {key: item for key, item in value.items() if key not in TIMES}


def test_comparison_writes_what_the_report_needs(tmp_path):
    said, heard = [], []
    described = compare(recipe(), tmp_path, listen=lambda *now: heard.append(now), say=said.append)
    assert not described["partial"]
    assert described["losses"] == ["ce", "dice"]
    assert described["labels"] == {"ce": "CE", "dice": "Dice"}
    assert described["steps"] == 6
    assert len(heard) == 12
    run = tmp_path / "runs" / "ce-fold0-seed0"
    assert {"recipe.yaml", "made_by.json", "metrics.csv", "result.json", "checkpoints", "predictions"} <= {
        path.name for path in run.iterdir()
    }
    names = {path.name for path in (tmp_path / "images").iterdir()}
    assert names == {path.name for path in (tmp_path / "truth").iterdir()}
    assert names == {path.name for path in (run / "predictions").iterdir()}
    assert len(names) == 3
    found = result(tmp_path, "ce-fold0-seed0")
    assert found["metrics"]["mIoU"] == pytest.approx(np.mean([image["mIoU"] for image in found["images"]]))
    assert {"mIoU", "mDice", "VI", "ARI", "HD", "HD95", "B0", "B1", "mAP", "clDice"} <= found["metrics"].keys()


@pytest.mark.slow
def test_killed_and_resumed_gives_the_same_metrics(tmp_path):
    compare(recipe(), tmp_path / "whole")

    def kill(cell, progress):
        if cell.method.name == "dice" and progress.step == 5:
            raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        compare(recipe(), tmp_path / "cut", listen=kill)
    assert not (tmp_path / "cut" / "runs" / "dice-fold0-seed0" / "result.json").exists()
    heard, said = [], []
    compare(
        recipe(), tmp_path / "cut", listen=lambda cell, now: heard.append((cell.method.name, now.step)), say=said.append
    )
    assert heard == [("dice", step) for step in (4, 5, 6)], "finished runs and steps are not run again"
    assert any("1 of 2 runs are finished already" in line for line in said)
    for cell in ("ce-fold0-seed0", "dice-fold0-seed0"):
        assert result(tmp_path / "whole", cell) == result(tmp_path / "cut", cell)
        logs = [read_csv(tmp_path / part / "runs" / cell / "metrics.csv") for part in ("whole", "cut")]
        assert logs[0] == logs[1]


@pytest.mark.slow
def test_shards_and_jobs_give_one_table(tmp_path):
    both = recipe(losses=["ce", "dice"], seeds=[0, 1])
    compare(both, tmp_path / "whole")
    first = compare(both, tmp_path / "parts", Options(shard=(1, 2)))
    assert first["partial"]
    assert not compare(both, tmp_path / "parts", Options(shard=(2, 2)))["partial"]
    heard = []
    compare(both, tmp_path / "jobs", Options(jobs=2), listen=lambda cell, now: heard.append(cell.name))
    assert len(heard) == 24
    for cell in cells(both, 1):
        expected = result(tmp_path / "whole", cell.name)
        assert result(tmp_path / "parts", cell.name) == expected
        assert result(tmp_path / "jobs", cell.name) == expected


def test_a_failed_run_does_not_stop_the_others(tmp_path, monkeypatch):
    from subband.tasks import segmentation_cell

    build = segmentation_cell.build_loss

    def broken(recipe, name, **options):
        loss = build(recipe, name, **options)
        if name == "ce":
            loss.compute = lambda inputs, weight_map: inputs.probability.sum() * float("nan")
        return loss

    monkeypatch.setattr(segmentation_cell, "build_loss", broken)
    described = compare(recipe(), tmp_path)
    assert read_json(tmp_path / "runs" / "ce-fold0-seed0" / "result.json")["status"] == "failed"
    assert "the loss became nan at step 1" in (tmp_path / "runs" / "ce-fold0-seed0" / "error.txt").read_text()
    assert result(tmp_path, "dice-fold0-seed0")["status"] == "finished"
    assert not described["partial"]


def test_minutes_become_steps_once(tmp_path):
    timed = recipe(budget="0.05m", losses=["ce"])
    described = compare(timed, tmp_path)
    assert described["steps"] >= 10
    (tmp_path / "runs" / "ce-fold0-seed0" / "result.json").unlink()
    assert compare(timed, tmp_path)["steps"] == described["steps"]


def test_epochs_become_steps(tmp_path):
    described = compare(recipe(budget="2 epochs", losses=["ce"]), tmp_path)
    assert described["steps"] == 2 * 3, "5 training images are 3 batches of 2"


def test_a_comparison_grows(tmp_path):
    compare(recipe(losses=["ce"]), tmp_path)
    first = result(tmp_path, "ce-fold0-seed0")
    heard = []
    described = compare(
        recipe(losses=["ce", "dice"]), tmp_path, listen=lambda cell, now: heard.append(cell.method.name)
    )
    assert set(heard) == {"dice"}
    assert described["losses"] == ["ce", "dice"]
    assert result(tmp_path, "ce-fold0-seed0") == first


def test_cells_have_folds_outermost():
    two, ce, dice = recipe(seeds=[0, 1]), Method("ce", "ce"), Method("dice", "dice")
    assert cells(two, 2)[:3] == [Cell(ce, 0, 0), Cell(dice, 0, 0), Cell(ce, 0, 1)]
    assert len(cells(two, 2)) == 8


@pytest.mark.message
def test_refusals(tmp_path):
    compare(recipe(losses=["ce"], budget="1 steps"), tmp_path / "a")
    with pytest.raises(ValueError, match="holds a comparison with other optim"):
        compare(recipe(losses=["ce"], budget="1 steps", optim=Optim(lr=1.0)), tmp_path / "a")
    compare(recipe(losses=["ce"], budget="2 steps"), tmp_path / "a", Options(overwrite=True))
    assert read_json(tmp_path / "a" / "comparison.json")["steps"] == 2
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="is not empty and holds no comparison"):
        compare(recipe(), tmp_path / "b", Options(overwrite=True))
    assert (tmp_path / "b" / "thesis.txt").read_text() == "years of work"
    with pytest.raises(ValueError, match="run_folds names fold 3"):
        compare(recipe(run_folds=[3]), tmp_path / "c")
    with pytest.raises(ValueError, match=r"loss_options of dice: .*epsilon"):
        compare(recipe(loss_options={"dice": {"epsilon": 1}}), tmp_path / "d")
    with pytest.raises(ValueError, match=r"needs the folder of the data: --data\.root"):
        compare(recipe(data=Data(reader="snemi3d")), tmp_path / "e")
    assert not (tmp_path / "d").exists()


def test_processes_meet(tmp_path, monkeypatch):
    module.meet(tmp_path)
    assert not any(tmp_path.iterdir()), "one process has nobody to meet"
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(TimeoutError, match="has not opened"):
        module.meet(tmp_path, patience=0.2)
    monkeypatch.setenv("RANK", "0")
    module.meet(tmp_path)
    monkeypatch.setenv("RANK", "1")
    module.meet(tmp_path, patience=0.2)
    monkeypatch.setenv("MASTER_PORT", "1")
    with pytest.raises(TimeoutError, match="has not opened"):
        module.meet(tmp_path, patience=0.2)


@pytest.fixture
def folder(tmp_path):
    """Twelve small images and masks."""
    rng = np.random.default_rng(0)
    for index in range(12):
        mask = np.zeros((40, 36), np.uint8)
        mask[5 + index : 20 + index, 8:25] = 255
        write_png(
            tmp_path / "images" / f"{index:02d}.png", (mask // 2 + rng.integers(0, 60, mask.shape)).astype(np.uint8)
        )
        write_png(tmp_path / "masks" / f"{index:02d}.png", mask)
    return tmp_path


@pytest.mark.slow
def test_two_processes_train_as_one(folder, tmp_path):
    """torchrun with two gloo processes gives the parameters of one.

    With SGD: the bias of a convolution before a normalisation has the gradient 0 up to rounding, which Adam would scale
    up to whole steps of random sign.
    """
    command = [
        "train",
        "segmentation/folder",
        "--data.images",
        str(folder / "images"),
        "--data.masks",
        str(folder / "masks"),
    ]
    command += ["--budget", "8 steps", "--loss", "cwmi-ce", "--model.norm", "group", "--model.width", "8"]
    command += [
        "--model.depth",
        "2",
        "--data.crop",
        "32,32",
        "--optim.schedule",
        "constant",
        "--threads",
        "1",
        "--optim.name",
        "sgd",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    runs = {
        "one": [sys.executable, "-m", "subband.cli"],
        "two": [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc_per_node=2",
            "-m",
            "subband.cli",
        ],
    }
    for name, start in runs.items():
        done = subprocess.run(
            [*start, *command, "--out", str(tmp_path / name)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
    weights = [
        torch.load(next((tmp_path / name).glob("runs/*/checkpoints/last.ckpt")), weights_only=True)["state_dict"]
        for name in runs
    ]
    worst = max(float((weights[0][key] - weights[1][key]).abs().max()) for key in weights[0])
    assert worst <= 1e-6


@pytest.mark.slow
def test_from_folder_to_prediction(folder, tmp_path, capsys):
    """train, report, evaluate and predict, as a person types them."""
    from subband.cli import main

    out = tmp_path / "out"
    data = ["--data.images", str(folder / "images"), "--data.masks", str(folder / "masks"), "--data.crop", "32,32"]
    small = ["--budget", "4 steps", "--model.width", "4", "--model.depth", "2", "--threads", "1", "--validations", "1"]
    assert main(["train", "segmentation/folder", *data, *small, "--loss", "spw", "--out", str(out)]) == 0
    assert f"report: {out / 'report.html'}" in capsys.readouterr().out.replace("\n", "")
    assert main(["report", str(out)]) == 0
    assert main(["evaluate", str(out)]) == 0
    run = next((out / "runs").iterdir())
    assert read_json(run / "evaluation" / "evaluation.json")["metrics"] == result(out, run.name)["metrics"]
    assert main(["evaluate", str(out), "--images", str(folder / "images"), "--masks", str(folder / "masks")]) == 0
    assert main(["evaluate", str(out), "--images", str(folder / "images")]) == 2
    files = sorted((folder / "images").iterdir())[:2]
    assert main(["predict", str(out), *map(str, files), "--tile", "16", "--out", str(tmp_path / "p")]) == 0
    assert sorted(path.name for path in (tmp_path / "p").iterdir()) == [
        "00_mask.png",
        "00_probability.tif",
        "01_mask.png",
        "01_probability.tif",
    ]
    capsys.readouterr()
    assert main(["predict", str(out), str(files[0]), "--out", str(tmp_path / "p")]) == 1
    assert "is there already; add --overwrite" in capsys.readouterr().err.replace("\n", " ")
    assert main(["predict", str(out), str(tmp_path / "none.png")]) == 2
    (run / "checkpoints" / "best.pt").unlink()
    assert main(["predict", str(out), str(files[0])]) == 2
    assert "has no weights" in capsys.readouterr().err
