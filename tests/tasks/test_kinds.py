"""Every kind of run gives what a comparison asks for."""

import inspect

import pytest

from subband.catalog import kinds
from subband.tasks.kinds import MODULES, Kind, kind_of
from subband.tasks.methods import DATASET_KIND, LOSS_KIND

WANTED = [name for name, _ in inspect.getmembers(Kind, inspect.isfunction) if not name.startswith("_")]


@pytest.mark.parametrize("task", MODULES)
def test_a_kind_has_every_function_with_its_arguments(task):
    kind = kind_of(task)
    assert isinstance(kind.SCORE, str)
    assert len(WANTED) > 10
    for name in WANTED:
        assert shape(getattr(kind, name)) == shape(getattr(Kind, name))[1:], name  # without self


def shape(function):
    """Each argument: its name where it is called by that, else None."""
    parameters = inspect.signature(function).parameters.values()
    return [each.name if each.kind is inspect.Parameter.KEYWORD_ONLY else None for each in parameters]


def test_a_kind_has_losses_and_readers_of_its_own():
    assert set(LOSS_KIND) == set(DATASET_KIND) == set(MODULES)
    assert {*LOSS_KIND.values(), *DATASET_KIND.values()} <= set(kinds())


@pytest.mark.message
def test_an_unknown_task_is_named():
    with pytest.raises(ValueError, match=r"task is 'detections', but must be one of .*; did you mean 'detection'"):
        kind_of("detections")
