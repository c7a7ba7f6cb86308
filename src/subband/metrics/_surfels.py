"""Pieces of the surface of a mask, with their areas, and how far they are from another surface."""

import importlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from subband.metrics._labels import Bools, Floats, Integers

Directed = tuple[Floats, Floats]
"""Distances of the pieces of one surface to another, in rising order, and the areas of the pieces."""


def surfel_distances(p: Bools, t: Bools, spacing: Sequence[float]) -> tuple[Directed, Directed]:
    """From the pieces of p's surface to t's, and back; both masks must have a pixel."""
    box = tuple(slice(int(found.min()), int(found.max()) + 1) for found in np.nonzero(p | t))
    codes = [neighbour_codes(mask[box]) for mask in (p, t)]
    size = tuple(float(length) for length in spacing)
    areas = [piece_areas(size)[code] for code in codes]
    surfaces = [(code > 0) & (code < 2 ** (2**p.ndim) - 1) for code in codes]
    places: list[Floats] = [np.argwhere(surface) * np.array(size) for surface in surfaces]
    weights = [area[surface] for area, surface in zip(areas, surfaces, strict=True)]
    return _directed(places[0], places[1], weights[0]), _directed(places[1], places[0], weights[1])


def _directed(start: Floats, end: Floats, areas: Floats) -> Directed:
    tree = cKDTree(end, balanced_tree=False, compact_nodes=False)
    distances = np.asarray(tree.query(start)[0], np.float64)
    order = np.argsort(distances, kind="stable")
    return distances[order], areas[order]


def neighbour_codes(mask: Bools) -> Integers:
    """Which of the 2^d pixels that meet at each corner are in the mask, as the bits of a number, the first the highest.

    The mask is surrounded by nothing, so that there is one corner more than pixels along each axis.
    """
    padded = np.pad(mask, 1)
    codes = np.zeros([size + 1 for size in mask.shape], np.int64)
    for corner in product((0, 1), repeat=mask.ndim):
        part = tuple(slice(start, start + size + 1) for start, size in zip(corner, mask.shape, strict=True))
        codes = 2 * codes + padded[part]
    return codes


@lru_cache(maxsize=32)
def piece_areas(spacing: tuple[float, ...]) -> Floats:
    """Area (2-D: length) of the surface between the pixels of each neighbour code, in the unit of the spacing.

    The triangles of marching cubes (segments of marching squares) between midpoints; a code and its complement have the
    same surface, of the two possible ones the smaller.
    """
    dims = len(spacing)
    found = np.zeros(2 ** (2**dims))
    for code in range(1, len(found) - 1):
        inside = np.array([code >> bit & 1 for bit in reversed(range(2**dims))], float).reshape([2] * dims)
        found[code] = _cube_area(inside, spacing) if dims == 3 else _square_length(inside, spacing)
    return np.minimum(found, found[::-1])


def _cube_area(inside: Floats, spacing: tuple[float, ...]) -> float:
    measure: Any = importlib.import_module("skimage.measure")
    corners, faces, *_ = measure.marching_cubes(inside, 0.5, spacing=spacing, method="lorensen")
    return float(measure.mesh_surface_area(corners, faces))


def _square_length(inside: Floats, spacing: tuple[float, ...]) -> float:
    measure: Any = importlib.import_module("skimage.measure")
    lines = measure.find_contours(inside, 0.5)
    return float(sum(np.linalg.norm(np.diff(line, axis=0) * spacing, axis=1).sum() for line in lines))
