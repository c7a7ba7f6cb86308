"""Which images of a recipe train, validate and test."""

from collections.abc import Sequence

import numpy as np

from subband.config import Data
from subband.data import Split, folds, given_split, holdout


def split_images(samples: object, labels: Sequence[int], data: Data) -> list[Split]:
    """Folds of the recipe, one hold-out split, or the set's own, whose training images validate where none do.

    Args:
        samples: The set, with its own ``split`` or None.
        labels: Class of each image, to validate on the same part of each.
        data: Keys of the recipe.

    Raises:
        ValueError: If ``data.validation`` is out of range, or the set has no split of its own.
    """
    if not 0 <= data.validation < 1:
        raise ValueError(f"data.validation is {data.validation}, but must be within [0, 1)")
    if data.split == "folds":
        return folds(len(labels), folds=data.folds, seed=data.fold_seed)
    if data.split == "holdout":
        return [holdout(len(labels), test_every=3)]
    if data.split == "same":
        return [same(len(labels))]
    split = given_split(samples)
    if split.validation or not data.validation:
        return [split]
    held = held_out([labels[index] for index in split.train], data.validation, seed=data.fold_seed)
    train = [index for place, index in enumerate(split.train) if place not in held]
    return [Split(train, [split.train[place] for place in sorted(held)], split.test)]


def same(n: int) -> Split:
    """All images train, validate and test: whether a network can learn them by heart.

    Example:
        >>> same(2)
        Split(train=[0, 1], validation=[0, 1], test=[0, 1])
    """
    return Split(*(list(range(n)) for _ in range(3)))


def held_out(labels: Sequence[int], part: float, *, seed: int) -> set[int]:
    """Places of a seeded part of the images, the same part of each class, at least one of a class of two.

    Example:
        >>> sorted(held_out([0, 0, 1, 1, 1, 1], 0.5, seed=0))
        [0, 4, 5]
    """
    generator, array = np.random.default_rng([seed, 2]), np.asarray(labels)
    chosen: set[int] = set()
    for label in np.unique(array):
        places = generator.permutation(np.flatnonzero(array == label))
        chosen |= set(places[: min(len(places) - 1, max(1, round(part * len(places))))].tolist())
    return chosen
