import networkx
import numpy as np
import pytest

from subband.transforms.tree import Tree, crop, find_loop, resample, scale, select


def tree_of(positions, parents, radii=None, kinds=None):
    count = len(parents)
    return Tree(
        np.array(positions, float).reshape(count, 3),
        np.ones(count) if radii is None else np.array(radii, float),
        np.array(parents, np.int64),
        np.zeros(count, np.int64) if kinds is None else np.array(kinds, np.int64),
    )


def random_tree(seed, count=200):
    """A random forest in shuffled order."""
    rng = np.random.default_rng(seed)
    parents = np.array([-1, -1, *(rng.integers(0, node) for node in range(2, count))])
    shuffle = rng.permutation(count)
    place = np.argsort(shuffle)
    parents = np.where(parents >= 0, place[parents], -1)[shuffle]
    return tree_of(rng.normal(0, 9, (count, 3)), parents, rng.uniform(0.1, 3, count), rng.integers(0, 5, count))


@pytest.mark.parametrize("seed", range(20))
def test_loops_are_those_of_networkx(seed):
    rng = np.random.default_rng(seed)
    parents = rng.integers(-1, 12, 12)
    graph = networkx.DiGraph((node, parent) for node, parent in enumerate(parents.tolist()) if parent >= 0)
    on_loop = {node for loop in networkx.simple_cycles(graph) for node in loop}
    assert find_loop(parents) == (min(on_loop) if on_loop else None)


def test_a_small_tree_by_hand():
    tree = tree_of([[0, 0, 0], [0, 0, 3], [0, 4, 3], [9, 9, 9]], [-1, 0, 1, -1])
    assert tree.roots.tolist() == [0, 3]
    assert tree.edges.tolist() == [[1, 0], [2, 1]]
    assert tree.length == 7
    assert len(tree) == 4


def test_the_empty_tree_is_one():
    tree = Tree(np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert (len(tree), tree.length, tree.edges.shape, tree.order.tolist()) == (0, 0, (0, 2), [])
    assert len(resample(tree, 1)) == len(crop(tree, (0, 0, 0), (1, 1, 1))) == 0


@pytest.mark.parametrize("seed", range(5))
def test_order_puts_every_parent_before_its_children(seed):
    tree = random_tree(seed)
    assert sorted(tree.order) == list(range(len(tree)))
    place = np.argsort(tree.order)
    child, parent = tree.edges.T
    assert (place[parent] < place[child]).all()


def test_order_keeps_what_is_in_order():
    assert tree_of(np.zeros((4, 3)), [-1, 0, 0, 1]).order.tolist() == [0, 1, 2, 3]


@pytest.mark.message
@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"radii": [1, -2.0, 1]}, r"node 1 has radius -2.0, but must have a finite one, 0 or greater"),
        ({"radii": [1, 1, np.nan]}, r"node 2 has radius nan"),
        ({"positions": [[0, 0, 0], [0, np.inf, 0], [0, 0, 0]]}, r"node 1 lies at \[0.0, inf, 0.0\]"),
        ({"parents": [-1, 0, 3]}, r"node 2 has parent 3, but there are 3 nodes from 0 on"),
        ({"parents": [-1, 0, -2]}, r"node 2 has parent -2"),
        ({"parents": [-1, 2, 1]}, r"node 1 is its own ancestor, but parents must end at a root"),
        ({"parents": [-1, 1, 0]}, r"node 1 is its own ancestor"),
        ({"kinds": [0, 0]}, r"have shapes .*, but must be \(N, 3\), \(N,\), \(N,\) and \(N,\)"),
    ],
)
def test_a_bad_tree_is_refused(changed, text):
    good = {"positions": np.zeros((3, 3)), "radii": np.ones(3), "parents": [-1, 0, 1], "kinds": [0, 0, 0]}
    with pytest.raises(ValueError, match=text):
        Tree(**{**good, **changed})


