"""Readers of volumes on small files in the layouts of the published sets."""

import pickle

import numpy as np
import pytest

from subband.data.freesurfer import freesurfer_structures, freesurfer_table
from subband.data.nifti import write_nifti
from subband.data.readers.cardiac import CardiacFrames
from subband.data.readers.ixi import Ixi, convert_ixi, read_ixi_pickle
from subband.data.readers.nifti_folder import NiftiFolder, NiftiPairs
from subband.data.registration_pairs import Pairs
from subband.data.splits import Split
from subband.transforms.field import Grid

pytest.importorskip("nibabel")
SHAPE = (4, 5, 6)


@pytest.fixture
def lay(tmp_path):
    """Write a volume of one value range, or a label map of the given labels."""

    def write(name, labels=None, shape=SHAPE):
        if labels is None:
            values = np.random.default_rng(len(name)).random(shape).astype(np.float32)
        else:
            values = np.resize(np.array([0, *labels], np.int16), shape)
        write_nifti(tmp_path / name, values, Grid.of(shape))
        return tmp_path

    return write


def test_folder_pairs_by_name_in_each_layout(lay, tmp_path):
    for root, images, labels in (("a", "imagesTr", "labelsTr"), ("b", "images", "labels")):
        for name in ("two", "one"):
            suffix = "_0000" if root == "a" else ""
            lay(f"{root}/{images}/{name}{suffix}.nii.gz", shape=(4, 5, 5 + len(name)))
            lay(f"{root}/{labels}/{name}.nii", labels=(1, 3), shape=(4, 5, 5 + len(name)))
        volumes = NiftiFolder(tmp_path / root)
        assert volumes.names == [f"one{suffix}", f"two{suffix}"]
        assert volumes.structures == {1: "label 1", 3: "label 3"}
        assert volumes[1].image.shape == volumes[1].labels.shape == (4, 5, 8)
        assert volumes[1].image.min() == 0
        assert volumes[1].image.max() == 1
        assert (volumes.pairs, volumes.split) == (None, None)


def test_folder_takes_names_and_pairs(lay, tmp_path):
    for name in ("a", "b"):
        lay(f"mr/{name}.nii.gz")
        lay(f"maps/{name}.nii.gz", labels=(1,))
    (tmp_path / "pairs.csv").write_text("moving,fixed\nb,a\n")
    options = {"images": "mr", "labels": "maps", "structures": {1: "liver"}}
    volumes = NiftiFolder(tmp_path, **options, pairs=tmp_path / "pairs.csv")
    assert (volumes.pairs, volumes.structures) == (Pairs([1], [0]), {1: "liver"})
    assert NiftiFolder(tmp_path / "mr")[0].labels is None
    assert NiftiFolder(tmp_path, images="mr")[0].labels is None


@pytest.mark.message
def test_folder_says_what_is_missing(lay, tmp_path):
    lay("imagesTr/a.nii.gz")
    (tmp_path / "labelsTr").mkdir()
    with pytest.raises(ValueError, match=r"a.nii.gz has no file of its name in .*labelsTr \(it is empty\)"):
        NiftiFolder(tmp_path)
    lay("labelsTr/a.nii.gz", labels=(1, 7))
    with pytest.raises(ValueError, match="a holds the labels 7, but the set has 1; name all labels in structures"):
        NiftiFolder(tmp_path, structures={1: "one"})[0]
    with pytest.raises(ValueError, match=r"other holds no NIfTI file \(there is no such folder\)"):
        NiftiFolder(tmp_path, images="other")
    with pytest.raises(ValueError, match="there is no folder"):
        NiftiFolder(tmp_path / "none")


def test_two_folders_are_pairs_of_equal_names(lay, tmp_path):
    for name in ("p1", "p2"):
        lay(f"us/{name}.nii.gz", shape=(4, 4, 4))
        lay(f"mr/{name}.nii.gz")
        lay(f"us_labels/{name}.nii.gz", labels=(1,), shape=(4, 4, 4))
        lay(f"mr_labels/{name}.nii.gz", labels=(1, 2))
    both = {"moving": "us", "fixed": "mr"}
    volumes = NiftiPairs(tmp_path, **both, moving_labels="us_labels", fixed_labels="mr_labels")
    assert volumes.names == ["moving/p1", "moving/p2", "fixed/p1", "fixed/p2"]
    assert list(volumes.pairs) == [(0, 2), (1, 3)]
    assert (volumes[1].image.shape, volumes[3].image.shape) == ((4, 4, 4), SHAPE)
    assert set(volumes.structures) == {1, 2}
    assert NiftiPairs(tmp_path, **both)[0].labels is None
    with pytest.raises(ValueError, match="one side only"):
        NiftiPairs(tmp_path, **both, moving_labels="us_labels")


