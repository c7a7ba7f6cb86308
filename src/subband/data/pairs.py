"""Pairs of images that show one person or two, and identities apart for training and test."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from subband._check import positive
from subband.data.splits import Split

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """Pairs of images of one set.

    Args:
        first: Index of the first image of each pair.
        second: Index of the second one.
        same: Whether the two show one person.
        fold: Fold of each pair, from 0; the folds of a ten-fold protocol.
        label: Name of the set in tables.

    Raises:
        ValueError: If the lists differ in length or are empty.

    Example:
        >>> pairs = Pairs([0, 1], [1, 2], [True, False], [0, 1], "two pairs")
        >>> len(pairs), pairs.folds
        (2, 2)
    """

    first: list[int]
    second: list[int]
    same: list[bool]
    fold: list[int]
    label: str

    def __post_init__(self) -> None:
        lengths = [len(each) for each in (self.first, self.second, self.same, self.fold)]
        if len(set(lengths)) > 1 or not lengths[0]:
            raise ValueError(f"first, second, same and fold have {lengths} entries; give one each for every pair")

    def __len__(self) -> int:
        return len(self.same)

    @property
    def folds(self) -> int:
        """Number of folds."""
        return len(set(self.fold))

    def among(self, indices: Sequence[int]) -> "Pairs":
        """The pairs of which both images are among ``indices``; folds that are left are numbered anew.

        Raises:
            ValueError: If there is none.
        """
        known = set(indices)
        kept = [i for i, pair in enumerate(zip(self.first, self.second, strict=True)) if known.issuperset(pair)]
        if not kept:
            raise ValueError(f"none of the {len(self)} pairs of {self.label} lies among the {len(known)} images given")
        number = {fold: new for new, fold in enumerate(sorted({self.fold[i] for i in kept}))}
        first, second, same = ([each[i] for i in kept] for each in (self.first, self.second, self.same))
        return Pairs(first, second, [bool(value) for value in same], [number[self.fold[i]] for i in kept], self.label)


def pairs_of(
    labels: Sequence[int],
    *,
    indices: Sequence[int] | None = None,
    folds: int = 10,
    per_fold: int = 300,
    seed: int = 0,
    label: str = "derived pairs",
) -> Pairs:
    """Random pairs of labelled images; the people of one fold are in no other fold.

    As in LFW's list a fold has ``per_fold`` pairs of one person, then as many of two; no pair occurs twice.

    Args:
        labels: Person of each image.
        indices: Images to take; all if None.
        folds: Number of folds.
        per_fold: Pairs of one person in a fold, and of two.
        seed: Seed of the choice.
        label: Name of the set.

    Returns:
        ``2 * folds * per_fold`` pairs of indices into ``labels``.

    Raises:
        ValueError: If there are too few people for so many folds, or too few pairs in one of them.

    Example:
        >>> pairs = pairs_of([0, 0, 1, 1, 2, 2, 3, 3], folds=2, per_fold=2)
        >>> pairs.same
        [True, True, False, False, True, True, False, False]
    """
    positive(folds=folds, per_fold=per_fold)
    generator = np.random.default_rng([seed, 41])
    first: list[int] = []
    second: list[int] = []
    for number, people in enumerate(_dealt(labels, indices, folds, generator)):
        same, different = _chosen(people, True, per_fold, generator), _chosen(people, False, per_fold, generator)
        most = min(len(same), len(different))
        if most < per_fold:
            raise ValueError(
                f"per_fold is {per_fold}, but the {len(people)} people of fold {number} have {len(same)} pairs of one "
                f"and {len(different)} of two; give at most {most}, or fewer folds"
            )
        for a, b in (*same, *different):
            first.append(a)
            second.append(b)
    kinds = ([True] * per_fold + [False] * per_fold) * folds
    return Pairs(first, second, kinds, [fold for fold in range(folds) for _ in range(2 * per_fold)], label)


def _dealt(
    labels: Sequence[int], indices: Sequence[int] | None, folds: int, generator: np.random.Generator
) -> list[list[Numbers]]:
    """Images of each person, dealt to the folds; people of several images first, so that every fold has some."""
    chosen = np.arange(len(labels)) if indices is None else np.asarray(indices, np.int64)
    taken = np.asarray(labels)[chosen]
    order = np.argsort(taken, kind="stable")
    _, starts = np.unique(taken[order], return_index=True)
    people = [np.asarray(part, np.int64) for part in np.split(chosen[order], starts[1:])]
    several = sum(len(images) > 1 for images in people)
    if several < folds or len(people) < 2 * folds:
        most = min(several, len(people) // 2)
        raise ValueError(
            f"there are {len(people)} people, {several} of them with two images or more, but {folds} folds need "
            f"{2 * folds} and {folds}; give " + (f"at most {most} folds" if most else "images of more people")
        )
    mixed = [people[i] for i in generator.permutation(len(people))]
    mixed.sort(key=lambda images: len(images) < 2)
    return [mixed[fold::folds] for fold in range(folds)]


def _chosen(people: list[Numbers], same: bool, count: int, generator: np.random.Generator) -> list[tuple[int, int]]:
    """Up to ``count`` pairs of one person, or of two: all such pairs are equally likely, and none occurs twice."""
    sizes = np.array([len(images) for images in people])
    possible = int((sizes * (sizes - 1)).sum() if same else sizes.sum() ** 2 - (sizes**2).sum()) // 2
    if possible > 4 * count:
        return _drawn(people, same, count, generator)
    if same:
        every = [pair for images in people for pair in combinations(images.tolist(), 2)]
    else:
        every = [pair for one, other in combinations(people, 2) for pair in product(one.tolist(), other.tolist())]
    return [every[i] for i in np.sort(generator.permutation(len(every))[:count])]


def _drawn(people: list[Numbers], same: bool, count: int, generator: np.random.Generator) -> list[tuple[int, int]]:
    """``count`` pairs out of many more, drawn until there are enough."""
    images, sizes = np.concatenate(people), np.array([len(each) for each in people])
    owner, starts = np.repeat(np.arange(len(people)), sizes), np.cumsum(sizes) - sizes
    weight = (sizes[owner] - 1) / (sizes * (sizes - 1)).sum() if same else None
    found: dict[tuple[int, int], None] = {}
    while len(found) < count:
        a = generator.choice(len(images), 2 * count, p=weight)
        own = owner[a]
        step = (
            generator.integers(1, np.maximum(sizes[own], 2)) if same else generator.integers(len(images), size=len(a))
        )
        b = starts[own] + (a - starts[own] + step) % sizes[own] if same else step
        fits = (own == owner[b]) == same
        found.update(((min(pair), max(pair)), None) for pair in zip(a[fits].tolist(), b[fits].tolist(), strict=True))
    return [(int(images[a]), int(images[b])) for a, b in list(found)[:count]]


def identity_split(labels: Sequence[int], *, test: float = 0.25, validation: float = 0.0, seed: int = 0) -> Split:
    """Identities apart: a person's images either train, or validate, or test.

    Args:
        labels: Person of each image.
        test: Part of the people that test, in (0, 1); at least two people.
        validation: Part of the people that validate, in [0, 1); at least two people where it is not 0.
        seed: Seed of the choice.

    Returns:
        Indices of the images of each part, in order.

    Raises:
        ValueError: If a part is out of range, or fewer than two people are left for one.

    Example:
        >>> identity_split([0, 0, 1, 2, 2, 3, 3], test=0.5)
        Split(train=[3, 4, 5, 6], validation=[], test=[0, 1, 2])
    """
    people = np.unique(np.asarray(labels))
    held = max(2, round(validation * len(people))) if validation else 0
    tested = max(2, round(test * len(people)))
    if not 0 < test < 1 or not 0 <= validation < 1 or len(people) - held - tested < 2:
        raise ValueError(
            f"test is {test} and validation {validation} of {len(people)} people, which leaves "
            f"{max(0, len(people) - held - tested)} to train; each part needs two people or more"
        )
    order = np.random.default_rng([seed, 43]).permutation(people)
    parts = order[tested + held :], order[tested : tested + held], order[:tested]
    return Split(*(np.flatnonzero(np.isin(labels, part)).tolist() for part in parts))
