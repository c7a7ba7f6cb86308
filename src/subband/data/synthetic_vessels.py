"""Vessels of a retina, or of a volume."""

import numpy as np

from subband.data._drawing import (
    Array,
    Drawn,
    Generator,
    Truth,
    blur,
    depth_of_lines,
    gaps,
    grid,
    regions,
    smooth_noise,
    some_of,
    window,
)

THINNEST = 0.75
"""Radius at which a vessel ends, in pixels."""
MOST_BRANCHES = 400


def draw_vessels(generator: Generator, space: tuple[int, ...], *, hard: bool) -> Drawn:
    """Branching vessels whose radii follow Murray's law, on a fundus (2-D, colour) or in a grey volume (3-D).

    At a fork :math:`r^3 = r_1^3 + r_2^3`. Hard images have gaps of contrast, lesions and more noise.
    """
    size = np.array(space)
    root = size * generator.uniform(0.35, 0.65, len(size))
    if len(space) == 2:
        root[1] = size[1] * generator.choice([0.2, 0.8])
    view = ((grid(space) / (size - 1).reshape(-1, 1, 1) - 0.5) ** 2).sum(0) < 0.49**2 if len(size) == 2 else None
    points, radii, nodes, edges = _tree(generator, root, np.ones(space, bool) if view is None else view)
    depth, centre = depth_of_lines(points, radii, space)
    mask = (depth >= 0).astype(np.uint8)
    strength = np.clip(depth + 0.5, 0, 1) * np.clip(0.55 + 0.15 * depth, 0.35, 1)
    if hard:
        strength *= gaps(generator, centre, mask.size // (1200 if len(space) == 2 else 6000), (2.0, 4.5))
    if view is not None:
        mask *= view
        image = _fundus(generator, strength, root, view, hard=hard)
    else:
        shade = 0.3 + 0.04 * smooth_noise(generator, space, 20) + 0.5 * strength
        image = (blur(shade, 0.6) + (0.09 if hard else 0.03) * generator.standard_normal(space))[None]
    return Drawn(image, mask, Truth(regions(mask), centre, nodes, edges))


def _tree(generator: Generator, root: Array, view: np.ndarray) -> tuple[Array, Array, Array, np.ndarray]:
    """Points and radii of the centre lines, half a pixel apart and all in view, with nodes and edges."""
    size = min(view.shape)
    thickest = 1.1 + size / 90
    growing = [(0, direction, thickest) for direction in _starts(generator, len(root))]
    nodes, points, radii = [root], [], []
    edges: list[tuple[int, int]] = []
    while growing and len(edges) < MOST_BRANCHES:
        node, direction, radius = growing.pop(0)
        length = radius * generator.uniform(4, 9) + size / 14
        headings = direction + np.cumsum(generator.normal(0, 0.05, (int(2 * length), len(root))), 0)
        headings /= np.linalg.norm(headings, axis=1, keepdims=True)
        share = generator.uniform(0.55, 0.9)
        whole = nodes[node] + np.cumsum(0.5 * headings, 0)
        line = _in_view(whole, view)
        if len(line) == 0:
            continue
        points.append(line)
        radii.append(np.full(len(line), radius))
        edges.append((node, len(nodes)))
        nodes.append(line[-1])
        if len(line) < len(whole):
            continue
        for part, side in ((share, 1.0), (1 - share, -1.0)):
            child = radius * part ** (1 / 3)
            if child >= THINNEST:
                bend = side * (1 - part) * generator.uniform(1.0, 1.8)
                growing.append((len(nodes) - 1, _unit(headings[-1] + bend * _across(generator, headings[-1])), child))
    return np.concatenate(points), np.concatenate(radii), np.array(nodes), np.array(edges, np.int64)


def _in_view(line: Array, view: np.ndarray) -> Array:
    """The line up to where it leaves the view."""
    pixels = np.rint(line).astype(np.int64)
    inside = np.asarray(((pixels >= 0) & (pixels < np.array(view.shape))).all(1))
    inside[inside] = view[tuple(pixels[inside].T)]
    return line if inside.all() else line[: int(np.argmin(inside))]


def _starts(generator: Generator, dims: int) -> list[Array]:
    """Four directions: up and down from the disc, or anywhere in a volume."""
    if dims == 3:
        return [_unit(generator.standard_normal(3)) for _ in range(4)]
    angles = np.pi * np.array([0.3, 0.7, -0.3, -0.7]) + generator.normal(0, 0.15, 4)
    return [np.array([np.sin(angle), np.cos(angle)]) for angle in angles]


def _fundus(generator: Generator, strength: Array, root: Array, view: np.ndarray, *, hard: bool) -> Array:
    """Colour image of a retina with an optic disc at ``root``."""
    space = strength.shape
    from_disc = ((grid(space) - root.reshape(-1, 1, 1)) ** 2).sum(0) / (min(space) / 13) ** 2
    light = 1 + 0.12 * smooth_noise(generator, space, min(space) / 3) + 0.03 * smooth_noise(generator, space, 4)
    image = np.array([0.78, 0.42, 0.2]).reshape(3, 1, 1) * light
    image += np.array([0.2, 0.35, 0.25]).reshape(3, 1, 1) * np.exp(-(from_disc**2))
    image *= 1 - np.array([0.3, 0.5, 0.4]).reshape(3, 1, 1) * strength
    if hard:
        for index, centre in enumerate(some_of(generator, view, view.size // 1500)):
            box, offset = window(centre, 6, space)
            spot = np.exp(-(offset**2).sum(0) / generator.uniform(1, 6))
            image[(slice(None), *box)] += (0.2 if index % 3 == 0 else -0.15) * spot
    image = np.stack([blur(plane, 0.6) for plane in image])
    image += (0.05 if hard else 0.02) * generator.standard_normal(image.shape)
    return np.where(view, image, 0.02)


def _across(generator: Generator, direction: Array) -> Array:
    """A random unit vector at right angles to ``direction``."""
    if len(direction) == 2:
        return np.array([-direction[1], direction[0]])
    other = generator.standard_normal(len(direction))
    return _unit(other - direction * (other @ direction))


def _unit(vector: Array) -> Array:
    return vector / np.linalg.norm(vector)
