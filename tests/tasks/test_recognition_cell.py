"""A comparison of heads: its result, its resumption, its page; a trained run says the same again."""

import csv
import dataclasses
import re
import shutil

import numpy as np
import pytest
import torch
import yaml
from tiny_recognition import DATA, recipe

from subband._files import read_json
from subband.config import Recognition, Robustness, resolved_recipe
from subband.data.images import write_png
from subband.data.synthetic_faces import SyntheticFaces
from subband.report import report_table, verdict, write_report
from subband.tasks import recognition_cell
from subband.tasks.cell import Cell
from subband.tasks.compare import compare
from subband.tasks.finished_run import task_of
from subband.tasks.kinds import kind_of
from subband.tasks.methods import methods
from subband.tasks.preparation import prepare
from subband.tasks.trained_recognizer import Checkpoint, trained_recognizer, verify_run


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces")
    said = []
    compare(recipe(), folder, say=said.append)
    return folder, said


def write_people(folder, people, images=4):
    """Faces of some people as PERSON/x.png; returns the folder."""
    faces = SyntheticFaces(identities=people, images=images, size=32, first=50)
    for index in range(len(faces)):
        path = folder / f"{faces.names[index]}.png"
        write_png(path, np.moveaxis(faces[index].pixels, 0, -1))
    return folder


def test_a_result_is_of_pairs_of_persons_that_did_not_train(finished):
    folder, said = finished
    assert "one of scale and shift gets no gradient" in said[1], "the last norm of an embedder keeps its scale"
    assert said[2].startswith("memory of the largest head: UniFace, 6 classes x 8: ")
    assert said[0] == "6 identities train on 24 images, 4 more identities test"
    result = read_json(folder / "runs" / "uniface-fold0-seed0" / "result.json")
    assert result["status"] == "finished"
    assert list(result["metrics"]) == ["accuracy", "EER", "TAR@0.1", "at learned"]
    (found,) = result["verification"]["sets"]
    assert (found["label"], found["pairs"], found["same"]) == ("faces", 40, 20)
    assert [row["name"] for row in result["images"]] == [f"faces, fold {k}" for k in range(1, 11)], "few people"
    assert result["metrics"]["accuracy"] == pytest.approx(np.mean([row["accuracy"] for row in result["images"]]))
    with (folder / "runs" / "uniface-fold0-seed0" / "scores" / "faces.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    people = {row[side].partition("/")[0] for row in rows for side in ("first", "second")}
    splits = read_json(folder / "folds.json")[0]
    assert people == {name.partition("/")[0] for name in splits["test"]}
    assert not people & {name.partition("/")[0] for name in splits["train"]}
    assert (len(rows), len(people)) == (40, 4)


def test_heads_that_learn_no_threshold_have_none(finished):
    folder, _ = finished
    result = read_json(folder / "runs" / "cosface-fold0-seed0" / "result.json")
    assert "at learned" not in result["metrics"]
    assert result["verification"]["learned"] is None


def test_a_run_says_the_same_again(finished, tmp_path):
    run = finished[0] / "runs" / "uniface-fold0-seed0"
    assert task_of(run) == "recognition"
    loaded, result = trained_recognizer(run), read_json(run / "result.json")
    assert loaded.learned == pytest.approx(result["verification"]["learned"])
    found = verify_run(loaded, [], out=tmp_path / "own")
    assert found["verification"] == result["verification"]
    assert (tmp_path / "own" / "scores" / "faces.csv").read_bytes() == (run / "scores" / "faces.csv").read_bytes()
    by_file = trained_recognizer(run / "checkpoints" / "best.pt")
    assert by_file.name == run.name


def test_a_run_verifies_class_folders_and_lists_of_pairs(finished, tmp_path):
    run = trained_recognizer(finished[0] / "runs" / "uniface-fold0-seed0")
    people = write_people(tmp_path / "people", 4)
    found = verify_run(run, [people], out=tmp_path / "out")
    (one,) = found["verification"]["sets"]
    assert one["label"] == "people"
    assert (tmp_path / "out" / "verification.html").exists()
    assert read_json(tmp_path / "out" / "verification.json")["metrics"] == found["metrics"]
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("1\nperson_0050\t0\t3\nperson_0051\t1\tperson_0053\t2\n", encoding="utf-8")
    listed = verify_run(run, [pairs], images=people, out=tmp_path / "list")["verification"]["sets"][0]
    assert (listed["label"], listed["pairs"]) == ("pairs", 2)
    mirrored = verify_run(run, [people], out=tmp_path / "plain", flip=False)
    assert mirrored["verification"]["sets"][0]["thresholds"] != one["thresholds"]


def test_the_report_shows_thresholds_and_faces(finished):
    folder, _ = finished
    page = write_report(folder).read_text(encoding="utf-8")
    header, rows = report_table(folder)
    assert header[:4] == ["loss", "accuracy ↑", "EER ↓", "at learned ↑"]
    assert [row[0] for row in rows] == ["CosFace", "UniFace"]
    assert "The learned one is a number that the head learnt" in page
    assert page.count('href="runs/') == 2
    assert "folds of the pairs" in page
    assert "subband verify RUN" in page
    assert len(re.findall(r'<img src="data:image/png', page)) == 12
    said = verdict(folder)
    assert "accuracy" in said
    assert "image" not in said.replace("The images are synthetic.", "")


def test_a_comparison_goes_on_where_it_stopped(finished, tmp_path):
    folder = tmp_path / "again"
    shutil.copytree(finished[0], folder)
    before = read_json(folder / "runs" / "uniface-fold0-seed0" / "result.json")
    shutil.rmtree(folder / "runs" / "cosface-fold0-seed0")
    said = []
    compare(recipe(), folder, say=said.append)
    assert "1 of 2 runs are finished already" in said
    assert read_json(folder / "runs" / "uniface-fold0-seed0" / "result.json") == before
    again = read_json(folder / "runs" / "cosface-fold0-seed0" / "result.json")
    first = read_json(finished[0] / "runs" / "cosface-fold0-seed0" / "result.json")
    assert again["metrics"] == first["metrics"], "the same seed, the same weights"


def test_persons_that_validate_choose_the_weights(tmp_path):
    one = recipe(losses=["cosface"], data=dataclasses.replace(DATA, validation=0.2))
    compare(one, tmp_path)
    with (tmp_path / "runs" / "cosface-fold0-seed0" / "metrics.csv").open(encoding="utf-8") as file:
        values = [row["val_accuracy"] for row in csv.DictReader(file) if row["val_accuracy"]]
    assert len(values) == 2
    assert all(0.5 <= float(value) <= 1 for value in values)


def test_other_sets_test_where_everybody_trains(tmp_path):
    people = write_people(tmp_path / "people", 4)
    asked = Recognition(folds=2, pairs=10, far=[0.1], sets=[str(people)])
    given = recipe(losses=["cosface"], data=dataclasses.replace(DATA, split="given"), recognition=asked)
    compare(given, tmp_path / "out")
    run = tmp_path / "out" / "runs" / "cosface-fold0-seed0"
    assert read_json(run / "result.json")["verification"]["sets"][0]["label"] == "people"
    assert read_json(run / "result.json")["classes"] == 10
    with pytest.raises(ValueError, match="holds no identities out; name pairs"):
        verify_run(trained_recognizer(run), [], out=tmp_path / "x")


def test_the_head_keeps_its_state_when_its_cost_is_measured():
    material = prepared(recipe(losses=["unitsface"]))
    cell = Cell(methods(material.recipe)[0], 0, 0)
    head = material.loss(cell.method)
    before = {name: value.clone() for name, value in head.state_dict().items()}
    stream = recognition_cell.training_stream(material, cell, steps=1)
    milliseconds, megabytes = recognition_cell.head_cost(head, stream, 8, features=8)
    assert milliseconds > 0
    assert megabytes > 0
    for name, value in head.state_dict().items():
        assert torch.equal(value, before[name])


def prepared(given, folder=None):
    import tempfile
    from pathlib import Path

    return prepare(given, folder or Path(tempfile.mkdtemp()), recognition_cell.read_samples(given.data))


@pytest.mark.message
def test_a_head_with_a_memory_trains_on_one_process(monkeypatch, tmp_path):
    material = prepared(recipe(losses=["unitsface"]), tmp_path)
    cell = Cell(methods(material.recipe)[0], 0, 0)
    model, head = material.model(cell.method, 0), material.loss(cell.method)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="the head unitsface remembers images or draws classes, which several"):
        recognition_cell.training_task(material, cell, model, head)


