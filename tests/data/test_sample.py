"""Samples, their statistics, and what is said about a set."""

import pickle

import numpy as np
import pytest

from subband.data import VOID, Reader, Sample, check_samples, statistics
from subband.data.sample import eight_bit


class Given(Reader):
    """Samples from arrays; counts how often each was read."""

    def __init__(self, images, masks, **options):
        self.images, self.masks, self.reads = images, masks, 0
        super().__init__([f"s{i}" for i in range(len(images))], **options)

    def read(self, index):
        self.reads += 1
        if self.images[index] is None:
            raise ValueError(f"s{index}.png cannot be read")
        return Sample(self.names[index], self.images[index], self.masks[index])


def random_set(n=4, channels=3, shape=(5, 7), seed=0):
    rng = np.random.default_rng(seed)
    images = [rng.integers(0, 256, (channels, *shape)).astype(np.float32) / np.float32(255) for _ in range(n)]
    return Given(images, [rng.integers(0, 2, shape).astype(np.uint8) for _ in range(n)])


def test_statistics_of_equal_sizes_are_those_of_all_pixels():
    data = random_set()
    mean, std = statistics(data)
    pixels = np.stack(data.images).astype(np.float64).transpose(1, 0, 2, 3).reshape(3, -1)
    np.testing.assert_allclose(mean, pixels.mean(1), atol=1e-7)
    np.testing.assert_allclose(std, pixels.std(1), atol=1e-7)


def test_statistics_by_hand_count_every_image_alike():
    images = [np.array([[[0.0, 1.0]]], np.float32), np.array([[[1.0, 1.0, 1.0, 1.0]]], np.float32)]
    mean, std = statistics(Given(images, [np.zeros((1, 2), np.uint8), np.zeros((1, 4), np.uint8)]))
    assert mean == [0.75]
    assert std == pytest.approx(np.sqrt((0.25 + 0.0625 + 0.0625) / 2))


def test_statistics_of_some_images():
    data = random_set()
    mean, _ = statistics(data, [2])
    np.testing.assert_allclose(mean, data.images[2].mean((1, 2)), atol=1e-6)


def test_statistics_of_floats_that_are_no_255ths():
    image = np.full((1, 2, 2), 0.1234, np.float32)
    image[0, 0, 0] = 0.5
    mean, std = statistics(Given([image], [np.zeros((2, 2), np.uint8)]))
    np.testing.assert_allclose((mean[0], std[0]), (image.astype(np.float64).mean(), image.astype(np.float64).std()))


def test_deviation_of_a_constant_image_is_one():
    assert statistics(Given([np.zeros((1, 2, 2), np.float32)], [np.zeros((2, 2), np.uint8)]))[1] == [1.0]


@pytest.mark.message
def test_statistics_of_nothing():
    with pytest.raises(ValueError, match="no image to take the mean of"):
        statistics(random_set(), [])


def test_eight_bit_is_exact_or_none():
    every = np.arange(256, dtype=np.float32)[None, None] / np.float32(255)
    assert (eight_bit(every)[0, 0] == np.arange(256)).all()
    assert eight_bit(every + np.float32(1e-3)) is None


def test_reader_reads_once_and_hands_out_copies():
    data = random_set()
    first = data[1]
    first.image[:] = 9
    first.mask[:] = 9
    again = data[1]
    again.mask[:] = 8
    assert data.reads == 1
    assert data[1].mask.max() <= 1
    assert data[1].image.max() <= 1
    assert data[1].image.dtype == np.float32


def test_reader_keeps_floats_that_are_no_255ths_exactly():
    image = np.random.default_rng(0).random((1, 3, 3), np.float32)
    data = Given([image.copy()], [np.zeros((3, 3), np.uint8)])
    assert (data[0].image == image).all()
    assert (data[0].image == image).all()
    assert data.reads == 1


def test_reader_keeps_up_to_its_limit():
    data = Given([np.zeros((1, 10, 10), np.float32)] * 3, [np.zeros((10, 10), np.uint8)] * 3, keep_bytes=400)
    for _ in range(2):
        assert [sample.name for sample in data] == ["s0", "s1", "s2"]
    assert data.reads == 4, "two of three fit into 400 bytes"


