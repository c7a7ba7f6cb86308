import math

import numpy as np
import pytest

from subband.metrics._segments import Segments
from subband.metrics.neurons import FAILED, length_precision, length_recall, neuron_distances
from subband.transforms.tree import Tree

UNIT = (1.0, 1.0, 1.0)


def line(*places, parents=None):
    """A tree through places."""
    count = len(places)
    parents = np.arange(-1, count - 1) if parents is None else np.array(parents)
    return Tree(np.array(places, float), np.ones(count), parents, np.zeros(count, np.int64))


def random_tree(seed, count, *, spread=1.0):
    """A branched random walk; some of its steps are long, and some have no length."""
    rng = np.random.default_rng(seed)
    parents = np.array([-1, *(max(node - rng.integers(1, 4), 0) for node in range(1, count))])
    steps = rng.normal(0, spread, (count, 3)) * rng.choice([0, 1, 1, 1, 12], (count, 1))
    places = np.zeros((count, 3))
    for node in range(1, count):
        places[node] = places[parents[node]] + steps[node]
    return Tree(places, np.ones(count), parents, np.zeros(count, np.int64))


def to_segment(point, start, end):
    """Distance of a point to one segment, by cases."""
    way = end - start
    if not way.any():
        return math.dist(point, start)
    share = (point - start) @ way / (way @ way)
    return math.dist(point, start if share <= 0 else end if share >= 1 else start + share * way)


def brute(points, tree):
    ends = [(tree.positions[child], tree.positions[parent]) for child, parent in tree.edges]
    return np.array([min(to_segment(point, *pair) for pair in ends) for point in points])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("count", [2, 7, 60])
def test_distances_are_those_of_all_segments(seed, count):
    tree = random_tree(seed, count)
    rng = np.random.default_rng(seed)
    points = np.concatenate(
        [tree.positions, tree.positions[:3], rng.normal(0, 20, (60, 3)), rng.normal(500, 9, (9, 3))]
    )
    points += rng.normal(0, 0.3, points.shape)
    np.testing.assert_allclose(Segments(tree, UNIT).distances(points), brute(points, tree), rtol=1e-12, atol=1e-12)


def test_points_in_the_middle_of_a_ring_need_all_its_segments():
    angles = np.linspace(0, 2 * np.pi, 400)
    ring = line(*np.stack([np.zeros(400), 30 * np.cos(angles), 30 * np.sin(angles)], 1))
    points = np.random.default_rng(0).normal(0, 1e-3, (20, 3))
    np.testing.assert_allclose(Segments(ring, UNIT).distances(points), brute(points, ring), rtol=1e-12)


def test_distances_of_segments_without_length():
    dots = line([0, 0, 0], [0, 0, 0], [0, 0, 0])
    assert Segments(dots, UNIT).distances(np.array([[3.0, 4, 0]])).tolist() == [5]


def test_a_shifted_line_by_hand():
    """Five points each (4 long): all 3 away from the other."""
    found = neuron_distances(line([0, 3, 0], [0, 3, 4]), line([0, 0, 0], [0, 0, 4]))
    assert (found.esa12, found.esa21, found.esa, found.dsa, found.maximum) == (3, 3, 3, 3, 3)
    assert (found.pds12, found.pds21, found.pds, found.failed) == (1, 1, 1, False)


def test_a_missing_end_by_hand():
    """The truth has points 0..6, the trace 0..3: the points 4, 5, 6 are 1, 2, 3 away."""
    found = neuron_distances(line([0, 0, 0], [0, 0, 3]), line([0, 0, 0], [0, 0, 6]))
    assert (found.esa12, found.esa21, found.esa) == (0, 6 / 7, 3 / 7)
    assert found.dsa == 2.5
    assert (found.pds12, found.pds21, found.pds) == (0, 2 / 7, 1 / 7)
    assert found.maximum == 0


