"""Roads seen from above."""

import numpy as np

from subband.data._drawing import (
    Array,
    Drawn,
    Generator,
    Truth,
    blur,
    curve,
    depth_of_lines,
    grid,
    regions,
    smooth_noise,
    some_of,
    turned,
    window,
)

BLOCK = 36.0
"""Mean distance of two crossings, in pixels."""
FIELDS = np.array([[0.42, 0.5, 0.34], [0.5, 0.52, 0.4], [0.36, 0.44, 0.33], [0.56, 0.52, 0.45], [0.48, 0.47, 0.43]])
ROOFS = np.array([[0.75, 0.73, 0.7], [0.55, 0.4, 0.36], [0.62, 0.62, 0.66], [0.85, 0.84, 0.8]])


def draw_roads(generator: Generator, space: tuple[int, ...], *, hard: bool) -> Drawn:
    """A planar road network: the shortest tree through random crossings, with extra edges and bent lines.

    Hard images have trees over the roads, paths and car parks of the roads' colour, and more noise.
    """
    nodes, edges = _network(generator, space)
    points, radii = _lines(generator, nodes, edges, space)
    depth, centre = depth_of_lines(points, radii, space)
    mask = (depth >= 0).astype(np.uint8)
    image = _land(generator, space)
    _buildings(generator, image, mask, mask.size // 450)
    if hard:
        _look_alikes(generator, image, mask, mask.size // 2500)
    grey = 0.62 + 0.05 * smooth_noise(generator, space, 20)
    cover = np.clip(depth + 0.5, 0, 1)
    image = image * (1 - cover) + grey * cover
    _trees(generator, image, np.ones(space, bool), mask.size // 400)
    if hard:
        _trees(generator, image, centre, mask.size // 1300)
    image = np.stack([blur(plane, 0.6) for plane in image])
    image += (0.05 if hard else 0.02) * generator.standard_normal(image.shape)
    return Drawn(image, mask, Truth(regions(mask), centre, nodes, edges))


def _network(generator: Generator, space: tuple[int, ...]) -> tuple[Array, np.ndarray]:
    """Crossings and the edges between them; every crossing can be reached."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import minimum_spanning_tree
    from scipy.spatial import Delaunay

    counts = [max(2, round(size / BLOCK)) for size in space]
    axes = [np.arange(count) + 0.5 for count in counts]
    nodes = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)
    nodes = (nodes + generator.uniform(-0.35, 0.35, nodes.shape)) * np.array(space) / np.array(counts)
    nodes = np.clip(nodes, 2, np.array(space) - 3)
    corners = Delaunay(nodes).simplices
    pairs = np.unique(np.sort(np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]]]), 1), axis=0)
    length = np.linalg.norm(nodes[pairs[:, 0]] - nodes[pairs[:, 1]], axis=1)
    tree = minimum_spanning_tree(coo_array((length, pairs.T), (len(nodes), len(nodes)))).tocoo()
    in_tree = {tuple(sorted(pair)) for pair in zip(tree.row.tolist(), tree.col.tolist(), strict=True)}
    extra = (length < 1.4 * BLOCK) & (generator.random(len(pairs)) < 0.35)
    kept = [tuple(pair) in in_tree or more for pair, more in zip(pairs.tolist(), extra.tolist(), strict=True)]
    return _with_exits(generator, nodes, pairs[kept], space)


def _with_exits(
    generator: Generator, nodes: Array, edges: np.ndarray, space: tuple[int, ...]
) -> tuple[Array, np.ndarray]:
    """Add a road to the border on each side."""
    new_nodes: list[Array] = []
    new_edges: list[tuple[int, int]] = []
    for axis in (0, 1):
        for end in (0.0, space[axis] - 1.0):
            near = int(np.argsort(np.abs(nodes[:, axis] - end))[generator.integers(2)])
            exit_at = nodes[near].copy()
            exit_at[axis] = end
            new_edges.append((near, len(nodes) + len(new_nodes)))
            new_nodes.append(exit_at)
    return np.concatenate([nodes, new_nodes]), np.concatenate([edges, new_edges]).astype(np.int64)


def _lines(generator: Generator, nodes: Array, edges: np.ndarray, space: tuple[int, ...]) -> tuple[Array, Array]:
    """Points and radii along the bent edges, all inside the image."""
    points, radii = [], []
    for start, stop in edges:
        way = nodes[stop] - nodes[start]
        length = float(np.linalg.norm(way)) + 1e-9
        t = np.linspace(0, 1, max(2, int(2.5 * length)))
        side = np.array([-way[1], way[0]]) / length
        first, second = generator.normal(0, 0.05 * length, 2)
        bend = first * np.sin(np.pi * t) + second * np.sin(2 * np.pi * t)
        points.append(nodes[start] + t[:, None] * way + bend[:, None] * side)
        radii.append(np.full(len(t), generator.choice([1.25, 1.5, 2.0])))
    return np.clip(np.concatenate(points), 0, np.array(space) - 1), np.concatenate(radii)


def _land(generator: Generator, space: tuple[int, ...]) -> Array:
    """Fields of several colours, (3, *space)."""
    from scipy.spatial import cKDTree

    seeds = generator.uniform(0, 1, (max(6, space[0] * space[1] // 1500), 2)) * np.array(space)
    field = cKDTree(seeds).query(grid(space).reshape(2, -1).T)[1].reshape(space)
    colours = FIELDS[generator.integers(len(FIELDS), size=len(seeds))] + 0.03 * generator.standard_normal(
        (len(seeds), 3)
    )
    shade = 0.04 * smooth_noise(generator, space, 12) + 0.03 * smooth_noise(generator, space, 2.5)
    return colours.T[:, field] + shade


def _buildings(generator: Generator, image: Array, mask: np.ndarray, count: int) -> None:
    """Draw roofs with a shadow beside the roads."""
    space = mask.shape
    for centre in some_of(generator, mask == 0, count):
        half = generator.uniform(1.5, 4, 2)
        angle = generator.choice([0.0, 0.4, 0.8]) + generator.normal(0, 0.05)
        colour = ROOFS[generator.integers(len(ROOFS))].reshape(3, 1, 1)
        for shift, paint in ((1.2, 0.2), (0.0, colour)):
            box, offset = window(centre + shift, 7, space)
            along, across = turned(offset, angle)
            roof = (np.abs(along) < half[0]) & (np.abs(across) < half[1])
            part = image[(slice(None), *box)]
            part[:] = np.where(roof, paint, part)


def _look_alikes(generator: Generator, image: Array, mask: np.ndarray, count: int) -> None:
    """Draw paths and car parks of the roads' colour, which are no roads."""
    space = mask.shape
    starts = some_of(generator, mask == 0, count)
    for index, start in enumerate(starts):
        grey = generator.uniform(0.55, 0.66)
        if index % 2:
            box, offset = window(start, 6, space)
            along, across = turned(offset, generator.uniform(0, np.pi))
            part = image[(slice(None), *box)]
            part[:] = np.where((np.abs(along) < 5) & (np.abs(across) < 3), grey, part)
        else:
            points = curve(generator, start, generator.uniform(12, 30), bend=0.08)
            depth, _ = depth_of_lines(points, np.full(len(points), 0.75), space)
            cover = np.clip(depth + 0.5, 0, 1)
            image *= 1 - cover
            image += grey * cover


def _trees(generator: Generator, image: Array, where: np.ndarray, count: int) -> None:
    """Draw round dark green crowns."""
    for centre in some_of(generator, where, count):
        radius = generator.uniform(1.5, 3.5)
        box, offset = window(centre, radius + 1, where.shape)
        cover = np.clip(radius + 0.5 - np.sqrt((offset**2).sum(0)), 0, 1)
        colour = np.array([0.2, 0.3, 0.18]) + 0.04 * generator.standard_normal(3)
        part = image[(slice(None), *box)]
        part += cover * (colour.reshape(3, 1, 1) - part)
