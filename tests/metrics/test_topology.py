"""Betti numbers and clDice: GUDHI and the definition as oracles, hand arithmetic, edge cases."""

import gudhi
import numpy as np
import pytest
from scipy import ndimage
from skimage.morphology import skeletonize

from subband.metrics import betti_errors, betti_numbers, cldice_score, even_lines


def gudhi_betti(mask):
    """Betti numbers of the union of closed pixels, by persistent homology of the cubical complex."""
    complex_ = gudhi.CubicalComplex(top_dimensional_cells=np.where(mask, 0.0, 1.0))
    complex_.compute_persistence()
    return tuple(complex_.persistent_betti_numbers(0.5, 0.5)[: mask.ndim])


@pytest.mark.parametrize("shape", [(40, 33), (31, 1), (2, 2), (12, 13, 11), (6, 7, 1)])
@pytest.mark.parametrize("share", [0.1, 0.4, 0.6, 0.9])
@pytest.mark.parametrize("sigma", [0, 1])
def test_equal_gudhi(shape, share, sigma):
    noise = ndimage.gaussian_filter(np.random.default_rng(3).random(shape), sigma)
    mask = noise > np.quantile(noise, 1 - share)
    assert betti_numbers(mask) == gudhi_betti(mask)


def test_by_hand():
    ring = np.pad(np.ones((3, 3), int), 1)
    ring[2, 2] = 0
    assert betti_numbers(ring) == (1, 1)
    assert betti_numbers(ring, convention="authors") == (1, 2)
    assert betti_numbers(np.eye(4)) == (1, 0)  # corners connect
    assert betti_numbers(np.ones((3, 3))) == (1, 0)
    assert betti_numbers(np.zeros((3, 3))) == (0, 0)
    open_ring = ring.copy()
    open_ring[0, 2] = open_ring[1, 2] = 0
    assert betti_errors(open_ring, ring) == (0, 1)
    assert betti_errors(np.zeros((5, 5)), ring) == (1, 1)


def test_by_hand_in_three_dimensions():
    ball = np.ones((3, 3, 3), int)
    shell = ball.copy()
    shell[1, 1, 1] = 0
    torus = ball.copy()
    torus[:, 1, 1] = 0
    assert [betti_numbers(np.pad(x, 1)) for x in (ball, shell, torus)] == [(1, 0, 0), (1, 0, 1), (1, 1, 0)]
    assert betti_errors(shell, torus) == (0, 1, 1)
    assert betti_numbers(torus, convention="authors") == (1, 1)


def test_cldice_equals_the_definition():
    rng = np.random.default_rng(0)
    t = ndimage.gaussian_filter(rng.normal(size=(60, 50)), 3) > 0.02
    p = np.roll(t, 2, 0)
    lines = [skeletonize(x) for x in (p, t)]
    precision, recall = (
        lines[0][t].mean() and (lines[0] & t).sum() / lines[0].sum(),
        (lines[1] & p).sum() / lines[1].sum(),
    )
    found = cldice_score(p, t)
    assert 0 < found < 1
    assert found == pytest.approx(2 * precision * recall / (precision + recall), abs=1e-12)


def test_cldice_by_hand():
    t, p = np.zeros((3, 9), int), np.zeros((3, 9), int)
    t[1] = 1
    p[1, :6] = 1
    # The skeleton of a line is the line: precision 1, recall 6 / 9.
    assert cldice_score(p, t) == pytest.approx(2 * (6 / 9) / (1 + 6 / 9))
    apart = np.zeros((3, 9), int)
    apart[0, 0] = 1
    assert cldice_score(apart, p) == 0


def test_cldice_edge_cases():
    full, empty = np.ones((6, 6), int), np.zeros((6, 6), int)
    assert cldice_score(empty, empty) == cldice_score(full, full) == 1
    assert cldice_score(full, empty) == cldice_score(empty, full) == 0
    volume = np.zeros((5, 6, 7), int)
    volume[2, 3] = 1
    assert cldice_score(volume, volume) == 1


def test_a_mask_that_thins_to_nothing_is_its_own_skeleton(monkeypatch):
    monkeypatch.setattr("skimage.morphology.skeletonize", lambda mask, method=None: np.zeros_like(mask))
    block = np.zeros((4, 4), int)
    block[1:3, 1:3] = 1
    assert cldice_score(block, block) == 1


def test_even_lines_have_one_width_and_close_gaps():
    line = np.zeros((9, 20), int)
    line[2:7, 2:18] = 1
    even = even_lines(line)
    assert even[:, 10].sum() == 3
    line[:, 9:11] = 0
    assert betti_numbers(even_lines(line, close_gaps=True))[0] == 1
    assert betti_numbers(even_lines(line))[0] == 2
    assert not even_lines(np.zeros((4, 4))).any()


def test_inputs_are_left_as_they_are():
    mask = (np.random.default_rng(0).random((20, 20)) > 0.5).astype(np.uint8)
    mask.flags.writeable = False
    betti_numbers(mask)
    cldice_score(mask, mask)
    even_lines(mask, close_gaps=True)


@pytest.mark.message
@pytest.mark.parametrize("metric", [betti_numbers, even_lines, lambda mask: cldice_score(mask, mask)])
def test_errors_say_what_to_do(metric):
    with pytest.raises(ValueError, match=r"has shape \(5,\), but must be \(H, W\) or \(D, H, W\)"):
        metric(np.zeros(5))