def test_select_makes_orphans_roots():
    tree = tree_of(np.zeros((4, 3)), [-1, 0, 1, 2], radii=[1, 2, 3, 4])
    kept = select(tree, np.array([True, False, True, True]))
    assert (kept.parents.tolist(), kept.radii.tolist()) == ([-1, -1, 1], [1, 3, 4])


@pytest.mark.message
def test_select_wants_a_mask():
    with pytest.raises(ValueError, match=r"keep has shape \(2,\) and dtype int64, but must be \(1,\) and bool"):
        select(tree_of([[0, 0, 0]], [-1]), np.array([0, 1]))


def test_scale_takes_the_smallest_factor_for_radii():
    found = scale(tree_of([[2, 4, 6]], [-1], radii=[3]), (2, 1, 0.5), min_radius=1)
    assert (found.positions.tolist(), found.radii.tolist()) == ([[4, 4, 3]], [1.5])
    assert scale(found, (1, 1, 0.1), min_radius=1).radii.tolist() == [1]


@pytest.mark.message
@pytest.mark.parametrize("factors", [(1, 1), (1, 0, 1)])
def test_scale_wants_three_factors(factors):
    with pytest.raises(ValueError, match=r"must be 3 numbers \(z, y, x\) greater than 0"):
        scale(tree_of([[0, 0, 0]], [-1]), factors)


def test_crop_keeps_the_first_border_and_not_the_last():
    line = tree_of([[0, 0, x] for x in range(5)], [-1, 0, 1, 2, 3])
    found = crop(line, (0, 0, 1), (1, 1, 2))
    assert found.positions[:, 2].tolist() == [0, 1]
    assert found.parents.tolist() == [-1, 0]


@pytest.mark.message
def test_crop_wants_three_numbers():
    with pytest.raises(ValueError, match="both must be 3 numbers"):
        crop(tree_of([[0, 0, 0]], [-1]), (0, 0), (1, 1, 1))


def test_resample_cuts_branches_into_even_steps():
    fork = tree_of([[0, 0, 0], [0, 0, 1], [0, 0, 3], [0, 2, 3], [0, -3, 3]], [-1, 0, 1, 2, 2], radii=[1, 1, 4, 2, 1])
    found = resample(fork, 1.5)
    assert found.positions.tolist() == [
        [0, 0, 0],
        [0, 0, 1.5],
        [0, 0, 3],
        [0, 1, 3],
        [0, 2, 3],
        [0, -1.5, 3],
        [0, -3, 3],
    ]
    assert found.parents.tolist() == [-1, 0, 1, 2, 3, 2, 5]
    assert found.radii.tolist() == [1, 1.75, 4, 3, 2, 2.5, 1]


@pytest.mark.parametrize("seed", range(3))
def test_resample_keeps_forks_and_a_finer_tree_keeps_its_length(seed):
    tree = random_tree(seed)
    parent = tree.edges[:, 1]
    forks = np.bincount(parent, minlength=len(tree)) != 1
    found = resample(tree, 0.7)
    steps = found.positions[found.edges[:, 0]] - found.positions[found.edges[:, 1]]
    assert np.linalg.norm(steps, axis=1).max() <= 0.7 + 1e-9
    assert set(map(tuple, tree.positions[forks])) <= set(map(tuple, found.positions))
    assert len(found.roots) == len(tree.roots)
    assert tree.length * 0.95 < found.length <= tree.length + 1e-9
    assert resample(tree, 0.05).length == pytest.approx(tree.length, rel=1e-2)


def test_resample_of_nodes_in_one_place_and_of_a_lonely_root():
    found = resample(tree_of([[1, 1, 1], [1, 1, 1], [5, 5, 5]], [-1, 0, -1]), 2)
    assert found.positions.tolist() == [[1, 1, 1], [1, 1, 1], [5, 5, 5]]
    assert found.parents.tolist() == [-1, 0, -1]
    assert found.length == 0
