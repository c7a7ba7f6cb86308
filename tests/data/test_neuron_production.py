"""Production of training volumes: cut, made smaller, labelled, written and read again."""

import json

import numpy as np
import pytest

from subband.data.cube_places import cube_counts
from subband.data.neuron_production import add_noise, crop_to_tree, resize_nearest, smaller_shape
from subband.data.neuron_sample import NeuronSample
from subband.data.prepare_neurons import prepare_neurons, produced
from subband.data.readers.neuron_folder import NeuronFolder
from subband.data.swc import write_swc
from subband.data.volume_file import write_volume
from subband.transforms.rasterize import rasterize
from subband.transforms.tree import Tree

TREE = Tree([[10, 20, 20], [10, 20, 60], [12, 50, 60]], [2.0, 1.5, 1.0], [-1, 0, 1], [1, 3, 3])
SHAPE = (24, 64, 80)


class Given(list):
    """Samples of a list."""

    classes, channels = 2, 1
    names = property(lambda self: [sample.name for sample in self])
    neurons = property(lambda self: [sample.neuron for sample in self])


def sample(name="n_0", *, dtype=np.uint8, tree=TREE):
    labels = rasterize(TREE, SHAPE).astype(np.uint8)
    top = np.iinfo(dtype).max
    grain = np.random.default_rng(list(name.encode())).integers(0, 40, SHAPE)
    image = ((labels.astype(int) * (top // 2) + grain * (top // 255)).astype(dtype) / np.float32(top)).astype(
        np.float32
    )
    return NeuronSample(name, image, labels, tree, (2.0, 1.0, 1.0), name.split("_")[0])


def test_crop_is_the_box_of_the_nodes_and_a_margin_within_the_volume():
    volume = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    part, tree, start = crop_to_tree(volume, TREE)
    assert start == (5, 10, 10)
    assert np.array_equal(part, volume[5:18, 10:61, 10:71])
    assert np.array_equal(tree.positions + start, TREE.positions)
    whole, _, start = crop_to_tree(volume, TREE, margin=(99, 99, 99))
    assert whole.shape == SHAPE
    assert start == (0, 0, 0)


def test_labels_of_the_crop_are_the_crop_of_the_labels():
    labels = rasterize(TREE, SHAPE)
    part, tree, _ = crop_to_tree(labels, TREE)
    assert np.array_equal(rasterize(tree, part.shape), part)


def test_nodes_outside_the_volume_stay_in_the_tree():
    part, tree, start = crop_to_tree(np.zeros((16, 64, 64)), Tree([[8, 8, 8], [8, 8, 90]], [1, 1], [-1, 0], [1, 3]))
    assert part.shape == (11, 19, 64)
    assert start == (3, 0, 0)
    assert tree.positions.tolist() == [[5, 8, 8], [5, 8, 90]]


@pytest.mark.parametrize(
    ("shape", "smaller"),
    [
        ((64, 1024, 512), (64, 1024, 512)),
        ((64, 2048, 1024), (64, 1024, 512)),  # 64 / 2 = 32 is not above 32
        ((66, 2048, 1024), (33, 1024, 512)),
        ((2048, 64, 64), (1024, 32, 32)),
        ((9, 3, 3000), (9, 1, 1024)),
    ],
)
def test_longest_side_is_1024_and_few_slices_stay(shape, smaller):
    assert smaller_shape(shape) == smaller


def test_nearest_voxels_and_tree_by_hand():
    volume = np.arange(6 * 9 * 4).reshape(6, 9, 4)
    tree = Tree([[3, 6, 2]], [4.0], [-1], [1])
    found, small = resize_nearest(volume, tree, (6, 6, 2))
    assert np.array_equal(found, volume[:, [0, 1, 3, 4, 6, 7]][:, :, [0, 2]])
    assert np.allclose(small.positions, [[3, 4, 1]])
    assert small.radii == [2]
    assert resize_nearest(volume, tree, (6, 3, 4))[1].radii == [4 / 3]
    assert resize_nearest(volume, tree, (6, 1, 4))[1].radii == [1]
    assert resize_nearest(volume, tree, (6, 9, 4)) == (volume, tree)


def test_noise_is_cut_and_rounded():
    image = np.full((30, 30, 30), 0.5, np.float32)
    found = add_noise(np.random.default_rng(0), image)
    assert abs(found.std() - 0.1) < 0.003
    dark = add_noise(np.random.default_rng(0), np.zeros((9, 9, 9), np.float32))
    assert dark.min() == 0
    assert np.allclose(dark * 255, np.rint(dark * 255), atol=1e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_prepared_folders_read_back_as_they_were_made(tmp_path, dtype):
    given = Given([sample("n_0", dtype=dtype), sample("n_1", dtype=dtype), sample("m_0", dtype=dtype)])
    seen = []
    made = prepare_neurons(given, tmp_path / "out", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert json.loads((tmp_path / "out" / "dataset.json").read_text()) == made
    read = NeuronFolder(tmp_path / "out")
    assert read.names == ["m_0", "n_0", "n_1"]
    assert read.neurons == ["m", "n", "n"]
    for index in range(3):
        found = read[index]
        expected, start = produced(given[given.names.index(found.name)])
        assert np.array_equal(found.image, expected.image)
        assert np.array_equal(found.labels, expected.labels)
        assert np.allclose(found.tree.positions, expected.tree.positions)
        assert found.spacing == pytest.approx(expected.spacing)
        assert list(start) == made["starts"][0] == [5, 10, 10]
    assert made["neurons"] == ["n", "n", "m"]
    assert made["sizes"] == [[13, 51, 61]] * 3
    assert made["cubes"] == [sum(cube_counts((13, 51, 61)))] * 3
    assert made["foreground"] == pytest.approx([read[0].labels.mean()] * 3)
    assert made["mean"] == pytest.approx(np.mean([read[index].image.mean() for index in range(3)]), rel=1e-4)


def test_a_smaller_volume_keeps_its_extent_and_its_neuron():
    made, _ = produced(sample(), longest=30)
    assert made.image.shape == (13, 25, 30)
    assert np.allclose(np.array(made.image.shape) * made.spacing, np.array((13, 51, 61)) * (2, 1, 1))
    assert made.tree.radii.min() == 1
    assert made.image[made.labels > 0].mean() > 2 * made.image[made.labels == 0].mean()


def test_named_volumes_alone_get_noise(tmp_path):
    given = Given([sample("n_0"), sample("m_0")])
    prepare_neurons(given, tmp_path, noisy=["m_0"], seed=5)
    read = NeuronFolder(tmp_path)
    noisy, clean = (read[read.names.index(name)].image for name in ("m_0", "n_0"))
    assert np.array_equal(clean, produced(given[0])[0].image)
    assert np.array_equal(noisy, add_noise(np.random.default_rng([5, 1]), produced(given[1])[0].image))


@pytest.mark.message
def test_what_cannot_be_produced_is_named(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="there is not empty; choose another target, or overwrite"):
        prepare_neurons(Given([sample()]), tmp_path / "there")
    with pytest.raises(ValueError, match="noisy names 'x', which is not among the 1 volumes"):
        prepare_neurons(Given([sample()]), tmp_path / "new", noisy=["x"])
    with pytest.raises(ValueError, match="n_0 has no tree, which a volume is cut to"):
        produced(sample(tree=None))
    far = Tree([[900, 20, 20]], [1.0], [-1], [1])
    with pytest.raises(ValueError, match="n_0: no node of the tree lies inside the volume of 24 x 64 x 80 voxels"):
        produced(sample(tree=far))
    assert prepare_neurons(Given([sample()]), tmp_path / "there", overwrite=True)["n"] == 1
    assert (tmp_path / "there" / "mine.txt").read_text() == "mine"


def lay(folder, name="a", *, tree=TREE, volume=True, array=None):
    """A pair of files."""
    folder.mkdir(parents=True, exist_ok=True)
    if volume:
        pixels = np.rint(sample().image * 255).astype(np.uint8) if array is None else array
        write_volume(folder / f"{name}.tif", pixels, spacing=(2.0, 1.0, 1.0))
    if tree is not None:
        write_swc(folder / f"{name}.swc", tree)


def test_pairs_and_folders_are_found_together(tmp_path):
    lay(tmp_path, "a_0")
    lay(tmp_path, "a_1")
    lay(tmp_path, "alone", tree=None)
    lay(tmp_path, "lonely", volume=False)
    lay(tmp_path / "b_0", "b_0")
    lay(tmp_path / "c", "raw")
    lay(tmp_path / "empty", volume=False, tree=None)
    lay(tmp_path / ".hidden", "x")
    read = NeuronFolder(tmp_path)
    assert read.names == ["a_0", "a_1", "b_0", "c"]
    assert read.neurons == ["a", "a", "b", "c"]
    for found in (read[0], read[3]):
        assert np.array_equal(found.labels, rasterize(TREE, SHAPE))
        assert np.allclose(found.tree.positions, TREE.positions)
        assert found.spacing == (2.0, 1.0, 1.0)
        assert 0 < found.image.max() <= 1


def test_own_names_of_a_neuron(tmp_path):
    lay(tmp_path, "mouse1-cell2-left")
    lay(tmp_path, "mouse1-cell2-right")
    assert NeuronFolder(tmp_path, neuron=r"(.*)-\w+").neurons == ["mouse1-cell2"] * 2


def test_slices_and_one_of_several_swc_files(tmp_path):
    from subband.data.images import write_tiff

    pixels = np.rint(sample().image * 255).astype(np.uint8)
    for z, page in enumerate(pixels):
        write_tiff(tmp_path / "n" / "image" / f"{z:06d}.tif", page)
    lay(tmp_path / "n", "n", volume=False)
    lay(tmp_path / "n", "n.gold", volume=False, tree=Tree([[1, 1, 1]], [1.0], [-1], [1]))
    found = NeuronFolder(tmp_path)[0]
    assert np.array_equal(found.image, pixels / np.float32(255))
    assert len(found.tree) == 3


def test_coordinates_of_other_directions_and_units(tmp_path):
    flipped = Tree(TREE.positions * (1, -1, 1) + (0, 63, 0), TREE.radii, TREE.parents, TREE.kinds)
    physical = Tree(flipped.positions * (2, 1, 1) + 0.0, TREE.radii, TREE.parents, TREE.kinds)
    for name, tree in (("flipped", flipped), ("physical", physical)):
        lay(tmp_path / name, "a", tree=tree)
    assert np.allclose(NeuronFolder(tmp_path / "flipped", flip_y=True)[0].tree.positions, TREE.positions)
    # pairs in one folder: the tree is in the unit of a spacing of 2 along z, counted along y from the last row
    back = NeuronFolder(tmp_path / "physical", flip_y=True, physical=True)[0].tree
    assert np.allclose(back.positions, physical.positions * (0.5, -1, 1) + (0, 63, 0))


def test_one_radius_for_all(tmp_path):
    lay(tmp_path, tree=Tree(TREE.positions, np.zeros(3), TREE.parents, TREE.kinds))
    assert NeuronFolder(tmp_path, radius=1.5)[0].tree.radii.tolist() == [1.5] * 3
    with pytest.raises(ValueError, match="every radius is 0"):
        NeuronFolder(tmp_path)[0]


def test_labels_without_a_tree(tmp_path):
    labels = np.zeros(SHAPE, np.uint8)
    labels[3] = 255
    lay(tmp_path / "n", "image", tree=None)
    lay(tmp_path / "n", "labels", tree=None, array=labels)
    found = NeuronFolder(tmp_path)[0]
    assert found.tree is None
    assert np.array_equal(found.labels, labels > 0)


@pytest.mark.message
def test_folders_that_are_no_neurons_are_named(tmp_path):
    with pytest.raises(ValueError, match="there is no folder"):
        NeuronFolder(tmp_path / "none")
    lay(tmp_path / "empty", volume=False, tree=None)
    with pytest.raises(ValueError, match=r"empty holds no volume with an SWC file .it is empty.; expected pairs"):
        NeuronFolder(tmp_path / "empty")
    lay(tmp_path / "p" / "n", volume=False)
    with pytest.raises(ValueError, match=r"n has a tree or labels, but no volume .it holds a.swc."):
        NeuronFolder(tmp_path / "p")
    for name in ("x", "y"):
        lay(tmp_path / "q" / "n", name)
    with pytest.raises(ValueError, match=r"n holds 2 SWC files .x, y.; keep one, or call it tree or n"):
        NeuronFolder(tmp_path / "q")
    lay(tmp_path / "r", tree=Tree(TREE.positions + 500, TREE.radii, TREE.parents, TREE.kinds))
    with pytest.raises(ValueError, match=r"a.swc lies at \[510, 520, 520\] to .* outside a.tif of 24 x 64 x 80 voxels"):
        NeuronFolder(tmp_path / "r")[0]
    lay(tmp_path / "s" / "n", "image")
    lay(tmp_path / "s" / "n", "labels", tree=None, array=np.ones((3, 4, 5), np.uint8))
    with pytest.raises(ValueError, match=r"labels.tif is 3 x 4 x 5 voxels, but image.tif is 24 x 64 x 80"):
        NeuronFolder(tmp_path / "s")[0]
    lay(tmp_path / "t")
    with pytest.raises(ValueError, match="which finds no neuron in the name 'a'; it needs one group"):
        NeuronFolder(tmp_path / "t", neuron="a")
    with pytest.raises(ValueError, match="radius is 0, but must be greater than 0"):
        NeuronFolder(tmp_path / "t", radius=0)
