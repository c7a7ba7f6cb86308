"""``subband trace`` finds in a file what the tracer finds in the array, without an option."""

import numpy as np
import pytest

from subband.cli import main
from subband.data.swc import read_swc
from subband.data.synthetic_neurons import SyntheticNeurons
from subband.data.volume_file import read_volume, write_volume
from subband.metrics.neurons import length_recall
from subband.tracing import trace

pytestmark = pytest.mark.slow
PAIRS = ["noise_image_10", "noise_image_70", "single_branch_noise_0", "single_branch_noise_1"]
WRITTEN = 1e-3
"""Voxels that a place may be rounded by in an SWC file."""


def traced(file, out):
    assert main(["trace", str(file), "--out", str(out), "--block", "32,64,64"]) == 0
    found, alone = read_swc(out / "tree.swc"), trace(read_volume(file).array)
    np.testing.assert_allclose(found.positions, alone.positions, atol=WRITTEN)
    np.testing.assert_array_equal(found.parents, alone.parents)
    return found


@pytest.mark.parametrize("name", PAIRS)
def test_the_known_trees_are_found(realdata, name, tmp_path):
    folder = realdata / "neuron3d" / "pairs" / name
    if not folder.is_dir():
        pytest.skip("data/neuron3d is not there")
    swc = folder / f"{name}.gold.swc"
    truth = read_swc(swc if swc.exists() else folder / f"{name}.swc")
    assert length_recall(traced(folder / f"{name}.tif", tmp_path), truth) > 0.95


@pytest.mark.parametrize("index", [0, 7, 19])
def test_hard_synthetic_neurons_of_a_seed_that_nothing_was_chosen_on(index, tmp_path):
    sample = SyntheticNeurons(20, seed=100)[index]
    write_volume(tmp_path / "neuron.tif", np.rint(255 * sample.image).astype(np.uint8))
    assert len(traced(tmp_path / "neuron.tif", tmp_path / "out")) > 1
