"""Which volume is moved onto which: from a list, or by a rule."""

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np

from subband._check import closest, positive


@dataclass(frozen=True)
class Pairs:
    """Indices of the volumes that are moved and of those that they are moved onto.

    Attributes:
        moving: Index of the moving volume of each pair.
        fixed: Index of its fixed volume.

    Raises:
        ValueError: If the two lists differ in length, or a volume is paired with itself.

    Example:
        >>> list(Pairs([0, 0], [1, 2]))
        [(0, 1), (0, 2)]
    """

    moving: list[int]
    fixed: list[int]

    def __post_init__(self) -> None:
        if len(self.moving) != len(self.fixed):
            raise ValueError(
                f"there are {len(self.moving)} moving and {len(self.fixed)} fixed volumes; give one fixed for each"
            )
        same = [a for a, b in zip(self.moving, self.fixed, strict=True) if a == b]
        if same:
            raise ValueError(f"volume {same[0]} is paired with itself; choose two volumes for each pair")

    def __len__(self) -> int:
        return len(self.moving)

    def __getitem__(self, index: int, /) -> tuple[int, int]:
        return self.moving[index], self.fixed[index]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self.moving, self.fixed, strict=True)


def atlas_to_subject(atlas: int, subjects: Sequence[int]) -> Pairs:
    """One atlas moved onto every subject, as the IXI protocol does.

    Args:
        atlas: Index of the moving volume.
        subjects: Indices of the fixed ones; the atlas is left out if it is among them.

    Raises:
        ValueError: If no subject is left.

    Example:
        >>> atlas_to_subject(0, [0, 1, 2])
        Pairs(moving=[0, 0], fixed=[1, 2])
    """
    fixed = [index for index in subjects if index != atlas]
    if not fixed:
        raise ValueError(f"there is no subject beside the atlas {atlas}; give at least one other volume")
    return Pairs([atlas] * len(fixed), fixed)


def subject_to_subject(subjects: Sequence[int], *, count: int | None = None, seed: int = 0) -> Pairs:
    """Ordered pairs of different subjects, all of them or a seeded choice.

    Args:
        subjects: Indices of the volumes.
        count: Number of pairs; None takes all n (n - 1). No subject is moving, nor fixed, twice before all have been.
        seed: Seed of the choice.

    Raises:
        ValueError: If there are not two subjects, or not as many pairs.

    Example:
        >>> len(subject_to_subject(range(5))), len(subject_to_subject(range(5), count=7))
        (20, 7)
    """
    chosen = [int(subject) for subject in subjects]
    most = len(chosen) * (len(chosen) - 1)
    if len(set(chosen)) < max(2, len(chosen)):
        raise ValueError(f"subjects are {chosen}, but must be two or more different volumes")
    if count is None:
        return Pairs(*map(list, zip(*permutations(chosen, 2), strict=True)))
    positive(count=count)
    if count > most:
        raise ValueError(f"count is {count}, but {len(chosen)} subjects make {most} pairs; take fewer, or None for all")
    generator = np.random.default_rng(seed)
    order = [chosen[place] for place in generator.permutation(len(chosen))]
    steps = 1 + generator.permutation(len(order) - 1)
    circle = [(first, order[(place + step) % len(order)]) for step in steps for place, first in enumerate(order)]
    return Pairs(*map(list, zip(*circle[:count], strict=True)))


def read_pairs(path: str | os.PathLike[str], names: Sequence[str]) -> Pairs:
    """Read pairs from a CSV file with the columns ``moving`` and ``fixed``; others are passed over.

    Args:
        path: CSV file; its cells are names of volumes, with or without ``.nii.gz``.
        names: Name of each volume.

    Raises:
        ValueError: If the file is missing or has no such columns, or a volume is not in the set.

    Example:
        >>> read_pairs("pairs.csv", ["a", "b"])
        Traceback (most recent call last):
        ValueError: there is no file pairs.csv; expected a CSV with the columns moving and fixed
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"there is no file {path}; expected a CSV with the columns moving and fixed")
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, skipinitialspace=True)
        columns = [str(column).strip() for column in reader.fieldnames or []]
        reader.fieldnames = columns
        if not {"moving", "fixed"} <= set(columns):
            raise ValueError(
                f"{path} has the columns {', '.join(columns) or 'none'}; expected moving and fixed in its first line"
            )
        rows = [(reader.line_num, row["moving"], row["fixed"]) for row in reader]
    if not rows:
        raise ValueError(f"{path} holds no pair; write one line with a moving and a fixed volume for each")
    known = {name: index for index, name in enumerate(names)}
    moving = [_index(cell, known, f"{path}, line {line}") for line, cell, _ in rows]
    fixed = [_index(cell, known, f"{path}, line {line}") for line, _, cell in rows]
    return Pairs(moving, fixed)


def _index(cell: str | None, known: dict[str, int], where: str) -> int:
    """Index of the volume that a cell names."""
    name = (cell or "").strip()
    for each in (name, name.removesuffix(".gz").removesuffix(".nii")):
        if each in known:
            return known[each]
    shown = ", ".join(list(known)[:3]) + ", ..." * (len(known) > 3)
    raise ValueError(f"{where}: there is no volume {name!r}{closest(name, known)} (there are {shown})")