def test_frames_by_word_and_by_number(lay, tmp_path):
    for frame in ("ED", "ES"):
        lay(f"a/p1/lvsa_{frame}.nii.gz")
        lay(f"a/p1/seg_lvsa_{frame}.nii.gz", labels=(1, 2))
    for frame in ("01", "12"):
        lay(f"b/patient001/patient001_frame{frame}.nii.gz")
        lay(f"b/patient001/patient001_frame{frame}_gt.nii.gz", labels=(1, 2, 3))
    lay("b/patient001/patient001_4d.nii.gz")
    (tmp_path / "b/patient001/Info.cfg").write_text("ED: 1\nES: 12\nGroup: DCM\n")
    first, second = CardiacFrames(tmp_path / "a"), CardiacFrames(tmp_path / "b", moving="ES")
    assert first.names == ["p1/ED", "p1/ES"]
    assert (list(first.pairs), list(second.pairs)) == ([(0, 1)], [(1, 0)])
    assert [path.name[-14:] for path in second.files] == ["frame01.nii.gz", "frame12.nii.gz"]
    assert set(second.structures) == {1, 2, 3}
    assert second[1].name == "patient001/ES"
    assert second[1].labels.max() == 3


@pytest.mark.message
def test_frames_say_what_is_missing(lay, tmp_path):
    with pytest.raises(ValueError, match="holds no patients' folders"):
        CardiacFrames(tmp_path / "none")
    lay("p1/ED.nii.gz")
    with pytest.raises(ValueError, match=r"p1 must hold one volume of the phase ES .* but has: it holds ED.nii.gz"):
        CardiacFrames(tmp_path)
    lay("p1/ES.nii.gz")
    assert CardiacFrames(tmp_path)[0].labels is None
    lay("p1/ED_seg.nii.gz", labels=(1,))
    with pytest.raises(ValueError, match="p1/ES has no label map, but others have"):
        CardiacFrames(tmp_path)
    lay("p1/x_ED.nii.gz")
    with pytest.raises(ValueError, match=r"but has: ED.nii.gz, ED_seg.nii.gz, x_ED.nii.gz; name them ED.nii.gz"):
        CardiacFrames(tmp_path)
    with pytest.raises(ValueError, match="moving is 'XX', but must be ED or ES"):
        CardiacFrames(tmp_path, moving="XX")


@pytest.fixture
def pickles(tmp_path):
    """A download of IXI with all ids, and its arrays."""
    ids = np.array([row[1] for row in freesurfer_table()], np.int16)
    rng, made = np.random.default_rng(0), {}
    for name in ("atlas", "Train/subject_1", "Train/subject_0", "Val/subject_2", "Test/subject_3"):
        made[name] = rng.random((3, 4, 5)).astype(np.float32), np.resize(rng.permutation(ids), (3, 4, 5))
        path = tmp_path / "raw" / f"{name}.pkl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(made[name]))
    return tmp_path, made


def test_ixi_is_converted_and_read(pickles):
    folder, made = pickles
    steps = []
    assert convert_ixi(folder / "raw", folder / "nii", progress=lambda *step: steps.append(step)) == 5
    assert steps == [(n, 5) for n in range(1, 6)]
    ixi = Ixi(folder / "nii")
    assert ixi.names == ["atlas", "Train/subject_0", "Train/subject_1", "Val/subject_2", "Test/subject_3"]
    assert ixi.split == Split([1, 2], [3], [4])
    assert list(ixi.pairs) == [(0, n) for n in range(1, 5)]
    assert ixi.structures == freesurfer_structures("30")
    to_class = {row[1]: row[0] if row[3] else 0 for row in freesurfer_table()}
    for volume in ixi:
        image, labels = made[volume.name]
        np.testing.assert_allclose(volume.image, (image - image.min()) / (image.max() - image.min()), atol=1e-6)
        np.testing.assert_array_equal(volume.labels, np.vectorize(to_class.get)(labels))


def test_a_stopped_conversion_goes_on(pickles):
    folder, _ = pickles
    convert_ixi(folder / "raw", folder / "nii")
    (folder / "nii" / "Val" / "subject_2.nii.gz").unlink()
    assert convert_ixi(folder / "raw", folder / "nii") == 1
    assert convert_ixi(folder / "raw", folder / "nii", overwrite=True) == 5


@pytest.mark.message
def test_ixi_says_what_is_wrong(pickles):
    folder, _ = pickles
    with pytest.raises(ValueError, match=r"holds no .pkl file; get the set from https"):
        convert_ixi(folder / "none", folder / "nii")
    with pytest.raises(ValueError, match=r"there is no atlas.nii.gz in .* convert it with `subband prepare ixi`"):
        Ixi(folder / "raw")
    path = folder / "raw" / "atlas.pkl"
    path.write_bytes(pickle.dumps((np.zeros((2, 2, 2)), np.zeros((2, 2, 3), int))))
    with pytest.raises(ValueError, match="holds arrays of 2 x 2 x 2, 2 x 2 x 3; expected an image and a label map"):
        read_ixi_pickle(path)
    path.write_bytes(pickle.dumps((np.arange(8.0).reshape(2, 2, 2), np.full((2, 2, 2), 1000))))
    with pytest.raises(ValueError, match="hold the ids 1000"):
        read_ixi_pickle(path)
    assert read_ixi_pickle(path, unknown="background").image.max() == 1
    (folder / "alone").mkdir()
    write_nifti(folder / "alone" / "atlas.nii.gz", np.zeros((2, 2, 2), np.float32), Grid.of((2, 2, 2)))
    with pytest.raises(ValueError, match="has an atlas and no subject"):
        Ixi(folder / "alone")
