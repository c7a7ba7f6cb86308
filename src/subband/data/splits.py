"""Which images train, validate and test."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from subband._check import one_of
from subband._files import write_json


@dataclass(frozen=True)
class Split:
    """Indices of the images that train, validate and test."""

    train: list[int]
    validation: list[int]
    test: list[int]


def folds(
    n: int,
    *,
    folds: int = 3,
    seed: int = 0,
    validation: float = 0.2,
    protocol: Literal["authors", "blocks"] = "authors",
) -> list[Split]:
    """Cross-validation splits; every image is tested once.

    Args:
        n: Number of images.
        folds: Number of splits.
        seed: Seed of every shuffle.
        validation: Part of the images outside the test that validate.
        protocol: ``authors`` shuffles the images, then takes the validation at random from the rest. ``blocks`` tests
            on neighbouring images, so that slices of one stack do not have their neighbours in the training.

    Returns:
        One split for each fold: ``int((1 - validation) * rest)`` images train, at least one, and the others validate.

    Raises:
        ValueError: If there are too few images.

    Source:
        lurenhaothu/CWMI, ``train.py``: k-fold with shuffling and a random part of 0.8. The seed is ours; theirs is
        not fixed.

    Example:
        >>> [len(split.test) for split in folds(10)]
        [4, 3, 3]
    """
    one_of("protocol", protocol, ("authors", "blocks"))
    if not 2 <= folds <= n or n - -(-n // folds) < 2:
        raise ValueError(
            f"folds is {folds} for {n} image(s), but must be from 2 to the number of images, "
            "and leave two images to train and validate; give at least 3 images"
        )
    if not 0 <= validation < 1:
        raise ValueError(f"validation is {validation}, but must be within [0, 1)")
    generator = np.random.default_rng(seed)
    order = generator.permutation(n) if protocol == "authors" else np.arange(n)
    splits = []
    for test in np.array_split(order, folds):
        rest = generator.permutation(np.setdiff1d(np.arange(n), test))
        size = max(1, int((1 - validation) * len(rest)))
        splits.append(Split(*(sorted(part.tolist()) for part in (rest[:size], rest[size:], test))))
    return splits


def holdout(n: int, test_every: int = 3) -> Split:
    """One fixed split: every ``test_every``-th image tests, every fifth of the rest validates.

    Raises:
        ValueError: If there are too few images.

    Example:
        >>> holdout(9).test
        [2, 5, 8]
    """
    if test_every < 2 or n < max(3, test_every):
        raise ValueError(f"test_every is {test_every} for {n} images, but needs at least 2, and at least 3 images")
    test = list(range(test_every - 1, n, test_every))
    rest = [index for index in range(n) if index % test_every != test_every - 1]
    validation = rest[2::5] or rest[-1:]
    return Split([index for index in rest if index not in set(validation)], validation, test)


def given_split(samples: object) -> Split:
    """The set's own official split, as the readers of CamVid, Pascal VOC and Cityscapes have it.

    Args:
        samples: A set of samples, with or without a ``split``.

    Raises:
        ValueError: If the set has none, or one without images to train or to test.

    Example:
        >>> class Two:
        ...     split = Split([0], [], [1])
        >>> given_split(Two()).test
        [1]
    """
    split = getattr(samples, "split", None)
    if not isinstance(split, Split):
        raise ValueError(
            f"{type(samples).__name__} has no official split; take folds or holdout instead of given, "
            "or a reader that has one (camvid, voc, cityscapes)"
        )
    for part in ("train", "test"):
        if not getattr(split, part):
            raise ValueError(f"the official split of {type(samples).__name__} has no image to {part}")
    return split


def save_splits(path: str | os.PathLike[str], splits: Sequence[Split], names: Sequence[str]) -> None:
    """Write splits as JSON, by the names of the images.

    Raises:
        OSError: If the file cannot be written.
    """
    write_json(path, [{part: [names[i] for i in indices] for part, indices in vars(split).items()} for split in splits])


def load_splits(path: str | os.PathLike[str], names: Sequence[str]) -> list[Split]:
    """Read what `save_splits` wrote.

    Raises:
        ValueError: If the file is damaged, or names an image that is not there.
    """
    index = {name: i for i, name in enumerate(names)}
    try:
        stored: list[dict[str, Any]] = json.loads(Path(path).read_text(encoding="utf-8"))
        parts = [{part: list(split[part]) for part in ("train", "validation", "test")} for split in stored]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} holds no splits: {error!r}; make it again") from error
    missing = sorted({name for split in parts for part in split.values() for name in part if name not in index})
    if missing:
        raise ValueError(
            f"{path} names {missing[0]!r}, which is not among the {len(names)} images; the data have changed"
        )
    return [Split(**{part: [index[name] for name in listed] for part, listed in split.items()}) for split in parts]
