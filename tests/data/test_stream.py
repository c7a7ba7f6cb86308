"""Training items are a function of (seed, item)."""

import pickle

import numpy as np
import pytest
import tifffile
import torch
from torch.utils.data import DataLoader

from subband.data import Augment, CropStream, Reader, Sample, Synthetic, WholeImages, statistics
from subband.data.readers import EmStack
from subband.data.stream import balanced_weight
from subband.losses.segmentation._inputs import balanced_weight as loss_balanced_weight
from subband.maps import abw_weight_maps, unet_weight_map

FULL = Augment((24, 24), flips=True, rot90=True, elastic=1.0, brightness=0.1, contrast=0.1)


@pytest.fixture(scope="module")
def cells():
    return Synthetic("membranes", size=48, count=5)


def equal(a, b):
    assert a.keys() == b.keys()
    return all(torch.equal(a[k], b[k]) if torch.is_tensor(a[k]) else a[k] == b[k] for k in a)


def test_item_depends_on_seed_and_place_only(cells):
    long = CropStream(cells, length=40, augment=FULL, seed=4, map_kind="unet")
    resumed = CropStream(Synthetic("membranes", size=48, count=5), length=99, augment=FULL, seed=4, map_kind="unet")
    expected = [long[t] for t in range(40)]
    assert all(equal(resumed[t], expected[t]) for t in (39, 7, 7, 0, 23))
    other = CropStream(cells, length=40, augment=FULL, seed=5, map_kind="unet")
    assert sum(equal(other[t], expected[t]) for t in range(40)) == 0


def test_every_epoch_has_every_image_once_in_another_order(cells):
    stream = CropStream(cells, indices=[4, 1, 3], length=30)
    order = [stream[t]["index"] for t in range(30)]
    epochs = [tuple(order[e : e + 3]) for e in range(0, 30, 3)]
    assert all(sorted(epoch) == [1, 3, 4] for epoch in epochs)
    assert len(set(epochs)) > 2


def test_items_are_as_promised(cells):
    mean, std = statistics(cells)
    stream = CropStream(cells, length=3, augment=Augment((20, 30)), mean=mean, std=std, map_kind="abw")
    item = stream[0]
    sample = cells[item["index"]]
    assert item["image"].shape == (1, 20, 30)
    assert item["image"].dtype == item["weight_map"].dtype == item["class_weight"].dtype == torch.float32
    assert item["target"].dtype == torch.int64
    assert item["weight_map"].shape == (2, 20, 30)
    np.testing.assert_allclose(item["class_weight"].numpy(), balanced_weight(sample.mask, 2))
    assert len(stream) == 3


def test_whole_images_without_changes(cells):
    mean, std = statistics(cells)
    item = CropStream(cells, length=5, mean=mean, std=std)[2]
    sample = cells[item["index"]]
    np.testing.assert_allclose(item["image"].numpy(), (sample.image - mean[0]) / std[0], atol=1e-5)
    assert (item["target"].numpy() == sample.mask).all()
    assert "weight_map" not in item


def test_normalised_set_has_mean_0_and_deviation_1(cells):
    mean, std = statistics(cells)
    items = WholeImages(cells, mean=mean, std=std)
    pixels = torch.stack([items[i]["image"] for i in range(len(items))])
    assert abs(float(pixels.mean())) < 1e-5
    assert abs(float(pixels.std()) - 1) < 1e-4


def test_class_weight_is_the_rule_of_the_losses(cells):
    for mask in (cells[0].mask, np.zeros((4, 5), np.uint8), np.ones((4, 5), np.uint8)):
        onehot = torch.nn.functional.one_hot(torch.from_numpy(mask).long(), 2).movedim(-1, 0)[None].float()
        np.testing.assert_allclose(balanced_weight(mask, 2), loss_balanced_weight(onehot)[0].numpy())
    assert balanced_weight(np.uint8([[0, 0, 0, 2]]), 3).tolist() == [1, 3, 3]


@pytest.mark.parametrize(("kind", "function"), [("unet", unet_weight_map), ("abw", abw_weight_maps)])
def test_maps_of_the_image_and_of_the_crop(cells, tmp_path, kind, function):
    augment = Augment((24, 24), flips=True)
    whole = CropStream(cells, length=9, augment=augment, map_kind=kind, map_folder=tmp_path)
    crop = CropStream(cells, length=9, augment=augment, map_kind=kind, map_scope="crop")
    for t in range(9):
        a, b = whole[t], crop[t]
        assert torch.equal(a["image"], b["image"])
        expected = np.asarray(function(b["target"].numpy().astype(np.uint8)), np.float32)
        assert (b["weight_map"].numpy() == expected.reshape(b["weight_map"].shape)).all()
        full = np.asarray(function(cells[a["index"]].mask), np.float32)
        assert np.isin(np.unique(a["weight_map"].numpy()), np.unique(full)).all()
    assert len(list(tmp_path.iterdir())) == 5, "one map for each image"
    assert len(whole._maps) == 5


def test_map_of_several_classes_is_that_of_their_union():
    class Three(Reader):
        def read(self, index):
            mask = np.zeros((24, 24), np.uint8)
            mask[:, 8], mask[:, 16] = 1, 2
            return Sample(self.names[index], np.zeros((1, 24, 24), np.float32), mask)

    item = CropStream(Three(["a"], classes=3), length=1, map_kind="unet")[0]
    assert np.array_equal(item["weight_map"][0], unet_weight_map(item["target"].numpy() > 0))


