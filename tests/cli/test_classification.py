"""The verbs on a classification."""

import csv

import numpy as np
import pytest

from subband.cli import main
from subband.data.images import write_png

OPTIONS = [
    *[
        "--data.count",
        "64",
        "--data.size",
        "16",
        "--data.crop",
        "16,16",
        "--data.batch",
        "8",
        "--budget",
        "3",
        "--model.width",
        "4",
        "--seeds",
        "0",
    ],
    *[
        "--networks",
        '{"A":{},"B":{"options":{"wavelet":"haar"}}}',
        "--baseline",
        "A",
        "--model.options",
        '{"blocks":1}',
    ],
    *["--robustness.corruptions", "fog", "--robustness.severities", "1,5", "--robustness.corrupted_images", "5"],
    *["--robustness.shift", "0", "--robustness.attacks", "[]", "--robustness.spectra", "0"],
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    assert main(["compare", "classification/demo", "--out", str(out / "c"), *OPTIONS]) == 0
    return out / "c"


def test_compare_writes_a_page(folder, capsys):
    assert (folder / "report.html").exists()
    assert main(["report", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "accuracy" in out
    assert "corrupted" in out


def test_train_takes_one_of_them(tmp_path, capsys):
    call = ["train", "classification/demo", "--network", "A", "--out", str(tmp_path / "t"), *OPTIONS]
    assert main(call) == 0
    assert "accuracy" in capsys.readouterr().out


def test_evaluate_and_predict(folder, tmp_path, capsys):
    run = folder / "runs" / "b-fold0-seed0"
    assert main(["evaluate", str(run), "--out", str(tmp_path / "e")]) == 0
    out = capsys.readouterr().out
    assert "uniform" in out
    assert "fog" in out
    write_png(tmp_path / "x.png", np.zeros((16, 16, 3), np.uint8))
    assert main(["predict", str(run), str(tmp_path / "x.png"), "--out", str(tmp_path / "p")]) == 0
    with (tmp_path / "p" / "classes.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["file"].endswith("x.png")
    capsys.readouterr()
    assert main(["predict", str(run), str(tmp_path / "x.png"), "--out", str(tmp_path / "p")]) == 1
    assert "classes.csv is there already; add --overwrite" in capsys.readouterr().err
    assert main(["evaluate", str(run), "--masks", str(tmp_path)]) == 2
    assert "--masks is for segmentations" in capsys.readouterr().err


def test_demos_go_to_their_recipes(tmp_path, monkeypatch):
    import importlib

    module = importlib.import_module("subband.cli.compare")
    seen = []
    monkeypatch.setattr(
        module, "compare", lambda recipe, **options: seen.append((recipe.name, options["out"].name)) or 0
    )
    monkeypatch.chdir(tmp_path)
    for task in ("robustness", "detection"):
        assert main(["demo", task]) == 0
        assert seen.pop() == (f"demo-{task}", f"demo-{task}")


def test_corrupted_copies_are_prepared_and_evaluated(folder, tmp_path, capsys):
    generator = np.random.default_rng(0)
    for name in ("disc", "ring"):
        (tmp_path / "set" / name).mkdir(parents=True)
        write_png(tmp_path / "set" / name / "0.png", generator.integers(0, 256, (16, 16, 3), np.uint8))
    assert main(["prepare", "corruptions", str(tmp_path / "set"), str(tmp_path / "tree")]) == 0
    assert f"{2 * 15 * 5} corrupted images written" in capsys.readouterr().out
    run = folder / "runs" / "b-fold0-seed0"
    assert main(["evaluate", str(run), "--images", str(tmp_path / "tree"), "--out", str(tmp_path / "e")]) == 0
    out = capsys.readouterr().out
    assert "mean error: " in out
    assert "missing" not in out
    assert main(["prepare", "corruption", str(tmp_path / "set"), str(tmp_path / "tree")]) == 2
    assert "did you mean 'corruptions'" in capsys.readouterr().err
