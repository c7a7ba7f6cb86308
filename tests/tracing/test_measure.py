"""A volume that is read in slabs is measured and collected as if it were in memory."""

import math

import numpy as np
import pytest

from subband._slabs import slabs
from subband.data.synthetic_neurons import SyntheticNeurons
from subband.tracing import find_threshold, trace_report
from subband.tracing import foreground as sampled
from subband.tracing.bright import collect, foreground_of
from subband.tracing.foreground import background, blurred
from subband.tracing.measure import REACH, Measured, measure
from subband.tracing.trace import trace_foreground


class Stored:
    """A volume that is only read in slices, and counts the planes that are read at once."""

    def __init__(self, volume, chunks=None):
        self.volume, self.shape, self.chunks, self.most = volume, volume.shape, chunks, 0

    def __getitem__(self, key):
        found = self.volume[key]
        self.most = max(self.most, len(found))
        return found


@pytest.fixture(scope="module")
def noisy():
    image = SyntheticNeurons(1, (40, 32, 32), 100)[0].image
    return np.rint(255 * image).astype(np.uint8)


def test_blurred_slabs_are_those_of_the_blurred_volume(noisy):
    found = np.concatenate(list(slabs(Stored(noisy), blurred, REACH)))
    np.testing.assert_array_equal(found, blurred(noisy))


@pytest.mark.parametrize("chunks", [None, (7, 32, 32), (20, 16, 16)])
@pytest.mark.parametrize("seen", [2_000_000, 3000])
def test_a_noisy_volume_is_measured_as_in_memory(noisy, chunks, seen, monkeypatch):
    monkeypatch.setattr(sampled, "SEEN", seen)
    stored = Stored(noisy, chunks)
    whole = blurred(noisy)
    assert measure(stored) == Measured(True, background(whole)[0], find_threshold(whole))
    chunk = (chunks or (1,))[0]
    assert stored.most <= chunk * math.ceil(16 / chunk) + 2 * REACH  # whole chunks, so that none is read twice


def test_a_given_threshold_is_of_the_volume_as_it_is(noisy):
    assert measure(noisy, 60) == Measured(False, background(noisy)[0], 60.0)


def test_the_tree_of_a_stored_volume_is_that_of_the_array(noisy):
    measured = measure(noisy)
    mask = (measured.grey(noisy) > measured.threshold).astype(np.uint8)
    stored = collect(Stored(noisy), Stored(mask), measured, measured.threshold)
    found, alone = trace_foreground(stored), trace_report(noisy)
    assert (found.threshold, found.voxels) == (alone.threshold, alone.voxels)
    np.testing.assert_array_equal(found.tree.positions, alone.tree.positions)
    np.testing.assert_array_equal(found.tree.radii, alone.tree.radii)


def test_a_mask_takes_the_grey_values_as_they_are(noisy):
    mask = np.zeros(noisy.shape, bool)
    mask[3, 4, 5:8] = True
    found = foreground_of(noisy, mask, None)
    assert found.voxels.places.tolist() == [[3, 4, 5], [3, 4, 6], [3, 4, 7]]
    assert found.grey.tolist() == noisy[3, 4, 5:8].tolist()
    assert (found.level, found.threshold) == (background(noisy)[0], None)


@pytest.mark.message
def test_voxels_that_are_no_numbers_are_named():
    volume = np.zeros((3, 3, 3))
    volume[1, 1, 1] = np.nan
    with pytest.raises(ValueError, match="holds NaN or infinite values"):
        measure(volume)