class Streets(Reader):
    """Three classes and void; the second mask is void all over."""

    def read(self, index):
        mask = np.full((12, 16), 255, np.uint8)
        if index == 0:
            mask[:8] = np.arange(16) // 6
        return Sample(self.names[index], np.full((3, 12, 16), 0.25 + 0.5 * index, np.float32), mask)


def test_void_goes_through_a_stream():
    streets = Streets(["a", "b"], classes=3)
    for items in (CropStream(streets, length=2), WholeImages(streets)):
        for item in (items[0], items[1]):
            first = float(item["image"].max()) < 0.5
            assert item["target"].dtype == torch.int64
            assert set(item["target"].unique().tolist()) == ({0, 1, 2, 255} if first else {255})
    weights = {
        item["index"]: item["class_weight"].tolist() for item in (CropStream(streets, length=2)[t] for t in (0, 1))
    }
    assert weights == {0: [1.0, 1.0, 1.5], 1: [1.0, 1.0, 1.0]}, "48, 48 and 32 pixels; none"


@pytest.mark.parametrize("scope", ["image", "crop"])
def test_void_counts_as_background_in_a_map(scope):
    item = CropStream(Streets(["a"], classes=3), length=1, map_kind="unet", map_scope=scope)[0]
    target = item["target"].numpy()
    assert np.array_equal(item["weight_map"][0], unet_weight_map((target == 1) | (target == 2)))


def test_map_moves_with_the_image(cells):
    """A map that is a function of single pixels must still be that function after every change."""
    stream = CropStream(cells, length=20, augment=Augment((24, 24), flips=True, rot90=True), map_kind="abw")
    for t in range(20):
        item = stream[t]
        assert (item["weight_map"][1][item["target"] == 1] == 30).all()


def test_changing_an_item_changes_no_other(cells):
    stream = CropStream(cells, indices=[0], length=2, map_kind="unet")
    first = stream[0]
    before = {k: v.clone() for k, v in first.items() if torch.is_tensor(v)}
    for value in first.values():
        if torch.is_tensor(value):
            value.mul_(0)
    again = stream[1]
    assert all(torch.equal(again[k], before[k]) for k in before)


def test_stream_is_pickled_without_its_maps(cells):
    stream = CropStream(cells, length=4, map_kind="unet")
    small = len(pickle.dumps(stream))
    _ = [stream[t] for t in range(4)]
    assert len(pickle.dumps(stream)) < small + 500
    assert equal(pickle.loads(pickle.dumps(stream))[3], stream[3])


def test_three_dimensions():
    volume = Synthetic("vessels", size=(32, 33, 34), count=2, difficulty="easy")
    stream = CropStream(volume, length=4, augment=Augment((8, 16, 16), flips=True, rot90=True), map_kind="unet")
    item = stream[3]
    assert item["image"].shape == (1, 8, 16, 16)
    assert item["weight_map"].shape == (1, 8, 16, 16)


def test_copy_for_another_process_gives_the_same(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("volume", "labels"):
        array = rng.integers(0, 2, (6, 64, 64)).astype(np.uint8) * 255
        tifffile.imwrite(tmp_path / f"train-{name}.tif", array, photometric="minisblack", compression="zlib")
    stream = CropStream(EmStack(tmp_path), length=24, augment=FULL)
    first = [stream[t] for t in range(24)]
    copy = pickle.loads(pickle.dumps(stream))
    assert all(equal(copy[t], first[t]) for t in reversed(range(24)))


def test_loader_makes_batches(cells):
    stream = CropStream(cells, length=8, augment=FULL, map_kind="abw")
    batch = next(iter(DataLoader(stream, batch_size=4)))
    shapes = {name: tuple(value.shape) for name, value in batch.items()}
    assert shapes == {
        "image": (4, 1, 24, 24),
        "target": (4, 24, 24),
        "class_weight": (4, 2),
        "weight_map": (4, 2, 24, 24),
        "index": (4,),
    }


def test_whole_images(cells):
    items = WholeImages(cells, indices=[3, 1])
    assert len(items) == 2
    assert items[0]["name"] == "membranes_003"
    assert (items[0]["image"].numpy() == cells[3].image).all()
    assert (items[0]["target"].numpy() == cells[3].mask).all()
    assert len(WholeImages(cells)) == 5


class Odd(Reader):
    """Images of two sizes, three classes and two channels."""

    classes = 3

    def read(self, index):
        size = 8 + index
        return Sample(self.names[index], np.zeros((2, size, 8), np.float32), np.zeros((size, 8), np.uint8))


@pytest.mark.message
@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda data: CropStream(data, indices=[], length=1), "no image to train on"),
        (lambda data: CropStream(data, length=1, map_scope="crops"), "did you mean 'crop'"),
        (lambda data: CropStream(data, length=1, std=0.0), r"std is \[0.0\]"),
        (
            lambda data: CropStream(data, length=1, mean=[0, 0, 0], std=[1, 1, 1])[0],
            r"image has 2 channel\(s\), but mean",
        ),
        (lambda data: [CropStream(data, length=9)[t] for t in range(4)], "several sizes need a crop"),
        (lambda data: WholeImages(data, std=[1, -1]), "greater than 0"),
    ],
)
def test_bad_arguments(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(Odd(["a", "b"]))


def test_items_end(cells):
    with pytest.raises(IndexError):
        CropStream(cells, length=2)[2]
