"""The foreground as a list of voxels and of the neighbours among them: what is dark costs no memory."""

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]
FACES = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
FORWARD = tuple(step for step in product((-1, 0, 1), repeat=3) if step > (0, 0, 0))
"""One of each two opposite steps to the 26 neighbours."""


@dataclass(frozen=True, eq=False)
class Voxels:
    """Foreground voxels of a volume, in order.

    Args:
        places: (N, 3) coordinates (z, y, x), sorted as in the volume.
        shape: Size of the volume.
    """

    places: Integers
    shape: tuple[int, ...]

    @classmethod
    def of(cls, mask: Bools) -> "Voxels":
        """The voxels where a mask is true."""
        return cls(np.argwhere(mask), mask.shape)

    def __len__(self) -> int:
        return len(self.places)

    @cached_property
    def numbers(self) -> Integers:
        """(N,) place of each voxel in the flat volume, rising."""
        return np.asarray(np.ravel_multi_index(tuple(self.places.T), self.shape), np.int64)

    def find(self, places: Integers) -> Integers:
        """Index of the voxel at each of ``places`` (M, 3), -1 where it is background, -2 outside the volume."""
        inside = ((places >= 0) & (places < np.array(self.shape))).all(1)
        found = np.full(len(places), -2)
        wanted = np.ravel_multi_index(tuple(places[inside].T), self.shape)
        at = np.minimum(np.searchsorted(self.numbers, wanted), len(self) - 1)
        found[inside] = np.where(self.numbers[at] == wanted, at, -1)
        return found

    def keep(self, kept: Bools) -> "Voxels":
        """Only the voxels where ``kept`` (N,) is true."""
        return Voxels(self.places[kept], self.shape)


@dataclass(frozen=True, eq=False)
class Links:
    """Pairs of neighbouring voxels.

    Args:
        first: (E,) index of a voxel.
        second: (E,) index of its neighbour.
        length: (E,) distance of the two.
    """

    first: Integers
    second: Integers
    length: Floats

    def join(self, other: "Links") -> "Links":
        """These pairs and others after them."""
        pairs = zip((self.first, self.second, self.length), (other.first, other.second, other.length), strict=True)
        return Links(*(np.concatenate(pair) for pair in pairs))


def neighbours(voxels: Voxels, spacing: tuple[float, ...]) -> Links:
    """All pairs of voxels that touch by a face, an edge or a corner, each once."""
    first, second, length = [], [], []
    for step in FORWARD:
        found = voxels.find(voxels.places + step)
        there = np.flatnonzero(found >= 0)
        first.append(there)
        second.append(found[there])
        length.append(np.full(len(there), np.linalg.norm(np.multiply(step, spacing))))
    return Links(np.concatenate(first), np.concatenate(second), np.concatenate(length))


def border(voxels: Voxels) -> tuple[Bools, Integers]:
    """Which voxels have a face neighbour in the background (N,), and the places (M, 3) of those neighbours."""
    at_border = np.zeros(len(voxels), bool)
    outside = []
    for step in FACES:
        for sign in (1, -1):
            places = voxels.places + sign * np.array(step)
            dark = voxels.find(places) == -1
            at_border |= dark
            outside.append(np.ravel_multi_index(tuple(places[dark].T), voxels.shape))
    return at_border, np.stack(np.unravel_index(np.unique(np.concatenate(outside)), voxels.shape), 1)
