"""From a volume and its tree to what trains: cropped to the tree, made smaller, noise."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from subband._check import not_negative, positive
from subband.data.sample import FloatImage, by
from subband.transforms.tree import Tree, scale

MARGIN = (5, 10, 10)
LONGEST = 1024
DEPTH = 32
"""Slices that a volume keeps at least when it is made smaller."""

Scalar = TypeVar("Scalar", bound=np.generic)


def crop_to_tree(
    volume: NDArray[Scalar], tree: Tree, *, margin: Sequence[int] = MARGIN
) -> tuple[NDArray[Scalar], Tree, tuple[int, ...]]:
    """The box around the nodes of a tree, and a margin as far as the volume reaches.

    Args:
        volume: Grey values (Z, Y, X).
        tree: Nodes in voxels of the volume.
        margin: Voxels on both sides along (z, y, x).

    Returns:
        The part of the volume (a view), the tree in its voxels, and its first voxel in the volume.

    Raises:
        ValueError: If no node lies inside the volume.

    Source:
        The production of NeuCuDa (LiQiufu/3D-WaveUNet, ``preprocess``).

    Example:
        >>> tree = Tree([[20, 30, 30], [20, 40, 50]], [1, 1], [-1, 0], [1, 3])
        >>> part, moved, start = crop_to_tree(np.zeros((40, 64, 64)), tree)
        >>> part.shape, moved.positions[0].tolist(), start
        ((11, 31, 41), [5.0, 10.0, 10.0], (15, 20, 20))
    """
    not_negative(margin=min(margin))
    sizes, places = np.array(volume.shape), np.rint(tree.positions)
    if not ((places >= 0) & (places < sizes)).all(1).any():
        raise ValueError(
            f"no node of the tree lies inside the volume of {by(volume.shape)} voxels; check that both belong "
            "together, and the unit and the direction of the tree's coordinates"
        )
    first = np.clip(np.floor(tree.positions.min(0)) - margin, 0, sizes - 1).astype(int)
    last = np.clip(np.ceil(tree.positions.max(0)) + margin, 0, sizes - 1).astype(int)
    part = volume[tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))]
    return part, replace(tree, positions=tree.positions - first), tuple(first.tolist())


def smaller_shape(shape: Sequence[int], *, longest: int = LONGEST) -> tuple[int, ...]:
    """Size of a volume (z, y, x) whose longest side is at most ``longest``, its shape kept.

    A volume that would be left with at most 32 slices keeps all that it has.

    Example:
        >>> smaller_shape((40, 2048, 1000)), smaller_shape((128, 2048, 1000)), smaller_shape((8, 64, 64))
        ((40, 1024, 500), (64, 1024, 500), (8, 64, 64))
    """
    positive(longest=longest)
    ratio = min(longest / max(shape), 1.0)
    sizes = [max(round(size * ratio), 1) for size in shape]
    return (sizes[0] if shape[0] * ratio > DEPTH else min(shape[0], longest), *sizes[1:])


def resize_nearest(volume: NDArray[Scalar], tree: Tree, shape: Sequence[int]) -> tuple[NDArray[Scalar], Tree]:
    r"""Another size of a volume and its tree: voxel i is voxel :math:`\lfloor i n / m \rfloor` of n, for m.

    Args:
        volume: Grey values or labels (Z, Y, X).
        tree: Nodes in voxels of the volume.
        shape: New size (z, y, x).

    Returns:
        The new volume, and the tree: coordinates times the factor of each axis, radii times the smallest one, at
        least 1.

    Source:
        The production of NeuCuDa (LiQiufu/3D-WaveUNet, ``preprocess``).

    Example:
        >>> tree = Tree([[0, 2, 4]], [3.0], [-1], [1])
        >>> volume, small = resize_nearest(np.arange(8).reshape(1, 1, 8), tree, (1, 1, 4))
        >>> volume.tolist(), small.positions.tolist(), small.radii.tolist()
        ([[[0, 2, 4, 6]]], [[0.0, 2.0, 2.0]], [1.5])
    """
    if tuple(shape) == volume.shape:
        return volume, tree
    rows = [np.arange(new) * old // new for new, old in zip(shape, volume.shape, strict=True)]
    factors = [new / old for new, old in zip(shape, volume.shape, strict=True)]
    return volume[np.ix_(*rows)], scale(tree, factors, min_radius=1.0)


def add_noise(generator: np.random.Generator, image: FloatImage, *, variance: float = 0.01) -> FloatImage:
    """Gaussian noise on an image in [0, 1], cut to that and rounded to 256 grey values.

    Args:
        generator: Source of the random numbers.
        image: Grey values in [0, 1], of any shape.
        variance: Of the noise.

    Source:
        The production of NeuCuDa, for the images that its (unpublished) list names.

    Example:
        >>> noisy = add_noise(np.random.default_rng(0), np.full((50, 50), 0.5, np.float32))
        >>> round(float(noisy.std()), 2)
        0.1
    """
    not_negative(variance=variance)
    grain = generator.standard_normal(image.shape, np.float32) * np.float32(math.sqrt(variance))
    levels: FloatImage = np.rint(np.clip(image + grain, 0, 1) * 255)
    return np.asarray(levels / np.float32(255), np.float32)
