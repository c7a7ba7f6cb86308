"""Synthetic neurons: equal on every call, inside their volume, and every option does what it says."""

import pickle

import numpy as np
import pytest

from subband.data.neuron_sample import NeuronReader, NeuronSample
from subband.data.synthetic_neurons import SyntheticNeurons, paint
from subband.transforms.rasterize import rasterize
from subband.transforms.tree import Tree

OPTIONS = ["gaps", "touching", "speckle", "background", "shot", "noise"]
CLEAN = dict.fromkeys(OPTIONS, 0)
SMALL = (16, 48, 40)


def test_each_volume_depends_on_the_seed_and_its_number_alone():
    few, many = SyntheticNeurons(2, SMALL, 5), SyntheticNeurons(3, SMALL, 5)
    many[0]
    np.testing.assert_array_equal(few[1].image, many[1].image)
    np.testing.assert_array_equal(few[1].tree.positions, many[1].tree.positions)
    assert (few[0].image != few[1].image).any()
    assert (few[0].image != SyntheticNeurons(1, SMALL, 6)[0].image).any()


def test_a_sample_is_what_the_contract_says():
    neurons = SyntheticNeurons(2, SMALL)
    sample = neurons[-1]
    assert (sample.name, neurons.classes, neurons.channels) == ("neuron-0001", 2, 1)
    assert neurons.neurons == neurons.names == [each.neuron for each in neurons]
    assert (sample.image.shape, sample.image.dtype, sample.labels.dtype) == (SMALL, np.float32, np.uint8)
    assert 0 <= sample.image.min() < sample.image.max() <= 1
    assert np.unique(sample.labels).tolist() == [0, 1]
    np.testing.assert_array_equal(sample.labels, rasterize(sample.tree, SMALL))


@pytest.mark.parametrize("shape", [SMALL, (32, 96, 96), (16, 16, 16)])
def test_the_tree_lies_inside_and_is_one_neuron(shape):
    for sample in SyntheticNeurons(3, shape, **CLEAN):
        tree = sample.tree
        assert tree.roots.tolist() == [0]
        assert (tree.kinds[0], set(tree.kinds[1:].tolist())) == (1, {3})
        assert ((tree.positions >= 2) & (tree.positions <= np.array(shape) - 3)).all()
        child, parent = tree.edges[tree.edges[:, 1] > 0].T
        np.testing.assert_allclose(np.linalg.norm(tree.positions[child] - tree.positions[parent], axis=1), 1)
        assert (tree.radii >= 0.8).all()
        assert tree.radii[0] == tree.radii.max()


def test_a_tree_fills_its_volume_as_far_as_the_share_says():
    lengths = [sample.tree.length / (32 * 96 * 96) ** (2 / 3) for sample in SyntheticNeurons(3, **CLEAN)]
    assert 0.13 < min(lengths) <= max(lengths) < 0.16


def test_a_fibre_is_half_as_bright_at_its_radius():
    light = np.zeros((9, 9, 9))
    paint(light, Tree([[4, 4, 4]], [2.0], [-1], [3]), 1.0)
    assert light[4, 4, [4, 6, 8]].tolist() == [1, 0.5, 2**-4]
    paint(light, Tree([[4, 4, 4]], [4.0], [-1], [3]), 0.5)
    assert light[4, 4, 4] == 1
    assert light[4, 4, 8] == 0.25


@pytest.mark.parametrize("option", OPTIONS)
def test_each_option_alone_changes_the_image_and_nothing_else(option):
    clean = SyntheticNeurons(1, SMALL, **CLEAN)[0]
    value = {"gaps": 4, "touching": 4, "speckle": 5}.get(option, 0.1)
    sample = SyntheticNeurons(1, SMALL, **{**CLEAN, option: value})[0]
    np.testing.assert_array_equal(sample.labels, clean.labels)
    change = sample.image - clean.image
    inside = clean.labels.astype(bool)
    assert np.abs(change).max() > 0.1
    if option == "gaps":
        assert change.max() <= 0
        assert change[inside].min() < -0.3
    if option in ("touching", "speckle"):
        assert change.min() >= 0
        assert change[~inside].max() > 0.15
    if option == "noise":
        far = clean.image == clean.image.min()
        assert np.abs(change[~far & ~inside]).mean() > 0.05


def test_noise_is_as_large_as_asked_for():
    clean = SyntheticNeurons(1, **CLEAN)[0].image
    noisy = SyntheticNeurons(1, **{**CLEAN, "noise": 0.02})[0].image
    np.testing.assert_allclose((noisy - clean).std(), 0.02, rtol=0.02)
    shot = SyntheticNeurons(1, **{**CLEAN, "shot": 0.1})[0].image
    ground = clean == np.median(clean)
    np.testing.assert_allclose((shot - clean)[ground].std(), 0.1 * np.sqrt(0.1), rtol=0.05)


def test_kept_samples_cannot_be_changed_from_outside():
    neurons = SyntheticNeurons(1, SMALL)
    first = neurons[0].image.copy()
    neurons[0].image[:] = 0
    np.testing.assert_array_equal(neurons[0].image, first)
    again = pickle.loads(pickle.dumps(neurons))
    assert len(neurons._kept) == 1
    assert len(again._kept) == 0
    np.testing.assert_array_equal(again[0].image, first)


class Zeros(NeuronReader):
    opened = ()

    def read(self, index):
        self.opened = [*self.opened, index]
        return NeuronSample(self.names[index], np.zeros((2, 3, 4), np.float32), np.zeros((2, 3, 4), np.uint8), None)


def test_a_reader_keeps_no_more_than_its_limit():
    reader = Zeros(["a", "b"], neurons=["n", "n"], keep_bytes=130)
    assert [each.name for each in reader] == ["a", "b"]
    assert len(reader._kept) == 1
    reader[0], reader[1]
    assert reader.opened == [0, 1, 1]
    with pytest.raises(IndexError, match="no volume 2"):
        reader[2]


@pytest.mark.message
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SyntheticNeurons(0), "count is 0"),
        (lambda: SyntheticNeurons(1, (16, 16)), "shape is 16 x 16, but must be 3 sizes"),
        (lambda: SyntheticNeurons(1, (8, 16, 16)), "at least 16"),
        (lambda: SyntheticNeurons(1, gaps=-1), "gaps is -1"),
        (lambda: SyntheticNeurons(1, shot=2), "shot is 2"),
        (lambda: Zeros([]), "no volume"),
        (lambda: Zeros(["a", "a"]), "two volumes are called 'a'"),
        (lambda: Zeros(["a"], neurons=[]), "0 neurons"),
        (lambda: NeuronSample("a", np.zeros((2, 2), np.float32), np.zeros((2, 2), np.uint8), None), "2 x 2"),
        (
            lambda: NeuronSample("a", np.zeros((2, 2, 2), np.float32), np.zeros((2, 2, 2), np.uint8), None, (0, 1, 1)),
            "spacing is",
        ),
    ],
)
def test_bad_input_is_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()
