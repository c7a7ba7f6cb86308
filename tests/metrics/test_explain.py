"""Channels and parts: arithmetic by hand, plain loops, the layout of pixels, and what is never active."""

import math

import numpy as np
import pytest
import torch

from subband.metrics.explain import (
    Peaks,
    channel_part_agreement,
    channel_part_matrix,
    channel_peaks,
    enlarge,
    location_instability,
    part_iou,
    peak_deviation,
    peak_spreadness,
)


def at(*places, size=(8, 8)):
    """Peaks of height 1 at (x, y), an image in each row and a channel in each column."""
    found = np.array(places, float)
    return Peaks(found, np.where(np.isnan(found[..., 0]), 0.0, 1.0), size)


NEVER = (math.nan, math.nan)


@pytest.mark.parametrize("convert", [np.asarray, torch.from_numpy])
def test_peaks_lie_in_the_middle_of_cells(convert):
    maps = np.zeros((1, 3, 2, 4))
    maps[0, 0, 1, 2] = 7.0
    maps[0, 1] = 3.0  # equal everywhere: the first
    maps[0, 2] = -1.0  # never active
    peaks = channel_peaks(convert(maps), (8, 8))
    assert peaks.places[0, :2].tolist() == [[4.5, 5.5], [0.5, 1.5]]
    assert np.isnan(peaks.places[0, 2]).all()
    assert peaks.heights.tolist() == [[7.0, 3.0, 0.0]]


def test_instability_by_hand():
    """Distances to the landmark at the left are 0, 3 and 5; to the one that is seen twice 4 and 5."""
    peaks = at([(0, 0)], [(3, 0)], [(3, 4)], size=(30, 40))
    marks = np.zeros((3, 2, 2))
    marks[:, 1] = [(0, 4), (3, 5), NEVER]
    expected = (np.std([0, 3, 5], ddof=1) + np.std([4, 5], ddof=1)) / 2 / 50
    assert location_instability(peaks, marks) == pytest.approx(expected, rel=1e-12)
    assert location_instability(peaks, marks[:, 1:]) == pytest.approx(np.std([4, 5], ddof=1) / 50, rel=1e-12)


def test_instability_takes_the_highest_peaks_and_the_steadiest_channels():
    places = np.zeros((4, 2, 2))
    places[:, 0, 0], places[:, 1, 0] = [0, 1, 2, 30], [0, 10, 20, 0]
    heights = np.array([[3.0, 2.0], [4.0, 3.0], [5.0, 4.0], [1.0, 1.0]])
    peaks = Peaks(places, heights, (3, 4))
    marks = np.zeros((4, 1, 2))
    assert location_instability(peaks, marks, top=3) == pytest.approx((1 + 10) / 2 / 5)
    assert location_instability(peaks, marks, top=3, best=0.5) == pytest.approx(1 / 5)
    assert location_instability(peaks, marks, top=3, best=0.01) == pytest.approx(1 / 5)


def test_a_channel_that_follows_its_landmark_is_stable(generator):
    marks = torch.rand((20, 1, 2), generator=generator, dtype=torch.float64).numpy() * 50
    follows, stays = marks + 3.0, np.full_like(marks, 25.0)
    assert location_instability(at(*follows, size=(64, 64)), marks) == pytest.approx(0, abs=1e-12)
    assert location_instability(at(*stays, size=(64, 64)), marks) > 0.05


def test_spreadness_and_deviation_by_hand():
    peaks = at([(0, 0), (6, 8), NEVER, (2, 0)], [(0, 4), (6, 8), NEVER, NEVER])
    assert peak_spreadness(peaks) == pytest.approx((math.hypot(6, 6) + math.hypot(2, 2) + math.hypot(4, 8)) / 3)
    assert peak_deviation(peaks)[:2].tolist() == [2.0, 0.0]
    assert np.isnan(peak_deviation(peaks)[2])
    assert peak_deviation(peaks)[3] == 0


def some(seed, images=7, channels=4, parts=3, size=(12, 16)):
    random = np.random.default_rng(seed)
    maps = random.normal(size=(images, channels, 3, 4)) - 0.3
    maps[:2, 1], maps[:, 3] = -1.0, -1.0
    return maps, random.random((images, parts, *size)) < 0.3


