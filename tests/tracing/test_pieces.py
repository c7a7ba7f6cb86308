"""The tracer's pieces against dense and plain forms of the same."""

from itertools import combinations

import numpy as np
import pytest
from scipy import ndimage
from skimage.graph import MCP_Geometric

from subband.tracing._voxels import Links, Voxels, border, neighbours
from subband.tracing.bridge import bridges, groups
from subband.tracing.distance import depth, grey_distance
from subband.tracing.foreground import background, blurred, brightness, core
from subband.tracing.paths import Paths, cheapest_paths, reach_below
from subband.tracing.prune import prune, tips
from subband.tracing.radii import smooth


@pytest.fixture(params=[(1.0, 1.0, 1.0), (2.5, 1.0, 1.0)])
def blob(request):
    """A random foreground that touches the border of the volume."""
    noise = ndimage.gaussian_filter(np.random.default_rng(3).standard_normal((12, 17, 15)), 1.2)
    mask = noise > np.quantile(noise, 0.7)
    voxels = Voxels.of(mask)
    return mask, voxels, neighbours(voxels, request.param), request.param


def test_neighbours_are_all_pairs_that_touch(blob):
    _, voxels, links, spacing = blob
    found = {tuple(sorted(pair)): length for *pair, length in zip(links.first, links.second, links.length, strict=True)}
    assert len(found) == len(links.first)
    places = voxels.places
    for a, b in combinations(range(0, len(voxels), 3), 2):
        apart = places[a] - places[b]
        assert ((a, b) in found) == (np.abs(apart).max() == 1)
        if (a, b) in found:
            assert found[a, b] == pytest.approx(np.linalg.norm(apart * spacing))


def test_depth_is_scipys_distance_transform(blob):
    mask, voxels, _, spacing = blob
    at_border, outside = border(voxels)
    np.testing.assert_allclose(depth(voxels, outside, spacing), ndimage.distance_transform_edt(mask, spacing)[mask])
    np.testing.assert_array_equal(at_border, (mask & ~ndimage.binary_erosion(mask, border_value=1))[mask])


def test_paths_cost_what_scikit_image_finds(blob):
    mask, voxels, links, spacing = blob
    price = np.random.default_rng(0).uniform(1, 5, len(voxels))
    group = groups(links, len(voxels))
    root = int(np.flatnonzero(group == 0)[0])
    paths = cheapest_paths(np.array([root]), price, links, voxels.places * np.array(spacing))
    dense = np.full(mask.shape, -1.0)
    dense[mask] = price
    costs, _ = MCP_Geometric(dense, sampling=spacing).find_costs([tuple(voxels.places[root])])
    found = np.zeros(len(voxels))
    for voxel in paths.order[1:]:
        above = paths.parent[voxel]
        found[voxel] = found[above] + paths.step[voxel] * (price[voxel] + price[above]) / 2
    np.testing.assert_allclose(found[paths.order], costs[mask][paths.order])
    assert set(paths.order.tolist()) == set(np.flatnonzero(group == 0).tolist())


def test_grey_distance_by_hand():
    """A bar three wide: half of its grey at the border, and half a step to the middle more."""
    voxels = Voxels.of(np.pad(np.ones((3, 3, 9), bool), 1))
    at_border, _ = border(voxels)
    found = grey_distance(np.full(len(voxels), 2.0), neighbours(voxels, (1, 1, 1)), at_border)
    assert found[at_border] == pytest.approx(1)
    assert found[~at_border] == pytest.approx(3)


def test_bridges_are_the_shortest_between_parts():
    places = np.array([[0, 0, x] for x in [*range(10), 13, 14, 30, 17]], float)
    part = np.array([0] * 10 + [1, 1, 2, 3])
    found = bridges(places, part, 4)
    pairs = {tuple(sorted(pair)) for pair in zip(found.first.tolist(), found.second.tolist(), strict=True)}
    assert pairs == {(9, 10), (11, 13)}
    assert sorted(found.length.tolist()) == [3, 4] or sorted(found.length.tolist()) == [4, 4]
    assert len(bridges(places, part, 0).first) == 0


def test_groups_are_numbered_by_size():
    links = Links(np.array([1, 2, 4]), np.array([2, 3, 5]), np.ones(3))
    assert groups(links, 6).tolist() == [2, 0, 0, 0, 1, 1]


def fork():
    """A line of 10 steps from voxel 0, with a branch of 4 steps from voxel 5."""
    parent = np.array([-1, *range(10), 5, 11, 12, 13])
    places = np.array([[0, 0, k] for k in range(11)] + [[0, k, 5] for k in range(1, 5)], float)
    return Paths(parent, np.arange(15), np.where(parent < 0, 0.0, 1.0)), places


def test_the_longest_branch_comes_first():
    paths, _ = fork()
    assert reach_below(paths)[[0, 5, 11, 14]].tolist() == [10, 5, 3, 0]
    assert tips(paths, 0) == [10, 14]
    assert tips(paths, 5) == [10]


@pytest.mark.parametrize(("cover", "min_length", "kept"), [(0.5, 4, 15), (0.5, 4.1, 11), (1, 4, 11), (1, 3, 15)])
def test_pruning_by_hand(cover, min_length, kept):
    """With a cover of 1 the first step of the branch counts no more."""
    paths, places = fork()
    found = prune(paths, places, np.full(15, cover), np.zeros(15, bool), min_length, 1)
    assert found.sum() == kept


def test_weak_ends_and_far_specks_are_cut_off():
    paths, places = fork()
    weak = np.arange(15) >= 13
    assert np.flatnonzero(prune(paths, places, np.full(15, 0.5), weak, 2, 1)).tolist() == list(range(13))
    paths.step[10] = 5.0
    assert not prune(paths, places, np.full(15, 0.5), np.zeros(15, bool), 2, 1)[10]


def test_smoothing_keeps_ends_and_forks():
    paths, places = fork()
    places[3, 1] = 2
    found = smooth(places, paths.parent, 1)
    np.testing.assert_array_equal(found[[0, 5, 10, 14]], places[[0, 5, 10, 14]])
    assert found[2:5, 1].tolist() == [0.5, 1, 0.5]


def test_the_core_is_half_as_bright_as_what_is_near():
    bright = np.array([0.2, 0.4, 1.0, 0.6, 0.3, 0.3, 0.3, 0.3, 0.3])
    links = Links(np.arange(8), np.arange(1, 9), np.ones(8))
    assert core(bright, links).tolist() == [False, False, True, True, False, False, True, True, True]


def test_brightness_and_background():
    assert brightness(np.array([0, 10, 10, 10, 10]), 0).tolist() == [0.05, 1, 1, 1, 1]
    assert brightness(np.array([3, 3]), 5).tolist() == [1, 1]
    generator = np.random.default_rng(0)
    volume = generator.normal(5, 2, (40, 40, 40))
    np.testing.assert_allclose(background(volume), (5, 2), rtol=0.02)
    assert blurred(volume).std() < 1
