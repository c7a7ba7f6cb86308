"""What a comparison compares: methods, each a network with a loss."""

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from subband import catalog
from subband._check import closest
from subband.config import Model, Recipe, check_networks

LOSS_KIND = {
    "segmentation": "loss",
    "classification": "class-loss",
    "detection": "box-loss",
    "recognition": "head",
    "registration": "similarity",
    "neurons": "loss",
}
"""Kind of a task's losses in the catalogue."""
DATASET_KIND = {
    "segmentation": "dataset",
    "classification": "class-dataset",
    "detection": "box-dataset",
    "recognition": "face-dataset",
    "registration": "volume-dataset",
    "neurons": "neuron-dataset",
}
"""Kind of a task's readers in the catalogue."""


@dataclass(frozen=True)
class Method:
    """A network with a loss.

    Attributes:
        name: Name in the folder: the loss where there is one network, the network where there is one loss, else both.
        loss: Name of the loss in the catalogue.
        network: Label of the network in the recipe's ``networks``; empty for the recipe's one ``model``.
    """

    name: str
    loss: str
    network: str = ""


def methods(recipe: Recipe) -> list[Method]:
    """Methods of a recipe, losses within networks.

    Raises:
        ValueError: If two methods have one name.

    Example:
        >>> from subband.config import Recipe
        >>> [method.name for method in methods(Recipe(losses=["ce", "dice"]))]
        ['ce', 'dice']
        >>> two = {"SegNet": {}, "WaveSegNet ch2.2": {}}
        >>> [method.name for method in methods(Recipe(networks=two, losses=["ce"]))]
        ['segnet', 'wavesegnet-ch2.2']
    """
    networks = list(recipe.networks) or [""]
    found = [Method(_name(recipe, label, loss), loss, label) for label in networks for loss in recipe.losses]
    twice = [name for name, count in Counter(method.name for method in found).items() if count > 1]
    if twice:
        raise ValueError(
            f"two methods are called {twice[0]!r}; give each network and loss once, under a name of its own"
        )
    if not found:
        raise ValueError("losses is empty; name at least one, such as --losses ce")
    return found


def slug(label: str) -> str:
    """A label as part of a file name: ``WaveSegNet ch2.2`` is ``wavesegnet-ch2.2``."""
    return re.sub(r"[^a-z0-9.+]+", "-", label.lower()).strip("-.")


def label(recipe: Recipe, method: Method) -> str:
    """A method as people write it."""
    loss = catalog.find(LOSS_KIND[recipe.task], method.loss).label
    if len(recipe.networks) < 2:
        return loss
    return method.network if len(recipe.losses) == 1 else f"{method.network}, {loss}"


def baseline(recipe: Recipe) -> Method:
    """Method that the others are compared with: by name, by the label of its network, or the first."""
    known = methods(recipe)
    wanted = (recipe.baseline, slug(recipe.baseline))
    return next((method for method in known if method.name in wanted or slug(method.network) in wanted), known[0])


def network(recipe: Recipe, chosen: str) -> Model:
    """Keys of a network: those of ``model``, with what the network replaces.

    Names of classifiers are not looked up here: those of torchvision and timm are known when they are built.

    Raises:
        ValueError: If a key or the name of the network is unknown.
    """
    check_networks(recipe.networks, "recipe")
    model = dataclasses.replace(recipe.model, **recipe.networks.get(chosen, {}))
    if recipe.task == "segmentation":
        catalog.find("model", model.name)
    return model


def narrowed(recipe: Recipe, chosen: Sequence[str]) -> Recipe:
    """The recipe with some of its networks, by label or its short form.

    Raises:
        ValueError: If there is no such network, with the closest name.
    """
    if not chosen:
        return recipe
    known = {slug(name): name for name in recipe.networks}
    if not known:
        raise ValueError(
            "the recipe compares no networks, so there is none to choose; leave --networks and --network out"
        )
    for name in chosen:
        if slug(name) not in known:
            raise ValueError(
                f"there is no network called {name!r}{closest(slug(name), known)} (known: {', '.join(known)})"
            )
    wanted = {slug(name) for name in chosen}
    return dataclasses.replace(
        recipe, networks={name: keys for name, keys in recipe.networks.items() if slug(name) in wanted}
    )


def renamed(before: Recipe, after: Recipe) -> list[str]:
    """Names of methods that a recipe had and that are called otherwise now, because there are more to tell apart."""
    now = {(method.network, method.loss): method.name for method in methods(after)}
    changed = []
    for method in methods(before):
        name = now.get((method.network, method.loss), method.name)
        if name != method.name:
            changed.append(f"{method.name} (now {name})")
    return changed


def _name(recipe: Recipe, label: str, loss: str) -> str:
    if len(recipe.networks) < 2:
        return loss
    return slug(label) if len(recipe.losses) == 1 else f"{slug(label)}-{loss}"
