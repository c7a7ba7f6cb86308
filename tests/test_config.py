"""Recipes and budgets."""

import dataclasses

import pytest

from subband.config import Recipe, check_keys, find_recipe, parse_budget, read_recipe, resolved_recipe, shipped


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("300", (300, "steps")),
        ("300 steps", (300, "steps")),
        ("50 epochs", (50, "epochs")),
        ("20m", (20, "minutes")),
        ("20 minutes", (20, "minutes")),
        ("1.5h", (90, "minutes")),
    ],
)
def test_budget(text, expected):
    assert parse_budget(text) == expected


@pytest.mark.message
@pytest.mark.parametrize("text", ["", "0", "-3 steps", "20 moons", "soon"])
def test_budget_says_what_it_takes(text):
    with pytest.raises(ValueError, match="must be like '300 steps'"):
        parse_budget(text)


@pytest.mark.message
def test_unknown_key_names_the_closest(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("optm: {lr: 1}\n")
    with pytest.raises(ValueError, match=r"mine\.yaml: unknown key 'optm'; did you mean 'optim'"):
        read_recipe(str(path))
    with pytest.raises(ValueError, match="unknown key 'lrr'; did you mean 'lr'"):
        check_keys({"optim": {"lrr": 1}}, Recipe, "here")
    with pytest.raises(ValueError, match="optim is 3, but must be a group of keys"):
        check_keys({"optim": 3}, Recipe, "here")


@pytest.mark.message
def test_broken_recipes(tmp_path):
    with pytest.raises(ValueError, match="did you mean 'segmentation/demo'"):
        find_recipe("segmentation/dem")
    with pytest.raises(ValueError, match="there is no recipe file"):
        find_recipe(str(tmp_path / "none.yaml"))
    (tmp_path / "a.yaml").write_text("a: [1\n")
    with pytest.raises(ValueError, match="this is not YAML"):
        read_recipe(str(tmp_path / "a.yaml"))
    (tmp_path / "b.yaml").write_text("- 1\n")
    with pytest.raises(ValueError, match="a recipe is a mapping"):
        read_recipe(str(tmp_path / "b.yaml"))


def test_recipe_survives_its_own_file():
    recipe = dataclasses.replace(Recipe(), losses=["dice"], loss_options={"dice": {"eps": 1e-3}})
    assert resolved_recipe(dataclasses.asdict(recipe)) == recipe


@pytest.mark.parametrize("name", shipped())
def test_shipped_recipes_name_what_there_is(name):
    from subband import catalog
    from subband.cli._parse import recipe_of

    recipe = recipe_of(name)
    assert all(catalog.find("loss", loss).line for loss in recipe.losses)
    assert catalog.find("model", recipe.model.name)
    assert catalog.find("dataset", recipe.data.reader)
    parse_budget(recipe.budget)
    if name != "segmentation/folder":
        assert recipe.title


def test_authors_recipes_cover_the_published_rows():
    """Every set, network and method of the two published tables has its recipe."""
    import csv
    from importlib import resources

    from subband.catalog import find
    from subband.cli._parse import recipe_of

    recipes = [recipe_of(name) for name in shipped()]
    available = {
        (recipe.data.published, find("model", recipe.model.name).label, find("loss", loss).label)
        for recipe in recipes
        if recipe.budget == "50 epochs"
        for loss in recipe.losses
    }
    folder = resources.files("subband.report") / "published"
    for table, default in (("cwmi_table1.csv", None), ("spw_table1.csv", "UNet")):
        for row in csv.DictReader((folder / table).read_text().splitlines()):
            assert (row["dataset"], row.get("model") or default, row["method"]) in available, row
