"""A comparison of registrations: its results, its resumption, its page; a trained run says the same again."""

import csv
import re
import shutil

import numpy as np
import pytest
from tiny_registration import recipe

from subband._files import read_json
from subband.config import Registration, Robustness
from subband.data.phantoms import Phantoms
from subband.metrics.registration_table import REGISTRATION_METRICS
from subband.report import report_table, verdict, write_report
from subband.report.registration_views import read_views
from subband.tasks.compare import compare
from subband.tasks.finished_run import task_of
from subband.tasks.kinds import kind_of
from subband.tasks.preparation import prepare
from subband.tasks.registration_baselines import Baseline
from subband.tasks.trained_registration import evaluate_registration, trained_registration


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("registration")
    said = []
    compare(recipe(), folder, say=said.append)
    return folder, said


def result(folder, method, seed=0):
    return read_json(folder / "runs" / f"{method}-fold0-seed{seed}" / "result.json")


def test_data_and_memory_are_said_before_the_first_run(finished):
    _, said = finished
    assert said[0] == "6 volumes, 3 pairs, on 16 x 16 x 16 voxels of 1 x 1 x 1 mm"
    assert said[1:3] == [
        f"{name}: 54721 of 54721 parameters learn; nothing is frozen" for name in ("WiNet", "WiNet-diff")
    ]
    assert re.fullmatch(r"WiNet: a training step at 16 x 16 x 16 needs about .* MiB, of which .*", said[3])
    assert said[4].startswith("WiNet-diff: a training step at ")


def test_a_result_is_of_pairs(finished):
    folder, _ = finished
    found = result(folder, "winet")
    assert found["status"] == "finished"
    assert set(found["metrics"]) == set(REGISTRATION_METRICS)
    assert [row["name"] for row in found["images"]] == ["phantom-0002-moving to phantom-0002-fixed"]
    assert set(found["structures"]) == {
        "skull",
        "brain",
        *(f"{side} {part}" for side in ("left", "right") for part in ("nucleus", "ventricle")),
        "stem",
    }
    dice = [values[0] for values in found["structures"].values()]
    assert found["metrics"]["Dice"] == pytest.approx(np.nanmean(dice))
    assert found["parameters"] == 54721
    still = result(folder, "identity")["metrics"]
    assert still["folds"] == 0
    length = Phantoms(count=3, size=(16,) * 3).truth(2).vectors[0].square().sum(0).sqrt()
    inside = Phantoms(count=3, size=(16,) * 3)[5].labels > 0
    assert still["TRE"] == pytest.approx(float(length[inside].mean()), rel=1e-5), "voxels of 1 mm"


def test_what_learns_nothing_is_not_trained(finished):
    folder, _ = finished
    for method, trained in (("identity", False), ("field", False), ("winet", True)):
        run = folder / "runs" / f"{method}-fold0-seed0"
        assert (run / "checkpoints" / "best.pt").exists() == trained
    assert result(folder, "field")["parameters"] == 0
    with (folder / "runs" / "winet-fold0-seed0" / "metrics.csv").open(encoding="utf-8") as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["1", "2", "3", "4"]


def test_planes_of_the_first_pairs_are_kept(finished):
    folder, _ = finished
    (view,) = read_views(folder / "runs" / "field-fold0-seed0" / "planes.npz")
    assert view.title == "phantom-0002-moving to phantom-0002-fixed"
    assert view.fixed.shape == view.warped.shape == view.determinant.shape == (16, 16)
    assert view.shift.shape == (2, 16, 16)
    assert np.abs(view.shift).max() > 0


def test_the_page_shows_structures_and_pairs(finished):
    folder, _ = finished
    page = write_report(folder).read_text(encoding="utf-8")
    header, rows = report_table(folder)
    assert header == ["method", "Dice ↑", "folds ↓", "SDlogJ ↓", "seconds ↓", "runs"]
    assert [row[0] for row in rows] == ["identity", "field", "WiNet", "WiNet-diff"]
    assert 'id="structures"' in page
    assert "left nucleus" in page
    assert "phantom-0002-moving to phantom-0002-fixed" in page
    assert "subband register" in page
    assert not re.search(r"<(link|script)|https?://(?!www.w3.org)", page)
    assert "The volumes are synthetic." in verdict(folder)
    assert "Dice" in verdict(folder)


