"""Labels of SWC files as the authors make them, and distances of two trees as Vaa3D has them."""

import numpy as np
import pytest

from subband.data.swc import read_swc, write_swc
from subband.metrics.neurons import neuron_distances
from subband.transforms.rasterize import rasterize
from subband.transforms.tree import Tree, scale

NAMES = {
    "esa12": "ESA12",
    "esa21": "ESA21",
    "esa": "ESA",
    "dsa": "DSA",
    "pds12": "PDS12",
    "pds21": "PDS21",
    "pds": "PDS",
    "maximum": "DMAX",
}


def cases(recorded):
    return sorted({key.partition("/")[0] for key in recorded.files})


@pytest.fixture(scope="module")
def labels(parity):
    return np.load(parity / "networks" / "neuron_swc_label.npz")


@pytest.fixture(scope="module")
def distances(parity):
    return np.load(parity / "networks" / "neuron_distance_ref.npz")


def written(folder, text):
    path = folder / "neuron.swc"
    path.write_text(str(text))
    return path


def numbers(text):
    return np.array([[float(word) for word in line.split()] for line in str(text).splitlines() if line[:1] != "#"])


def flipped(tree, height):
    """The tree upside down, as the authors write what they read upside down."""
    return Tree(tree.positions * (1, -1, 1) + (0, height - 1, 0), tree.radii, tree.parents, tree.kinds)


def test_every_label_voxel(labels, tmp_path):
    assert cases(labels)
    for case in cases(labels):
        shape = labels[f"{case}/shape"]
        tree = read_swc(written(tmp_path, labels[f"{case}/text"]), height=int(shape[1]))
        assert (rasterize(tree, shape) == (labels[f"{case}/label"] > 0)).all(), case


def test_lengths(labels, tmp_path):
    for case in cases(labels):
        tree = read_swc(written(tmp_path, labels[f"{case}/text"]))
        assert tree.length == pytest.approx(float(labels[f"{case}/length"]), abs=1e-9)


def test_what_is_read_and_written_again(labels, tmp_path):
    """The authors keep three decimals."""
    for case in cases(labels):
        height = int(labels[f"{case}/shape"][1])
        tree = read_swc(written(tmp_path, labels[f"{case}/text"]), height=height)
        write_swc(tmp_path / "again.swc", flipped(tree, height))
        again = numbers((tmp_path / "again.swc").read_text())
        np.testing.assert_allclose(again, numbers(labels[f"{case}/saved_text"]), atol=5.1e-4, rtol=0)


def test_resized_trees(labels, tmp_path):
    new = np.array((12, 20, 24))  # the size in the vectors' description
    for case in cases(labels):
        shape = labels[f"{case}/shape"]
        tree = read_swc(written(tmp_path, labels[f"{case}/text"]), height=int(shape[1]))
        found = flipped(scale(tree, new / shape, min_radius=1), new[1])
        recorded = numbers(labels[f"{case}/resized_text"])
        np.testing.assert_allclose(found.positions, recorded[:, 4:1:-1], atol=5.1e-4, rtol=0)
        np.testing.assert_allclose(found.radii, recorded[:, 5], atol=5.1e-4, rtol=0)


def test_distances(distances, tmp_path):
    assert cases(distances)
    for case in cases(distances):
        first, second = (read_swc(written(tmp_path, distances[f"{case}/swc{n}"])) for n in (1, 2))
        found = neuron_distances(first, second)
        for ours, theirs in NAMES.items():
            assert getattr(found, ours) == pytest.approx(float(distances[f"{case}/{theirs}"]), abs=1e-6), (case, theirs)
