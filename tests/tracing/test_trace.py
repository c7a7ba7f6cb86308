"""The tracer on volumes whose tree is known."""

import numpy as np
import pytest

from subband.data.synthetic_neurons import SyntheticNeurons
from subband.metrics.neurons import length_precision, length_recall
from subband.tracing import find_soma, find_threshold, trace, trace_report

CLEAN = {"gaps": 0, "touching": 0, "speckle": 0, "background": 0, "shot": 0, "noise": 0}


def fibre(*ranges, shape=(9, 9, 40), value=200):
    """A straight bright line along x in the middle, one voxel wide, in parts."""
    volume = np.zeros(shape, np.uint8)
    for start, stop in ranges:
        volume[shape[0] // 2, shape[1] // 2, start:stop] = value
    return volume


def tips(tree):
    return np.flatnonzero(np.bincount(tree.parents[tree.parents >= 0], minlength=len(tree)) == 0)


@pytest.mark.slow
def test_a_clean_volume_is_found_nearly_whole():
    """Acceptance: at least 98 % of the length within 2 voxels, of 20 seeds each; and hardly anything else."""
    for sample in SyntheticNeurons(20, **CLEAN):
        traced = trace(sample.image)
        assert length_recall(traced, sample.tree) >= 0.98
        assert length_precision(traced, sample.tree) >= 0.98


def test_a_true_mask_is_found_nearly_whole():
    for sample in SyntheticNeurons(3, seed=4, **CLEAN):
        traced = trace(sample.image, mask=sample.labels)
        assert length_recall(traced, sample.tree) >= 0.98
        assert length_precision(traced, sample.tree) == 1
        assert 0.95 < traced.length / sample.tree.length < 1.03
        assert np.linalg.norm(traced.positions[0] - sample.tree.positions[0]) < 2
        assert abs(len(tips(traced)) - len(tips(sample.tree))) <= 2


def test_a_straight_line_by_hand():
    tree = trace(fibre((5, 31)), soma=(4, 4, 5))
    assert tree.positions[0].tolist() == [4, 4, 5]
    assert tree.positions[tips(tree)].tolist() == [[4, 4, 30]]
    assert tree.length == pytest.approx(25)
    assert (tree.kinds[0], set(tree.kinds[1:].tolist())) == (1, {3})
    np.testing.assert_allclose(tree.radii, 0.75)


@pytest.mark.parametrize(("gap", "length"), [(5, 9), (6, 25)])
def test_a_gap_is_bridged_if_it_is_not_too_long(gap, length):
    """From x = 14 to x = 20 there are 6 voxels to go."""
    report = trace_report(fibre((5, 15), (20, 31)), soma=(4, 4, 5), gap=gap)
    assert report.tree.length == pytest.approx(length)
    assert report.left_out == (() if gap == 6 else (11,))
    assert report.voxels == 21


def test_a_chain_of_small_parts_is_bridged():
    tree = trace(fibre((2, 12), (14, 19), (21, 26), (28, 38)), soma=(4, 4, 2), gap=4)
    assert tree.length == pytest.approx(35)


def test_a_speck_beyond_a_bridge_is_no_branch():
    volume = fibre((5, 25))
    volume[4, 4, 30:32] = 200
    assert trace(volume, soma=(4, 4, 5)).length == pytest.approx(19)


def test_parts_apart_get_roots_of_their_own_if_asked_to():
    volume = fibre((2, 20), shape=(9, 30, 40))
    volume[4, 2, 2:14] = 200
    left = trace_report(volume, soma=(4, 15, 2))
    assert (len(left.tree.roots), left.left_out) == (1, (12,))
    both = trace_report(volume, soma=(4, 15, 2), apart="roots")
    assert (len(both.tree.roots), both.left_out) == (2, ())
    assert both.tree.length == pytest.approx(17 + 11)
    assert both.tree.positions[0].tolist() == [4, 15, 2]


def test_short_branches_are_left_out():
    volume = fibre((2, 38), shape=(9, 20, 40))
    volume[4, 11:17, 20] = 200
    assert len(tips(trace(volume, soma=(4, 10, 2), min_length=3))) == 2
    assert len(tips(trace(volume, soma=(4, 10, 2), min_length=8))) == 1


def test_the_soma_is_the_largest_ball():
    volume = fibre((2, 38), shape=(21, 21, 40))
    z, y, x = np.indices(volume.shape)
    volume[(z - 10) ** 2 + (y - 10) ** 2 + (x - 30) ** 2 <= 25] = 200
    assert find_soma(volume) == (10, 10, 30)
    tree = trace(volume)
    assert tree.positions[0].tolist() == [10, 10, 30]
    assert tree.radii[0] == pytest.approx(5, abs=0.5)
    assert len(tips(tree)) <= 2, "no branches within the soma"
    np.testing.assert_allclose(tree.positions[:, :2], 10)


def test_spacing_counts_in_voxels_of_the_finest_axis():
    """Along z a voxel is four long: a gap of two voxels is 8 long."""
    volume = np.zeros((20, 9, 9), np.uint8)
    volume[2:9, 4, 4] = volume[10:18, 4, 4] = 200
    options = {"soma": (2, 4, 4), "spacing": (2.0, 0.5, 0.5)}
    assert trace(volume, gap=7.9, **options).length == pytest.approx(6)
    tree = trace(volume, gap=8, **options)
    assert tree.length == pytest.approx(15)
    np.testing.assert_allclose(tree.radii, 0.75)


@pytest.mark.parametrize(("shortest", "ends"), [(4, 1), (1, 2)])
def test_the_shortest_branch_counts_in_voxels_of_the_coarsest_axis(shortest, ends):
    """A spur of 2 voxels along z is 6 of the finest ones long, but may be a voxel's blur."""
    volume = np.zeros((9, 9, 30), np.uint8)
    volume[2, 4, 2:28] = volume[2:5, 4, 15] = 200
    tree = trace(volume, soma=(2, 4, 2), spacing=(3.0, 1.0, 1.0), min_length=shortest)
    assert len(np.setdiff1d(np.arange(len(tree)), tree.parents)) == ends


def test_voxel_types_and_scales_do_not_matter():
    sample = SyntheticNeurons(1, (16, 40, 40), **CLEAN)[0]
    grey = np.rint(sample.image * 255)
    of = [
        trace(grey.astype(t) * s) for t, s in ((np.uint8, 1), (np.uint16, 200), (np.float32, 1), (np.float64, 2.0**-8))
    ]
    for other in of[1:]:
        np.testing.assert_allclose(other.positions, of[0].positions, atol=1e-6)


def test_noise_is_blurred_away_and_the_input_stays():
    sample = SyntheticNeurons(1, seed=1)[0]
    before = sample.image.copy()
    assert length_recall(trace(sample.image), sample.tree) > 0.85
    np.testing.assert_array_equal(sample.image, before)


def test_a_lone_ball_is_one_node():
    volume = np.zeros((9, 9, 9))
    volume[3:6, 3:6, 3:6] = 1
    tree = trace(volume)
    assert (len(tree), tree.positions.tolist()) == (1, [[4, 4, 4]])


def test_steps_are_told():
    steps = []
    trace(fibre((5, 31)), progress=steps.append)
    assert steps == ["foreground", "grey-weighted distance", "bridges", "paths", "pruning"]


def test_the_threshold_is_above_the_noise_and_is_reported():
    generator = np.random.default_rng(0)
    volume = generator.normal(10, 2, (20, 40, 40))
    assert 17 < find_threshold(volume) < 19
    assert trace_report(fibre((5, 31)), threshold=50).threshold == 50
    assert trace_report(fibre((5, 31)), mask=fibre((5, 31))).threshold is None


def test_a_mask_with_a_flat_image_is_traced():
    mask = fibre((5, 31))
    assert trace(np.zeros_like(mask), mask=mask, soma=(4, 4, 5)).length == pytest.approx(25)


@pytest.mark.message
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"volume": np.zeros((4, 9, 9, 9))}, "choose one channel"),
        ({"volume": np.full((9, 9, 9), np.nan)}, "NaN"),
        ({"volume": np.zeros((9, 9, 9))}, "no voxel is brighter than the threshold 0"),
        ({"threshold": 250.0}, "no voxel is brighter than the threshold 250; give another threshold"),
        ({"threshold": -1.0}, "all voxels are brighter"),
        ({"mask": np.zeros((9, 9, 40))}, "no voxel is in the mask; give another mask"),
        ({"mask": np.zeros((9, 9, 9))}, "give both one size"),
        ({"mask": np.ones((9, 9, 40)), "threshold": 3.0}, "give one of them"),
        ({"soma": (4, 4, 99)}, "inside the volume"),
        ({"soma": (4, 4)}, "three numbers"),
        ({"spacing": (1, 1)}, "three lengths"),
        ({"spacing": (1, 0, 1)}, "greater than 0"),
        ({"gap": -1.0}, "gap is -1.0, but must be 0 or greater"),
        ({"min_length": -1.0}, "min_length"),
        ({"apart": "root"}, "did you mean 'roots'"),
    ],
)
def test_bad_input_is_named(options, words):
    volume = options.pop("volume") if "volume" in options else fibre((5, 31))
    with pytest.raises(ValueError, match=words):
        trace(volume, **options)


def test_an_empty_margin_changes_nothing():
    small = trace_report(fibre((5, 31)))
    large = trace_report(np.pad(fibre((5, 31)), 30), threshold=100)
    assert small.voxels == large.voxels
    np.testing.assert_allclose(large.tree.positions - 30, small.tree.positions)