def test_a_comparison_goes_on_where_it_stopped(finished, tmp_path):
    folder = tmp_path / "again"
    shutil.copytree(finished[0], folder)
    shutil.rmtree(folder / "runs" / "winet-fold0-seed0")
    said = []
    compare(recipe(), folder, say=said.append)
    assert "3 of 4 runs are finished already" in said
    again, first = result(folder, "winet"), result(finished[0], "winet")
    for name in ("Dice", "HD95", "SDlogJ"):
        assert again["metrics"][name] == first["metrics"][name], "the same seed, the same weights"


def test_a_further_seed_trains_networks_alone(finished, tmp_path):
    folder = tmp_path / "seeds"
    shutil.copytree(finished[0], folder)
    compare(recipe(seeds=[0, 1]), folder)
    assert result(folder, "field", 1)["images"] == result(folder, "field")["images"], "read, not done again"
    assert (folder / "runs" / "field-fold0-seed1" / "planes.npz").exists()
    assert result(folder, "winet", 1)["metrics"]["SDlogJ"] != result(folder, "winet")["metrics"]["SDlogJ"]


def test_a_run_says_the_same_again(finished, tmp_path):
    run = finished[0] / "runs" / "winet-diff-fold0-seed0"
    assert task_of(run) == "registration"
    assert trained_registration(run).model.diffeomorphic
    found = evaluate_registration(run, out=tmp_path)
    (row,) = found["pairs"]
    before = result(finished[0], "winet-diff")
    assert row["Dice"] == pytest.approx(before["metrics"]["Dice"])
    assert row["Dice stem"] == pytest.approx(before["structures"]["stem"][0])
    assert read_json(tmp_path / "evaluation.json")["pairs"][0]["name"] == row["name"]
    assert isinstance(trained_registration(finished[0] / "runs" / "identity-fold0-seed0").model, Baseline)


def test_a_budget_in_minutes_is_that_of_what_learns(tmp_path):
    kind = kind_of("registration")
    timed = recipe(budget="0.01 minutes")
    material = prepare(timed, tmp_path, kind.read_samples(timed.data))
    found = read_json(tmp_path / "steps.json")["seconds_per_step"]
    assert {name for name, seconds in found.items() if seconds > 0} == {"winet", "winet-diff"}
    assert material.steps >= 10


def test_validation_pairs_choose_the_weights(tmp_path):
    import dataclasses

    from tiny_registration import DATA, NETWORKS

    more = dataclasses.replace(DATA, count=5, split="folds", folds=3, validation=0.4)
    compare(recipe(data=more, networks={"WiNet": NETWORKS["WiNet"]}, run_folds=[0]), tmp_path)
    with (tmp_path / "runs" / "mse-fold0-seed0" / "metrics.csv").open(encoding="utf-8") as file:
        values = [row["val_Dice"] for row in csv.DictReader(file) if row["val_Dice"]]
    assert len(values) == 2


@pytest.mark.message
def test_recipes_that_do_not_go_with_it(tmp_path):
    kind = kind_of("registration")
    with pytest.raises(ValueError, match="pairs is -1"):
        kind.check_recipe(recipe(registration=Registration(pairs=-1)))
    with pytest.raises(ValueError, match="robustness is for classifications"):
        kind.check_recipe(recipe(robustness=Robustness(shift=1)))


@pytest.mark.message
def test_runs_that_cannot_register(finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished[0] / "runs" / "winet-fold0-seed0", run)
    (run / "checkpoints" / "best.pt").unlink()
    with pytest.raises(ValueError, match="has no weights"):
        trained_registration(run)
    (run / "recipe.yaml").write_text("task: classification\n", encoding="utf-8")
    with pytest.raises(
        ValueError, match="of the task classification, but registering needs one of the task registration"
    ):
        trained_registration(run)
