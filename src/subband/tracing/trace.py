"""From a grey volume to the tree of its neuron."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from subband._check import not_negative, one_of
from subband.tracing._nodes import tree_of
from subband.tracing._voxels import Bools, Floats, Links, Voxels, border, neighbours
from subband.tracing.bridge import bridges, groups
from subband.tracing.bright import Foreground, foreground_of
from subband.tracing.distance import depth, grey_distance
from subband.tracing.foreground import FAINTEST, brightness, core
from subband.tracing.paths import cheapest_paths
from subband.tracing.prune import prune
from subband.tracing.soma import deepest, nearest
from subband.transforms.tree import Tree

Apart = Literal["leave", "roots"]
BRIDGE_PRICE = 3.0
"""Price of a bridge against the dearest way of its length in the foreground."""
LOWEST = 0.05
"""Least grey distance that is told apart in the price of a way."""
COVER = 1.0
"""A voxel of the tree covers all within its depth and so much more, in units of length."""
GAP = 8.0
"""Longest bridge, if nothing else is asked for."""
MIN_LENGTH = 4.0
"""Shortest branch, if nothing else is asked for."""
Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Traced:
    """A tree and how it came about.

    Attributes:
        tree: The tree; the soma is node 0.
        threshold: Grey value above which a voxel was foreground; None where a mask was given.
        voxels: Number of foreground voxels.
        left_out: Number of voxels of each part that no bridge reaches and that is not in the tree, largest first.
    """

    tree: Tree
    threshold: float | None
    voxels: int
    left_out: tuple[int, ...]


def trace(
    volume: NDArray[Any],
    *,
    mask: NDArray[Any] | None = None,
    soma: Sequence[float] | None = None,
    threshold: float | None = None,
    spacing: Sequence[float] = (1.0, 1.0, 1.0),
    gap: float = GAP,
    min_length: float = MIN_LENGTH,
    apart: Apart = "leave",
    progress: Progress | None = None,
) -> Tree:
    r"""Trace a neuron: cheapest ways from its soma through the foreground, pruned to those that cover it.

    The price of a unit of length is :math:`1 / g^2` of the grey-weighted distance g to the background, so that ways
    keep to the middle of bright fibres. Time and memory grow with the number of foreground voxels. Lengths are in
    voxels of the finest axis, but for the shortest branch: along the coarsest axis a shape is known to a voxel there.

    Args:
        volume: (Z, Y, X) grey values, fibres bright: unsigned integers or floats.
        mask: Foreground (Z, Y, X), everything but 0; None takes what is brighter than ``threshold``.
        soma: Its centre (z, y, x) in voxels, moved to the nearest foreground voxel; None takes the centre of the
            largest ball in the largest part of the foreground.
        threshold: Grey value; None blurs a noisy volume a little and takes `find_threshold` of that.
        spacing: Size of a voxel along (z, y, x), in any one unit.
        gap: Longest bridge over background between two parts of the foreground.
        min_length: Shortest branch in voxels of the coarsest axis, bridges counted off; shorter ones are left out.
        apart: What becomes of parts that no bridge reaches: ``leave`` them out, or give them ``roots`` of their own.
        progress: Called with the name of each step as it begins.

    Returns:
        A tree with nodes about 1.5 voxels apart, the soma (kind 1) first; kind 3 elsewhere. It has one node only if
        there is no branch.

    Raises:
        ValueError: If the volume is not 3-D, its foreground is empty or everything, or an option does not fit.

    Source:
        The idea of APP2 (Xiao and Peng, Bioinformatics 29(11), 2013): grey-weighted distance, ways from the soma to
        every voxel, pruning by coverage. Departures: price :math:`1 / g^2` instead of
        :math:`\exp(10 (1 - g / g_{\max})^2)`, which tells thin fibres not apart from their border beside a thick soma;
        gaps are bridged; see `prune`.

    Example:
        >>> volume = np.zeros((9, 9, 30), np.uint8)
        >>> volume[4, 4, 2:14] = volume[4, 4, 18:28] = 200
        >>> tree = trace(volume, soma=(4, 4, 2))
        >>> len(tree.roots), round(tree.length)
        (1, 25)
    """
    return trace_report(
        volume,
        mask=mask,
        soma=soma,
        threshold=threshold,
        spacing=spacing,
        gap=gap,
        min_length=min_length,
        apart=apart,
        progress=progress,
    ).tree


def find_soma(
    volume: NDArray[Any],
    *,
    mask: NDArray[Any] | None = None,
    threshold: float | None = None,
    spacing: Sequence[float] = (1.0, 1.0, 1.0),
) -> tuple[float, float, float]:
    """Centre (z, y, x) of the largest ball in the largest connected part of the foreground; options as in `trace`.

    Example:
        >>> volume = np.zeros((9, 9, 30), np.uint8)
        >>> volume[4, 4] = volume[3:6, 3:6, 20:23] = 200
        >>> find_soma(volume)
        (4.0, 4.0, 21.0)
    """
    found = _seen(foreground_of(volume, mask, threshold), _unit(spacing))
    group = groups(found.links, len(found.voxels))
    z, y, x = found.voxels.places[deepest(found.depths, found.bright, group)[0]]
    return float(z), float(y), float(x)


def trace_report(
    volume: NDArray[Any],
    *,
    mask: NDArray[Any] | None = None,
    soma: Sequence[float] | None = None,
    threshold: float | None = None,
    spacing: Sequence[float] = (1.0, 1.0, 1.0),
    gap: float = GAP,
    min_length: float = MIN_LENGTH,
    apart: Apart = "leave",
    progress: Progress | None = None,
) -> Traced:
    """Trace as `trace` does, and say with what threshold and what was left out."""
    say = progress or _silent
    say("foreground")
    found = foreground_of(volume, mask, threshold)
    return trace_foreground(
        found, soma=soma, spacing=spacing, gap=gap, min_length=min_length, apart=apart, progress=progress
    )


def trace_foreground(
    foreground: Foreground,
    *,
    soma: Sequence[float] | None = None,
    spacing: Sequence[float] = (1.0, 1.0, 1.0),
    gap: float = GAP,
    min_length: float = MIN_LENGTH,
    apart: Apart = "leave",
    progress: Progress | None = None,
) -> Traced:
    """Trace as `trace` does, where the volume itself is not in memory."""
    not_negative(gap=gap, min_length=min_length)
    one_of("apart", apart, get_args(Apart))
    say, size = progress or _silent, _unit(spacing)
    found = _seen(foreground, size)
    voxels, count = foreground.voxels, len(foreground.voxels)
    places = voxels.places * np.array(size)
    say("grey-weighted distance")
    inner = grey_distance(found.bright, found.links, found.at_border)
    say("bridges")
    over = bridges(places, groups(found.links, count), gap)
    links = found.links.join(Links(over.first, over.second, BRIDGE_PRICE * over.length))
    group = groups(links, count)
    starts = deepest(found.depths, found.bright, group)
    root = int(starts[0]) if soma is None else nearest(voxels, soma, size)
    others = np.delete(starts, group[root]) if apart == "roots" else starts[:0]
    say("paths")
    paths = cheapest_paths(np.array([root, *others]), 1 / np.maximum(inner, LOWEST) ** 2, links, places)
    say("pruning")
    near = float(np.linalg.norm(size)) * (1 + 1e-9)
    kept = prune(paths, places, found.depths + COVER, found.weak, min_length * max(size), near)
    sizes = np.bincount(group)[np.setdiff1d(group, group[kept])]
    tree = tree_of(voxels, paths, kept, found.depths, size)
    return Traced(tree, foreground.threshold, count, tuple(sorted(sizes.tolist(), reverse=True)))


@dataclass(frozen=True, eq=False)
class _Seen:
    """Links of the foreground with what is known of each voxel; weak ones join others, but make no branch."""

    voxels: Voxels
    links: Links
    bright: Floats
    depths: Floats
    at_border: Bools
    weak: Bools


def _seen(foreground: Foreground, size: tuple[float, ...]) -> _Seen:
    voxels = foreground.voxels
    links = neighbours(voxels, size)
    bright = brightness(foreground.grey, foreground.level)
    at_border, outside = border(voxels)
    weak = np.zeros(len(voxels), bool) if foreground.threshold is None else ~core(bright, links)
    bright[weak] = FAINTEST
    depths = depth(voxels, np.concatenate([outside, voxels.places[weak]]), size)
    return _Seen(voxels, links, bright, depths, at_border, weak)


def _unit(spacing: Sequence[float]) -> tuple[float, ...]:
    """Size of a voxel where the finest axis has 1."""
    if len(spacing) != 3 or not all(0 < length < np.inf for length in spacing):
        raise ValueError(f"spacing is {tuple(spacing)}, but must be three lengths (z, y, x) greater than 0")
    return tuple(float(length) / min(spacing) for length in spacing)


def _silent(step: str) -> None:
    """Say nothing."""