def test_joints_count_once_for_each_edge_and_short_edges_once():
    """Edges of 2 and of 0.4: three points and one; the child of the short one is at 2.4."""
    found = neuron_distances(line([0, 0, 0], [0, 0, 2], [0, 0, 2.4]), line([0, 0, 0], [0, 5, 0]))
    assert found.esa12 == pytest.approx((0 + 1 + 2 + 2.4) / 4)


def test_equal_trees_are_zero_apart_and_an_order_of_nodes_does_not_count():
    tree = random_tree(1, 60)
    shuffle = np.random.default_rng(0).permutation(60)
    place = np.argsort(shuffle)
    parents = np.where(tree.parents >= 0, place[tree.parents], -1)[shuffle]
    other = Tree(tree.positions[shuffle], tree.radii, parents, tree.kinds)
    found = neuron_distances(other, tree)
    assert found.esa == pytest.approx(0, abs=1e-12)
    assert (found.dsa, found.pds) == (0, 0)
    assert length_recall(other, tree) == length_precision(other, tree) == pytest.approx(1)


def test_both_ways_change_places_with_the_trees():
    a, b = random_tree(1, 40), random_tree(2, 40)
    there, back = neuron_distances(a, b), neuron_distances(b, a)
    assert (there.esa12, there.pds12, there.maximum) == (back.esa21, back.pds21, back.maximum)
    assert there.esa == pytest.approx(back.esa)
    assert length_recall(a, b) == length_precision(b, a)


def test_spacing_scales_distances_and_lengths():
    a, b = line([0, 0, 0], [4, 0, 0]), line([0, 0, 1], [4, 0, 1])
    found = neuron_distances(a, b, spacing=(1, 1, 3))
    assert (found.esa, found.pds) == (3, 1)
    assert neuron_distances(a, b).pds == 0
    assert (length_recall(a, b), length_recall(a, b, spacing=(1, 1, 3))) == (1, 0)


@pytest.mark.parametrize("nodes", [0, 1, 2])
def test_a_failed_trace_is_never_perfect(nodes):
    parents = np.full(nodes, -1)
    trace = Tree(np.zeros((nodes, 3)), np.ones(nodes), parents, np.zeros(nodes, np.int64))
    truth = line([0, 0, 0], [0, 0, 4])
    for failed in (None, trace):
        found = neuron_distances(failed, truth)
        assert found == FAILED
        assert found.failed
        assert (found.esa, found.dsa, found.pds, found.maximum) == (math.inf, math.inf, 1, math.inf)
        assert length_recall(failed, truth) == length_precision(failed, truth) == 0


def test_lengths_count_not_nodes():
    """Half of the truth by length is found, though most of its nodes lie there."""
    truth = line(*[[0, 0, x / 10] for x in range(101)], [0, 0, 20])
    traced = line([0, 0, 0], [0, 0, 8])
    assert length_recall(traced, truth, distance=2) == pytest.approx(0.5)
    assert length_precision(traced, truth, distance=2) == pytest.approx(1)


@pytest.mark.message
def test_bad_arguments_are_refused():
    tree = line([0, 0, 0], [0, 0, 4])
    dot = line([0, 0, 0])
    with pytest.raises(ValueError, match="the truth has 1 nodes and no length"):
        neuron_distances(tree, dot)
    with pytest.raises(ValueError, match="the truth has 1 nodes and no length"):
        length_recall(tree, dot)
    with pytest.raises(ValueError, match=r"spacing is \(1, 1\), but must be 3 sizes"):
        neuron_distances(tree, tree, spacing=(1, 1))
    with pytest.raises(ValueError, match="threshold is 0, but must be greater than 0"):
        neuron_distances(tree, tree, threshold=0)
    with pytest.raises(ValueError, match="distance is -1, but must be greater than 0"):
        length_precision(tree, tree, distance=-1)


@pytest.mark.slow
def test_a_hundred_thousand_nodes_take_seconds():
    import time

    tree = random_tree(0, 100_000)
    moved = Tree(tree.positions + 0.7, tree.radii, tree.parents, tree.kinds)
    start = time.process_time()
    found = neuron_distances(moved, tree)
    assert time.process_time() - start < 30
    assert 0 < found.esa <= 0.7 * math.sqrt(3)