@pytest.mark.message
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": dataclasses.replace(DATA, split="folds")}, "data.split of a recognition is 'folds'"),
        ({"data": dataclasses.replace(DATA, augment="voc")}, "data.augment of a recognition is 'voc'"),
        ({"data": dataclasses.replace(DATA, split="given")}, "all identities train, so name pairs to test on"),
        ({"data": dataclasses.replace(DATA, crop=[])}, "data.crop is"),
        ({"recognition": Recognition(far=[2.0])}, r"recognition.far is \[2.0\], but must hold rates between 0 and 1"),
        ({"recognition": Recognition(folds=0)}, "folds is 0"),
        ({"robustness": Robustness(shift=1)}, "robustness is for classifications"),
    ],
)
def test_recipes_that_do_not_go_with_it(change, words):
    with pytest.raises(ValueError, match=words):
        kind_of("recognition").check_recipe(recipe(**change))


@pytest.mark.message
def test_runs_that_cannot_verify(finished, tmp_path):
    run = finished[0] / "runs" / "cosface-fold0-seed0"
    shutil.copytree(run, tmp_path / "run")
    values = yaml.safe_load((run / "recipe.yaml").read_text(encoding="utf-8"))
    assert resolved_recipe(values).task == "recognition"
    (tmp_path / "run" / "checkpoints" / "best.pt").unlink()
    with pytest.raises(ValueError, match="has no weights"):
        trained_recognizer(tmp_path / "run")
    (tmp_path / "run" / "recipe.yaml").write_text("task: classification\n", encoding="utf-8")
    with pytest.raises(
        ValueError, match="of the task classification, but verification needs one of the task recognition"
    ):
        trained_recognizer(tmp_path / "run")


def test_a_checkpoint_of_others_verifies(finished, tmp_path):
    from subband.models.iresnet import IResNet

    options = {"depth": [1, 1, 1, 1], "width": 2, "features": 4}
    torch.save(IResNet(**options, size=(32, 32)).state_dict(), tmp_path / "foreign.pt")
    run = trained_recognizer(tmp_path / "foreign.pt", Checkpoint("iresnet", (32, 32), options))
    assert (run.name, run.learned, run.channels) == ("foreign", None, 3)
    found = verify_run(run, [write_people(tmp_path / "people", 4)])
    assert found["folder"] == tmp_path / "verification"
    assert "at learned" not in found["metrics"]
