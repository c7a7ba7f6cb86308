"""Training cubes: how many, where, and items that depend on seed and number alone."""

import pickle

import numpy as np
import pytest
import torch

from subband.data.cube_places import TRIES, cube_counts, cut_cube, draw_cube, least_share
from subband.data.cubes import CubeStream
from subband.data.neuron_augment import NeuronAugment
from subband.data.neuron_sample import NeuronSample
from subband.data.neuron_split import by_neuron
from subband.data.splits import Split, folds

CUBE = (4, 8, 8)
STILL = NeuronAugment((), noise=0.0)


class Few:
    """Two volumes; grey values number the voxels, so that an item tells where it lies."""

    names, neurons, classes, channels = ["a", "b"], ["a", "b"], 2, 1

    def __len__(self):
        return 2

    def __getitem__(self, index):
        shape = ((4, 16, 16), (6, 8, 24))[index]
        image = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) + 10000 * index
        labels = np.zeros(shape, np.uint8)
        labels[1:3, 4, 5:8] = 1
        return NeuronSample(self.names[index], image, labels, None)


def stream(**options):
    return CubeStream(Few(), **{"length": 500, "cube": CUBE, "augment": STILL, **options})


def place(item):
    """First voxel of an item that was not changed."""
    first = int(item["image"].min()) - 10000 * item["index"]
    return np.unravel_index(first, ((4, 16, 16), (6, 8, 24))[item["index"]])


@pytest.mark.parametrize(
    ("shape", "counts"),
    [
        ((32, 128, 128), (1, 10)),
        ((33, 129, 128), (4, 40)),
        ((32, 384, 384), (9, 90)),
        ((32, 512, 384), (12, 96)),
        ((64, 640, 640), (50, 300)),
        ((128, 896, 896), (196, 1176)),
        ((128, 1024, 1024), (256, 1024)),
        ((5, 7, 9), (1, 10)),
    ],
)
def test_number_of_cubes_by_hand(shape, counts):
    assert cube_counts(shape) == counts


def test_places_are_uniform_and_inside():
    generator, labels = np.random.default_rng(0), np.zeros((4, 10, 8), np.uint8)
    starts = np.array([draw_cube(generator, labels, cube=CUBE) for _ in range(3000)])
    assert set(map(tuple, starts)) == {(0, y, 0) for y in range(3)}
    assert np.abs(np.bincount(starts[:, 1]) / 3000 - 1 / 3).max() < 0.04


def test_chosen_places_are_those_of_the_accepted_ones_alike():
    generator, labels = np.random.default_rng(1), np.zeros((1, 1, 12), np.uint8)
    labels[0, 0, [5, 6]] = 1
    starts = [draw_cube(generator, labels, cube=(1, 1, 4), share=0.5)[2] for _ in range(2000)]
    assert set(starts) == {3, 4, 5}
    assert np.abs(np.bincount(starts, minlength=6)[3:] / 2000 - 1 / 3).max() < 0.05


def test_a_share_that_no_cube_has_gives_the_fullest_one():
    labels = np.zeros((1, 1, 12), np.uint8)
    labels[0, 0, [5, 8]] = 1
    starts = {draw_cube(np.random.default_rng(seed), labels, cube=(1, 1, 4), share=0.9)[2] for seed in range(3)}
    assert starts == {5}
    assert TRIES > 100


def test_the_share_is_at_most_that_of_the_volume():
    labels = np.zeros((10, 10, 10), np.uint8)
    assert least_share(labels) == 0
    labels[0, 0, 0] = 1
    assert least_share(labels) == 0.001
    labels[0] = 1
    assert least_share(labels) == 0.003
    assert least_share(labels, 0.05) == 0.05


def test_a_cube_larger_than_the_volume_has_zeros_behind():
    volume = np.ones((3, 2, 5), np.float32)
    labels = np.ones((3, 2, 5), np.uint8)
    start = draw_cube(np.random.default_rng(0), labels, cube=(4, 4, 4), share=0.1)
    assert start[:2] == (0, 0)
    found = cut_cube(volume, start, (4, 4, 4))
    assert found.shape == (4, 4, 4)
    assert found.sum() == 3 * 2 * 4
    assert found[:3, :2].all()


def test_an_epoch_holds_the_cubes_of_every_volume():
    one = stream()
    assert one.epoch == (4 + 40) + (6 + 60)
    items = [one[t] for t in range(one.epoch)]
    assert [sum(item["index"] == index for item in items) for index in (0, 1)] == [44, 66]
    share = {index: least_share(Few()[index].labels) for index in (0, 1)}
    enough = [item["target"].double().mean() >= share[item["index"]] for item in items]
    assert sum(enough) >= 100


