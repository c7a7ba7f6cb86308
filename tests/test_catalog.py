"""Every name in the catalogue stands for something that can be built."""

import inspect
import re

import pytest
import torch

from subband import catalog
from subband.catalog import ENTRIES, Entry, find, kinds, names

EACH = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.kind}-{entry.name}")
LOSSES = [entry for entry in ENTRIES if entry.kind == "loss"]


@EACH
def test_loads(entry):
    assert callable(entry.load())


@EACH
def test_names_are_words(entry):
    letters = "A-Za-z" if entry.kind == "metric" else "a-z"  # metrics keep their usual spelling
    assert re.fullmatch(rf"[{letters}0-9]+(-[a-z0-9]+)*", entry.name)


@EACH
def test_says_what_it_is_and_where_it_comes_from(entry):
    assert entry.line.strip()
    assert entry.source.strip()
    assert "\n" not in entry.line + entry.source
    assert not entry.line.endswith(".")


@EACH
def test_options_are_arguments_of_the_object(entry):
    parameters = inspect.signature(entry.load()).parameters
    assert set(entry.options) <= set(parameters)
    assert all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters.values())


@pytest.mark.parametrize("entry", LOSSES, ids=lambda entry: entry.name)
def test_a_loss_is_built_with_its_options(entry):
    assert isinstance(entry.load()(**entry.options), torch.nn.Module)


@pytest.mark.parametrize("entry", [entry for entry in LOSSES if entry.options], ids=lambda entry: entry.name)
def test_the_options_of_a_variant_change_the_value(entry, generator):
    logits = torch.randn((1, 1, 32, 32), generator=generator)
    target = (torch.rand((1, 32, 32), generator=generator) > 0.8).long()
    assert entry.load()(**entry.options)(logits, target) != entry.load()()(logits, target)


def test_names_are_unique_within_a_kind():
    every = [(entry.kind, entry.name) for entry in ENTRIES]
    assert len(every) == len(set(every))


def test_labels_are_unique_among_losses():
    labels = [entry.label for entry in LOSSES]
    assert all(labels)
    assert len(labels) == len(set(labels))


def test_every_exported_loss_has_a_name():
    from subband.losses import segmentation

    targets = {entry.target.partition(":")[2] for entry in LOSSES}
    exported = {name for name in segmentation.__all__ if name.endswith("Loss")} - {"SegmentationLoss"}
    assert exported == targets


def test_kinds_and_names_follow_the_order_of_the_entries():
    assert kinds()[0] == "loss"
    assert names("loss")[:3] == ["ce", "bce", "dice"]
    assert sum(len(names(kind)) for kind in kinds()) == len(ENTRIES)


def test_find_returns_the_entry():
    assert find("loss", "cwmi").target == "subband.losses.segmentation:CWMILoss"


def test_find_searches_among_the_entries_it_is_given():
    own = Entry("loss", "mine", "builtins:dict", "a loss of a user", "-")
    assert find("loss", "mine", among=[own]).load() is dict


@pytest.mark.message
def test_find_says_what_there_is():
    with pytest.raises(ValueError, match=r"there is no loss called 'cwni'; did you mean 'cwmi'\? \(known: ce, bce, "):
        find("loss", "cwni")


def test_an_entry_with_a_wrong_target_fails_when_it_is_loaded():
    with pytest.raises(AttributeError):
        Entry("loss", "none", "subband.catalog:nothing", "-", "-").load()
    assert not hasattr(catalog, "nothing")
