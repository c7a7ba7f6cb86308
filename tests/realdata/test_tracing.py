"""Tracing of the real and rendered volumes: how much of the known trees is found."""

import io
import time
import zipfile

import numpy as np
import pytest
import tifffile

from subband.data.swc import read_swc
from subband.metrics.neurons import length_precision, length_recall, neuron_distances
from subband.tracing import trace, trace_report
from subband.transforms.tree import crop, resample

PAIRS = ["noise_image_10", "noise_image_70", "single_branch_noise_0", "single_branch_noise_1"]


@pytest.fixture
def neurons(realdata):
    folder = realdata / "neuron3d"
    if not folder.is_dir():
        pytest.skip("data/neuron3d is not there")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRS)
def test_the_known_trees_are_found(neurons, name):
    folder = neurons / "pairs" / name
    volume = tifffile.imread(folder / f"{name}.tif")
    swc = folder / f"{name}.gold.swc"
    truth = read_swc(swc if swc.exists() else folder / f"{name}.swc")
    traced = trace(volume)
    found = length_recall(traced, truth), length_precision(traced, truth), neuron_distances(traced, truth).esa
    print(f"{name}: recall {found[0]:.3f}, precision {found[1]:.3f}, ESA {found[2]:.2f}")
    assert found[0] > 0.95
    assert found[2] < 2
    assert len(traced.roots) == 1


@pytest.mark.slow
def test_a_confocal_volume_is_traced(neurons):
    volume = tifffile.imread(neurons / "volumes_without_gold" / "cropped_OP_9.tif")
    report = trace_report(volume)
    nodes = np.rint(report.tree.positions).astype(int)
    assert report.tree.length > np.linalg.norm(volume.shape)
    assert np.median(volume[tuple(nodes.T)]) > 5 * report.threshold


@pytest.mark.slow
def test_a_large_sparse_volume_takes_seconds(neurons):
    packed = zipfile.ZipFile(neurons / "volumes_without_gold" / "rivuletpy_test.tif.zip")
    volume = tifffile.imread(io.BytesIO(packed.read(packed.namelist()[0])))
    began = time.process_time()
    report = trace_report(volume)
    assert time.process_time() - began < 30
    assert report.voxels < 0.01 * volume.size
    inside = crop(resample(report.tree, 1), (0, 0, 0), volume.shape)
    bright = volume[tuple(np.rint(inside.positions).astype(int).T)] > 0
    assert report.tree.length > 500
    assert bright.mean() > 0.85, "the rest are bridges"