def test_items_depend_on_seed_and_number_alone():
    one = stream(augment=NeuronAugment(noise=0.1))
    first = [one[t]["image"] for t in (0, 7, 200)]
    again = stream(augment=NeuronAugment(noise=0.1))
    assert all(torch.equal(a, again[t]["image"]) for a, t in zip(first[::-1], (200, 7, 0), strict=True))
    other = stream(augment=NeuronAugment(noise=0.1), seed=1)
    assert not torch.equal(first[0], other[0]["image"])


def test_a_copy_for_another_process_gives_the_same_items():
    one = stream()
    one[3]
    copy = pickle.loads(pickle.dumps(one))
    assert all(torch.equal(one[t]["image"], copy[t]["image"]) for t in (150, 3))


def test_fixed_places_come_again_in_every_epoch_and_fresh_ones_do_not():
    for positions, same in (("fixed", True), ("fresh", False)):
        one = stream(positions=positions, indices=[0])
        epochs = [sorted(place(one[44 * epoch + t]) for t in range(44)) for epoch in range(2)]
        assert (epochs[0] == epochs[1]) is same


def test_image_and_target_are_of_one_place_and_normalised():
    one = stream(mean=100.0, std=50.0)
    for t in range(5):
        item = one[t]
        start = place({"index": item["index"], "image": item["image"] * 50 + 100 + 0.01})
        sample = Few()[item["index"]]
        expected = cut_cube(sample.image, start, CUBE)
        assert torch.allclose(item["image"][0], torch.from_numpy((expected - 100) / 50), atol=1e-3)
        assert torch.equal(item["target"], torch.from_numpy(cut_cube(sample.labels, start, CUBE)).long())
        count = sample.labels.sum(dtype=int)
        assert torch.allclose(
            item["class_weight"], torch.tensor([1.0, float(sample.labels.size - count) / float(count)])
        )


def test_flips_move_image_and_labels_alike():
    image = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    labels = (image[0] % 5 == 0).astype(np.uint8)
    seen = set()
    for seed in range(40):
        found, marked = NeuronAugment(noise=0.0)(np.random.default_rng(seed), image, labels)
        assert np.array_equal(marked, found[0] % 5 == 0)
        seen.add(tuple(found[0, :, 0, 0]))
    assert seen == {(0.0, 12.0), (3.0, 15.0), (8.0, 20.0), (11.0, 23.0)}  # y and x, never z


def test_noise_has_its_deviation_and_leaves_the_given_image():
    image, labels = np.full((1, 20, 40, 40), 0.5, np.float32), np.zeros((20, 40, 40), np.uint8)
    found, _ = NeuronAugment()(np.random.default_rng(0), image, labels)
    assert found.dtype == np.float32
    assert abs(found.std() * 255 - 1) < 0.02
    assert (image == 0.5).all()


def test_no_neuron_lies_on_both_sides_of_a_split():
    neurons = ["d", "a", "b", "a", "c", "b", "d", "d", "e", "a"]
    for split in folds(5, folds=3, seed=1):
        found = by_neuron(neurons, split)
        parts = [{neurons[index] for index in part} for part in vars(found).values()]
        assert not parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2]
        assert sorted(found.train + found.validation + found.test) == list(range(10))


@pytest.mark.message
def test_wrong_options_are_named():
    with pytest.raises(ValueError, match="there is no volume to train on"):
        stream(indices=[])
    with pytest.raises(ValueError, match="std is 0, but must be greater than 0"):
        stream(std=0)
    with pytest.raises(ValueError, match="foreground is 2, but must lie between 0 and 1"):
        stream(foreground=2)
    with pytest.raises(ValueError, match="positions is 'same', but must be one of fresh, fixed"):
        stream(positions="same")
    with pytest.raises(IndexError, match="there is no item 500; there are 500"):
        stream()[500]
    with pytest.raises(ValueError, match="a cube of 8 x 8 voxels does not fit a volume of 4 x 8 x 8"):
        draw_cube(np.random.default_rng(0), np.zeros((4, 8, 8), np.uint8), cube=(8, 8))
    with pytest.raises(ValueError, match=r"flips is \(1, 3\), but must name each axis at most once"):
        NeuronAugment((1, 3))
    with pytest.raises(ValueError, match="noise is -1, but must be 0 or greater"):
        NeuronAugment(noise=-1)
    with pytest.raises(ValueError, match="the split names neuron 2, but there are 2"):
        by_neuron(["a", "b"], Split([0], [], [2]))
