import numpy as np
import pytest
import torch
from torch import nn

from subband.data.blocks import cut, merge_blended, merge_union, partition, whole
from subband.data.volume_file import open_volume, write_volume
from subband.tasks.predict_volume import VolumeModel, segment_array, segment_volume

SHAPE = (13, 22, 19)
CUBE, OVERLAP = (6, 10, 8), (2, 3, 2)
STEP = tuple(size - overlap for size, overlap in zip(CUBE, OVERLAP, strict=True))


def noise(dtype=np.uint8, seed=0):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, SHAPE, dtype)


def network(channels=2, seed=0):
    """Two convolutions of 3, whose result depends on 2 voxels to each side, and a dropout that must be off."""
    torch.manual_seed(seed)
    layers = nn.Conv3d(1, 3, 3, padding=1), nn.ReLU(), nn.Dropout(0.5), nn.Conv3d(3, channels, 3, padding=1)
    return nn.Sequential(*layers).double()


def logits(model, volume, scale=255.0):
    with torch.no_grad():
        return model.eval()(torch.from_numpy(volume / scale)[None, None])[0]


class Counting(nn.Module):
    """Sums of whole numbers, which any order of summing gives exactly: class 1 where 27 voxels exceed their mean."""

    def __init__(self):
        super().__init__()
        self.box = nn.Conv3d(1, 2, 5, padding=2, bias=False)
        self.box.weight.data[0], self.box.weight.data[1] = 0, 1

    def forward(self, image):
        return self.box(image) - torch.tensor([0.0, 12000.0]).view(1, 2, 1, 1, 1)


@pytest.mark.parametrize("block", [(4, 4, 4), (5, 22, 7), (64, 64, 64)])
def test_whole_numbers_give_the_labels_of_the_whole_volume_exactly(tmp_path, block):
    """Convolutions of floats round as their sums are ordered; sums of whole numbers below 2^24 do not."""
    model = VolumeModel(Counting(), levels=(0, 1))
    segment_volume(model, noise(), tmp_path / "v.zarr", block=block, halo=2)
    expected = logits(Counting(), noise().astype(np.float32), 1).argmax(0).numpy()
    assert 0.2 < expected.mean() < 0.8
    np.testing.assert_array_equal(open_volume(tmp_path / "v.zarr").array[:], expected)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_network_within_the_halo_gives_the_labels_of_the_whole_volume(channels):
    """In float64 rounding decides no voxel of these."""
    model = network(channels)
    found = segment_array(model, noise(), block=(5, 9, 8), halo=2)
    expected = logits(model, noise())
    expected = expected[0] > 0 if channels == 1 else expected.argmax(0)
    np.testing.assert_array_equal(found, expected.numpy().astype(np.uint8))


def test_grey_values_are_scaled_as_asked():
    model = VolumeModel(nn.Identity(), levels=(50, 150), mean=0.5, deviation=2.0)
    volume = np.array([[[50, 150, 250]]], np.uint16)
    np.testing.assert_allclose(model.logits(volume)[0, 0, 0], [-0.25, 0.25, 0.75])
    for dtype, largest in ((np.uint8, 255), (np.uint16, 65535), (np.float32, 1)):
        np.testing.assert_allclose(VolumeModel(nn.Identity()).logits(np.full((1, 1, 1), largest, dtype)), 1)


@pytest.mark.parametrize("channels", [1, 2])
def test_probabilities_are_255_times_those_of_no_background(channels):
    model = network(channels)
    found = segment_array(VolumeModel(model, output="probability"), noise(), block=(13, 22, 19), halo=0)
    expected = logits(model, noise())
    expected = expected[0].sigmoid() if channels == 1 else 1 - expected.softmax(0)[0]
    np.testing.assert_allclose(found, 255 * expected.numpy(), atol=0.51)


@pytest.mark.parametrize("block", [(4, 4, 4), (13, 7, 19)])
class TestCubes:
    def test_a_union_is_the_authors(self, block):
        model = VolumeModel(network(), merge="union", cube=CUBE)
        parts = [(cube, model.frozen().labels(cut(noise(), cube))) for cube in partition(SHAPE, CUBE, STEP)]
        found = segment_array(model, noise(), block=block, halo=OVERLAP)
        np.testing.assert_array_equal(found, merge_union(parts, whole(SHAPE)))

    @pytest.mark.parametrize("channels", [1, 3])
    def test_blending_is_that_of_the_whole_volume(self, block, channels):
        model = VolumeModel(network(channels), merge="blend", cube=CUBE)
        cubes = partition(SHAPE, CUBE, STEP)
        parts = [(cube, model.frozen().probabilities(cut(noise(), cube))) for cube in cubes]
        expected = model.told(merge_blended(parts, whole(SHAPE)))
        np.testing.assert_array_equal(segment_array(model, noise(), block=block, halo=OVERLAP), expected)


def test_going_on_needs_the_same_network_and_options(tmp_path):
    write_volume(tmp_path / "grey.nrrd", noise(), spacing=(3.0, 1.0, 1.0))
    model = network()
    target = tmp_path / "v.zarr"

    def run(model, **options):
        return segment_volume(model, tmp_path / "grey.nrrd", target, block=(8, 8, 8), halo=4, **options)

    assert run(model, shard=(0, 2)).written == 9
    assert run(network(), scheduler="threads").written == 9
    assert open_volume(target).spacing == (3.0, 1.0, 1.0)
    with pytest.raises(ValueError, match=r"v.zarr was begun with another network: "):
        run(network(seed=1))
    with pytest.raises(ValueError, match=r"v.zarr was begun with another mean: 0.0 then, 0.1 now"):
        run(VolumeModel(model, mean=0.1))
    with pytest.raises(ValueError, match=r"v.zarr was begun with another cube: none then, 32 x 128 x 128 now|merge"):
        run(VolumeModel(model, merge="union"))


def test_the_network_stays_as_it_was():
    model = network().train()
    segment_array(model, noise(), block=(32, 32, 32), halo=0)
    assert all(module.training for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.message
def test_what_is_said():
    model = network()
    with pytest.raises(ValueError, match=r"merge is 'unoin', but must be .*; did you mean 'union'\?"):
        VolumeModel(model, merge="unoin")
    with pytest.raises(ValueError, match="a union is of labels and has no probability; give merge='blend'"):
        VolumeModel(model, merge="union", output="probability")
    with pytest.raises(ValueError, match=r"levels are \(5, 5\), but must be two grey values in order"):
        VolumeModel(model, levels=(5, 5))
    with pytest.raises(ValueError, match=r"halo is \(8, 8, 8\), but cubes of \(6, 10, 8\) must overlap by less"):
        segment_array(VolumeModel(model, merge="blend", cube=CUBE), noise(), halo=8)
    with pytest.raises(ValueError, match=r"the network made \(11, 20, 17\) of \(13, 22, 19\) voxels; sizes must stay"):
        segment_array(nn.Conv3d(1, 2, 3), noise(), halo=0)
