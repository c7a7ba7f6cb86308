"""Recipes and budgets."""

import dataclasses

import pytest

from subband.config import Model, Recipe, check_keys, find_recipe, parse_budget, read_recipe, resolved_recipe, shipped


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
@pytest.mark.parametrize(
    ("networks", "sentence"),
    [
        ({"A": {"widht": 4}}, r"here, networks, A: unknown key 'widht'; did you mean 'width'"),
        ({"A": {"width": "wide"}}, r"here: width of the network 'A' is 'wide', but must be a whole number"),
        ({"A": {"norm": "layer"}}, r"norm of the network 'A' is 'layer', but must be one of batch, instance, group"),
        ({"A": {"options": "haar"}}, r"options of the network 'A' is 'haar', but must be a group of options"),
        ({"A": {"name": 3}}, r"name of the network 'A' is 3, but must be a name"),
        ({"A": 3}, r"the network 'A' is 3, but must be a group of keys of model"),
        (["A"], r"networks is \['A'\], but must be a group of networks"),
    ],
)
def test_networks_are_checked(networks, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_keys({"networks": networks}, Recipe, "here")


def test_networks_may_replace_every_key():
    keys = {"name": "unet", "width": 4, "depth": 2, "norm": "group", "outputs": "softmax", "weights": None}
    check_keys({"networks": {"A": keys, "B": {"weights": "a.pth", "options": {"dims": 2}}, "C": {}}}, Recipe, "here")


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
    networks = {"WaveSegNet ch2.2": {"name": "wave-segnet", "options": {"wavelet": "ch2.2"}, "width": 8}}
    recipe = dataclasses.replace(recipe, networks=networks, model=Model(options={"mode": "zero"}, weights="a.pth"))
    assert resolved_recipe(dataclasses.asdict(recipe)) == recipe


@pytest.mark.parametrize("name", shipped())
def test_shipped_recipes_name_what_there_is(name):
    from subband import catalog
    from subband.cli._parse import recipe_of
    from subband.tasks.kinds import kind_of
    from subband.tasks.methods import DATASET_KIND, LOSS_KIND, methods, network

    recipe = recipe_of(name)
    assert all(catalog.find(LOSS_KIND[recipe.task], loss).line for loss in recipe.losses)
    if recipe.task == "segmentation":
        assert all(catalog.find("model", network(recipe, label).name) for label in recipe.networks or [""])
    assert recipe.networks == {} or recipe.baseline in (*recipe.networks, *(each.name for each in methods(recipe)))
    assert methods(recipe)
    assert catalog.find(DATASET_KIND[recipe.task], recipe.data.reader)
    kind_of(recipe.task).check_recipe(recipe)
    parse_budget(recipe.budget)
    if name != "segmentation/folder":
        assert recipe.title


SCENES = [name for name in shipped() if "deeplab" in name or "segnet" in name or "scenes" in name]


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENES)
def test_networks_of_the_scene_recipes_can_be_built(name):
    import torch

    from subband.cli._parse import recipe_of
    from subband.tasks.methods import network
    from subband.tasks.segmentation import build_model

    recipe = recipe_of(name)
    for label in recipe.networks:
        keys = network(recipe, label)
        small = dataclasses.replace(keys, width=4, options={**keys.options, **_small(keys)})
        model = build_model(small, channels=3, classes=5, seed=0).eval()
        with torch.inference_mode():
            assert model(torch.zeros(1, 3, 33, 47)).shape == (1, 5, 33, 47)


def _small(keys):
    return {"backbone": "resnet18"} if "backbone" in keys.options else {}


def test_the_authors_scene_recipes_follow_section_3_5():
    """Numbers of LiQiufu/WaveSNet's train.py, written down by hand."""
    from subband.cli._parse import recipe_of

    assert {name.partition("/")[2] for name in SCENES} == {
        "camvid-segnet",
        "camvid-segnet-full",
        "camvid-deeplab",
        "voc-deeplabv3plus",
        "cityscapes-deeplabv3plus",
        "scenes",
    }
    for name, rate, epochs, crop in (
        ("voc-deeplabv3plus", 0.007, 50, [512, 512]),
        ("cityscapes-deeplabv3plus", 0.01, 200, [768, 768]),
    ):
        recipe = recipe_of(f"segmentation/{name}")
        optim, data = recipe.optim, recipe.data
        assert (optim.name, optim.schedule, optim.power, optim.lr) == ("sgd", "poly", 0.9, rate)
        assert (optim.weight_decay, optim.head_lr_factor, optim.loss_over_batch) == (0, 1, False), "confounds are off"
        assert (data.batch, data.crop, data.split, data.normalise) == (8, crop, "given", "imagenet")
        assert data.augment == name.partition("-")[0]
        assert recipe.budget == f"{epochs} epochs"
        assert recipe.validations * 5 == epochs


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
