import importlib
import math

import numpy as np
import pytest

from subband.transforms.rasterize import rasterize
from subband.transforms.tree import Tree


def ball(shape, centre, radius):
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    return ((grid - np.array(centre)) ** 2).sum(-1) <= radius**2


def by_the_formula(tree, shape, margin):
    """The specification word for word, one ball at a time."""
    found = np.zeros(shape, bool)
    for centre, radius in zip(tree.positions, tree.radii, strict=True):
        found |= ball(shape, centre, radius + margin)
    for child, parent in tree.edges:
        way = tree.positions[child] - tree.positions[parent]
        distance, mean = np.linalg.norm(way), (tree.radii[parent] + tree.radii[child]) / 2
        if distance < mean:
            continue
        count = math.ceil(distance / mean) - 1
        fall = (tree.radii[parent] - tree.radii[child]) / (count + 1)
        along = tree.radii[parent]
        for i in range(1, count + 1):
            if along >= distance:
                break
            radius = tree.radii[parent] - i * fall + margin
            found |= ball(shape, tree.positions[parent] + way * along / distance, radius)
            along += radius
    return found


def random_tree(seed, count=12):
    rng = np.random.default_rng(seed)
    parents = np.array([-1, *(rng.integers(0, node) for node in range(1, count))])
    return Tree(rng.uniform(-3, 18, (count, 3)), rng.uniform(0.3, 3, count), parents, np.zeros(count, np.int64))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("margin", [0.0, 0.25])
@pytest.mark.parametrize("at_once", [1, 50_000])
def test_labels_are_the_union_of_all_balls(seed, margin, at_once, monkeypatch):
    module = importlib.import_module("subband.transforms.rasterize")  # the package's name is the function
    monkeypatch.setattr(module, "VOXELS_AT_ONCE", at_once)
    tree, shape = random_tree(seed), (15, 11, 13)
    assert (rasterize(tree, shape, margin=margin) == by_the_formula(tree, shape, margin)).all()


def test_one_ball_by_hand():
    tree = Tree(np.array([[1.0, 1, 1]]), np.ones(1), np.array([-1]), np.array([1]))
    found = rasterize(tree, (3, 3, 3))
    assert found.sum() == 7
    assert found[1, 1].all()
    assert not found[0, 0].any()


def test_a_chain_has_no_hole():
    tree = Tree(np.array([[2.0, 2, 2], [2, 2, 40]]), np.array([1.0, 2]), np.array([-1, 0]), np.zeros(2, np.int64))
    assert rasterize(tree, (5, 5, 45))[2, 2, 1:43].all()


def test_a_neuron_outside_marks_nothing_and_an_empty_tree_neither():
    line = Tree(np.array([[50.0, 50, 50], [60, 60, 60]]), np.ones(2), np.array([-1, 0]), np.zeros(2, np.int64))
    empty = Tree(np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert not rasterize(line, (8, 8, 8)).any()
    assert not rasterize(empty, (8, 8, 8)).any()


def test_radii_of_zero_end():
    tree = Tree(np.array([[0.0, 0, 0], [0, 0, 8]]), np.zeros(2), np.array([-1, 0]), np.zeros(2, np.int64))
    assert rasterize(tree, (1, 1, 9))[0, 0].all()
    assert rasterize(tree, (1, 1, 9), margin=0.0)[0, 0].tolist() == [True, *[False] * 7, True]


@pytest.mark.message
def test_a_bad_shape_is_refused():
    tree = random_tree(0)
    with pytest.raises(ValueError, match=r"shape is \(4, 4\), but must be 3 sizes \(Z, Y, X\)"):
        rasterize(tree, (4, 4))
    with pytest.raises(ValueError, match="margin is -1, but must be 0 or greater"):
        rasterize(tree, (4, 4, 4), margin=-1)


@pytest.mark.slow
def test_a_hundred_thousand_nodes_take_seconds():
    import time

    rng = np.random.default_rng(0)
    positions = np.cumsum(rng.normal(size=(100_000, 3)), 0) % 128
    tree = Tree(positions, rng.uniform(0.5, 2, 100_000), np.arange(-1, 99_999), np.zeros(100_000, np.int64))
    start = time.process_time()
    assert rasterize(tree, (128, 128, 128)).any()
    assert time.process_time() - start < 20