@pytest.mark.parametrize("reach", [0, 1, 2])
def test_matrix_is_a_plain_loop(reach):
    maps, parts = some(1)
    peaks = channel_peaks(maps, (12, 16))
    found = channel_part_matrix(peaks, parts, reach=reach)
    for channel in range(3):
        for part in range(3):
            hits = []
            for image in range(7):
                x, y = peaks.places[image, channel]
                if not math.isnan(x):
                    near = np.ogrid[:12, :16]
                    y, x = np.rint(y), np.rint(x)
                    close = np.maximum(abs(near[0] - y), abs(near[1] - x)) <= reach
                    hits.append((parts[image, part] & close).any())
            assert found[channel, part] == pytest.approx(np.mean(hits))
    assert np.isnan(found[3]).all()


def test_agreement_by_hand():
    matrix = np.array([[0.2, 0.7, 0.1], [0.5, 0.1, 0.0], [math.nan] * 3])
    assert channel_part_agreement(matrix) == pytest.approx(0.6)
    assert math.isnan(channel_part_agreement(matrix[2:]))
    assert channel_part_agreement(np.zeros((2, 1))) == 0


def test_perfect_channels_agree_and_cover():
    """One channel on the left half, one on the lower half, each in every image."""
    parts = np.zeros((5, 2, 8, 8), bool)
    parts[:, 0, :, :4] = parts[:, 1, 4:] = True
    peaks = channel_peaks(parts.astype(float), (8, 8))
    assert channel_part_agreement(channel_part_matrix(peaks, parts)) == 1
    found = part_iou(parts.astype(float), parts, top=0.5)
    assert found.tolist() == [[1, pytest.approx(1 / 3)], [pytest.approx(1 / 3), 1]]


@pytest.mark.parametrize("top", [0.02, 0.3])
def test_iou_is_a_plain_loop(top):
    maps, parts = some(2)
    found = part_iou(maps, parts, top=top)
    for channel in range(3):
        large = enlarge(maps[:, channel], (12, 16))
        active = (large > np.sort(large.ravel())[math.floor((1 - top) * (large.size - 1))]) & (large > 0)
        for part in range(3):
            both, either = active & parts[:, part], active | parts[:, part]
            assert found[channel, part] == pytest.approx(both.sum() / either.sum())
    assert np.isnan(found[3]).all()
    parts[:, 0] = False
    assert part_iou(maps, parts)[0, 0] == 0


def test_a_random_channel_agrees_by_the_area_of_the_part(generator):
    maps = torch.rand((2000, 1, 8, 8), generator=generator)
    parts = np.zeros((2000, 1, 8, 8), bool)
    parts[:, :, :2] = True
    found = channel_part_agreement(channel_part_matrix(channel_peaks(maps, (8, 8)), parts))
    assert found == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / 2000))


def test_nothing_to_measure_is_nan():
    never = at([NEVER, NEVER], [NEVER, NEVER])
    one = at([(1, 1)])
    assert math.isnan(location_instability(never, np.zeros((2, 1, 2))))
    assert math.isnan(location_instability(one, np.zeros((1, 1, 2))))
    assert math.isnan(peak_spreadness(never))
    assert math.isnan(peak_spreadness(one))
    assert np.isnan(peak_deviation(never)).all()


@pytest.mark.message
@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: channel_peaks(np.zeros((2, 3, 4)), (8, 8)), r"maps have shape \(2, 3, 4\)"),
        (lambda: channel_peaks(np.full((1, 1, 2, 2), math.nan), (8, 8)), "maps hold NaN"),
        (lambda: location_instability(at([(0, 0)]), np.zeros((2, 1, 2))), r"but must be \(1, landmarks, 2\)"),
        (lambda: location_instability(at([(0, 0)]), np.zeros((1, 1, 2)), best=0), "best is 0, but must be a part"),
        (lambda: location_instability(at([(0, 0)]), np.zeros((1, 1, 2)), top=0), "top is 0"),
        (lambda: channel_part_matrix(at([(0, 0)]), np.zeros((1, 1, 9, 8), bool)), r"must be bool \(1, parts, 8, 8\)"),
        (lambda: channel_part_matrix(at([(0, 0)]), np.zeros((1, 1, 8, 8))), "dtype float64, but must be bool"),
        (lambda: channel_part_matrix(at([(0, 0)]), np.zeros((1, 1, 8, 8), bool), reach=-1), "reach is -1"),
        (lambda: channel_part_agreement(np.zeros((3, 0))), r"matrix has shape \(3, 0\)"),
        (lambda: part_iou(np.zeros((2, 1, 2, 2)), np.zeros((1, 1, 8, 8), bool)), r"bool \(2, parts, height, width\)"),
        (lambda: part_iou(np.zeros((1, 1, 2, 2)), np.zeros((1, 1, 8, 8), bool), top=1), "top is 1, but must be"),
    ],
)
def test_says_what_is_wrong(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
