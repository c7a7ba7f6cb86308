"""The command line: help, wrong calls, listing and showing."""

import subprocess
import sys

import pytest

from subband.cli import VERBS, main


def run(capsys, *arguments):
    try:
        status = main(list(arguments))
    except SystemExit as stop:
        status = stop.code
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_help_names_every_verb(capsys):
    status, out, _ = run(capsys, "--help")
    assert status == 0
    assert all(verb in out for verb in VERBS)
    assert run(capsys)[1] == out
    assert run(capsys, "--version")[1].startswith("subband ")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(capsys, verb):
    status, out, _ = run(capsys, verb, "--help")
    assert status == 0
    assert out.startswith(f"usage: subband {verb}")
    assert "--recipe" not in out
    assert "{true,false}" not in out


@pytest.mark.message
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("comparr",), "there is no verb 'comparr'; did you mean 'compare'?"),
        (
            ("compare", "segmentation/dmo"),
            "there is no recipe called 'segmentation/dmo'; did you mean 'segmentation/demo'?",
        ),
        (("compare", "none.yaml"), "there is no recipe file none.yaml"),
        (
            ("compare", "segmentation/demo", "--losses", "ce,dise"),
            "there is no loss called 'dise'; did you mean 'dice'?",
        ),
        (
            ("compare", "segmentation/demo", "--optm.lr", "3"),
            "there is no option --optm.lr; did you mean '--optim.lr'?",
        ),
        (("compare", "segmentation/demo", "--optim.lr", "fast"), "optim.lr"),
        (("compare", "segmentation/demo", "--shard", "3/2"), "shard is '3/2', but must be like '2/3'"),
        (("compare", "segmentation/demo", "--budget", "soon"), "budget is 'soon', but must be like '300 steps'"),
        (("compare", "segmentation/demo", "--networks", "unet"), "the recipe compares no networks"),
        (
            ("compare", "segmentation/demo", "--networks", "{A: {widht: 3}}"),
            "unknown key 'widht'; did you mean 'width'?",
        ),
        (("train", "segmentation/demo", "--network", "unet"), "the recipe compares no networks"),
        (("demo", "segmentatoin"), "did you mean 'segmentation'?"),
        (("show", "loss", "cwmy"), "there is no loss called 'cwmy'; did you mean 'cwmi'?"),
        (("list", "losses"), "kind is 'losses'"),
        (("report", "nowhere"), "nowhere holds no comparison.json"),
        (("predict", "nowhere", "[a.png]"), "nowhere holds no finished run"),
    ],
)
def test_wrong_calls_end_in_one_sentence(capsys, tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    status, _, err = run(capsys, *arguments)
    assert status == 2
    assert sentence in err
    assert len(err.splitlines()[0]) < 400
    assert "Traceback" not in err
    assert not any(tmp_path.iterdir()), "a wrong call writes nothing"


def test_list_and_show(capsys):
    from subband import catalog

    out = run(capsys, "list")[1]
    assert all(entry.name in out for entry in catalog.ENTRIES)
    assert "segmentation/demo" in out
    out = run(capsys, "list", "loss")[1]
    assert "cwmi" in out
    assert "attention-unet" not in out
    out = run(capsys, "show", "loss", "cwmi-ce")[1]
    assert "mi_weight=0.1" in out
    assert "from subband.losses.segmentation import CWMILoss" in out
    assert run(capsys, "show", "recipe", "segmentation/demo")[1].startswith("#")


def test_module_form():
    done = subprocess.run(
        [sys.executable, "-m", "subband.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("subband ")
