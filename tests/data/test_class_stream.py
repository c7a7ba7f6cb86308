"""Training images of classes: the same item whoever asks, changes by hand, resizing as torchvision's."""

import pickle

import numpy as np
import pytest
import torch

from subband.data._class_changes import CHANGES, centre, random_part, resized, shifted
from subband.data.class_sample import ClassReader, ClassSample
from subband.data.class_stream import ClassImages, ClassStream, height_and_width
from subband.data.splits import Split


class Numbers(ClassReader):
    """Image i is 8 x 6 pixels of value i, with a marked corner."""

    def __init__(self, count=6):
        super().__init__(
            [f"n{i}" for i in range(count)],
            [i % 2 for i in range(count)],
            class_names=["even", "odd"],
            split=Split([0, 1, 2], [], [3, 4, 5]),
        )

    def read(self, index):
        pixels = np.full((3, 8, 6), index, np.uint8)
        pixels[:, 0, 0] = 200
        return pixels


def test_an_epoch_shows_every_image_once():
    stream = ClassStream(Numbers(), indices=[1, 2, 4], length=9, crop=[8, 6])
    for epoch in range(3):
        assert sorted(stream[3 * epoch + place]["index"] for place in range(3)) == [1, 2, 4]
    assert stream[0]["target"] == stream[0]["index"] % 2


def test_items_do_not_depend_on_who_asks_before():
    first = ClassStream(Numbers(), indices=range(6), length=20, augment="cifar", crop=[6, 6], seed=3)
    again = pickle.loads(pickle.dumps(first))
    listed = [first[t]["image"] for t in range(20)]
    for t in (19, 0, 7):
        assert torch.equal(again[t]["image"], listed[t])
    other = ClassStream(Numbers(), indices=range(6), length=20, augment="cifar", crop=[6, 6], seed=4)
    assert any(not torch.equal(other[t]["image"], listed[t]) for t in range(20))


def test_normalises_after_the_change():
    stream = ClassStream(Numbers(), indices=[4], length=1, crop=[4, 4], mean=[0.0, 0.5, 0.0], std=[1.0, 0.5, 2.0])
    value = 4 / 255
    expected = torch.tensor([value, (value - 0.5) / 0.5, value / 2])
    torch.testing.assert_close(stream[0]["image"][:, 1, 1], expected)


def test_the_centre_by_hand():
    pixels = np.arange(5, dtype=np.uint8)[None, None].repeat(3, 1)
    assert centre(pixels, (1, 3))[0].tolist() == [[1, 2, 3]]
    assert centre(pixels, (1, 3), move=(0, 2))[0].tolist() == [[3, 4, 0]]
    assert centre(pixels, (1, 3), move=(0, -4))[0].tolist() == [[0, 0, 0]]


def test_a_shift_reaches_every_place_and_no_further():
    pixels = np.zeros((1, 16, 16), np.uint8)
    pixels[0, 8, 8] = 1
    places = {
        tuple(np.argwhere(shifted(np.random.default_rng(seed), pixels, (16, 16))[0])[0].tolist()) for seed in range(300)
    }
    assert places == {(row, column) for row in range(6, 11) for column in range(6, 11)}, "an eighth of 16 is 2"


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("shape", [(1, 9, 13), (3, 32, 20), (3, 4, 90)])
def test_every_change_gives_the_size_and_leaves_its_input(name, shape):
    pixels = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    before = pixels.copy()
    for seed in range(10):
        found = CHANGES[name](np.random.default_rng(seed), pixels, (8, 10))
        assert found.shape == (shape[0], 8, 10)
        assert found.dtype == np.uint8
    np.testing.assert_array_equal(pixels, before)


def test_resizes_as_torchvision():
    functional = pytest.importorskip("torchvision.transforms.functional")
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 255, (3, 37, 53), np.uint8)
    theirs = functional.center_crop(functional.resize(Image.fromarray(np.moveaxis(pixels, 0, -1)), 20), 16)

    class One(ClassReader):
        def read(self, index):
            return pixels

    ours = ClassImages(One(["a"], [0], class_names=["x"]), indices=[0], crop=[16], resize=20)
    np.testing.assert_array_equal(np.moveaxis(ours.pixels(0), 0, -1), np.asarray(theirs))


def test_a_random_part_of_a_long_image_is_its_centre():
    pixels = np.zeros((1, 2, 400), np.uint8)
    pixels[..., 190:210] = 255
    parts = [random_part(np.random.default_rng(seed), pixels, (4, 4)) for seed in range(20)]
    assert all(part.shape == (1, 4, 4) for part in parts)
    assert max(int(part.max()) for part in parts) == 255


def test_test_images_are_in_the_unit_range_with_their_names():
    items = ClassImages(Numbers(), indices=[5, 3], crop=[8, 6])
    assert len(items) == 2
    item = items[0]
    assert (item["name"], item["target"]) == ("n5", 1)
    assert float(item["image"][0, 1, 1]) == pytest.approx(5 / 255)
    assert items.widened(1) is None
    wide = ClassImages(Numbers(), indices=[5], crop=[4, 4], resize=6).widened(2)
    assert wide[0]["image"].shape == (3, 6, 6)


def test_one_channel_is_resized():
    assert resized(np.zeros((1, 4, 4), np.uint8), (2, 3)).shape == (1, 2, 3)


def test_a_sample_in_the_unit_range():
    assert ClassSample("a", np.full((1, 1, 1), 255, np.uint8), 0).image == 1.0


@pytest.mark.message
def test_says_what_is_wrong():
    with pytest.raises(ValueError, match=r"data\.crop is \[\], but a classification needs height and width"):
        height_and_width([])
    with pytest.raises(ValueError, match="there is no image to train on"):
        ClassStream(Numbers(), indices=[], length=1, crop=[4])
    with pytest.raises(ValueError, match=r"data\.augment of a classification is 'voc', but must be one of imagenet"):
        ClassStream(Numbers(), indices=[0], length=1, crop=[4], augment="voc")
    with pytest.raises(IndexError, match="there is no item 1; there are 1"):
        ClassStream(Numbers(), indices=[0], length=1, crop=[4])[1]
    with pytest.raises(IndexError, match="there is no image 6; there are 6"):
        Numbers()[6]
    for names, labels, sentence in (
        (["a"], [], "there are 1 names and 0 labels"),
        (["a", "a"], [0, 0], "two images have one name"),
        (["a"], [2], "labels run from 2 to 2, but there are 1 classes"),
    ):
        with pytest.raises(ValueError, match=sentence):
            ClassReader(names, labels, class_names=["x"])
