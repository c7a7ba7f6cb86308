"""``subband prepare neurons`` and ``subband prepare volume``."""

import json

import numpy as np
import pytest

from subband.cli import main
from subband.data.readers import NeuronFolder
from subband.data.swc import write_swc
from subband.data.volume_file import open_volume, read_volume, write_volume
from subband.transforms.rasterize import rasterize
from subband.transforms.tree import Tree

TREE = Tree([[5, 12, 12], [5, 12, 40], [7, 30, 40]], [2.0, 1.5, 1.0], [-1, 0, 1], [1, 3, 3])
SHAPE = (12, 48, 56)


@pytest.fixture
def volumes(tmp_path):
    """Two crops of one neuron, each a volume beside an SWC file."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for name in ("n_0", "n_1"):
        write_volume(folder / f"{name}.v3draw", rasterize(TREE, SHAPE).astype(np.uint8) * 200)
        write_swc(folder / f"{name}.swc", TREE)
    return folder


def _said(capsys):
    out = capsys.readouterr()
    return " ".join((out.out + out.err).split())


def test_neurons_become_labelled_folders(volumes, tmp_path, capsys):
    arguments = ["prepare", "neurons", str(volumes), str(tmp_path / "out")]
    assert main(arguments) == 0
    assert "2 volumes, 1 of different neurons, in" in _said(capsys)
    made = json.loads((tmp_path / "out" / "dataset.json").read_text())
    found = NeuronFolder(tmp_path / "out")
    assert found.names == made["names"] == ["n_0", "n_1"]
    assert made["starts"][0] == [0, 2, 2], "5, 10 and 10 voxels around the tree, as far as the volume goes"
    assert made["sizes"][0] == list(found[0].image.shape) == [12, 39, 49]
    assert np.array_equal(found[0].labels > 0, found[0].image > 0.5)
    assert main(arguments) == 1
    assert "is not empty" in _said(capsys)
    assert main([*arguments, "--overwrite"]) == 0


def test_neurons_take_files_that_are_upside_down_and_without_radii(volumes, tmp_path):
    for name in ("n_0", "n_1"):
        upside_down = TREE.positions * (1, -1, 1) + (0, SHAPE[1] - 1, 0)
        write_swc(volumes / f"{name}.swc", Tree(upside_down, [0, 0, 0], TREE.parents, TREE.kinds))
    arguments = ["prepare", "neurons", str(volumes), str(tmp_path / "out"), "--flip-y", "--radius", "1.5"]
    assert main(arguments) == 0
    found = NeuronFolder(tmp_path / "out")[0]
    assert found.tree is not None
    assert np.array_equal(found.tree.positions, TREE.positions - (0, 2, 2))
    assert (found.tree.radii == 1.5).all()


@pytest.mark.parametrize("suffix", ["tif", "nrrd", "v3draw"])
def test_a_volume_changes_its_format(tmp_path, capsys, suffix):
    grey = np.random.default_rng(0).integers(0, 65535, (3, 4, 5, 2), dtype=np.uint16)
    write_volume(tmp_path / "given.nrrd", grey[..., 0], spacing=(2.0, 0.5, 0.5), unit="micrometer")
    target = tmp_path / f"made.{suffix}"
    arguments = ["prepare", "volume", str(tmp_path / "given.nrrd"), str(target)]
    assert main(arguments) == 0
    assert "3 x 4 x 5 voxels (z, y, x) of uint16" in _said(capsys)
    made = read_volume(target)
    assert np.array_equal(made.array, grey[..., 0])
    assert made.spacing == ((1, 1, 1) if suffix == "v3draw" else (2, 0.5, 0.5))
    assert main(arguments) == 1
    assert "is there already" in _said(capsys)
    assert main([*arguments, "--overwrite"]) == 0


def test_a_zarr_store_is_replaced_and_no_other_folder(tmp_path, capsys):
    pytest.importorskip("zarr")
    for name, value in (("a", 1), ("b", 2)):
        write_volume(tmp_path / f"{name}.tif", np.full((2, 3, 4), value, np.uint8))
    store = tmp_path / "made.zarr"
    assert main(["prepare", "volume", str(tmp_path / "a.tif"), str(store)]) == 0
    missing = ["prepare", "volume", str(tmp_path / "c.tif"), str(store), "--overwrite"]
    assert main(missing) == 2, "nothing is deleted for a source that cannot be read"
    assert (open_volume(store).array[:] == 1).all()
    assert main(["prepare", "volume", str(tmp_path / "b.tif"), str(store), "--overwrite"]) == 0
    assert (open_volume(store).array[:] == 2).all()
    (tmp_path / "photos.zarr").mkdir()
    capsys.readouterr()
    assert main(["prepare", "volume", str(tmp_path / "b.tif"), str(tmp_path / "photos.zarr"), "--overwrite"]) == 1
    assert "no Zarr store that could be replaced" in _said(capsys)


@pytest.mark.message
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["neurons", "nowhere", "out"], "there is no folder nowhere"),
        (["volume", "a.tiff", "a.tiff"], "a.tiff is both source and target; choose another target"),
        (["ixi", "a", "b", "--channel", "1"], "--channel does not go with ixi; leave it out"),
        (["volume", "a.tif", "b.tif", "--flip-y"], "--flip-y does not go with volume; leave it out"),
        (["neuron", "a", "b"], "did you mean 'neurons'?"),
    ],
)
def test_wrong_calls_end_in_one_sentence(tmp_path, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    assert main(["prepare", *arguments]) == 2
    assert sentence in _said(capsys)


@pytest.mark.message
def test_several_channels_need_a_choice(tmp_path, capsys):
    import tifffile

    two = np.zeros((3, 2, 6, 5), np.uint8)
    two[:, 1] = 9
    tifffile.imwrite(tmp_path / "two.tif", two, imagej=True, metadata={"axes": "ZCYX"})
    arguments = ["prepare", "volume", str(tmp_path / "two.tif"), str(tmp_path / "one.tif")]
    assert main(arguments) == 2
    assert "channel" in _said(capsys)
    assert not (tmp_path / "one.tif").exists()
    assert main([*arguments, "--channel", "1"]) == 0
    assert (read_volume(tmp_path / "one.tif").array == 9).all()
