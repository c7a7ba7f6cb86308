"""What a run is made of: the dataclasses behind a recipe. Nothing here imports torch."""

import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from subband._check import closest
from subband._groups import Data, Fit, Model, Neurons, Optim, Recognition, Registration, Robustness

__all__ = [
    "GROUPS",
    "Data",
    "Fit",
    "Model",
    "Neurons",
    "Optim",
    "Recipe",
    "Recognition",
    "Registration",
    "Robustness",
    "check_keys",
    "check_networks",
    "find_recipe",
    "parse_budget",
    "read_recipe",
    "resolved_recipe",
    "shipped",
]

RECIPES = Path(__file__).parent / "recipes"
UNITS = {"s": "steps", "e": "epochs", "m": "minutes", "h": "hours"}


@dataclass
class Recipe:
    """A comparison: every method, a network with a loss, is trained on every fold with every seed.

    Args:
        task: Kind of run: classes of pixels, classes of images, boxes around objects, embeddings of images, fields
            between volumes, or trees of neurons.
        name: Short name, used for the folder.
        title: Heading of the report.
        data: Images, crops, folds.
        model: Network.
        networks: Networks to compare, by the name that the report shows: keys of ``model`` that replace those above,
            such as ``WaveSegNet haar: {name: wave-segnet, options: {wavelet: haar}}``. Empty takes the one ``model``.
        optim: Optimiser and schedule.
        losses: Names in the catalogue (``subband list loss``; for classification ``subband list class-loss``, for
            detection ``subband list box-loss``, of a recognition ``subband list head``, for registration
            ``subband list similarity``; for neurons those of a segmentation).
        loss_options: Options of single losses, by name, over the catalogue's.
        baseline: Method that the others are compared with: a loss, or a network where networks are compared; the first
            one if it is not among them.
        budget: Length of each run, ``300 steps`` or ``50 epochs``, or of all runs together, ``20 minutes``.
        warmup: Part of the steps in which CWMI and RMI are their cross-entropy alone, because neither can tell an
            inverted mask from a right one; CWMI's first epoch always is.
        validations: Validations in a run, evenly spaced; the best one is tested.
        validation_images: Images that a validation reads at most; 0 reads all.
        seeds: Seeds of initial weights and crops.
        run_folds: Folds to run; empty runs all.
        threads: Threads of each process; 0 leaves PyTorch's choice.
        robustness: What else is asked of each trained classifier or detector.
        recognition: How a recognition is tested.
        registration: How a registration pairs volumes, trains and is tested.
        neurons: How a neuron network trains and is tested.
    """

    task: Literal["segmentation", "classification", "detection", "recognition", "registration", "neurons"] = (
        "segmentation"
    )
    name: str = "run"
    title: str = ""
    data: Data = field(default_factory=Data)
    model: Model = field(default_factory=Model)
    networks: dict[str, dict[str, Any]] = field(default_factory=dict)
    optim: Optim = field(default_factory=Optim)
    losses: list[str] = field(default_factory=lambda: ["ce", "dice", "cwmi", "spw"])
    loss_options: dict[str, dict[str, Any]] = field(default_factory=dict)
    baseline: str = "ce"
    budget: str = "300 steps"
    warmup: float = 0.15
    validations: int = 10
    validation_images: int = 8
    seeds: list[int] = field(default_factory=lambda: [0])
    run_folds: list[int] = field(default_factory=list)
    threads: int = 0
    robustness: Robustness = field(default_factory=Robustness)
    recognition: Recognition = field(default_factory=Recognition)
    registration: Registration = field(default_factory=Registration)
    neurons: Neurons = field(default_factory=Neurons)


GROUPS: dict[str, type] = {
    "data": Data,
    "model": Model,
    "optim": Optim,
    "robustness": Robustness,
    "recognition": Recognition,
    "registration": Registration,
    "neurons": Neurons,
}
"""Keys of a recipe that are groups of keys."""


