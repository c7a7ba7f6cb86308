"""VI, ARI and mAP: scikit-image, scikit-learn and the matching written out as oracles, hand arithmetic, edge cases."""

import importlib.util
import sys

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import label
from skimage.metrics import variation_of_information as skimage_vi
from sklearn.metrics import adjusted_rand_score

from subband.metrics import _labels, adjusted_rand_index, average_precision_dsb2018, variation_of_information


@pytest.fixture(autouse=True, params=["scipy", "cc3d"])
def labeller(request, monkeypatch):
    """Everything holds with either package that labels regions."""
    if request.param == "cc3d":
        if importlib.util.find_spec("cc3d") is None:
            pytest.skip("cc3d is not installed")
    else:
        monkeypatch.setitem(sys.modules, "cc3d", None)


def masks(shape, seed=0, level=0.0):
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.normal(size=shape), 1.5)
    other = noise + 0.3 * ndimage.gaussian_filter(rng.normal(size=shape), 1.0)
    return (other > level).astype(np.uint8), (noise > level).astype(np.uint8)


SHAPES = [(61, 47), (9, 21, 20), (77,)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("boundary", [0, 1])
def test_vi_equals_scikit_image(shape, boundary):
    p, t = masks(shape)
    of_p, of_t = (label(x, background=boundary, connectivity=1) for x in (p, t))
    wanted = sum(skimage_vi(of_t, of_p, ignore_labels=[0]))
    assert variation_of_information(p, t, boundary=boundary) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("boundary", [0, 1])
def test_ari_equals_scikit_learn(shape, boundary):
    p, t = masks(shape)
    of_p, of_t = (label(x, background=boundary, connectivity=1).ravel() for x in (p, t))
    assert adjusted_rand_index(p, t, boundary=boundary) == pytest.approx(adjusted_rand_score(of_t, of_p), abs=1e-12)


def plain_map(p, t):
    """Every pair of regions compared."""
    of_p, of_t = (label(x, background=1, connectivity=1) for x in (p, t))
    best = [
        max(((of_p == i) & (of_t == j)).sum() / ((of_p == i) | (of_t == j)).sum() for j in range(1, of_t.max() + 1))
        for i in range(1, of_p.max() + 1)
    ]
    tp = [sum(iou > threshold / 100 for iou in best) for threshold in range(50, 100, 5)]
    return np.mean([found / (of_p.max() + of_t.max() - found) for found in tp])


@pytest.mark.parametrize("shape", SHAPES)
def test_map_equals_the_matching_written_out(shape):
    p, t = masks(shape)
    found = average_precision_dsb2018(p, t)
    assert 0 < found < 1
    assert found == pytest.approx(plain_map(p, t), abs=1e-12)
    framed = [np.pad(x[(slice(1, -1),) * x.ndim], 1, constant_values=1) for x in (p, t)]
    assert average_precision_dsb2018(p, t, convention="authors") == pytest.approx(plain_map(*framed), abs=1e-12)


def test_regions_of_several_classes():
    rng = np.random.default_rng(1)
    p, t = rng.integers(0, 4, (2, 30, 31)).repeat(2, 1)
    of_p, of_t = (label(x, background=-1, connectivity=1) for x in (p, t))
    wanted = adjusted_rand_score(of_t.ravel(), of_p.ravel())
    assert adjusted_rand_index(p, t, boundary=None) == pytest.approx(wanted, abs=1e-12)
    assert variation_of_information(p, t, boundary=None) == pytest.approx(sum(skimage_vi(of_t, of_p)), abs=1e-12)
    of_p, of_t = (label(x, background=2, connectivity=1) for x in (p, t))
    wanted = sum(skimage_vi(of_t, of_p, ignore_labels=[0]))
    assert variation_of_information(p, t, boundary=2) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("boundary", [0, 1, 2, None])
def test_ignored_pixels_do_not_count(boundary):
    rng = np.random.default_rng(2)
    p, t = rng.integers(0, 3 if boundary == 2 else 2, (2, 24, 24))
    t[5:9] = -1
    for metric in (variation_of_information, adjusted_rand_index, average_precision_dsb2018):
        found = metric(p, t, boundary=boundary, ignore_index=-1)
        changed = np.where(t == -1, 1 - p, p)
        assert metric(changed, t, boundary=boundary, ignore_index=-1) == found


def test_an_ignored_half_is_not_there():
    p, t = masks((40, 30))
    marked = t.astype(int)
    marked[:, 15:] = 7
    half = np.s_[:, :15]
    for metric in (variation_of_information, adjusted_rand_index, average_precision_dsb2018):
        assert metric(p, marked, ignore_index=7) == pytest.approx(metric(p[half], t[half]), abs=1e-12)


def test_by_hand():
    t, p = np.array([[0, 0, 1, 0, 0]]), np.array([[0, 0, 0, 0, 0]])
    # Joined: four pixels of two equal regions lie in one predicted region: H(T|P) = 1 bit, H(P|T) = 0.
    assert variation_of_information(p, t) == pytest.approx(1)
    # Split: five pixels into 2, 1 (the predicted boundary), 2.
    assert variation_of_information(t, p) == pytest.approx(-(0.8 * np.log2(0.4) + 0.2 * np.log2(0.2)))
    # IoU of the one prediction with either region is 2/5: never found.
    assert average_precision_dsb2018(p, t) == 0
    # IoU 4/5 is above 0.5 to 0.75, six of ten thresholds.
    assert average_precision_dsb2018(np.array([[0, 0, 0, 0, 1]]), p) == pytest.approx(0.6)


def test_edge_cases_are_finite():
    full, empty = np.ones((8, 8), int), np.zeros((8, 8), int)
    some = np.zeros((8, 8), int)
    some[:4] = 1
    assert variation_of_information(full, full) == variation_of_information(empty, empty) == 0
    assert variation_of_information(some, full) == pytest.approx(1)  # all pixels count: two halves against one
    assert variation_of_information(some, full, convention="authors") == 10
    assert variation_of_information(full, empty) == 0  # documented: one boundary region covers the one true region
    assert adjusted_rand_index(full, full) == adjusted_rand_index(empty, empty) == 1
    assert adjusted_rand_index(full, some) == 0
    assert average_precision_dsb2018(full, full) == average_precision_dsb2018(empty, empty) == 1
    assert average_precision_dsb2018(full, empty) == average_precision_dsb2018(empty, full) == 0
    assert np.isnan(average_precision_dsb2018(full, full, convention="authors"))
    ignored = np.full((8, 8), 5)
    assert variation_of_information(some, ignored, ignore_index=5) == 0
    assert adjusted_rand_index(some, ignored, ignore_index=5) == 1
    assert average_precision_dsb2018(some, ignored, ignore_index=5) == 1


def test_single_pixels_agree():
    assert adjusted_rand_index(np.zeros((1, 1)), np.ones((1, 1))) == 1
    checks = np.indices((6, 6)).sum(0) % 2
    assert adjusted_rand_index(checks, checks) == pytest.approx(1)


def test_many_regions_are_counted_sparsely(monkeypatch):
    p, t = masks((50, 40))
    dense = variation_of_information(p, t), adjusted_rand_index(p, t)
    monkeypatch.setattr(_labels, "DENSE", 3)
    assert (variation_of_information(p, t), adjusted_rand_index(p, t)) == dense


@pytest.mark.parametrize("metric", [variation_of_information, adjusted_rand_index, average_precision_dsb2018])
def test_inputs_are_left_as_they_are(metric):
    p, t = masks((20, 20))
    p.flags.writeable = t.flags.writeable = False
    metric(p, t)
    metric(p, t, boundary=None)


def test_the_authors_frame_leaves_inputs_as_they_are():
    p, t = masks((20, 20))
    p.flags.writeable = t.flags.writeable = False
    assert np.isfinite(average_precision_dsb2018(p, t, convention="authors"))


@pytest.mark.message
def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="boundary is None, but convention 'authors' draws a frame"):
        average_precision_dsb2018(np.zeros((4, 4)), np.zeros((4, 4)), boundary=None, convention="authors")
    with pytest.raises(ValueError, match="convention is 'paper'"):
        variation_of_information(np.zeros((4, 4)), np.zeros((4, 4)), convention="paper")
