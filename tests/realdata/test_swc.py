"""Traced neurons of other programs: SNT, L-Measure, neuTube, Snake."""

import numpy as np
import pytest

from subband.data.swc import check_swc, read_swc, write_swc
from subband.data.volume_file import read_volume
from subband.metrics.neurons import length_precision, length_recall, neuron_distances
from subband.transforms.rasterize import rasterize


@pytest.fixture(scope="module")
def files(realdata):
    found = sorted((realdata / "neuron3d").rglob("*.swc"))
    assert found
    return found


def test_every_file_is_read_and_has_no_error(files):
    for path in files:
        lines = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
        tree = read_swc(path)
        assert len(tree) == len(lines)
        assert len(tree.roots) == 1
        assert tree.length > 0
        assert check_swc(path) == []


def test_every_file_is_written_and_read_again(files, tmp_path):
    for path in files:
        tree = read_swc(path)
        write_swc(tmp_path / "again.swc", tree)
        again = read_swc(tmp_path / "again.swc")
        order = tree.order
        np.testing.assert_allclose(again.positions, tree.positions[order], atol=5.1e-7, rtol=0)
        np.testing.assert_allclose(again.radii, tree.radii[order], atol=5.1e-7, rtol=0)
        assert again.length == pytest.approx(tree.length, abs=1e-3)
        assert check_swc(tmp_path / "again.swc") == []


def test_trees_lie_on_the_bright_voxels_of_their_volumes(realdata):
    """No axis is exchanged or flipped: inside the labels the volume is brighter than outside them."""
    pairs = sorted((realdata / "neuron3d" / "pairs").iterdir())
    assert pairs
    for folder in pairs:
        volume = read_volume(folder / f"{folder.name}.tif").array.astype(float)
        labels = rasterize(read_swc(folder / f"{folder.name}.swc"), volume.shape)
        right = volume[labels].mean() - volume[~labels].mean()
        flipped = volume[labels[:, ::-1]].mean() - volume[~labels[:, ::-1]].mean()
        assert right > 2 * max(flipped, 0)
        assert right > 20, folder.name


def test_two_traces_of_one_branch_are_close(realdata):
    folder = realdata / "neuron3d" / "pairs" / "single_branch_noise_1"
    traced, truth = (read_swc(folder / f"{folder.name}{end}") for end in (".swc", ".gold.swc"))
    found = neuron_distances(traced, truth)
    assert found.esa < 1
    assert found.pds < 0.05
    assert length_recall(traced, truth) > 0.95
    assert length_precision(traced, truth) > 0.95