def parse_budget(text: str) -> tuple[float, str]:
    """Read ``"300 steps"``, ``"50 epochs"``, ``"20m"``, ``"1.5 h"`` or a bare number of steps.

    Raises:
        ValueError: If it is none of these.
    """
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([a-z]*)\s*", str(text).lower())
    unit = UNITS.get((match[2] or "s")[0]) if match else None
    if match is None or unit is None or float(match[1]) <= 0 or not unit.startswith(match[2][:3]):
        raise ValueError(f"budget is {text!r}, but must be like '300 steps', '50 epochs', '20m' or '1.5h'")
    return (float(match[1]) * 60, "minutes") if unit == "hours" else (float(match[1]), unit)


def check_keys(values: Mapping[str, Any], schema: type, where: str) -> None:
    """Say which key of a recipe is unknown, and the closest known one.

    Raises:
        ValueError: For the first unknown key.
    """
    hints = typing.get_type_hints(schema)
    for key, value in values.items():
        if key not in hints:
            raise ValueError(
                f"{where}: unknown key {key!r}{closest(key, hints)} (known: {', '.join(hints)})",
            )
        if dataclasses.is_dataclass(hints[key]):
            if not isinstance(value, Mapping):
                raise ValueError(f"{where}: {key} is {value!r}, but must be a group of keys")
            check_keys(value, typing.cast(type, hints[key]), f"{where}, {key}")
        elif key == "networks":
            check_networks(value, where)


def check_networks(value: Any, where: str) -> None:
    """Say which key of ``networks`` is unknown.

    Raises:
        ValueError: If it is no group of groups of keys of ``model``.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"{where}: networks is {value!r}, but must be a group of networks, each with keys of model")
    for label, keys in value.items():
        if not isinstance(keys, Mapping):
            raise ValueError(f"{where}: the network {label!r} is {keys!r}, but must be a group of keys of model")
        check_keys(keys, Model, f"{where}, networks, {label}")
        hints = typing.get_type_hints(Model)
        for key, given in keys.items():
            if not _fits(given, hints[key]):
                raise ValueError(
                    f"{where}: {key} of the network {label!r} is {given!r}, but must be {_words(hints[key])}"
                )


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value of a recipe is of the type of its key."""
    origin = typing.get_origin(hint)
    if origin is Literal:
        return value in typing.get_args(hint)
    if origin is types.UnionType:
        return any(_fits(value, each) for each in typing.get_args(hint))
    return isinstance(value, origin or hint)


def _words(hint: Any) -> str:
    """A type as people write it."""
    if typing.get_origin(hint) is Literal:
        return f"one of {', '.join(map(str, typing.get_args(hint)))}"
    return {int: "a whole number", str: "a name"}.get(hint, "a group of options" if "dict" in str(hint) else str(hint))


def shipped() -> list[str]:
    """Names of the recipes inside the package, ``task/name``."""
    return sorted(path.relative_to(RECIPES).with_suffix("").as_posix() for path in RECIPES.rglob("*.yaml"))


def find_recipe(name: str) -> Path:
    """Path of a recipe: a YAML file, or a shipped name.

    Raises:
        ValueError: If there is neither, with the closest shipped name.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise ValueError(f"there is no recipe file {name}; `subband list recipe` names the shipped ones")
        return path
    if name not in shipped():
        raise ValueError(f"there is no recipe called {name!r}{closest(name, shipped())} (or see `subband list recipe`)")
    return RECIPES / f"{name}.yaml"


def read_recipe(name: str) -> dict[str, Any]:
    """Keys of a recipe, checked.

    Raises:
        ValueError: If the recipe is missing, is no YAML mapping, or has an unknown key.
    """
    path = find_recipe(name)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: this is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path}: a recipe is a mapping of keys, but this is {type(values).__name__}")
    check_keys(values, Recipe, str(path))
    return values


def resolved_recipe(values: Mapping[str, Any]) -> Recipe:
    """The recipe of a ``recipe.yaml`` that a run wrote, every key resolved.

    Raises:
        ValueError: If a key is unknown.
    """
    check_keys(values, Recipe, "recipe.yaml")
    groups = {name: kind(**values.get(name, {})) for name, kind in GROUPS.items()}
    return Recipe(**{**values, **groups})
