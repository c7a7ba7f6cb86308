"""The verbs on a recognition, and bad input: one sentence, exit code 2."""

import importlib
import pickle

import numpy as np
import pytest
import tiny_recognition
from PIL import Image

from subband.cli import main
from subband.data.images import write_png
from subband.data.synthetic_faces import SyntheticFaces
from subband.tasks.compare import compare


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces")
    compare(tiny_recognition.recipe(losses=["uniface"]), folder)
    return folder


@pytest.fixture
def people(tmp_path):
    """Faces of four persons, PERSON/NUMBER.png."""
    faces = SyntheticFaces(identities=4, images=3, size=32, first=60)
    for index in range(len(faces)):
        write_png(tmp_path / "people" / f"{faces.names[index]}.png", np.moveaxis(faces[index].pixels, 0, -1))
    return tmp_path / "people"


def refused(capsys, *words, call):
    assert main([str(each) for each in call]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1, "one sentence"
    for word in words:
        assert word in error


def test_verify_prints_both_tables_and_writes_a_page(run, people, tmp_path, capsys):
    call = ["verify", str(run), str(people), "--out", str(tmp_path / "v")]
    assert main(call) == 0
    out = capsys.readouterr().out
    for word in ("people", "accuracy", "EER", "at learned", "threshold", "best", "learned", "verification.html"):
        assert word in out
    page = (tmp_path / "v" / "verification.html").read_text(encoding="utf-8")
    assert "uniface-fold0-seed0" in page
    assert (tmp_path / "v" / "scores" / "people.csv").exists()
    assert main(call) == 1
    assert "holds a verification already; add --overwrite" in capsys.readouterr().err
    assert main([*call, "--overwrite", "--flip", "false"]) == 0


def test_a_list_and_a_bin_file_in_one_call(run, people, tmp_path, capsys):
    (tmp_path / "few.txt").write_text("1\nperson_0060\t0\t1\nperson_0060\t1\tperson_0062\t2\n", encoding="utf-8")
    files = sorted(people.rglob("*.png"))
    images = [files[i].read_bytes() for i in (0, 1, 2, 0, 0, 3, 4, 8)]
    (tmp_path / "two.bin").write_bytes(pickle.dumps((images, [True, True, False, False])))
    call = ["verify", run, tmp_path / "few.txt", tmp_path / "two.bin", "--images", people, "--out", tmp_path / "v"]
    assert main([str(each) for each in call]) == 0
    out = capsys.readouterr().out
    assert "few" in out
    assert "two" in out


def test_evaluate_tests_again_and_predict_says_what_to_do(run, people, tmp_path, capsys):
    assert main(["evaluate", str(run), "--out", str(tmp_path / "e")]) == 0
    assert "faces" in capsys.readouterr().out
    assert main(["evaluate", str(run), "--images", str(people), "--out", str(tmp_path / "f")]) == 0
    assert "people" in capsys.readouterr().out
    refused(capsys, "--masks is for segmentations", call=["evaluate", run, "--masks", people])
    refused(capsys, "says nothing of single images", call=["predict", run, people])


def test_the_demo_goes_to_its_recipe(tmp_path, monkeypatch):
    seen = []
    module = importlib.import_module("subband.cli.compare")
    monkeypatch.setattr(module, "compare", lambda recipe, **options: seen.append(recipe) or 0)
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "recognition"]) == 0
    assert seen[0].task == "recognition"
    assert "unitsface" in seen[0].losses


@pytest.mark.message
def test_bad_pairs_are_named(run, people, tmp_path, capsys):
    out = ["--out", tmp_path / "v"]
    refused(capsys, "there is no pairs file or folder nowhere.txt", call=["verify", run, "nowhere.txt", *out])
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("1\nperson_0060\t0\t9\nperson_0060\t1\tperson_0062\t2\n", encoding="utf-8")
    refused(capsys, "whose images lie in a folder of their own: --images", call=["verify", run, pairs, *out])
    refused(capsys, "pairs.txt", "person_0060", call=["verify", run, pairs, "--images", people, *out])
    (tmp_path / "again").mkdir()
    again = tmp_path / "again" / "pairs.txt"
    again.write_text("1\nperson_0060\t0\t1\nperson_0060\t1\tperson_0062\t2\n", encoding="utf-8")
    pairs.write_text(again.read_text(encoding="utf-8"), encoding="utf-8")
    call = ["verify", run, pairs, again, "--images", people, *out]
    refused(capsys, "two sets of pairs are called 'pairs'; rename a file", call=call)
    assert not (tmp_path / "v").exists()


@pytest.mark.message
def test_a_bin_file_that_tries_to_run_code_runs_nothing(run, tmp_path, capsys):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    (tmp_path / "evil.bin").write_bytes(pickle.dumps(([Evil()], [True])))
    refused(capsys, "evil.bin", call=["verify", run, tmp_path / "evil.bin", "--out", tmp_path / "v"])
    assert not (tmp_path / "ran").exists()


@pytest.mark.message
def test_one_person_alone_is_no_set(run, tmp_path, capsys):
    for number in range(2):
        write_png(tmp_path / "one" / "ada" / f"{number}.png", np.zeros((32, 32, 3), np.uint8))
    refused(capsys, "'ada' only", call=["verify", run, tmp_path / "one", "--out", tmp_path / "v"])
    call = ["compare", "recognition/folder", "--data.root", tmp_path / "one", "--out", tmp_path / "c"]
    refused(capsys, "'ada' only", call=call)


@pytest.mark.message
def test_images_of_other_channels(run, tmp_path, capsys):
    write_png(tmp_path / "x.png", np.zeros((32, 32), np.uint8))
    image = (tmp_path / "x.png").read_bytes()
    (tmp_path / "grey.bin").write_bytes(pickle.dumps(([image] * 4, [True, False])))
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.mode == "L"
    assert main(["verify", str(run), str(tmp_path / "grey.bin"), "--out", str(tmp_path / "v")]) == 0, (
        "grey becomes colour"
    )


@pytest.mark.message
def test_a_truncated_record_file_and_an_unknown_checkpoint(run, parity, tmp_path, capsys):
    folder = parity / "recognition" / "recordio"
    (tmp_path / "train.rec").write_bytes((folder / "tiny.rec").read_bytes()[:-7])
    (tmp_path / "train.idx").write_bytes((folder / "tiny.idx").read_bytes())
    sets = ["--recognition.sets", tmp_path, "--data.workers", "0", "--budget", "1", "--optim.precision", "32-true"]
    call = ["compare", "recognition/casia-r50", "--data.root", tmp_path / "train.rec", *sets, "--out", tmp_path / "c"]
    refused(capsys, "train.rec", call=call)
    (tmp_path / "x.pt").write_bytes(b"nothing")
    refused(capsys, "x.pt is no checkpoint", call=["verify", tmp_path / "x.pt", tmp_path, "--out", tmp_path / "v"])
    refused(capsys, "holds no finished run", call=["verify", tmp_path / "c", tmp_path, "--out", tmp_path / "v"])
