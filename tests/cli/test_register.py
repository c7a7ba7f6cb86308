"""``subband register``: a pair of files, a trained run, pictures, and what it says of a wrong call."""

import io
import types

import numpy as np
import pytest
from rich.console import Console
from tiny_registration import NETWORKS, recipe

from subband._files import read_json
from subband.cli import _console, main
from subband.data.images import write_png
from subband.data.nifti import write_nifti
from subband.data.phantoms import Phantoms
from subband.tasks.compare import compare
from subband.tasks.plan import Progress

QUICK = ["--fit.method", "field", "--fit.steps", "3", "--fit.similarity", "mse"]


@pytest.fixture
def files(tmp_path):
    phantoms = Phantoms(count=1, size=(16, 16, 16))
    for name, volume in (("moving", phantoms[0]), ("fixed", phantoms[1])):
        write_nifti(tmp_path / f"{name}.nii.gz", volume.image, volume.grid)
        write_nifti(tmp_path / f"{name}_labels.nii.gz", volume.labels, volume.grid)
    return tmp_path


def call(folder, *options):
    return main(
        [
            "register",
            str(folder / "moving.nii.gz"),
            str(folder / "fixed.nii.gz"),
            "--out",
            str(folder / "out"),
            *options,
        ]
    )


def labels(folder):
    return [
        "--moving-labels",
        str(folder / "moving_labels.nii.gz"),
        "--fixed-labels",
        str(folder / "fixed_labels.nii.gz"),
    ]


def test_a_pair_of_files(files, capsys):
    assert call(files, *QUICK, *labels(files), "--baselines", "identity,coefficients") == 0
    said = capsys.readouterr().out
    assert "A training step at 16 x 16 x 16 needs about" in said
    assert "Dice goes from" in said
    assert "report: " in said
    for name in ("warped.nii.gz", "warped_labels.nii.gz", "field.nii.gz", "report.html", "result.json"):
        assert (files / "out" / name).exists()
    result = read_json(files / "out" / "result.json")
    assert [row["name"] for row in result["results"]] == ["identity", "Haar coefficients by Adam", "field by Adam"]
    assert result["fit"]["steps"] == 3
    assert "label 7" in result["structures"]["identity"]
    assert call(files, *QUICK) == 1
    assert "holds a registration already; add --overwrite" in capsys.readouterr().err
    assert call(files, *QUICK, "--overwrite") == 0
    assert "Dice" not in read_json(files / "out" / "result.json")["results"][0]


def test_a_trained_run_registers(files, tmp_path, capsys):
    compare(recipe(networks={"WiNet": NETWORKS["WiNet"]}, budget="2 steps", validations=1), tmp_path / "run")
    assert call(files, "--run", str(tmp_path / "run"), *labels(files)) == 0
    result = read_json(files / "out" / "result.json")
    assert [row["name"] for row in result["results"]] == ["identity", "mse-fold0-seed0"]
    assert result["run"].endswith("run")
    (run,) = (tmp_path / "run" / "runs").iterdir()
    assert main(["evaluate", str(run)]) == 0
    assert "phantom-0002-moving" in capsys.readouterr().out
    assert main(["predict", str(run), str(files / "fixed.nii.gz")]) == 2
    assert "take subband register MOVING FIXED --run" in capsys.readouterr().err
    assert main(["evaluate", str(run), "--images", str(files)]) == 2
    assert "--images is not for registrations; register others" in capsys.readouterr().err


def test_a_pair_of_pictures(tmp_path, capsys):
    phantoms = Phantoms(count=1, size=(20, 24))
    for name, volume in (("moving", phantoms[0]), ("fixed", phantoms[1])):
        write_png(tmp_path / f"{name}.png", np.rint(255 * volume.image).astype(np.uint8))
        write_png(tmp_path / f"{name}_labels.png", volume.labels.astype(np.uint8))
    both = [str(tmp_path / f"{name}.png") for name in ("moving", "fixed")]
    maps = [
        "--moving-labels",
        str(tmp_path / "moving_labels.png"),
        "--fixed-labels",
        str(tmp_path / "fixed_labels.png"),
    ]
    asked = [
        "--fit.steps",
        "2",
        "--fit.options",
        "{options: {width: 1}}",
        "--fit.diffeomorphic",
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(["register", *both, *maps, *asked]) == 0
    assert (tmp_path / "out" / "warped.tif").exists()
    assert (tmp_path / "out" / "field.nii.gz").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--moving-labels", "x.nii.gz"], "--moving-labels and --fixed-labels go together"),
        (["--fit.method", "winett"], "method is 'winett'"),
        (["--fit.similarity", "ncx"], "there is no similarity called 'ncx'; did you mean 'ncc'"),
        (["--fit.step", "3"], "there is no option --fit.step; did you mean '--fit.steps'"),
        (["--baselines", "afine"], "baselines is 'afine'"),
        (["--run", "nowhere"], "nowhere holds no finished run"),
    ],
)
def test_a_wrong_call_ends_in_a_sentence(files, capsys, options, words):
    assert call(files, *options) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said.strip().splitlines()) == 1


def test_a_missing_file_is_named(tmp_path, capsys):
    assert main(["register", str(tmp_path / "a.nii.gz"), str(tmp_path / "b.nii.gz")]) == 2
    assert "there is no file" in capsys.readouterr().err


def test_a_terminal_has_a_bar_for_each_optimisation(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(_console, "console", Console(file=screen, force_terminal=True, width=100))
    with _console.steps_progress() as listen:
        for step in (1, 2):
            listen("field by Adam", Progress(step, 2, 0.5, {}))
    assert "field by Adam" in screen.getvalue()
    assert "2/2" in screen.getvalue()


def test_what_learns_nothing_is_said_to_be_tested(monkeypatch):
    cell = types.SimpleNamespace(name="identity-fold0-seed0")
    screen = io.StringIO()
    monkeypatch.setattr(_console, "console", Console(file=screen, width=100))
    with _console.runs_progress(3) as listen:
        listen(cell, Progress(100, 100, float("nan"), {}))
        listen(types.SimpleNamespace(name="winet"), Progress(100, 100, 0.25, {"Dice": 0.5}))
    assert screen.getvalue().splitlines() == [
        "1/3 identity-fold0-seed0: tested",
        "2/3 winet: 100 steps, loss 0.250, validation Dice 0.500",
    ]
