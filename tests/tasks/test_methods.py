"""Methods: names, labels, baseline, and what may change between two calls."""

import dataclasses

import pytest

from subband.config import Model, Recipe
from subband.tasks.methods import Method, baseline, label, methods, narrowed, network, renamed, slug

TWO = {"UNet narrow": {"width": 4}, "Attention": {"name": "attention-unet", "norm": "group"}}


def named(**changes):
    return [method.name for method in methods(Recipe(**changes))]


def test_names_say_what_differs():
    assert named(losses=["ce", "dice"]) == ["ce", "dice"]
    assert named(losses=["ce"], networks=TWO) == ["unet-narrow", "attention"]
    assert named(losses=["ce", "spw"], networks=TWO) == [
        "unet-narrow-ce",
        "unet-narrow-spw",
        "attention-ce",
        "attention-spw",
    ]
    assert named(losses=["ce", "spw"], networks={"Attention": {}}) == ["ce", "spw"], "one network needs no name"


def test_labels_are_for_people():
    both = Recipe(losses=["ce", "spw"], networks=TWO)
    assert [label(both, method) for method in methods(both)][:2] == ["UNet narrow, CE", "UNet narrow, SPW"]
    one = Recipe(losses=["ce"], networks=TWO)
    assert [label(one, method) for method in methods(one)] == ["UNet narrow", "Attention"]
    plain = Recipe(losses=["cwmi-ce"])
    assert label(plain, methods(plain)[0]) == "CWMI-CE"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("WaveSegNet ch2.2", "wavesegnet-ch2.2"), ("a/b\\c", "a-b-c"), ("..up", "up"), ("DeepLabv3+", "deeplabv3+")],
)
def test_slugs_are_file_names(text, expected):
    assert slug(text) == expected


@pytest.mark.parametrize(
    ("losses", "networks", "wanted", "expected"),
    [
        (["dice", "ce"], {}, "ce", "ce"),
        (["dice", "spw"], {}, "ce", "dice"),
        (["ce"], TWO, "Attention", "attention"),
        (["ce"], TWO, "attention", "attention"),
        (["ce", "spw"], TWO, "Attention", "attention-ce"),
        (["ce", "spw"], TWO, "attention-spw", "attention-spw"),
        (["ce"], TWO, "nothing", "unet-narrow"),
    ],
)
def test_baseline(losses, networks, wanted, expected):
    assert baseline(Recipe(losses=losses, networks=networks, baseline=wanted)).name == expected


def test_a_network_replaces_keys_of_the_model():
    recipe = Recipe(model=Model(width=9, depth=3), networks=TWO)
    assert network(recipe, "UNet narrow") == Model(width=4, depth=3)
    assert network(recipe, "Attention") == Model(name="attention-unet", width=9, depth=3, norm="group")
    assert network(recipe, "") == recipe.model


def test_some_networks_may_be_chosen():
    recipe = Recipe(networks=TWO, losses=["ce"])
    assert list(narrowed(recipe, ["attention"]).networks) == ["Attention"]
    assert list(narrowed(recipe, ["Attention", "unet-narrow"]).networks) == list(TWO)
    assert narrowed(recipe, []) is recipe


def test_names_that_would_change_are_told():
    one = Recipe(networks=TWO, losses=["ce"])
    more = dataclasses.replace(one, networks={**TWO, "third": {}})
    assert renamed(one, more) == []
    assert renamed(one, dataclasses.replace(one, losses=["ce", "dice"]))[0] == "unet-narrow (now unet-narrow-ce)"
    assert renamed(one, narrowed(one, ["attention"])) == ["attention (now ce)"]
    assert renamed(Recipe(losses=["ce"]), Recipe(losses=["ce", "dice"])) == []


def test_methods_can_be_keys():
    assert len({Method("a", "ce"), Method("a", "ce"), Method("a", "ce", "n")}) == 2


@pytest.mark.message
def test_refusals():
    with pytest.raises(ValueError, match="two methods are called 'a-b'"):
        methods(Recipe(networks={"a b": {}, "A/B": {}}, losses=["ce"]))
    with pytest.raises(ValueError, match="two methods are called 'ce'"):
        methods(Recipe(losses=["ce", "ce"]))
    with pytest.raises(ValueError, match="losses is empty; name at least one"):
        methods(Recipe(losses=[]))
    with pytest.raises(ValueError, match="no network called 'atention'; did you mean 'attention'"):
        narrowed(Recipe(networks=TWO), ["atention"])
    with pytest.raises(ValueError, match="the recipe compares no networks"):
        narrowed(Recipe(), ["attention"])
    with pytest.raises(ValueError, match="there is no model called 'unett'; did you mean 'unet'"):
        network(Recipe(networks={"a": {"name": "unett"}}), "a")
    with pytest.raises(ValueError, match="unknown key 'widht'; did you mean 'width'"):
        network(Recipe(networks={"a": {"widht": 3}}), "a")
