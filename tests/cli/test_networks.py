"""Networks on the command line: all of a recipe, some of them, one."""

import pytest

from subband.cli import compare as module
from subband.cli import main

RECIPE = """
name: two
data: {reader: synthetic-membranes, count: 9, size: 32, crop: [32, 32], batch: 2, split: holdout}
model: {width: 4, depth: 2}
networks:
  UNet: {}
  Attention gates: {name: attention-unet, norm: group}
losses: [ce, dice]
budget: 2 steps
validations: 1
threads: 1
"""


@pytest.fixture
def path(tmp_path):
    """A recipe file with two networks."""
    (tmp_path / "two.yaml").write_text(RECIPE)
    return str(tmp_path / "two.yaml")


@pytest.fixture
def seen(monkeypatch):
    """Recipes that a comparison is asked for, in place of running it."""
    found = []
    monkeypatch.setattr(module, "compare", lambda recipe, **options: found.append(recipe) or 0)
    return found


def test_recipe_file(path, seen):
    assert main(["train", path]) == 0
    (recipe,) = seen
    assert recipe.networks == {"UNet": {}}
    assert (recipe.losses, recipe.name) == (["ce"], "two-unet-ce")


def test_one_network_of_several(path, seen):
    assert main(["train", path, "--network", "attention-gates", "--loss", "dice", "--model.width", "5"]) == 0
    (recipe,) = seen
    assert recipe.networks == {"Attention gates": {"name": "attention-unet", "norm": "group"}}
    assert (recipe.losses, recipe.name, recipe.model.width) == (["dice"], "two-attention-gates-dice", 5)


@pytest.mark.parametrize("words", [["--networks", "Attention gates"], ["--networks=[attention-gates]"]])
def test_some_networks(path, seen, words):
    assert main(["train", path, *words]) == 0
    assert list(seen[0].networks) == ["Attention gates"]


def test_networks_given_on_the_line(seen):
    group = "{Narrow: {width: 3}, Wide: {width: 9}}"
    assert main(["train", "segmentation/demo", "--networks", group, "--network", "wide"]) == 0
    assert seen[0].networks == {"Wide": {"width": 9}}


@pytest.mark.message
def test_unknown_network(path, seen, capsys):
    assert main(["train", path, "--network", "atention-gates"]) == 2
    assert "no network called 'atention-gates'; did you mean 'attention-gates'" in capsys.readouterr().err
    assert main(["train", path, "--networks", "nothing"]) == 2


@pytest.mark.slow
def test_compare_networks(path, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["compare", path, "--losses", "ce", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "2 runs: 2 networks, 1 loss, 2 steps" in text
    assert "Attention gates" in text
    assert {run.name for run in (out / "runs").iterdir()} == {"unet-fold0-seed0", "attention-gates-fold0-seed0"}
    assert "method" in (out / "summary.md").read_text()
    assert main(["evaluate", str(out / "runs" / "attention-gates-fold0-seed0")]) == 0
    capsys.readouterr()
    assert main(["compare", path, "--losses", "ce", "--networks", "unet", "--out", str(out)]) == 2
    assert "names of methods, unet (now ce)" in " ".join(capsys.readouterr().err.split())