def test_reader_leaves_what_it_kept_behind_when_pickled():
    data = random_set()
    small = len(pickle.dumps(data))
    _ = data[0]
    assert len(pickle.dumps(data)) <= small + 10
    assert (pickle.loads(pickle.dumps(data))[0].image == data[0].image).all()


def test_reader_indices():
    data = random_set()
    assert len(data) == 4
    assert data[-1].name == "s3"
    assert (data.channels, data.classes) == (3, 2)
    with pytest.raises(IndexError):
        data[4]


@pytest.mark.message
def test_names_must_differ():
    with pytest.raises(ValueError, match="two samples are called 'a'"):
        Reader(["a", "b", "a"])


def test_reader_needs_read():
    with pytest.raises(NotImplementedError):
        Reader(["a"])[0]


@pytest.mark.message
def test_sizes_must_fit():
    with pytest.raises(ValueError, match=r"cell: the image is 4 x 5 pixels, but its mask is 5 x 4"):
        Sample("cell", np.zeros((1, 4, 5), np.float32), np.zeros((5, 4), np.uint8))


def test_good_samples_have_no_notes():
    assert check_samples(random_set()) == []


@pytest.mark.message
def test_odd_samples_are_named():
    data = random_set()
    data.images[1][:] = 0.5
    data.masks[2][:] = 1
    data.masks[2].flags.writeable = False
    assert check_samples(data) == ["s1: every pixel of the image is 0.5", "s2: the mask holds class 1 only"]


@pytest.mark.message
def test_broken_samples_are_all_named():
    data = random_set(n=9)
    data.images[3] = None
    data.images[4] = data.images[4][:1]
    data.masks[5] = data.masks[5][:2]
    with pytest.raises(
        ValueError, match=r"s3.png cannot be read; s4 has 1 channel\(s\), but s0 has 3; .*s5: the image is"
    ):
        check_samples(data)
    data = Given([None] * 9, [None] * 9)
    with pytest.raises(ValueError, match=r"s4.png cannot be read; and 4 more"):
        check_samples(data)


@pytest.mark.message
def test_masks_without_a_second_class_cannot_be_trained_on():
    data = random_set()
    data.masks = [np.zeros((5, 7), np.uint8)] * 4
    with pytest.raises(ValueError, match="all 4 masks hold class 0 only, s0 for one"):
        check_samples(data)


@pytest.mark.message
def test_no_samples():
    with pytest.raises(ValueError, match="there is no image"):
        check_samples(Given([], []))


def void_set():
    """Three classes; the second mask is void all over, the third beside one class."""
    data = random_set(n=3)
    data.masks = [np.uint8([[0, 1, 2, 255]]), np.full((1, 4), 255, np.uint8), np.uint8([[1, 1, 255, 1]])]
    data.images = [image[:, :1, :4] for image in data.images]
    return Given(data.images, data.masks, classes=3)


@pytest.mark.message
def test_void_is_no_class():
    data = void_set()
    assert check_samples(data) == ["s1: every pixel of the mask is void (255)", "s2: the mask holds class 1 only"]
    assert (data[1].mask == VOID).all()
    assert (data[1].mask == VOID).all(), "kept in memory"


def test_statistics_count_the_image_under_void():
    data = void_set()
    np.testing.assert_allclose(statistics(data)[0], np.mean([i.mean((1, 2)) for i in data.images], 0), atol=1e-6)


@pytest.mark.message
def test_void_alone_cannot_be_trained_on():
    data = void_set()
    data.masks = [np.full((1, 4), 255, np.uint8)] * 3
    with pytest.raises(ValueError, match=r"all 3 masks hold void \(255\) only, s0 for one"):
        check_samples(data)
    data.masks = [np.uint8([[255, 1, 1, 1]])] * 3
    with pytest.raises(ValueError, match="all 3 masks hold class 1 only"):
        check_samples(Given(data.images, data.masks, classes=3))


@pytest.mark.message
def test_classes_that_the_set_does_not_have():
    data = void_set()
    with pytest.raises(ValueError, match="s0: the mask holds class 2, but the set has 2 classes, 0 to 1"):
        check_samples(Given(data.images, data.masks))
